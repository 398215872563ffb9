"""Migrations: numbered files that only move forward, in two halves.

``0007_pre_add_finding_table.sql`` comes before the new code and must leave the old code working (it adds);
``0007_post_drop_old_column.sql`` comes after it (it removes). What was applied is remembered in a table of the database,
with a digest of the file: a migration that was released is never edited, a mistake in it is mended by the next one.

This module reads the files and says which are to be applied; applying them, each in a transaction of its own with the row that
remembers it, is the adapter's part.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Final

from homegraph.errors import SchemaTooNew, StoreError

PHASES: Final = ("pre", "post")

_FILE_NAME: Final = re.compile(r"^(\d{4})_(pre|post)_([a-z0-9_]+)\.sql$")


@dataclass(frozen=True, slots=True)
class _Named:
    """What a migration is known by."""

    number: int
    phase: str
    name: str

    @property
    def label(self) -> str:
        """Its file's name, without the ending."""
        return f"{self.number:04d}_{self.phase}_{self.name}"


@dataclass(frozen=True, slots=True)
class Applied(_Named):
    """A migration as the database remembers it."""

    digest: str


@dataclass(frozen=True, slots=True)
class Migration(_Named):
    """A migration as its file has it. ``digest`` is the SHA-256 of the text, in hex."""

    sql: str
    digest: str


@cache
def migrations(dialect: str) -> tuple[Migration, ...]:
    """All migrations of a dialect, in the order in which they are applied.

    Raises ValueError for a file whose name is not ``NNNN_pre_name.sql`` or ``NNNN_post_name.sql``, and for two with the
    same number and half.
    """
    folder = files("homegraph.store").joinpath("sql", dialect, "migrations")
    found = {file.name: file.read_text(encoding="utf-8") for file in folder.iterdir()}
    return in_order(read(name, text) for name, text in found.items())


def read(file_name: str, text: str) -> Migration:
    """Read one file."""
    matched = _FILE_NAME.match(file_name)
    if matched is None:
        raise ValueError(f"{file_name}: a migration is named like 0007_pre_add_finding_table.sql")
    number, phase, name = matched.groups()
    return Migration(int(number), phase, name, text, sha256(text.encode()).hexdigest())


def in_order(unordered: Iterable[Migration]) -> tuple[Migration, ...]:
    """Sort by number, pre before post."""
    ordered = sorted(unordered, key=lambda one: (one.number, PHASES.index(one.phase)))
    places = [(one.number, one.phase) for one in ordered]
    if len(set(places)) < len(places):
        raise ValueError("Two migrations have the same number and half.")
    return tuple(ordered)


def plan(
    known: Sequence[Migration], applied: Iterable[Applied], *, rolling: bool = False
) -> tuple[Migration, ...]:
    """Say which migrations are to be applied, in order.

    ``rolling``: servers of two versions may use the database at the same time, so what a newer one has added is no obstacle.

    Raises:
        SchemaTooNew: the database remembers a migration that this version of homegraph does not have.
        StoreError: it remembers one that read differently.
    """
    ours = {(one.number, one.phase): one for one in known}
    newest = max(one.number for one in known)
    done = set()
    for row in applied:
        place = (row.number, row.phase)
        if rolling and row.phase == "pre" and row.number > newest:
            continue
        if place not in ours:
            raise SchemaTooNew(f"The database has migration {row.label}, which is newer than this.")
        if ours[place].digest != row.digest:
            raise StoreError(
                f"Migration {row.label} was applied with another text.",
                hint="Released migrations are never edited: use the homegraph that wrote this database.",
            )
        done.add(place)
    return tuple(one for one in known if (one.number, one.phase) not in done)
