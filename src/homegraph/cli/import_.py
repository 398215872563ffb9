"""``homegraph import``: what ``homegraph export`` has written, into the server's database.

Lines go to the server in calls of bounded size. What is there already stays as it is, so a call that was interrupted, or a whole
import, is simply made again.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO, Final

import msgspec
import typer

from homegraph.cli import documents, export_file, output
from homegraph.cli.admin import Admin, connect
from homegraph.cli.failure import FAILED
from homegraph.cli.options import DataDir, Json, Server, command, commands
from homegraph.errors import ApiError, ExportUnusable
from homegraph.store.copies import PAGE_BYTES, PAGE_LINES_MAX

app = commands("Read such a file into the server's database.")

STDIN: Final = "-"

CALL_SECONDS: Final = 300.0
"""For one call: 500 transactions on a slow disk, or an agent user with 5,000 devices."""

REFUSED_SHOWN_MAX: Final = 1_000
"""Refused lines that are told one by one; who has more looks at these first."""


class _Result:
    """What became of the lines so far."""

    def __init__(self) -> None:
        self.lines = 0
        self.added = 0
        self.present = 0
        self.refused = 0
        self.shown: list[documents.RefusedLine] = []


@command(
    app,
    "import",
    "homegraph import home.jsonl",
    "homegraph import - --server http://127.0.0.1:4664",
)
def import_(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="An export; - is the standard input.")
    ],
    server: Server = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> int:
    """Add what an export holds to the server's database, with the same encryption key. What is there already stays as it is.

    So the command may be run again, whatever has interrupted it, and nothing is lost that has happened since. Pending work starts at once;
    links are not synced again by themselves. A line that cannot be added (an API key of another project, a user who is linked already)
    is told with its number, the others go on, and the exit code is 1. A line that cannot be read ends the import.
    """
    result = _Result()
    with _opened(file) as stream:
        name = "stdin" if file == STDIN else file
        reading = export_file.begin(stream, name)
        if stream.seekable():
            export_file.check_end(stream, name)
        with connect(server, data_dir) as admin:
            try:
                _carry_out(admin, stream, reading, result)
            except ApiError:
                if result.lines:
                    output.note(f"Lines up to {1 + result.lines} are in. Run the command again.")
                raise
            finally:
                output.progress("")
    if not reading.is_complete:
        raise export_file.cut(f"{name}, line {reading.number}")
    _tell(result, as_json=json)
    return FAILED if result.refused else 0


def _carry_out(
    admin: Admin, stream: BinaryIO, reading: export_file.Reading, result: _Result
) -> None:
    batch: list[bytes] = []
    size = 0
    for text in export_file.lines(stream, reading):
        batch.append(text)
        size += len(text)
        if size >= PAGE_BYTES or len(batch) >= PAGE_LINES_MAX:
            _send(admin, reading, batch, result)
            batch, size = [], 0
    if batch or not result.lines:
        _send(admin, reading, batch, result)


def _send(admin: Admin, reading: export_file.Reading, batch: list[bytes], result: _Result) -> None:
    header = reading.header
    members = {"version": header.version, "key": header.key, "lines": list(map(msgspec.Raw, batch))}
    body = admin.post("import", members, seconds=CALL_SECONDS)
    done = documents.read(body, documents.Imported)
    before = 1 + result.lines  # the header is a line, too
    for one in done.refused:
        _note_refused(result, documents.RefusedLine(before + one.line, one.message, one.hint))
    result.added += done.added
    result.present += done.present
    if done.unreadable is not None:
        raise ExportUnusable(
            done.unreadable.message,
            place=f"{reading.name}, line {before + done.unreadable.line}",
            hint=done.unreadable.hint,
        )
    result.lines += len(batch)
    output.progress(f"{result.lines} lines")


def _note_refused(result: _Result, line: documents.RefusedLine) -> None:
    result.refused += 1
    if result.refused <= REFUSED_SHOWN_MAX:
        result.shown.append(line)
        output.note(output.visible(f"line {line.line}: {line.message} {line.hint}"))


def _tell(result: _Result, *, as_json: bool) -> None:
    if as_json:
        shown = {
            "lines": result.lines,
            "added": result.added,
            "present": result.present,
            "refused": result.refused,
            "refused_lines": result.shown,
        }
        output.document(msgspec.json.encode(shown))
        return
    output.data(f"{result.added} added, {result.present} here already, {result.refused} refused")


@contextmanager
def _opened(file: str) -> Iterator[BinaryIO]:
    if file == STDIN:
        yield sys.stdin.buffer
        return
    with export_file.open_file(Path(file)) as stream:
        yield stream
