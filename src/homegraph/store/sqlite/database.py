"""One connection and its statements: the only place that calls apsw while the store is open.

A ``Database`` belongs to one thread at a time. Operations (``links``, ``work``, ``journal``, …) are functions that take one
first; they see rows as tuples and leave transactions to the lane that runs them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import apsw

from homegraph.errors import StoreUnavailable
from homegraph.store.rows import Row
from homegraph.store.statements import load

BUSY_TIMEOUT_MILLISECONDS: Final = 5_000
"""How long a lock of somebody else is waited for: a backup or a shell, since one process owns the file."""

STATEMENTS_CACHED_MAX: Final = 256
"""Places of a ring through which apsw looks one by one. Each execution takes the next, so a statement that 256 others have followed is prepared anew.

With 64 places preparing cost more than looking saved.
"""

DAMAGED: Final = "`homegraph db check` tells what is wrong with it, `homegraph db restore FILE` puts a copy in its place."
"""What to do about a file whose pages are not what they should be: room on the disk does not help it."""

_UNAVAILABLE: Final = (
    apsw.BusyError,
    apsw.CantOpenError,
    apsw.ConnectionClosedError,
    apsw.CorruptError,
    apsw.FullError,
    apsw.IOError,
    apsw.InterruptError,
    apsw.LockedError,
    apsw.NoMemError,
    apsw.NotADBError,
    apsw.PermissionsError,
    apsw.ProtocolError,
    apsw.ReadOnlyError,
)
"""The database's trouble. All other errors of apsw would be mistakes of ours and are left as they are."""


class Database:
    """A connection with the statements of the dialect, by name."""

    __slots__ = ("_cursor", "_sql", "connection")

    def __init__(self, connection: apsw.Connection) -> None:
        self.connection = connection
        self._cursor = connection.cursor()  # one for all: every statement is executed to its end
        self._sql: Mapping[str, str] = load("sqlite")

    def row(self, name: str, *values: Any) -> Row | None:
        """The one row of a statement that finds one by its key, or None."""
        rows = self._cursor.execute(self._sql[name], values).fetchall()
        return rows[0] if rows else None

    def value(self, name: str, *values: Any) -> Any:
        """The first column of the first row; None when there is no row."""
        row = self.row(name, *values)
        return None if row is None else row[0]

    def rows(self, name: str, *values: Any) -> list[Row]:
        """All rows of a statement."""
        return self._cursor.execute(self._sql[name], values).fetchall()

    def run(self, name: str, *values: Any) -> int:
        """Execute a statement; how many rows it changed."""
        self._cursor.execute(self._sql[name], values)
        return self.connection.changes()

    def run_many(self, name: str, rows: Iterable[Row]) -> int:
        """Execute a statement once per row of values; how many rows that changed in all."""
        total_changes = self.connection.total_changes
        before = total_changes()
        self._cursor.executemany(self._sql[name], rows)
        return total_changes() - before

    def script(self, text: str) -> None:
        """Execute the text of a migration."""
        self.connection.execute(text)

    @contextmanager
    def impatient(self) -> Iterator[None]:
        """Meanwhile a lock of somebody else is an error at once."""
        self.connection.set_busy_timeout(0)
        try:
            yield
        finally:
            self.connection.set_busy_timeout(BUSY_TIMEOUT_MILLISECONDS)

    def abandon(self) -> None:
        """End the transaction, if there still is one, as if it had not been. SQLite ends some by itself."""
        if self.connection.in_transaction:
            self.run("rollback")

    def close(self) -> None:
        """Close the connection. The last one that closes a file folds the log in."""
        self.connection.close()


def translated(exc: Exception) -> Exception:
    """What is told to the caller: the database's trouble as StoreUnavailable, anything else as it is."""
    if not isinstance(exc, _UNAVAILABLE):
        return exc
    hint = DAMAGED if isinstance(exc, (apsw.CorruptError, apsw.NotADBError)) else None
    unavailable = StoreUnavailable(f"The database cannot be used: {exc}.", hint=hint)
    unavailable.__cause__ = exc
    return unavailable
