"""Log lines: what stands in them, and when they are written."""

from __future__ import annotations

import asyncio
import fcntl
import io
import os
import subprocess
import sys
from threading import Thread
from typing import Any, Final

import msgspec
import pytest
from msgspec.structs import replace

from homegraph.graph.model import Cause, Finding, Mode, Outcome, Run, Target
from homegraph.service.events import SyncFinished
from homegraph.service.lines import TOGETHER_MAX_BYTES, Log, Stream, logger
from homegraph.service.log import listener
from homegraph.testing.clock import ManualClock

WAIT_SECONDS: Final = 20.0
"""Only a failing test waits that long."""


class File(io.BytesIO):
    """A file that keeps what was written to it, write by write, and may be full."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.is_full = False

    def write(self, data: Any) -> int:
        if self.is_full:
            raise OSError(28, "No space left on device")
        self.writes.append(bytes(data))
        return len(self.writes[-1])


async def end_of_turn() -> None:
    """Come back when everything has been done that was to be done in this turn of the loop."""
    ended = asyncio.Event()
    asyncio.get_running_loop().call_soon(ended.set)
    await ended.wait()


def _log(file: File) -> Log:
    return Log(Stream(file), lambda line: msgspec.json.encode(line) + b"\n", 0, ManualClock())


def _events(file: File) -> list[list[str]]:
    """The events of each write."""
    return [
        [msgspec.json.decode(line)["event"] for line in data.splitlines()] for data in file.writes
    ]


def test_one_turn_one_write() -> None:
    """Lines of one turn of the loop are written together when it ends, in their order."""

    async def turns() -> None:
        file = File()
        log = _log(file)
        log.info("one")
        log.debug("two")
        assert file.writes == []
        await end_of_turn()
        log.info("three")
        await end_of_turn()
        assert _events(file) == [["one", "two"], ["three"]]

    asyncio.run(turns())


@pytest.mark.parametrize("level", ["warning", "error"])
def test_warnings_at_once(level: str) -> None:
    """A warning does not wait, nor does what was told before it; what comes after it in the same turn is not lost."""

    async def turns() -> None:
        file = File()
        log = _log(file)
        log.info("one")
        getattr(log, level)("two")
        assert _events(file) == [["one", "two"]]
        log.info("three")
        await end_of_turn()
        assert _events(file) == [["one", "two"], ["three"]]

    asyncio.run(turns())


def test_no_write_is_torn() -> None:
    """No write is longer than what a pipe keeps together, unless a single line is."""

    async def turns() -> None:
        file = File()
        log = _log(file)
        for number in range(100):
            log.info("some", number=number, text="x" * 50)
        log.info("long", text="x" * TOGETHER_MAX_BYTES)
        await end_of_turn()
        *some, long = file.writes
        assert len(some) > 1
        assert all(len(data) <= TOGETHER_MAX_BYTES and data.endswith(b"\n") for data in some)
        assert [event for events in _events(file) for event in events] == ["some"] * 100 + ["long"]
        assert long.count(b"\n") == 1

    asyncio.run(turns())


def test_a_long_line_stops_nobody() -> None:
    """A pipe that has room for a part of it takes that part. The line counts as lost, and the next one begins at its beginning."""
    out, into = os.pipe()
    room = fcntl.fcntl(into, fcntl.F_GETPIPE_SZ) - TOGETHER_MAX_BYTES
    long = b"x" * (2 * TOGETHER_MAX_BYTES) + b"\n"
    with os.fdopen(out, "rb") as reader, os.fdopen(into, "wb", buffering=0) as pipe:
        pipe.write(b"." * room)
        stream = Stream(pipe)
        writing = Thread(target=stream.write, args=(long,), kwargs={"is_urgent": True}, daemon=True)
        writing.start()
        writing.join(WAIT_SECONDS)
        assert (writing.is_alive(), stream.lost) == (False, 1)
        assert reader.read(room + TOGETHER_MAX_BYTES).endswith(b".x" + b"x" * 4_095)
        assert stream.regained() == 1
        stream.write(b"next\n", is_urgent=True)
        stream.write(long, is_urgent=True)
        assert reader.read(6 + len(long)) == b"\nnext\n" + long


def test_without_a_loop_at_once() -> None:
    """Where no loop is running a line is written at once: nobody would come back to it."""
    file = File()
    log = _log(file)
    log.info("one")
    log.info("two")
    assert _events(file) == [["one"], ["two"]]


def test_full_disk_loses_lines_only() -> None:
    """A line that cannot be written is lost and harms nobody; once there is room, lines are written again."""

    async def turns() -> None:
        file = File()
        log = _log(file)
        file.is_full = True
        log.warning("lost")
        log.info("lost too")
        await end_of_turn()
        file.is_full = False
        log.info("kept")
        await end_of_turn()
        assert _events(file) == [["kept"]]

    asyncio.run(turns())


def test_end_of_the_process() -> None:
    """What still waits when a process ends in the middle of a turn is written, unless it is killed."""
    program = """
