"""Taking care of a database from outside: what it is, and its schema. Copies are made by PostgreSQL's own tools.

Servers apply what only adds (pre) when they start. What removes (post) is applied here, when whoever is in charge says so, and never
while a server of another version says that it is alive: that would break it.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

import asyncpg

from homegraph import __version__
from homegraph.errors import StoreError, StoreUnavailable
from homegraph.graph.model import Instant
from homegraph.store.migrate import Applied, Migration
from homegraph.store.postgres.connections import ATTEMPTS_MAX
from homegraph.store.postgres.database import Database
from homegraph.store.postgres.instances import instances
from homegraph.store.postgres.opening import apply, connect, look, options_of, told_in_our_words

INSTANCES_NAMED_MAX: Final = 5
"""Servers that stand in the way; whoever has stopped these asks again."""


@dataclass(frozen=True, slots=True)
class Condition:
    """What a database is."""

    size_bytes: int
    applied: tuple[Applied, ...]
    pending: tuple[Migration, ...]


async def condition(url: str) -> Condition:
    """Look at a database; nothing of it is changed. Raises as ``open_database``."""
    async with _locked(url) as db:
        return await _condition(db)


async def migrate(
    url: str, now: Instant, *, silent_seconds: float, dry_run: bool
) -> tuple[Migration, ...]:
    """Apply all that is pending, in one transaction; returns it. ``dry_run``: only look.

    Servers at work lock tables in another order than migrations do, so it is made again when the database ended it for that.

    Raises as ``open_database``, and StoreError while a server of another version was heard of less than ``silent_seconds`` ago and
    something is to be removed.
    """
    for _ in range(ATTEMPTS_MAX):
        with contextlib.suppress(asyncpg.DeadlockDetectedError):
            return await _migrate(url, now, silent_seconds, dry_run=dry_run)
    raise StoreUnavailable(
        "The servers are too busy for a change of the schema.",
        hint="Do it again at a quieter time.",
    )


async def _migrate(
    url: str, now: Instant, silent_seconds: float, *, dry_run: bool
) -> tuple[Migration, ...]:
    async with _locked(url, keep=not dry_run) as db:
        found = await _condition(db)
        if found.applied and any(one.phase == "post" for one in found.pending):
            await _refuse_beside_others(db, silent_seconds)
        if not dry_run:
            for migration in found.pending:
                await apply(db, migration, now)
        return found.pending


async def _condition(db: Database) -> Condition:
    applied, pending = await look(db)
    size: int = await db.value("find_size")
    applied.sort(key=lambda one: (one.number, one.phase == "post"))
    return Condition(size, tuple(applied), pending)


async def _refuse_beside_others(db: Database, silent_seconds: float) -> None:
    if not await db.value("has_instances"):
        return
    since = await db.value("find_time") - silent_seconds
    others = [
        f"{one.version} on {one.machine} (process {one.process})"
        for one in await instances(db, since, INSTANCES_NAMED_MAX)
        if one.version != __version__
    ]
    if others:
        raise StoreError(
            f"Servers of another version use the database: {', '.join(others)}.",
            hint="What they need would be removed. Replace them first; `homegraph status --cluster` lists who is alive.",
        )


@contextlib.asynccontextmanager
async def _locked(url: str, *, keep: bool = False) -> AsyncIterator[Database]:
    """A connection in a transaction that keeps other processes from changing the schema. ``keep``: what is done in it counts."""
    with told_in_our_words():
        # A migration may take long, and nobody waits for it but whoever has asked.
        options = options_of(url) | {"command_timeout": None}
        connection = await connect(options)
        try:
            transaction = connection.transaction()
            await transaction.start()
            db = Database(connection)
            await db.rows("lock_schema")
            yield db
            await (transaction.commit() if keep else transaction.rollback())
        finally:
            connection.terminate()
