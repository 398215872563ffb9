"""Opening a database: how it is reached, what is in between, and its schema.

A pooler that gives every transaction another connection (pgbouncer, ``pool_mode = transaction``) is recognised by the number of the
process that answers: it tells its clients numbers of its own. Through one, no statement is prepared beyond its transaction and
nobody listens.

Servers that start together set the schema up one after the other, in one transaction each. Migrations that only add (pre) are applied
here; those that remove (post) wait until no old server is left, and are applied here only to a database that was empty.
"""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import asyncpg

from homegraph.errors import SettingsError, StoreError, StoreUnavailable
from homegraph.graph.model import Instant
from homegraph.store.migrate import Applied, Migration, migrations, plan
from homegraph.store.postgres import linkings
from homegraph.store.postgres.connections import Connections
from homegraph.store.postgres.database import Database
from homegraph.store.postgres.pool import Pool
from homegraph.store.postgres.trouble import translated

CONNECTIONS: Final = 16
"""Connections of one process, unless it is told otherwise. A few do: calls that come together share a transaction."""

CONNECT_SECONDS: Final = 5.0
"""How long a host may take to answer before the next one is tried."""

STATEMENT_SECONDS: Final = 10.0
"""How long a statement may take. A server that hangs must not hold its callers."""

TABLE_SECONDS: Final = 3.0
"""How long a migration may wait for a table that somebody reads: all calls that come after it wait behind it, those of other servers, too."""

STATEMENTS_CACHED_MAX: Final = 256
"""Of one connection. More than there are statements, so that each is prepared once."""


_FILES: Final = ("sslrootcert", "sslcert", "sslkey", "sslcrl")
"""Parameters of the URL that name files. The driver would take a missing one for a server that cannot be reached."""

_UNKNOWN_PARAMETER: Final = (
    asyncpg.UndefinedObjectError,
    asyncpg.InvalidParameterValueError,
    asyncpg.CantChangeRuntimeParamError,
)
"""What the server answers to a connection that asks for a parameter which it does not have."""


@dataclass(frozen=True, slots=True)
class Opened:
    """What an open store consists of. ``connect`` makes a connection beside the pool; None through a pooler."""

    connections: Connections
    connect: Callable[[], Awaitable[asyncpg.Connection[Any]]] | None


async def open_database(url: str, now: Instant, connections_max: int) -> Opened:
    """Connect, look at what is there, and bring the schema up to date.

    ``connections_max``: of this process; one of them listens, unless a pooler is in between.

    Raises:
        SchemaTooNew: a newer homegraph wrote it.
        SettingsError: the URL cannot be read.
        StoreError: it is not homegraph's.
        StoreUnavailable: it cannot be used.
    """
    options = options_of(url)
    with told_in_our_words():
        is_pooled = await _examine(options)
    caches = 0 if is_pooled else STATEMENTS_CACHED_MAX
    options |= {"statement_cache_size": caches, "max_cached_statement_lifetime": 0}
    connect = partial(asyncpg.connect, **options)
    pool = Pool(connect, connections_max if is_pooled else connections_max - 1)
    connections = Connections(pool, is_pooled=is_pooled)
    try:
        await connections.write(_migrate, now)
        await connections.write(linkings.recover, now)
    except BaseException:
        await connections.close()
        raise
    if is_pooled:
        return Opened(connections, None)
    return Opened(connections, connect)


@contextmanager
def told_in_our_words() -> Iterator[None]:
    """The driver's errors as ours."""
    try:
        yield
    except Exception as exc:
        if _is_unreadable(exc):
            # Without its cause, and without repeating it: there may be a password in it.
            raise SettingsError(
                "The database's URL cannot be read.",
                hint="Write postgresql://USER:PASSWORD@HOST:PORT/NAME?sslmode=verify-full&sslrootcert=FILE; the file must be there.",
            ) from None
        told = translated(exc)
        if told is exc:
            raise
        raise told from exc


def options_of(url: str) -> dict[str, Any]:
    """What a connection is made with. Of several hosts, the one that can be written to is used.

    Raises:
        SettingsError: a file that the URL names cannot be read.
    """
    asked = parse_qs(urlsplit(url).query)
    for name in _FILES:
        for path in asked.get(name, ()):
            _look_into(name, path)
    options: dict[str, Any] = {
        "dsn": url,
        "timeout": CONNECT_SECONDS,
        "command_timeout": STATEMENT_SECONDS,
        "server_settings": {"application_name": "homegraph"},
    }
    if "target_session_attrs" not in asked:
        options["target_session_attrs"] = "read-write"
    return options


