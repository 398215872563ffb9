"""Calls of one kind that come together share a transaction.

What a commit costs is the disk's answer and the way to the server, not the rows. So calls that come while others are carried out
wait for each other, and go together: one statement for all of them, its rows in key order (docs/decisions/0020). One group of a kind is
under way at a time: the longer it takes, the more go with the next. Small readings that come with nearly every call go together as well,
without a transaction.

The operation of a group says what became of each call: its answer, or the error that it alone gets. When it raises, the group is
undone, and each of its calls is made again in a transaction of its own, so that nobody's failure is anybody else's. Only when the
database itself cannot be used, all of them are told so.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Generic, TypeAlias, TypeVar

from homegraph.errors import StoreUnavailable
from homegraph.store.postgres.database import Database

GROUP_MAX: Final = 256
"""Calls of one transaction: beyond this the commit's share is small, and the first of them waits for the last."""

QUEUE_MAX: Final = 16_384
"""Calls of one kind that wait. A server that has stopped answering must not fill the memory; callers are refused instead."""

A = TypeVar("A")
R = TypeVar("R")
Carrier: TypeAlias = Callable[..., Awaitable[Any]]
Together: TypeAlias = Callable[[Database, Sequence[A]], Awaitable[Sequence[R | Exception]]]


class Group(Generic[A, R]):
    """Calls of one operation. Used from one event loop."""

    def __init__(self, carry_out: Carrier, operation: Together[A, R]) -> None:
        """``carry_out`` is a method of ``Connections``: ``write`` or ``write_last``, or ``glance`` for one statement that reads."""
        self._carry_out_by = carry_out
        self._operation = operation
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[tuple[A, asyncio.Future[R]]] = deque()
        self._serving: asyncio.Task[None] | None = None
        self._is_called = False
        self._is_closed = False

    def call(self, call: A) -> asyncio.Future[R]:
        """Queue a call; the future is its answer, once that is durable.

        Raises StoreUnavailable when the store is closed or too many calls wait.
        """
        if self._is_closed:
            raise StoreUnavailable("The database is closed.")
        if len(self._waiting) >= QUEUE_MAX:
            raise StoreUnavailable(
                f"{QUEUE_MAX} operations wait for the database.",
                hint="PostgreSQL does not keep up: look for what else uses it.",
            )
        future: asyncio.Future[R] = self._loop.create_future()
        self._waiting.append((call, future))
        if not self._is_called and self._serving is None:
            self._is_called = True
            self._loop.call_soon(self._serve)  # with all that comes in this turn of the loop
        return future

    async def close(self) -> None:
        """Carry out what is queued. Again is no error."""
        self._is_closed = True
        self._serve()
        while self._serving is not None:
            await asyncio.wait([self._serving])

    def _serve(self) -> None:
        self._is_called = False
        if self._waiting and self._serving is None:
            self._serving = self._loop.create_task(self._work_off())

    async def _work_off(self) -> None:
        try:
            while self._waiting:
                size = min(len(self._waiting), GROUP_MAX)
                await self._carry_out([self._waiting.popleft() for _ in range(size)])
        finally:
            self._serving = None

    async def _carry_out(self, group: Sequence[tuple[A, asyncio.Future[R]]]) -> None:
        try:
            calls = [call for call, _ in group]
            outcomes: Sequence[R | Exception] = await self._carry_out_by(self._operation, calls)
        except StoreUnavailable as exc:
            for _, future in group:
                _tell(future, StoreUnavailable(exc.message, hint=exc.hint))
        except Exception as exc:  # noqa: BLE001  # whatever it is, it is one caller's
            if len(group) == 1:
                _tell(group[0][1], exc)
                return
            for each in group:
                await self._carry_out([each])
        else:
            for (_, future), outcome in zip(group, outcomes, strict=True):
                _tell(future, outcome)


def _tell(future: asyncio.Future[R], outcome: R | Exception) -> None:
    """Tell a caller how it went; one who was cancelled does not want to know."""
    if future.done():
        return
    if isinstance(outcome, Exception):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)
