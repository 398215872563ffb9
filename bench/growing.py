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

HOME_TABLES: Final = ("agent_user", "link", "sync_work", "device")
"""What a user has, in the order in which rows refer to each other. A device's definition lies apart, by the device's number."""

USERS_PER_COMMIT: Final = 2_000
"""Their devices are in memory meanwhile: 30 MB."""

_NAME: Final = user(0)
_NAME_BYTES: Final = _NAME.encode()


def grow(database: Path, key_file: Path, users: int) -> None:
    """Give a database of one home, which no server has open, so many."""
    vault = Vault(load_key(key_file))
    connection = apsw.Connection(str(database))
    for pragma in ("synchronous = OFF", "foreign_keys = OFF", "cache_size = -262144"):
        connection.execute(f"PRAGMA {pragma}")
    tables = [(table, *_seed(connection, table)) for table in HOME_TABLES]
    definitions = dict(connection.execute("SELECT device, definition FROM definition"))
    for first in range(1, users, USERS_PER_COMMIT):
        numbers = range(first, min(first + USERS_PER_COMMIT, users))
        with connection:
            for table, columns, rows in tables:
                insert = f"INSERT INTO {table} VALUES ({', '.join('?' * len(columns))})"
                if table == "device":
                    added = list(_devices(columns, rows, definitions, numbers))
                    connection.executemany(insert, [device for device, _ in added])
                    connection.executemany(
                        "INSERT INTO definition VALUES (?, ?)", [one for _, one in added]
                    )
                else:
                    connection.executemany(insert, _copies(columns, rows, numbers, vault))
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def _seed(connection: apsw.Connection, table: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """The columns of a table, and the one user's rows."""
    columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
    return columns, list(
        connection.execute(f"SELECT * FROM {table} WHERE project_id = ?", (PROJECT,))
    )


def _devices(
    columns: list[str], rows: list[tuple[Any, ...]], definitions: dict[int, bytes], numbers: range
) -> Iterator[tuple[tuple[Any, ...], tuple[int, bytes]]]:
    """Devices of other users, each with its definition, by numbers that go on after the last one's."""
    id_at, print_at = columns.index("id"), columns.index("fingerprint")
    last = max((row[id_at] for row in rows), default=0)
    for number in numbers:
        name = user(number)
        for place, row in enumerate(rows, start=1):
            copy = [_renamed(value, name) for value in row]
            definition = _renamed(definitions[row[id_at]], name)
            copy[id_at] = last + (number - 1) * len(rows) + place
            copy[print_at] = fingerprint(definition)
            yield tuple(copy), (copy[id_at], definition)


def _copies(
    columns: list[str], rows: list[tuple[Any, ...]], numbers: range, vault: Vault
) -> Iterator[tuple[Any, ...]]:
    """Other rows of other users."""
    access = columns.index("sealed_access") if "sealed_access" in columns else 0
    for number in numbers:
        name = user(number)
        for row in rows:
            copy = [_renamed(value, name) for value in row]
            if access:
                copy[access] = vault.seal(token(number), PROJECT, name, "access")
            yield tuple(copy)


def _renamed(value: Any, name: str) -> Any:
    if isinstance(value, str):
        return value.replace(_NAME, name)
    if isinstance(value, bytes):
        return value.replace(_NAME_BYTES, name.encode())
    return value