def _look_into(name: str, path: str) -> None:
    try:
        Path(path).open("rb").close()
    except OSError as exc:
        raise SettingsError(
            f"{name} of the database's URL: {path} cannot be read: {exc.strerror}.",
            place="database",
            hint="Write the file's whole path; the user who runs the server must be allowed to read it.",
        ) from exc


async def connect(options: dict[str, Any]) -> asyncpg.Connection[Any]:
    """One connection, for looking or for care.

    Raises:
        SettingsError: the URL asks for something that this server does not know.
    """
    try:
        connection: asyncpg.Connection[Any] = await asyncpg.connect(
            **options, statement_cache_size=0
        )
    except _UNKNOWN_PARAMETER as exc:
        said = str(exc.args[0] if exc.args else exc).partition("\n")[0]
        raise SettingsError(
            f"The database's URL has a parameter that PostgreSQL refuses: {said}.",
            place="database",
            hint="Correct it, or take it out: what follows the question mark is for PostgreSQL, and not all that libpq knows is known here.",
        ) from exc
    return connection


async def _examine(options: dict[str, Any]) -> bool:
    """Whether a pooler is in between. Raises StoreUnavailable for a database that cannot keep what is told to it."""
    looking = Pool(partial(connect, options), 1)  # which waits while others have all connections
    try:
        connection = await looking.take()
        db = Database(connection)
        async with connection.transaction():
            backend: int = await db.value("find_backend")
            if await db.value("find_durability") == "off":
                raise StoreUnavailable(
                    "PostgreSQL answers commits before they are on the disk (synchronous_commit = off).",
                    hint="Turn synchronous_commit on, at least for this database or user.",
                )
            if await db.value("find_encoding") != "UTF8":
                raise StoreUnavailable(
                    "The database does not keep texts as UTF-8.",
                    hint="Create it with ENCODING 'UTF8'.",
                )
        ours: int = connection.get_server_pid()
        await connection.close()  # its place at the server is free then, and there may be few
        return backend != ours
    finally:
        looking.terminate()


async def _migrate(db: Database, now: Instant) -> None:
    await db.rows("lock_schema")
    applied, pending = await look(db)
    for migration in pending:
        if migration.phase == "pre" or not applied:
            await apply(db, migration, now)


async def look(db: Database) -> tuple[list[Applied], tuple[Migration, ...]]:
    """What was applied to a database, and what is pending. Makes the table that remembers it. Raises StoreError, SchemaTooNew."""
    ((tables, ours),) = await db.rows("count_tables")
    if tables and not ours:
        raise StoreError(
            "The database has tables, but they are not homegraph's.",
            hint="Give homegraph a database of its own, or a schema by ?search_path=… in the URL.",
        )
    if not ours:
        await db.prepare("create_migration_table")
    applied = [Applied(*row) for row in await db.rows("list_migrations")]
    return applied, plan(migrations("postgres"), applied, rolling=True)


async def apply(db: Database, migration: Migration, now: Instant) -> None:
    """Apply a migration, and remember that. Raises StoreUnavailable when it would have to wait for a table."""
    await db.value("bound_waiting", f"{TABLE_SECONDS * 1_000:.0f}")
    try:
        await db.script(migration.sql)
    except asyncpg.LockNotAvailableError as exc:
        raise StoreUnavailable(
            f"{migration.label} cannot be applied while somebody reads the tables that it changes.",
            hint="Wait until pg_dump, or whatever it is, has ended, and do this again; pg_stat_activity shows who has a transaction open.",
        ) from exc
    named = (migration.number, migration.phase, migration.name, migration.digest)
    await db.run("record_migration", *named, now)


def _is_unreadable(exc: Exception) -> bool:
    """Whether it is the address itself that the driver cannot make sense of."""
    if isinstance(exc, (asyncpg.TargetServerAttributeNotMatched, ssl.SSLError)):
        return False  # a certificate that is refused is a ValueError, too
    return isinstance(exc, (ValueError, asyncpg.ClientConfigurationError))
