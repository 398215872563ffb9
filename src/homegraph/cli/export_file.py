"""Files of an export as the commands see them: a header, lines, an end mark.

Of a line in between only what it is about is read here; what it means is the server's business. Lines are read one at a time, so a
file may be larger than the memory.

The rule that is easily broken: a line ends with its newline. One without is the rest of a file that was cut.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from homegraph.errors import ExportUnusable, SettingsError
from homegraph.store.copies import FORMAT, LINE_BYTES_MAX, VERSION

END: Final = "end"
END_BYTES_MAX: Final = 4_096
"""Of an end mark; it has three numbers."""

KINDS: Final = ("project", "agent_user", "link")
"""What lines are about, in the order of a project's; the end mark has a total of each, by this name with an s."""


class Header(msgspec.Struct, frozen=True):
    """The first line."""

    format: str
    version: int
    key: str = ""
    homegraph: str = ""
    exported_at: str | None = None


class _Id(msgspec.Struct, frozen=True):
    id: str


class _Owned(msgspec.Struct, frozen=True):
    project_id: str
    user_id: str


class _Line(msgspec.Struct, frozen=True):
    """What a line is about, or the totals of the end mark."""

    kind: str = ""
    project: _Id | None = None
    project_id: str = ""
    agent_user_id: str = ""
    link: _Owned | None = None
    totals: dict[str, int] = {}


@dataclass(frozen=True, slots=True)
class Piece:
    """What a line is about: its kind, project, and the agent user or user."""

    kind: str
    project: str
    id: str = ""


@dataclass(slots=True)
class Reading:
    """A file that is read: its header, how many lines of each kind there were, what the last one was about, where it ended."""

    name: str
    header: Header
    counts: Counter[str] = field(default_factory=Counter)
    number: int = 1
    last: Piece | None = None
    offset: int = 0
    is_complete: bool = False


_BEGINNING: Final = f'{{"format":"{FORMAT}"'.encode()
"""Of every export."""

_header: Final = msgspec.json.Decoder(Header).decode
_line: Final = msgspec.json.Decoder(_Line).decode


def create(path: Path) -> BinaryIO:
    """A new file that only its owner can read. Raises SettingsError when there is one."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as exc:
        raise SettingsError(
            f"cannot be made: {exc.strerror}",
            place=str(path),
            hint="Give it another name, or continue an export that was cut with --resume.",
        ) from exc
    return os.fdopen(descriptor, "wb")


def open_file(path: Path, mode: str = "rb") -> BinaryIO:
    """A file that is there. Raises SettingsError when it cannot be opened."""
    try:
        return path.open(mode)  # type: ignore[return-value]
    except OSError as exc:
        raise SettingsError(f"cannot be read: {exc.strerror}", place=str(path)) from exc


def is_barely_begun(file: BinaryIO) -> bool:
    """Whether an export was cut before its header was whole: what there is, if anything, is how one begins. Leaves off at the start."""
    first = file.readline(LINE_BYTES_MAX)
    file.seek(0)
    return not first.endswith(b"\n") and _BEGINNING.startswith(first[: len(_BEGINNING)])


def begin(file: BinaryIO, name: str) -> Reading:
    """Read the header. Raises ExportUnusable when there is none, or one of another version."""
    first = file.readline(LINE_BYTES_MAX)
    try:
        header = _header(first)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        header = Header("", 0)
    if header.format != FORMAT or not first.endswith(b"\n"):
        raise ExportUnusable(
            "This is no export of homegraph.",
            place=f"{name}, line 1",
            hint="`homegraph export FILE` makes one; its first line says so.",
        )
    if header.version != VERSION:
        raise ExportUnusable(
            f"The export has version {header.version} of the format, and this homegraph knows version {VERSION}.",
            place=f"{name}, line 1",
            hint=f"It was made by homegraph {header.homegraph}: use that version, or export again.",
        )
    return Reading(name, header, offset=len(first))


def lines(file: BinaryIO, reading: Reading) -> Iterator[bytes]:
    """The lines up to the end mark, which is checked, or to where the file ends or is cut.

    Raises ExportUnusable when a line cannot be read, or lines are missing.
    """
    while text := file.readline(LINE_BYTES_MAX + 1):
        if not text.endswith(b"\n"):
            if len(text) > LINE_BYTES_MAX:
                raise _unreadable(reading, f"it is longer than {LINE_BYTES_MAX >> 20} MiB")
            return
        reading.number += 1
        piece = _read(text, reading)
        if piece is None:
            reading.is_complete = True
            return
        reading.counts[piece.kind] += 1
        reading.last = piece
        reading.offset += len(text)
        yield text


def totals_of(counts: Counter[str]) -> dict[str, int]:
    """How many lines there were of each kind, as the end mark has it."""
    return {f"{kind}s": counts[kind] for kind in KINDS}


def end_mark(counts: Counter[str]) -> bytes:
    """The last line."""
    return msgspec.json.encode({"kind": END, "totals": totals_of(counts)}) + b"\n"


def piece_of(text: bytes) -> Piece | None:
    """What a line is about; None for what is no line of an export."""
    line = _line(text)
    match line.kind:
        case "project" if line.project is not None:
            return Piece("project", line.project.id)
        case "agent_user":
            return Piece("agent_user", line.project_id, line.agent_user_id)
        case "link" if line.link is not None:
            return Piece("link", line.link.project_id, line.link.user_id)
    return None


def cut(place: str) -> ExportUnusable:
    """The error for a file that has no end mark."""
    return ExportUnusable(
        "The file ends without its end mark: it was cut, or its export was interrupted.",
        place=place,
        hint="`homegraph export --resume FILE` completes it, as long as the server is there that it came from.",
    )


def check_end(file: BinaryIO, name: str) -> None:
    """Look at the last line of a file before the others. Raises ExportUnusable when it is no end mark. Leaves off where it began."""
    here = file.tell()
    size = file.seek(0, os.SEEK_END)
    file.seek(max(here, size - END_BYTES_MAX))
    last = file.read().removesuffix(b"\n").rpartition(b"\n")[2]
    file.seek(here)
    try:
        if _line(last).kind == END:
            return
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    raise cut(name)


def _read(text: bytes, reading: Reading) -> Piece | None:
    """What a line is about; None for the end mark, whose totals are right."""
    try:
        piece = piece_of(text)
        if piece is not None:
            return piece
        line = _line(text)
    except msgspec.ValidationError as exc:
        raise _unreadable(reading, str(exc)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise _unreadable(reading, "it is not JSON") from None  # the cause may quote the line
    if line.kind != END:
        raise _unreadable(reading, "it is of no kind that is known")
    if line.totals != totals_of(reading.counts):
        raise _unreadable(reading, "the end mark counts other lines than were before it")
    return None


def _unreadable(reading: Reading, what: str) -> ExportUnusable:
    return ExportUnusable(
        f"The line is not of an export: {what}.",
        place=f"{reading.name}, line {reading.number}",
    )
