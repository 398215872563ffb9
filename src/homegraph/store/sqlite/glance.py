"""Small reads where they are asked for, on the thread of the event loop.

To hand a read to another thread and its answer back costs more than to find a few rows that are in memory: three times as much
when measured (docs/decisions/0011). So the calls that come most often look themselves, on a connection of their own, which
only reads and sees what is committed. What they look at is bounded by who calls: a row, or the rows of a few devices.

Whatever is in the way (a lock, a broken file, a closed store) is nothing to wait for here: then the reader's thread is asked,
which can wait, and whose errors are told.

All reads of one turn of the loop share a snapshot, because to begin one costs the locks of a file. It ends before anybody
who is told of a commit during that turn can act on it: the loop keeps the order of what it is to call.

The rule that is easily broken: nobody else gets an answer meanwhile. A read whose size others decide belongs to the reader.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar, TypeVarTuple

import apsw

from homegraph.store.sqlite.database import Database
from homegraph.store.sqlite.lane import Lane

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Glance:
    """Reads at once, or as ``otherwise`` does. Without a connection (a database in memory has but one) always so."""

    def __init__(self, database: Database | None, otherwise: Lane) -> None:
        self._database = database
        self._otherwise = otherwise
        self._loop = asyncio.get_running_loop()
        self._is_reading = False

    async def call(self, operation: Callable[[Database, *Ts], T], *args: *Ts) -> T:
        """What an operation reads, in one snapshot. Raises what the operation raises, and StoreUnavailable."""
        database = self._database
        if database is not None:
            try:
                if not self._is_reading:
                    database.run("begin_read")
                    self._is_reading = True
                    self._loop.call_soon(self._end)
                return operation(database, *args)
            except apsw.Error:
                pass
        return await self._otherwise.call(operation, *args)

    def close(self) -> None:
        """Close the connection. Again is no error."""
        database, self._database = self._database, None
        if database is not None:
            database.close()

    def _end(self) -> None:
        """End the snapshot. If that fails none can begin, and the reader is asked."""
        self._is_reading = False
        if self._database is not None:
            with suppress(apsw.Error):
                self._database.abandon()
