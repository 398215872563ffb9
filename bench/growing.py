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
"""What a user has, in the order in which rows refer to each other."""

NUMBERED_TABLES: Final = ("reported", "definition")
"""What a device has besides its row in ``device``, by the number that stands there as ``id``."""

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
    numbered = {
        table: {row[0]: row for row in connection.execute(f"SELECT * FROM {table}")}
        for table in NUMBERED_TABLES
    }
    for first in range(1, users, USERS_PER_COMMIT):
        numbers = range(first, min(first + USERS_PER_COMMIT, users))
        with connection:
            for table, columns, rows in tables:
                if table == "device":
                    for name, copies in _devices(columns, rows, numbered, numbers).items():
                        _insert(connection, name, copies)
                else:
                    _insert(connection, table, list(_copies(columns, rows, numbers, vault)))
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def _seed(connection: apsw.Connection, table: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """The columns of a table, and the one user's rows."""
    columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
    return columns, list(
        connection.execute(f"SELECT * FROM {table} WHERE project_id = ?", (PROJECT,))
    )


def _insert(connection: apsw.Connection, table: str, rows: list[tuple[Any, ...]]) -> None:
    places = ", ".join("?" * len(rows[0]))
    connection.executemany(f"INSERT INTO {table} VALUES ({places})", rows)


def _devices(
    columns: list[str],
    rows: list[tuple[Any, ...]],
    numbered: dict[str, dict[int, tuple[Any, ...]]],
    numbers: range,
) -> dict[str, list[tuple[Any, ...]]]:
    """Rows of the devices of other users, by table, with numbers that go on after the last one's."""
    id_at, print_at = columns.index("id"), columns.index("fingerprint")
    last = max((row[id_at] for row in rows), default=0)
    made: dict[str, list[tuple[Any, ...]]] = {table: [] for table in (*numbered, "device")}
    for number in numbers:
        name = user(number)
        for place, row in enumerate(rows, start=1):
            own = last + (number - 1) * len(rows) + place
            for table, of_devices in numbered.items():
                _, *rest = of_devices[row[id_at]]
                made[table].append((own, *[_renamed(value, name) for value in rest]))
            copy = [_renamed(value, name) for value in row]
            copy[id_at] = own
            copy[print_at] = fingerprint(made["definition"][-1][1])
            made["device"].append(tuple(copy))
    return made


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