import asyncio
from homegraph.graph.model import Cause, Finding, Mode, Outcome, Run, Target
from homegraph.service.events import SyncFinished
from homegraph.service.lines import logger

async def last():
    logger("json", "info").info("last")
    raise SystemExit

asyncio.new_event_loop().run_until_complete(last())
"""
    ended = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    assert msgspec.json.decode(ended.stderr)["event"] == "last"


JSON_LINE = (
    r'{"instance":"a1","project":"acme","took_seconds":0.5,"text":"so \"so\" = é.\n","yes":true,"none":null,'
    r'"event":"sync.finished","level":"info","timestamp":"2026-11-22T10:00:00.250000Z"}'
)
TEXT_LINE = (
    r"timestamp=2026-11-22T10:00:00.250000Z level=info event=sync.finished instance=a1 project=acme "
    r'took_seconds=0.5 text="so \"so\" = é.\n" yes none='
)


@pytest.mark.parametrize(("form", "line"), [("json", JSON_LINE), ("text", TEXT_LINE)])
def test_form(form: str, line: str, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """A line has its context, its fields, and what every line has; as JSON in this order, as text with the time first."""
    log = logger(form, "info", ManualClock(1_795_341_600.25)).bind(instance="a1")
    log.debug("sync.requested")
    text = 'so "so" = é.\n'
    log.info("sync.finished", project="acme", took_seconds=0.5, text=text, yes=True, none=None)
    assert capsysbinary.readouterr().err.decode() == f"{line}\n"


def test_foreign_text_is_one_line_that_no_terminal_obeys(
    capsysbinary: pytest.CaptureFixture[bytes],
) -> None:
    """A fulfillment may put anything into the ids and messages that lines tell."""
    logger("text", "info").warning("sync.finished", message="a\x1b[2J\r\nb\x9b\u202eé")

    told = capsysbinary.readouterr().err.decode()
    assert told.endswith(" message=a\\x1b[2J\\r\\nb\\x9b\\u202eé\n")


SPEAKING = """
import logging, sys, threading
from homegraph.service.lines import logger

logger(sys.argv[1], "info")
logging.getLogger("uvicorn.error").info("is not wanted")
logging.getLogger("uvicorn.error").warning("what %s sent", "a stranger\x1b[2J")
def fail():
    try:
        raise OSError("broken")
    except OSError:
        logging.getLogger("homegraph.web").exception("internal error, request %s", 1)
thread = threading.Thread(target=fail)
thread.start()
thread.join()
"""


def test_libraries_speak_in_lines_like_all_others() -> None:
    """So that who reads the log as JSON need not know two forms; a traceback is a member of its line."""
    ended = subprocess.run(
        [sys.executable, "-c", SPEAKING, "json"], check=True, capture_output=True
    )

    said, bug = (msgspec.json.decode(line) for line in ended.stderr.splitlines())
    for line in (said, bug):
        assert line.pop("timestamp")
    below = bug.pop("traceback")
    assert said == {
        "logger": "uvicorn.error", "message": "what a stranger\x1b[2J sent", "event": "library.warned", "level": "warning",
    }  # fmt: skip
    assert bug == {
        "logger": "homegraph.web", "message": "internal error, request 1", "event": "bug.met", "level": "error",
    }  # fmt: skip
    assert below.startswith("Traceback (most recent call last):\n")
    assert below.endswith("OSError: broken\n")


def test_on_a_terminal_a_traceback_stands_below_its_line() -> None:
    """As people know it."""
    ended = subprocess.run(
        [sys.executable, "-c", SPEAKING, "text"], check=True, capture_output=True
    )

    said, bug, first, *_, last = ended.stderr.decode().splitlines()
    assert said.endswith(
        r'event=library.warned logger=uvicorn.error message="what a stranger\x1b[2J sent"'
    )
    assert bug.endswith('event=bug.met logger=homegraph.web message="internal error, request 1"')
    assert (first, last) == ("Traceback (most recent call last):", "OSError: broken")


def test_rules_are_named_once() -> None:
    """A thousand devices that broke one rule make a line as long as one that did."""
    finding = Finding("sync.name", "ignored", "what", "why", "fix")
    other = replace(finding, rule="sync.type")
    run = Run(
        "r-1",
        Target("acme", "user-1"),
        Cause.REQUEST,
        Mode.ASYNC,
        Outcome.DONE,
        *(1.0, 2.0, 3.0),
        merged=1,
        attempt=1,
        findings=(finding, other, *[finding] * 998),
    )
    file = File()
    listener(_log(file))(SyncFinished(run))
    assert msgspec.json.decode(file.writes[0])["findings"] == "sync.name,sync.type"
