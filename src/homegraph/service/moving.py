"""Moving to another database: pages of an export, and lines that are imported.

An export is JSON Lines (docs/reference/export-format.md): a header, a line for each piece of ``store.copies``, an end mark. The
server makes and takes lines only; the file, with its first and last line, is the command's (``cli.export``, ``cli.import_``), so that
nothing here lasts longer than a call and each call starts where the line before it has ended.

The rule that is easily broken: lines hold sealed secrets and digests, and a message about a line quotes nothing of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from homegraph import __version__
from homegraph.errors import AdminRefused, ExportUnusable, NotFound
from homegraph.graph.model import Instant
from homegraph.service.clock import rfc3339
from homegraph.service.house import House
from homegraph.service.questions import MaybeName
from homegraph.service.views import View
from homegraph.store.copies import (
    FORMAT,
    PAGE_BYTES,
    PAGE_LINES_MAX,
    VERSION,
    Copy,
    HomeCopy,
    LinkCopy,
    ProjectCopy,
    mistake_in,
)

PIECES_AT_ONCE: Final = 16
"""Pieces of a page that are read together, on PostgreSQL in one transaction. All of them are in memory, whatever the page may have."""

LINES_AT_ONCE: Final = 64
"""Lines that are stored together, in one transaction where nothing is in the way: others wait for it, some tens of milliseconds."""

Kind = Literal["project", "agent_user", "link"]
Piece = tuple[Kind, str, str]
"""What a line is about: kind, project, and the agent user or user; "" for the project itself."""

_encode: Final = msgspec.json.Encoder(order="deterministic").encode
_decode: Final = msgspec.json.Decoder(Copy).decode


class WhichPage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The page after the line about this piece; without one, the first page."""

    kind: Kind | Literal[""] = ""
    project: MaybeName = ""
    id: MaybeName = ""


class Header(View, frozen=True, kw_only=True):
    """The first line of an export. ``key`` is the fingerprint of the encryption key, without which the file is of no use."""

    format: str
    version: int
    homegraph: str
    exported_at: str | None
    key: str


class ExportPage(View, frozen=True, kw_only=True):
    """Lines of an export; ``done`` when there are no more after them."""

    header: Header
    lines: tuple[msgspec.Raw, ...]
    done: bool


class ImportWanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Lines of an export, in their order, with the version and key of its header."""

    version: int
    key: str
    lines: Annotated[tuple[msgspec.Raw, ...], Meta(max_length=PAGE_LINES_MAX)]


class RefusedLine(View, frozen=True, kw_only=True):
    """A line that is not here now, and why. ``line`` counts those of the call from 1."""

    line: int
    message: str
    hint: str


class Imported(View, frozen=True, kw_only=True):
    """What became of lines: added, here already, or refused; ``unreadable`` is where reading has stopped, if it has."""

    added: int
    present: int
    refused: tuple[RefusedLine, ...]
    unreadable: RefusedLine | None


# --- out -------------------------------------------------------------------------------------------------------------


async def export(house: House, asked: WhichPage) -> ExportPage:
    """A page of lines."""
    now = house.clock.now()
    lines: list[bytes] = []
    group: list[Piece] = []
    size, done = 0, True
    async for piece in _pieces(house, asked):
        if size >= PAGE_BYTES or len(lines) + len(group) >= PAGE_LINES_MAX:
            done = False
            break
        group.append(piece)
        if len(group) == PIECES_AT_ONCE:
            size += await _add(house, lines, group, now)
            group = []
    await _add(house, lines, group, now)
    header = Header(
        format=FORMAT,
        version=VERSION,
        homegraph=__version__,
        exported_at=rfc3339(now),
        key=house.vault.fingerprint(),
    )
    return ExportPage(header=header, lines=tuple(map(msgspec.Raw, lines)), done=done)


async def _add(house: House, lines: list[bytes], group: Sequence[Piece], now: Instant) -> int:
    """Read a group of pieces and add their lines; how long those are. A piece that has gone meanwhile has none."""
    copies = await asyncio.gather(*(_read(house, piece, now) for piece in group))
    new = [_encode(copy) for copy in copies if copy is not None]
    lines += new
    return sum(map(len, new))


async def _read(house: House, piece: Piece, now: Instant) -> Copy | None:
    kind, project_id, name = piece
    match kind:
        case "project":
            return await house.store.export_project(project_id)
        case "agent_user":
            return await house.store.export_home(project_id, name, now)
        case "link":
            return await house.store.export_link(project_id, name, now)


async def _pieces(house: House, after: WhichPage) -> AsyncIterator[Piece]:
    """All pieces after one, in the order of an export: project by project, of each its agent users and then its links."""
    for project in await house.store.projects():
        if project.id < after.project:
            continue
        is_begun = bool(after.kind) and project.id == after.project
        if not is_begun:
            yield "project", project.id, ""
        if not (is_begun and after.kind == "link"):
            start = after.id if is_begun and after.kind == "agent_user" else ""
            while found := await house.store.export_homes(project.id, after=start):
                for name in found:
                    yield "agent_user", project.id, name
                start = found[-1]
        start = after.id if is_begun and after.kind == "link" else ""
        while found := await house.store.export_links(project.id, after=start):
            for name in found:
                yield "link", project.id, name
            start = found[-1]


# --- in --------------------------------------------------------------------------------------------------------------


async def import_(house: House, asked: ImportWanted) -> Imported:
    """Add what the lines tell of and is not here. Each line is one transaction, so any of them may be sent again.

    Raises:
        ExportUnusable: another version or encryption key; nothing was read.
        StoreUnavailable: the database cannot be used; the lines before may be in it.
    """
    _check_header(house, asked)
    copies, unreadable = _read_lines(asked.lines)
    added, refused = 0, []
    for group in _groups(copies):
        outcomes = await asyncio.gather(
            *(_store(house, copy) for _, copy in group), return_exceptions=True
        )
        for (number, _), outcome in zip(group, outcomes, strict=True):
            if isinstance(outcome, AdminRefused | NotFound):
                refused.append(RefusedLine(line=number, message=outcome.message, hint=outcome.hint))
            elif isinstance(outcome, BaseException):
                raise outcome
            else:
                added += outcome
    house.credentials.forget()
    house.runs.changed.set()  # work that came may start
    return Imported(
        added=added,
        present=len(copies) - added - len(refused),
        refused=tuple(refused),
        unreadable=unreadable,
    )


def _check_header(house: House, asked: ImportWanted) -> None:
    if asked.version != VERSION:
        raise ExportUnusable(
            f"The export has version {asked.version} of the format, and this server knows version {VERSION}.",
            place="version",
            hint="Import it with a homegraph of the version that its header names, or export it anew.",
        )
    if asked.key != house.vault.fingerprint():
        raise ExportUnusable(
            "The export was made with another encryption key, so its tokens could not be opened here.",
            place="key",
            hint="Start this server with the key of the other one: copy its encryption.key into this data folder, or set "
            "HOMEGRAPH_ENCRYPTION_KEY. A database in memory cannot take or give an export.",
        )


def _read_lines(
    lines: Sequence[msgspec.Raw],
) -> tuple[list[tuple[int, Copy]], RefusedLine | None]:
    """The copies up to a line that is none, and what is wrong with that."""
    copies: list[tuple[int, Copy]] = []
    for number, line in enumerate(lines, 1):
        copy, mistake = _read_line(line)
        if copy is None:
            return copies, RefusedLine(
                line=number,
                message=f"The line is not of an export: {mistake}.",
                hint=ExportUnusable.hint,
            )
        copies.append((number, copy))
    return copies, None


def _read_line(line: msgspec.Raw) -> tuple[Copy | None, str]:
    try:
        copy = _decode(line)
    except msgspec.ValidationError as exc:
        return None, str(exc)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None, "it is not JSON"
    mistake = mistake_in(copy)
    return (None, mistake) if mistake else (copy, "")


def _groups(copies: Sequence[tuple[int, Copy]]) -> list[list[tuple[int, Copy]]]:
    """Lines that may be stored at the same time: a project is there before what belongs to it."""
    groups: list[list[tuple[int, Copy]]] = []
    for one in copies:
        is_project = isinstance(one[1], ProjectCopy)
        if not groups or is_project or len(groups[-1]) == LINES_AT_ONCE or _is_project(groups[-1]):
            groups.append([])
        groups[-1].append(one)
    return groups


def _is_project(group: Sequence[tuple[int, Copy]]) -> bool:
    return isinstance(group[0][1], ProjectCopy)


async def _store(house: House, copy: Copy) -> bool:
    match copy:
        case ProjectCopy():
            return await house.store.import_project(copy)
        case HomeCopy():
            return await house.store.import_home(copy)
        case LinkCopy():
            return await house.store.import_link(copy)
