"""examples/cloud as its README has it: the Home Graph and the sample cloud as processes, started by the commands of that page.

The folder is copied and the commands are run in it as they stand, but for the ports: the usual ones may be taken on a desk.
"""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from support.server import COMMAND, WAIT_SECONDS, Done, environment

EXAMPLE: Final = Path(__file__).parents[2] / "examples/cloud"
README: Final = (EXAMPLE / "README.md").read_text()

HOME_GRAPH_PORT: Final = "4663"
CLOUD_PORT: Final = "4664"


def blocks(language: str) -> list[str]:
    """The blocks of the page, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Sample:
    """Both processes, and a terminal in their folder."""

    folder: Path
    ports: dict[str, str]

    @property
    def url(self) -> str:
        """The Home Graph."""
        return self.moved(f"http://127.0.0.1:{HOME_GRAPH_PORT}")

    @property
    def cloud_url(self) -> str:
        return self.moved(f"http://127.0.0.1:{CLOUD_PORT}")

    def moved(self, text: str) -> str:
        """A text of the page with our ports."""
        for usual, ours in self.ports.items():
            text = text.replace(usual, ours)
        return text

    def variables(self) -> dict[str, str]:
        """What a terminal needs: the command on its path, and the Home Graph on another port than the file says."""
        path = f"{COMMAND.parent}:{Path(sys.executable).parent}:/usr/bin:/bin"
        listen = f"127.0.0.1:{self.ports[HOME_GRAPH_PORT]}"
        return environment({"PATH": path, "HOMEGRAPH_LISTEN": listen})

    def shell(self, lines: str) -> Done:
        """Paste lines of the page into a terminal."""
        ran = subprocess.run(
            ["sh", "-e", "-c", self.moved(lines)],
            cwd=self.folder,
            env=self.variables(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=3 * WAIT_SECONDS,
            check=False,
        )
        return Done(ran.returncode, ran.stdout, ran.stderr)

    def homegraph(self, *arguments: str, text: str = "") -> Done:
        """A command in the folder; ``text`` goes to its stdin."""
        ran = subprocess.run(
            [str(COMMAND), *arguments],
            cwd=self.folder,
            env=self.variables(),
            input=text,
            capture_output=True,
            text=True,
            timeout=3 * WAIT_SECONDS,
            check=False,
        )
        return Done(ran.returncode, ran.stdout, ran.stderr)

    def spawn(self, line: str) -> subprocess.Popen[str]:
        """Start what does not end by itself."""
        return subprocess.Popen(
            ["sh", "-c", f"exec {self.moved(line)}"],
            cwd=self.folder,
            env=self.variables(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )


@contextmanager
def sampled(folder: Path, *, options: str = "", config: str = "") -> Iterator[Sample]:
    """Start both as the page says. ``options`` are more of the cloud's, ``config`` is appended to homegraph.toml."""
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("data"))
    with ExitStack() as stack:
        doors = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(2)]
        ports = [str(door.getsockname()[1]) for door in doors]
        sample = Sample(folder, dict(zip((HOME_GRAPH_PORT, CLOUD_PORT), ports, strict=True)))
        file = folder / "homegraph.toml"
        file.write_text(sample.moved(file.read_text() + config))
        serve, cloud = (block.strip().splitlines() for block in blocks("sh")[:2])
        port, url = sample.ports[CLOUD_PORT], sample.url
        moved = f"{options} --port {port} --home-graph {url}"
        for door, (prepare, run), more in zip(doors, (serve, cloud), ("", moved), strict=True):
            prepared = sample.shell(prepare)
            assert prepared.code == 0, prepared.err
            door.close()  # until now nobody else could take the port
            process = stack.enter_context(_running(sample.spawn(run + more)))
            _wait_for_its_banner(process)
        yield sample


@contextmanager
def _running(process: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _wait_for_its_banner(process: subprocess.Popen[str]) -> None:
    """Wait until it says how to stop it, which it does when it answers; read on what it says afterwards."""
    said: list[str] = []
    ready = threading.Event()

    def read() -> None:
        for line in process.stdout or ():
            said.append(line)
            if "Stop:" in line:
                ready.set()
        ready.set()

    threading.Thread(target=read, daemon=True).start()
    if not ready.wait(WAIT_SECONDS) or process.poll() is not None:
        raise AssertionError(f"it does not start:\n{''.join(said)}")
