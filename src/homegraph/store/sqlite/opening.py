"""Opening a database: its address, who owns the file, its schema, and what the process before left behind.

One process owns a file. That is what lets a lease of before be taken for dead at once, and keeps two processes from
setting up the same file at the same time. Ownership is a lock on a file beside the database, for as long as the store is open;
the operating system drops it with the process, however that ends. The lock file stays: deleting it would let two processes
lock two files of one name.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import apsw

from homegraph.errors import DatabaseInUse, SettingsError, StoreError, StoreUnavailable
from homegraph.graph.model import Instant
from homegraph.store.migrate import Applied, migrations, plan
from homegraph.store.sqlite import linkings, links, work
from homegraph.store.sqlite.database import (
    BUSY_TIMEOUT_MILLISECONDS,
    DAMAGED,
    STATEMENTS_CACHED_MAX,
    Database,
    translated,
)

IN_MEMORY: Final = ":memory:"

LARGE_FROM_BYTES: Final = 1 << 30
"""A file from which on the writer's cache is larger. In a smaller file a commit that rearranges a tree walks through all of the cache."""

_SCHEME: Final = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]+:")
_OWNER_ONLY: Final = 0o600

# Without what only tells when the file was written, where the system knows the difference.
_flush: Final = getattr(os, "fdatasync", os.fsync)


@dataclass(slots=True)
class Opened:
    """What an open store consists of. In memory there is one connection and nothing to lock."""

    writer: Database
    reader: Database | None = None
    glance: Database | None = None
    folding: Database | None = None
    lock: FileLock | None = None

    def close(self) -> None:
        """Give everything back."""
        for database in (self.folding, self.glance, self.reader, self.writer):
            if database is not None:
                database.close()
        if self.lock is not None:
            self.lock.release()


class FileLock:
    """Ownership of a database file. Raises DatabaseInUse when it is somebody else's.

    Who owns the file keeps it open besides SQLite, to flush it and to know it again. POSIX drops all locks that a process has on a file when it closes
    it anywhere, SQLite's among them: therefore it is closed last.
    """

    def __init__(self, database: Path) -> None:
        self._database, self._place = database, Path(f"{database}-lock")
        self._data: int | None = None
        self._file = os.open(self._place, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _OWNER_ONLY)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            owner = os.read(self._file, 32).decode(errors="replace").strip()
            os.close(self._file)
            by = f"process {owner}" if owner.isdigit() else "another process"
            raise DatabaseInUse(f"{database} is in use by {by}.") from exc
        os.ftruncate(self._file, 0)
        os.write(self._file, str(os.getpid()).encode())

    def make_database(self) -> None:
        """Make the file where there is none, so that nobody else can read it; SQLite gives its other files the same mode."""
        self._data = os.open(self._database, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _OWNER_ONLY)

    def flush(self) -> None:
        """Wait until the disk has what was written to the database file. Raises OSError."""
        if self._data is not None:
            _flush(self._data)

    def prove(self) -> None:
        """Raise StoreUnavailable when one of the two files is not at its place any more.

        SQLite goes on in a file that has no name, and another server takes a lock that is a new file.
        """
        for path, opened in ((self._database, self._data), (self._place, self._file)):
            try:
                is_ours = opened is None or os.path.samestat(path.stat(), os.fstat(opened))
            except FileNotFoundError:
                is_ours = False
            except OSError as exc:
                raise StoreUnavailable(f"{path} cannot be looked at: {exc.strerror}.") from exc
            if not is_ours:
                raise StoreUnavailable(
                    f"{path} was removed or replaced while the server had it open.",
                    hint="Start the server again, and stop it before anything is done to its files.",
                )

    def release(self) -> None:
        """Let go. No connection may be open any more."""
        if self._data is not None:
            os.close(self._data)
        os.close(self._file)


def locate(database: str) -> Path | None:
    """The file that an address names; None for a database in memory. ``sqlite:`` may stand before either.

    Raises SettingsError for an address of another kind, and for a name that SQLite does not take.
    """
    place = database.removeprefix("sqlite:")
    if place == IN_MEMORY:
        return None
    if not place or place.startswith("//") or _SCHEME.match(place):
        # Only how it begins: an address may have a password in it.
        raise SettingsError(
            f"{database.partition(':')[0]}:… is not the address of an SQLite database.",
            hint='Write "sqlite:home.db" for a file, or "sqlite::memory:".',
        )
    # Two names of one file must not be two locks.
    try:
        path = Path(place).expanduser().resolve()
    except (OSError, RuntimeError) as exc:  # the second is a link that leads to itself
        raise SettingsError(
            f"{place}: this name leads nowhere: {exc}.",
            place="database",
            hint="Name the file itself.",
        ) from exc
    try:
        str(path).encode()
    except UnicodeEncodeError as exc:
        raise SettingsError(
            f"{str(path).encode(errors='replace').decode()}: this name is not UTF-8, and SQLite opens no other files.",
            place="database",
            hint="Rename the folder, or name another with --data-dir.",
        ) from exc
    return path


