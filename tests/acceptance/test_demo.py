"""``homegraph demo`` from outside: a newcomer runs it, pastes what it prints, and ends it."""

from __future__ import annotations

import re
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from support.curl import shell
from support.server import COMMAND, WAIT_SECONDS, environment, homegraph

LISTEN = ("--listen", "127.0.0.1:0")
THE_END = "Stop: Ctrl-C"
ELSEWHERE = "/usr/bin:/bin"


class Demo:
    """A demo that stays up, and what it has said until then."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.text = ""
        assert process.stdout is not None
        self._stdout: IO[str] = process.stdout
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._reader.join(WAIT_SECONDS)
        if THE_END not in self.text:
            raise AssertionError(f"the demo does not come to its end:\n{self.text}")

    def _read(self) -> None:
        for line in self._stdout:
            self.text += line
            if THE_END in line:
                return

    def lines(self, command: str) -> list[str]:
        """The lines to paste that begin with a word."""
        return re.findall(rf"^ +({command} .*)$", self.text, re.MULTILINE)

    def end(self, number: signal.Signals) -> tuple[int, str]:
        """Send a signal; returns the exit code, and what was said after it."""
        self.process.send_signal(number)
        rest = self._stdout.read()
        return self.process.wait(WAIT_SECONDS), rest


@contextmanager
def demo_in(folder: Path) -> Iterator[Demo]:
    """Run a demo in a folder; its command is not on the path."""
    temporary = folder / "temporary"
    temporary.mkdir()
    with subprocess.Popen(
        [str(COMMAND), "demo", *LISTEN],
        cwd=folder,
        env=environment({"TMPDIR": str(temporary), "PATH": ELSEWHERE}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield Demo(process)
        finally:
            process.kill()


def test_once_tells_the_story_and_ends(tmp_path: Path) -> None:
    """Exit code 0, nothing on stderr, no colours in a pipe, and nothing left behind."""
    done = homegraph(
        "demo", "--once", *LISTEN, folder=tmp_path, variables={"TMPDIR": str(tmp_path)}
    )

    assert (done.code, done.err) == (0, "")
    assert done.out.endswith("\nAll 10 steps went as told.\n")
    assert "\x1b" not in done.out
    assert list(tmp_path.iterdir()) == []


def test_json_is_one_document(tmp_path: Path) -> None:
    """For programs: what was told, whether it held, and what was seen."""
    done = homegraph("demo", "--once", "--json", *LISTEN, folder=tmp_path)
    steps = done.json["steps"]

    assert (done.code, done.json["ok"]) == (0, True)
    assert all(set(step) == {"title", "ok", "detail"} and step["ok"] for step in steps)
    assert len(steps) == 10
    assert "All 10 steps went as told." in done.err


def test_surroundings_do_not_matter(tmp_path: Path) -> None:
    """Neither a homegraph.toml nor variables of somebody's own server have a say in the demo."""
    (tmp_path / "homegraph.toml").write_text("[server]\nnonsense = 1\n")
    variables = {"HOMEGRAPH_DATABASE": "sqlite:/nowhere/at/all.db", "HOMEGRAPH_EXPLAIN": "false"}
    done = homegraph("demo", "--once", *LISTEN, folder=tmp_path, variables=variables)

    assert done.code == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_stays_up_until_a_signal(tmp_path: Path, number: signal.Signals) -> None:
    """Ctrl-C and SIGTERM end it with 0, and nothing is left."""
    with demo_in(tmp_path) as demo:
        assert demo.process.poll() is None
        code, rest = demo.end(number)

    assert (code, rest.split()) == (0, ["Stopped.", "Nothing", "was", "kept."])
    assert list((tmp_path / "temporary").iterdir()) == []


def test_every_line_can_be_pasted(tmp_path: Path) -> None:
    """Each curl line does what the story said, in the order of the story.

    The export line lets another terminal find the server, and the command, which is in a checkout's private folder.
    """
    with demo_in(tmp_path) as demo:
        answers = [(reply.status, reply.json) for reply in map(shell, demo.lines("curl"))]
        (exports,) = demo.lines("export")
        pasted = [paste(tmp_path, f"{exports}\n{line}") for line in demo.lines("homegraph")]
        code, _ = demo.end(signal.SIGINT)

    assert [status for status, _ in answers] == [200] * 6 + [400, 404, 201, 200, 200]
    assert [answers[at][1] for at in (1, 2, 3, 4, 5, 9)] == [{}] * 6
    assert answers[8][1]["name"] == {"name": "Kettle"}
    assert answers[10][1]["on"] is False
    place, execute, devices, runs = pasted
    assert "Kitchen" in place
    assert re.search(r"lamp +SUCCESS +.*on=true", execute)
    assert re.search(r"lamp +Lamp +Kitchen", devices)
    assert re.search(r"outlet-1 +Kettle", devices)
    # The heading, the story's runs, and ours: two that were waited for, and as many others as did not merge.
    assert runs.count("\n") >= 1 + 5 + 3
    assert code == 0


def paste(folder: Path, lines: str) -> str:
    """What a shell prints in another terminal."""
    ran = subprocess.run(
        ["sh", "-c", lines],
        cwd=folder,
        env=environment({"PATH": ELSEWHERE}),
        capture_output=True,
        text=True,
        timeout=3 * WAIT_SECONDS,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_a_reader_who_leaves_early_is_no_error(tmp_path: Path) -> None:
    """``homegraph demo --once | head -1`` still tells by its exit code whether the story holds."""
    line = f'"{COMMAND}" demo --once --listen 127.0.0.1:0; echo "code $?" >&2'
    ran = subprocess.run(
        ["sh", "-c", f"{{ {line}; }} | head -1"],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=3 * WAIT_SECONDS,
        check=True,
    )

    assert ran.stdout.startswith("homegraph ")
    assert ran.stderr == "code 0\n"
