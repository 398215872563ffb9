"""How results are shown, on a terminal and elsewhere."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import time
from pathlib import Path

import pytest
import typer

from homegraph.cli import options, output
from homegraph.cli.status import duration

FULL = Path("/dev/full")


@pytest.fixture
def zone(monkeypatch):
    """Be in another time zone for a while."""

    def be_in(name):
        monkeypatch.setenv("TZ", name)
        time.tzset()

    yield be_in
    monkeypatch.undo()
    time.tzset()


def test_times_are_the_readers_own(zone):
    """Text has local times; JSON is left alone."""
    zone("XXX-03:30")

    assert output.local("2026-11-22T22:42:07.123Z") == "2026-11-23 02:12:07"
    assert output.clock_time("2026-11-22T22:42:07.123Z") == "02:12:07"
    assert (output.local(None), output.clock_time(None)) == ("-", "--------")
    assert output.local("soon") == "soon"


def test_expiry_is_meant_in_the_readers_zone(zone):
    """A date without a zone begins when it begins for the reader."""
    zone("XXX-03:30")

    assert options.expiry("2027-01-31") == "2027-01-30T20:30:00Z"
    assert options.expiry("2027-01-31T12:00:00Z") == "2027-01-31T12:00:00Z"


@pytest.mark.parametrize(
    ("text", "expected"), [("30s", 30), ("500ms", 0.5), ("2m", 120), ("1.5h", 5400), ("7", 7)]
)
def test_durations(text, expected):
    """A duration is a number with a unit; without one it is seconds."""
    assert options.seconds(text) == expected


@pytest.mark.parametrize("text", ["", "-1s", "1 d", "soon", "1e3", "٣s"])
def test_no_durations(text):
    """What is none is wrong usage."""
    with pytest.raises(typer.BadParameter):
        options.seconds(text)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0.4, "0 s"), (59, "59 s"), (61, "1 min 1 s"), (3725, "1 h 2 min"), (200000, "2 d 7 h")],
)
def test_time_spans(seconds, expected):
    """A span has its two largest units."""
    assert duration(seconds) == expected


def test_wide_characters_keep_the_columns(capsys):
    """Names in wide scripts do not push the columns apart."""
    output.table(("A", "B"), [("台所", "x"), ("e\u0301", "y"), ("abcd", "z")], empty="")

    assert capsys.readouterr().out.splitlines() == [
        "A     B",
        "台所  x",
        "e\u0301     y",
        "abcd  z",
    ]


@pytest.mark.parametrize(
    ("variables", "coloured"),
    [({"TERM": "xterm"}, True), ({"TERM": "xterm", "NO_COLOR": "1"}, False)],
)
def test_colour_only_on_a_terminal_and_not_against_the_readers_wish(server, variables, coloured):
    """A terminal gets rich's table; NO_COLOR turns it off, and markup in names is text."""
    project = {"id": "[red]acme[/red]", "fulfillment_url": "http://f"}
    server.on("GET", "/-/api/projects", {"projects": [project]})
    main, follower = pty.openpty()
    environment = {**os.environ, "HOMEGRAPH_ADMIN_TOKEN": "t", **variables}
    try:
        code = subprocess.run(
            ["homegraph", "projects", "list", "--server", server.url],
            executable=_command(),
            stdout=follower,
            stderr=subprocess.STDOUT,
            env=environment,
            timeout=30,
            check=False,
        ).returncode
        shown = os.read(main, 65536).decode()
    finally:
        os.close(main)
        os.close(follower)

    assert code == 0, shown
    assert "PROJECT" in shown
    assert "[red]acme[/red]" in shown
    assert ("\x1b[" in shown) is coloured


def _command():
    import sys
    from pathlib import Path

    return str(Path(sys.executable).parent / "homegraph")


@pytest.mark.skipif(not FULL.exists(), reason="a device of Linux")
@pytest.mark.parametrize(
    "arguments", [("lint", "-"), (), ("--help",), ("runs", "-h"), ("runs", "show", "--help")]
)
def test_a_full_disk_is_no_bug_of_ours(arguments):
    """It is said, with an exit code that tells that the command failed, and not in a traceback of the end."""
    with FULL.open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "homegraph", *arguments],
            input="{}",
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )

    assert done.returncode == 1
    assert done.stderr == (
        "error: The result cannot be written: No space left on device.\n"
        "fix:   Make room, or write it elsewhere.\n"
    )