def open_database(path: Path | None, ids: Callable[[], str], now: Instant) -> Opened:
    """Open, set up, bring the schema up to date and recover.

    Raises:
        DatabaseInUse: another process has the file open.
        SchemaTooNew: a newer homegraph wrote it.
        StoreError: it is not homegraph's, no database, or damaged.
        StoreUnavailable: it cannot be used.
    """
    with contextlib.ExitStack() as undo:
        try:
            lock = None
            if path is not None:
                lock = FileLock(path)
                undo.callback(lock.release)
                lock.make_database()
            writer = _connect(path)
            undo.callback(writer.close)
            _configure(writer, path)
            bring_up_to_date(writer, path, now)
            reader = glance = folding = None
            if path is not None:
                _recover(writer, ids, now)
                reader = _connect_beside(path, "configure_reader", undo)
                glance = _connect_beside(path, "configure_reader", undo)
                glance.connection.set_busy_timeout(0)  # it has no time to wait
                folding = _connect_beside(path, "configure_folding", undo)
        except OSError as exc:
            at = exc.filename or path
            raise StoreUnavailable(f"{at} cannot be opened: {exc.strerror}.") from exc
        except (apsw.NotADBError, apsw.CorruptError) as exc:
            raise StoreError(
                f"{path} cannot be opened: {exc}.",
                hint=DAMAGED,
            ) from exc
        except apsw.Error as exc:
            raise translated(exc) from exc
        undo.pop_all()
        return Opened(writer, reader, glance, folding, lock)


def _connect(path: Path | None) -> Database:
    name = IN_MEMORY if path is None else str(path)
    # A connection is used by one thread at a time, so its mutex, taken for every column that is read, protects nobody.
    flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_NOMUTEX
    connection = apsw.Connection(name, flags=flags, statementcachesize=STATEMENTS_CACHED_MAX)
    # Else a statement whose bound values could decide about a partial index is planned anew each time it is executed.
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
    connection.set_busy_timeout(BUSY_TIMEOUT_MILLISECONDS)
    return Database(connection)


def _connect_beside(path: Path, configure: str, undo: contextlib.ExitStack) -> Database:
    """A connection beside the writer's."""
    database = _connect(path)
    undo.callback(database.close)
    database.run(configure)
    return database


def _configure(db: Database, path: Path | None) -> None:
    db.rows("configure")  # to its last line: a pragma that answers would stop anything less
    if path is not None and path.stat().st_size >= LARGE_FROM_BYTES:
        db.run("enlarge_cache")
    if path is not None and db.value("journal_mode") != "wal":
        raise StoreUnavailable(
            f"{path} is on a file system without shared memory.",
            hint="Put the database on a disk of this machine: SQLite's log does not work over a network.",
        )


def bring_up_to_date(db: Database, path: Path | None, now: Instant) -> None:
    """Apply the migrations that are pending. Raises SchemaTooNew; StoreError when it is not homegraph's."""
    ((tables, ours),) = db.rows("count_tables")
    if tables and not ours:
        raise StoreError(
            f"{path} is an SQLite database, but not homegraph's.",
            hint="Give homegraph a file of its own with --db.",
        )
    db.run("create_migration_table")
    # One process owns the file, so there is no old code that a post migration could be in the way of.
    pending = plan(migrations("sqlite"), (Applied(*row) for row in db.rows("list_migrations")))
    db.run("trust_references")
    for migration in pending:
        db.run("begin_write")
        db.script(migration.sql)
        db.run(
            "record_migration",
            migration.number,
            migration.phase,
            migration.name,
            migration.digest,
            now,
        )
        db.run("commit")
    db.run("enforce_references")


def _recover(db: Database, ids: Callable[[], str], now: Instant) -> None:
    db.run("begin_write")
    work.recover(db, ids, now)
    work.follow_clock(db, now)
    linkings.recover(db)
    links.recover(db)
    db.run("commit")
