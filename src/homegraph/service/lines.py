"""Log lines on their way to stderr: what stands in each of them, and when it is written.

``key=value`` on a terminal, JSON elsewhere. What comes from a fulfillment (ids, messages) stands in lines, so what a terminal would obey is
written out. Libraries speak through the standard module, and their warnings go the same way, as lines like all others. A line that only tells how things go waits for the end of the loop's turn, because a
system call for each is as dear as the line. A warning is written at once, with everything before it, and so is the rest when
the process ends in order: killed, it loses the lines of one turn at most, each of which says what is in the database as well.

Nobody waits for whoever reads the lines: a pipe that is not read, or a terminal that was stopped (Ctrl-S), would stop the
server with it. After a moment lines are dropped, and once somebody reads again a line says how many.

Owns no words: what is told of which event is in ``log``.

The rule that is easily broken: processes share a stderr. A pipe keeps a write together up to ``TOGETHER_MAX_BYTES``; beyond
that the lines of two workers could be mixed. It takes so much without waiting, too, and may let wait for any more.
"""

from __future__ import annotations

import asyncio
import atexit
import logging
import math
import os
import select
import stat
import sys
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import IO, Any, BinaryIO, Final, TypeAlias

import msgspec

from homegraph.service.clock import Clock, SystemClock
from homegraph.settings.kinds import visible

LEVELS: Final = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}

_NAMES: Final = {level: name for name, level in LEVELS.items()}

TOGETHER_MAX_BYTES: Final = 4_096
"""Of what is written at once: Linux's PIPE_BUF. A dozen lines; one that is longer itself is written alone, in parts."""

STALL_MILLISECONDS: Final = 100
"""How long a write may wait for a reader who was reading until then. A pause of a busy one is shorter."""

TRACEBACK: Final = "traceback"
"""The member of a line that people read below it."""

Render: TypeAlias = Callable[[dict[str, Any]], bytes]


def reader_of(file: IO[Any]) -> select.poll | None:
    """By what is seen whether the reader of a pipe, a socket or a terminal takes more. None where there is nobody."""
    try:
        mode = os.fstat(file.fileno()).st_mode
        if not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or file.isatty()):
            return None
    except (OSError, ValueError):  # in memory, or closed
        return None
    reader = select.poll()
    reader.register(file.fileno(), select.POLLOUT)
    return reader


class Stream:
    """Bytes for a file of this process: those of one turn of the loop are written together. Without a loop, at once.

    ``lost`` are lines that nobody has read, since the reader stopped.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._reader = reader_of(file)
        self.lost = 0
        self._waiting: list[bytes] = []
        self._size = 0
        self._is_torn = False  # whether the end of a line is missing
        atexit.register(self.flush)

    def write(self, line: bytes, *, is_urgent: bool) -> None:
        """Write a line, soon or now. Lines keep their order."""
        if self._size + len(line) > TOGETHER_MAX_BYTES:
            self.flush()
        is_first = not self._waiting
        self._waiting.append(line)
        self._size += len(line)
        if is_urgent or (is_first and not self._flush_soon()):
            self.flush()

    def flush(self) -> None:
        """Write what waits. If that fails it is lost: there is nobody left who could be told."""
        waiting, self._waiting, self._size = self._waiting, [], 0
        if waiting and not self._is_read(0 if self.lost else STALL_MILLISECONDS):
            self.lost += len(waiting)
        elif waiting:
            # A full disk, a broken pipe, or a file that was closed.
            with suppress(OSError, ValueError):
                self._write(b"".join(waiting))

    def _write(self, data: bytes) -> None:
        """Write lines that a reader takes, or as many parts of a long one as he does."""
        if self._is_torn:
            data, self._is_torn = b"\n" + data, False
        size = len(data) if self._reader is None else TOGETHER_MAX_BYTES
        for start in range(0, len(data), size):
            if start and not self._is_read(STALL_MILLISECONDS):
                self.lost += 1
                self._is_torn = True
                return
            self._file.write(data[start : start + size])
            self._file.flush()

    def regained(self) -> int:
        """How many lines were lost, once somebody reads again; from then on none are. 0 until then."""
        lost = self.lost if self._is_read(0) else 0
        self.lost -= lost
        return lost

    def _is_read(self, milliseconds: int) -> bool:
        return self._reader is None or bool(self._reader.poll(milliseconds))

    def _flush_soon(self) -> bool:
        """Flush at the end of the loop's turn; False where no loop is running."""
        try:
            asyncio.get_running_loop().call_soon(self.flush)
        except RuntimeError:
            return False
        return True


