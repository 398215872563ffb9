"""``homegraph export``: everything that another database needs, as JSON Lines.

The server gives pages; each begins after the line that the one before it has ended with. So a file that was cut, wherever, goes on
after its last whole line.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO, Final

import msgspec
import typer

from homegraph.cli import documents, export_file, output
from homegraph.cli.admin import Admin, connect
from homegraph.cli.options import DataDir, Json, Server, command, commands
from homegraph.errors import ExportUnusable, SettingsError
from homegraph.store.copies import CALL_BYTES_MAX

app = commands("Write everything into a file, for another database.")

STDOUT: Final = "-"

_COUNTED: Final = {
    "projects": "projects",
    "agent_users": "agent users with their links",
    "links": "links before their first SYNC",
}
"""The totals of an export in words. Most links stand in the lines of their agent users: they must not seem to be missing."""


@command(
    app,
    "export",
    "homegraph export home.jsonl",
    "homegraph export --resume home.jsonl",
    "homegraph export - --server http://127.0.0.1:4663",
)
def export(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="Where it goes; - is the standard output.")
    ],
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with a file whose export was cut.")
    ] = False,
    server: Server = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> int:
    """Write projects, credentials, links, devices, states and pending work into a file that `import` reads.

    The server goes on meanwhile: each agent user is written as it is at one moment, and what happens to it afterwards is not in the
    file. So keep callers away while a home moves. Journals (runs, exchanges, EXECUTEs, notifications), linkings under way and access tokens
    of service accounts are not in it. Secrets in it are sealed with the server's encryption key, which is not; only its owner can read the file.
    """
    if file == STDOUT and (json or resume):
        raise typer.BadParameter("needs a file", param_hint="--json" if json else "--resume")
    with connect(server, data_dir, answer_max_bytes=CALL_BYTES_MAX) as admin:
        if file == STDOUT:
            with _telling_of_the_disk():
                counts = _write(admin, sys.stdout.buffer, Counter(), _page(admin, None))
        elif resume:
            counts = _resume(admin, Path(file))
        else:
            first = _page(admin, None)  # before the file is made: the server may say no
            with _kept(file), export_file.create(Path(file)) as made:
                counts = _write(admin, made, Counter(), first)
    totals = export_file.totals_of(counts)
    if json:
        output.document(msgspec.json.encode({"file": file, **totals}))
    elif file != STDOUT:
        told = (f"{_COUNTED[name]} {number}" for name, number in totals.items())
        output.data(f"{file}: {', '.join(told)}")
        output.note("The encryption key is not in it: the other server needs the same one.")
    return 0


@contextmanager
def _telling_of_the_disk() -> Iterator[None]:
    """A result that cannot be written is no bug, be it that the last of it fails once more when the file is closed."""
    try:
        yield
    except OSError as exc:
        raise output.OutputFailed(exc) from exc


@contextmanager
def _kept(file: str) -> Iterator[None]:
    """What is in a file stays there, whatever cuts its export; then it is told how to go on."""
    try:
        with _telling_of_the_disk():
            yield
    except (SettingsError, ExportUnusable):  # there is no such file, or it is none of ours
        raise
    except BaseException:
        output.note(output.visible(f"Go on with: homegraph export --resume {shlex.quote(file)}"))
        raise


def _resume(admin: Admin, path: Path) -> Counter[str]:
    with _kept(str(path)), export_file.open_file(path, "r+b") as file:
        if export_file.is_barely_begun(file):
            first = _page(admin, None)
            file.truncate()
            return _write(admin, file, Counter(), first)
        reading = export_file.begin(file, str(path))
        for _ in export_file.lines(file, reading):
            pass
        if reading.is_complete:
            return reading.counts
        page = _page(admin, reading.last)
        if page.header.key != reading.header.key:
            raise ExportUnusable(
                "The file is of a server with another encryption key.",
                place=str(path),
                hint="--server names the one that it came from.",
            )
        file.seek(reading.offset)
        file.truncate()  # what is left of a line that was cut
        return _write(admin, file, reading.counts, page, with_header=False)


def _write(
    admin: Admin,
    file: BinaryIO,
    counts: Counter[str],
    page: documents.ExportPage,
    *,
    with_header: bool = True,
) -> Counter[str]:
    """Write a page and those after it; the number of lines of each kind."""
    try:
        last = None
        if with_header:
            file.write(msgspec.json.encode(page.header) + b"\n")
        while True:
            for line in map(bytes, page.lines):
                file.write(line + b"\n")
                last = export_file.piece_of(line)
                counts[last.kind if last else ""] += 1
            output.progress(f"{counts['agent_user']} agent users")
            if page.done:
                break
            page = _page(admin, last)
        file.write(export_file.end_mark(counts))
        file.flush()
        if file is not sys.stdout.buffer:
            os.fsync(file.fileno())
    finally:
        output.progress("")
    return counts


def _page(admin: Admin, after: export_file.Piece | None) -> documents.ExportPage:
    where = {"kind": after.kind, "project": after.project, "id": after.id} if after else {}
    body = admin.post("export", where)  # names may hold what no query can
    return documents.read(body, documents.ExportPage)
