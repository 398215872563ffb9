"""How results are shown: data on stdout, everything else on stderr.

Text is for people and may change; ``document`` is for programs and is what the server answered, member for member. What
comes from a fulfillment (names, messages, addresses) is foreign text: control characters in it are shown, never obeyed,
so that a device cannot repaint the reader's terminal.

A reader who stops listening (``homegraph runs list | head -1``) is no error: output goes nowhere from then on, and the command
keeps the exit code it has earned.
"""

from __future__ import annotations

import os
import sys
import unicodedata
from collections.abc import Sequence
from datetime import datetime
from typing import Final, TextIO

import msgspec

from homegraph.settings.kinds import visible

__all__ = [
    "OutputFailed",
    "clock_time",
    "data",
    "document",
    "facts",
    "flush",
    "local",
    "note",
    "progress",
    "table",
    "value",
    "visible",
]


class OutputFailed(Exception):
    """What was to be told could not be written; the message says why, ``hint`` what to do. A full disk is no bug of ours."""

    def __init__(self, error: OSError) -> None:
        super().__init__(error.strerror)
        has_reader = not isinstance(error, BrokenPipeError)
        self.hint = _MAKE_ROOM if has_reader else _NO_READER


_MAKE_ROOM: Final = "Make room, or write it elsewhere."
_NO_READER: Final = "Who was to read it has ended: look what that one says."

_WIDE: Final = frozenset("WF")
"""East Asian widths that take two columns."""

GAP: Final = "  "

PROGRESS_COLUMNS: Final = 30
"""What a line of progress takes at the most."""


def data(text: str) -> None:
    """A line (or several) of the result."""
    _write(sys.stdout, text)


def note(text: str) -> None:
    """A line that is not the result: a warning, a hint, progress."""
    _write(sys.stderr, text)


def progress(text: str) -> None:
    """How far something is, in one line of a terminal that the next one replaces; "" clears it. Nobody else is told."""
    if sys.stderr.isatty():
        _write(sys.stderr, f"\r{' ' * PROGRESS_COLUMNS}\r{text}", end="")


def document(body: bytes) -> None:
    """The result as one JSON document. Numbers and order of members stay as they came."""
    _write(sys.stdout, msgspec.json.format(body, indent=2).decode())


def flush() -> None:
    """Hand over what is still buffered, so that a reader who is gone is noticed here."""
    _write(sys.stdout, "", end="")


def table(headings: Sequence[str], rows: Sequence[Sequence[str]], *, empty: str) -> None:
    """Rows under headings; ``empty`` goes to stderr when there are none, and says how to get some."""
    if not rows:
        note(empty)
        return
    shown = [[visible(cell) for cell in row] for row in rows]
    if sys.stdout.isatty() and not os.environ.get("NO_COLOR"):
        _rich_table(headings, shown)
    else:
        data(_aligned([list(headings), *shown]))


def facts(pairs: Sequence[tuple[str, str]]) -> None:
    """Names and values of one thing, one to a line; "-" for what is empty."""
    data(_aligned([[name, visible(text) or "-"] for name, text in pairs]))


def value(anything: object) -> str:
    """A value of a document in one line."""
    if anything is None:
        return "-"
    return anything if isinstance(anything, str) else msgspec.json.encode(anything).decode()


def local(time: str | None) -> str:
    """An RFC 3339 time as the reader's clock shows it, without fractions; "-" for none."""
    if not time:
        return "-"
    try:
        return datetime.fromisoformat(time).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError):
        return visible(time)


def clock_time(time: str | None) -> str:
    """Only the time of day of ``local``."""
    return local(time).partition(" ")[2] or "-" * 8


def _aligned(rows: list[list[str]]) -> str:
    widths = [max(_columns(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = (
        GAP.join(
            cell + " " * (width - _columns(cell)) for cell, width in zip(row, widths, strict=True)
        )
        for row in rows
    )
    return "\n".join(line.rstrip() for line in lines)


def _columns(text: str) -> int:
    """Columns that a text takes in a terminal."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in _WIDE else 1
        for c in text
    )


def _rich_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        shown.add_column(heading, overflow="fold")
    for row in rows:
        shown.add_row(*(Text(cell) for cell in row))  # Text: square brackets are no markup here
    Console().print(shown)


def _write(stream: TextIO, text: str, *, end: str = "\n") -> None:
    try:
        stream.write(
            text.encode(stream.encoding or "utf-8", "backslashreplace").decode(
                stream.encoding or "utf-8"
            )
            + end
        )
        stream.flush()
    except OSError as exc:
        # What is still buffered would be tried once more at the end of the process.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        if not isinstance(exc, BrokenPipeError):
            raise OutputFailed(exc) from exc