class Log:
    """Writes the lines that are at least of a level. ``context`` stands in each of them, first."""

    def __init__(
        self,
        stream: Stream,
        render: Render,
        least: int,
        clock: Clock,
        context: Mapping[str, Any] | None = None,
    ) -> None:
        self._stream = stream
        self._render = render
        self._least = least
        self._clock = clock
        self._context = context or {}
        # The time up to its fraction: of all lines of a second it is put together once.
        self._second, self._until_second = -1, ""

    def bind(self, **context: Any) -> Log:
        """The same log with more context."""
        together = {**self._context, **context}
        return Log(self._stream, self._render, self._least, self._clock, together)

    def is_enabled_for(self, level: int) -> bool:
        """Whether lines of this level are written."""
        return level >= self._least

    def debug(self, event: str, **fields: Any) -> None:
        """What every call does."""
        self.write(logging.DEBUG, event, fields)

    def info(self, event: str, **fields: Any) -> None:
        """What has happened."""
        self.write(logging.INFO, event, fields)

    def warning(self, event: str, **fields: Any) -> None:
        """What somebody should look at."""
        self.write(logging.WARNING, event, fields)

    def error(self, event: str, **fields: Any) -> None:
        """What does not work here."""
        self.write(logging.ERROR, event, fields)

    def write(self, level: int, event: str, fields: dict[str, Any]) -> None:
        """A line of any level. Nobody else may have ``fields``: the line is put together in them."""
        if level < self._least:
            return
        if self._stream.lost and (lost := self._stream.regained()):
            self.warning("log.lost", lines=lost)
        line = {**self._context, **fields} if self._context else fields
        line["event"] = event
        line["level"] = _NAMES[level]
        line["timestamp"] = self._timestamp()
        self._stream.write(self._render(line), is_urgent=level >= logging.WARNING)

    def _timestamp(self) -> str:
        """Now, in UTC with microseconds: ``2026-11-22T10:42:07.123456Z``."""
        now = self._clock.now()
        second = math.floor(now)
        if second != self._second:
            self._second = second
            self._until_second = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        return f"{self._until_second}.{int((now - second) * 1_000_000):06}Z"


class _Spoken(logging.Handler):
    """What is said through the standard module: by libraries, and of bugs. From any thread, one at a time."""

    def __init__(self, log: Log) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        fields: dict[str, Any] = {"logger": record.name, "message": record.getMessage()}
        error = record.exc_info[1] if record.exc_info else None
        if error is None:
            self._log.warning("library.warned", **fields)
        else:
            fields[TRACEBACK] = "".join(traceback.format_exception(error))
            self._log.error("bug.met", **fields)


def logger(form: str, level: str, clock: Clock | None = None) -> Log:
    """A log that writes to stderr; ``form`` is text, json, or auto (text on a terminal)."""
    as_text = form == "text" or (form == "auto" and sys.stderr.isatty())
    render = _text_renderer() if as_text else _json

    def log() -> Log:
        return Log(Stream(sys.stderr.buffer), render, LEVELS[level], clock or SystemClock())

    # Libraries (uvicorn) speak through the standard module; only their warnings are of interest. A stream of their own, because
    # they may do so in any thread, and the other one is the loop's.
    logging.basicConfig(handlers=[_Spoken(log())], level=logging.WARNING)
    return log()


_encoder: Final = msgspec.json.Encoder()


def _text_renderer() -> Render:
    """What makes a line of text. structlog loads rich, a twelfth of a server's start: only where somebody reads text."""
    from structlog.processors import LogfmtRenderer  # noqa: PLC0415

    logfmt = LogfmtRenderer(key_order=["timestamp", "level", "event"])

    def render(line: dict[str, Any]) -> bytes:
        below = line.pop(TRACEBACK, "")
        shown = [visible(logfmt(None, "", line)), *map(visible, below.splitlines()), ""]
        return "\n".join(shown).encode("utf-8", "backslashreplace")

    return render


def _json(line: dict[str, Any]) -> bytes:
    return _encoder.encode(line) + b"\n"
