"""One connection and its statements: the only place that runs SQL while the store is open.

Operations (``links``, ``work``, ``reports``, …) are functions that take a ``Database`` first; they see rows as tuples and leave
transactions to ``connections``. Statements that serve many calls at once take arrays, one for each column, and join them by
``unnest``; ``columns`` makes those of rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, cast

from homegraph.store.postgres.pool import Connection
from homegraph.store.postgres.texts import OURS, kept, revived
from homegraph.store.rows import Row
from homegraph.store.statements import load

_SQL: Final[Mapping[str, str]] = load("postgres")
_foreign: Final[dict[str, tuple[int, ...]]] = {}
"""By statement the places of columns whose texts may come from outside; there are as many as there are statements."""


class Wanted(NamedTuple):
    """Devices of an agent user that something is read of."""

    project_id: str
    agent_user_id: str
    device_ids: Sequence[str]

    @property
    def keys(self) -> list[tuple[str, str, str]]:
        """Their whole keys, each once."""
        return [
            (self.project_id, self.agent_user_id, device_id)
            for device_id in dict.fromkeys(self.device_ids)
        ]


def columns(rows: Iterable[Row]) -> list[tuple[Any, ...]]:
    """Rows as one array for each column. There must be some."""
    return list(zip(*rows, strict=True))


class Database:
    """A connection with the statements of the dialect, by name."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def row(self, name: str, *values: Any) -> Row | None:
        """The first row of a statement, or None."""
        rows = await self.rows(name, *values)
        return rows[0] if rows else None

    async def value(self, name: str, *values: Any) -> Any:
        """The first column of the first row; None when there is no row."""
        row = await self.row(name, *values)
        return None if row is None else row[0]

    async def rows(self, name: str, *values: Any) -> Sequence[Row]:
        """All rows of a statement."""
        rows = await self._connection.fetch(_SQL[name], *map(kept, values))
        if not rows:
            return ()
        foreign = _foreign.get(name)
        if foreign is None:
            named = enumerate(rows[0].keys())
            foreign = _foreign[name] = tuple(place for place, key in named if key not in OURS)
        return revived(cast("Sequence[Row]", rows), foreign)

    async def run(self, name: str, *values: Any) -> int:
        """Execute a statement; how many rows it changed."""
        told = await self._connection.execute(_SQL[name], *map(kept, values))
        return int(told.rpartition(" ")[2])

    async def run_many(self, name: str, rows: Iterable[Row]) -> None:
        """Execute a statement once for each row of values, by one way to the server."""
        await self._connection.executemany(_SQL[name], [tuple(map(kept, row)) for row in rows])

    async def prepare(self, name: str) -> None:
        """Execute a statement that tells nothing: a lock, or a table that is made."""
        await self._connection.execute(_SQL[name])

    async def script(self, text: str) -> None:
        """Execute the text of a migration."""
        await self._connection.execute(text)
