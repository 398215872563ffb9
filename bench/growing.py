"""A database of very many homes, made from one of a single home: every row of that home once more for each of the others.

First SYNCs of a million users would take a quarter of an hour. What is copied here is what a first SYNC has left of one user, with
the user's name, fingerprints and sealed token made anew, so the server finds what it would have written itself, whatever its
schema. Journals are not copied: they are bounded and do not grow with users.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import apsw

from bench.homes import PROJECT, token, user
from homegraph.graph.applying import fingerprint
from homegraph.service.vault import Vault, load_key

HOME_TABLES: Final = ("agent_user", "link", "sync_work", "device", "device_state")
"""What a user has, in the order in which rows refer to each other."""

USERS_PER_COMMIT: Final = 10_000

_NAME: Final = user(0)


def grow(database: Path, key_file: Path, users: int) -> None:
    """Give a database of one home, which no server has open, so many."""
    vault = Vault(load_key(key_file))
    connection = apsw.Connection(str(database))
    for pragma in ("synchronous = OFF", "foreign_keys = OFF", "cache_size = -262144"):
        connection.execute(f"PRAGMA {pragma}")
    tables = [(table, *_seed(connection, table)) for table in HOME_TABLES]
    for first in range(1, users, USERS_PER_COMMIT):
        with connection:
            for table, columns, rows in tables:
                marks = ", ".join("?" * len(columns))
                last = min(first + USERS_PER_COMMIT, users)
                copies = _copies(table, columns, rows, range(first, last), vault)
                connection.executemany(f"INSERT INTO {table} VALUES ({marks})", copies)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def _seed(connection: apsw.Connection, table: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """The columns of a table, and the one user's rows."""
    columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
    return columns, list(
        connection.execute(f"SELECT * FROM {table} WHERE project_id = ?", (PROJECT,))
    )


def _copies(
    table: str, columns: list[str], rows: list[tuple[Any, ...]], numbers: range, vault: Vault
) -> Iterator[tuple[Any, ...]]:
    """The rows of other users."""
    definition = columns.index("definition") if table == "device" else 0
    print_at = columns.index("fingerprint") if table == "device" else 0
    access = columns.index("sealed_access") if table == "link" else 0
    for number in numbers:
        name = user(number)
        for row in rows:
            copy = [_renamed(value, name) for value in row]
            if definition:
                copy[print_at] = fingerprint(copy[definition])
            if access:
                copy[access] = vault.seal(token(number), PROJECT, name, "access")
            yield tuple(copy)


def _renamed(value: Any, name: str) -> Any:
    if isinstance(value, str):
        return value.replace(_NAME, name)
    if isinstance(value, bytes):
        return value.replace(_NAME.encode(), name.encode())
    return value
