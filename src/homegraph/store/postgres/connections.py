"""Operations on a server: transactions, and what is tried again. Who gets a connection is the ``pool``'s business.

A transaction of several statements is made again when it lost a race (a deadlock that the server resolved, a row that somebody else
made first): operations do nothing but read and write through their ``Database``, so that they can be. Whoever asks may be
cancelled; what he asked for is carried out.

Isolation is READ COMMITTED with locks: each statement sees what is committed when it begins, and an operation that changes
something locks what it decides by, in the order of docs/decisions/0020. Readings that need several statements see one snapshot.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar, TypeVarTuple

import asyncpg

from homegraph.errors import StoreUnavailable
from homegraph.store.postgres.database import Database
from homegraph.store.postgres.pool import ACQUIRE_SECONDS, Pool, closed
from homegraph.store.postgres.trouble import DRIVERS, is_worth_repeating, translated

ATTEMPTS_MAX: Final = 8
"""Attempts of a transaction that loses races. Locks are taken in one order, so a second one is rare."""

WAITING_MAX: Final = 4_096
"""Calls that wait for a connection at once. A server that has stopped answering must not fill the memory."""

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Connections:
    """The connections of one process. ``is_pooled``: through a pooler, where nothing outlives a transaction."""

    def __init__(self, pool: Pool, *, is_pooled: bool) -> None:
        self._pool = pool
        self._is_pooled = is_pooled
        self._busy: set[asyncio.Task[Any]] = set()
        self._closed = False

    async def glance(self, operation: Callable[[Database, *Ts], Awaitable[T]], *args: *Ts) -> T:
        """What an operation of one statement reads."""
        if self._is_pooled:  # its two halves (parse, execute) might meet different connections
            return await self.read(operation, *args)
        return await self._carried_out(operation, args, "")

    async def read(self, operation: Callable[[Database, *Ts], Awaitable[T]], *args: *Ts) -> T:
        """What an operation reads, in one snapshot."""
        return await self._carried_out(operation, args, "repeatable_read")

    async def write(self, operation: Callable[[Database, *Ts], Awaitable[T]], *args: *Ts) -> T:
        """Carry an operation out in a transaction; it is durable when this returns."""
        return await self._accepted(operation, args, "read_committed")

    async def write_last(self, operation: Callable[[Database, *Ts], Awaitable[T]], *args: *Ts) -> T:
        """Carry an operation out whose last statement is the only one that writes, and looks itself whether it still may.

        Each of its statements is a transaction of its own, which saves two ways to the server.
        """
        # The halves of a statement (parse, execute) must not meet different connections behind a pooler.
        return await self._accepted(operation, args, "read_committed" if self._is_pooled else "")

    async def _accepted(
        self, operation: Callable[..., Awaitable[T]], args: tuple[Any, ...], isolation: str
    ) -> T:
        if self._closed:
            raise closed()
        if len(self._busy) >= WAITING_MAX:
            raise StoreUnavailable(
                f"{WAITING_MAX} operations wait for the database.",
                hint="PostgreSQL does not keep up: look for what else uses it.",
            )
        task = asyncio.ensure_future(self._carried_out(operation, args, isolation))
        self._busy.add(task)
        task.add_done_callback(self._done)
        return await asyncio.shield(task)

    @property
    def shortage(self) -> StoreUnavailable | None:
        """That the server grants fewer connections than are asked for, if it does."""
        return self._pool.shortage

    async def close(self) -> None:
        """Finish what was accepted, then close all connections. Again is no error."""
        self._closed = True
        while self._busy:
            await asyncio.wait(self._busy)
        try:
            async with asyncio.timeout(ACQUIRE_SECONDS):
                await self._pool.close()
        except (TimeoutError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            self._pool.terminate()

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._busy.discard(task)
        if not task.cancelled():
            task.exception()  # its caller may be gone; then nobody wants to know

    async def _carried_out(
        self, operation: Callable[..., Awaitable[T]], args: tuple[Any, ...], isolation: Any
    ) -> T:
        if self._closed and asyncio.current_task() not in self._busy:
            raise closed()
        for attempt in range(1, ATTEMPTS_MAX + 1):
            try:
                return await self._with_a_connection(operation, args, isolation)
            except Exception as exc:
                if is_worth_repeating(exc) and attempt < ATTEMPTS_MAX:
                    continue
                if isinstance(exc, asyncpg.ReadOnlySQLTransactionError):
                    # The primary that it was is none any more: look for the other one.
                    self._pool.expire()
                told = translated(exc)
                if told is exc:
                    raise
                raise told from exc
        raise AssertionError("unreachable")

    async def _with_a_connection(
        self, operation: Callable[..., Awaitable[T]], args: tuple[Any, ...], isolation: Any
    ) -> T:
        connection = await self._pool.take()
        in_doubt = False
        try:
            if not isolation:
                return await operation(Database(connection), *args)
            reads = isolation != "read_committed"
            async with connection.transaction(isolation=isolation, readonly=reads):
                return await operation(Database(connection), *args)
        except (*DRIVERS, asyncio.CancelledError):
            in_doubt = True  # even its BEGIN or its ROLLBACK may not have been carried out
            raise
        finally:
            self._pool.give_back(connection, in_doubt=in_doubt)
