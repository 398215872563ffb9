"""A thread with a connection: operations queue up, and everything that is queued shares one transaction.

SQLite has one writer, and what a commit costs is the disk's answer, not the rows. So the writer's lane takes all operations
that came while it was busy (up to a bound), carries them out in one transaction, commits once, and tells all callers at
once. The reader's lane does the same with snapshots.

Operations are functions of the database and their arguments, nothing else: they hold no state of their own, announce nothing
and can be run again. That is what makes sharing safe. When one of them raises

* before it wrote anything, it alone fails and the others go on;
* after it wrote something, the transaction is undone and every operation of it is run again in one of its own.

So nobody's failure is anybody else's. A caller who is cancelled leaves its operation in the queue: it is carried out.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from typing import Any, Final, NamedTuple, TypeVar, TypeVarTuple

import apsw

from homegraph.errors import StoreUnavailable
from homegraph.store.sqlite.database import Database, translated

BATCH_MAX: Final = 256
"""Operations of one transaction: beyond this the commit's share is small, and the first of them waits for the last."""

QUEUE_MAX: Final = 16_384
"""Operations that wait. A disk that has stopped answering must not fill the memory; callers are refused instead."""

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class _Job(NamedTuple):
    future: asyncio.Future[Any]
    operation: Callable[..., Any]
    args: tuple[Any, ...]


class _Outcome(NamedTuple):
    future: asyncio.Future[Any]
    result: Any
    error: Exception | None


class Lane:
    """Carries operations out, in order, on a connection of its own. Used from one event loop."""

    def __init__(self, database: Database, *, name: str, begin: str) -> None:
        self._database = database
        self._begin = begin
        self._loop = asyncio.get_running_loop()
        self._jobs: deque[_Job] = deque()
        self._calls: SimpleQueue[bool] = (
            SimpleQueue()
        )  # to work, and whether that is the last of it
        self._calling = False
        self._closed = False
        self._ended: asyncio.Future[None] = self._loop.create_future()
        # A daemon, so that a process that does not close its store can end; what was told is on the disk.
        self._thread = Thread(target=self._serve, name=name, daemon=True)
        self._thread.start()

    def call(self, operation: Callable[[Database, *Ts], T], *args: *Ts) -> asyncio.Future[T]:
        """Queue an operation; the future is its result, once that is durable.

        Raises StoreUnavailable when the lane is closed or too many operations wait.
        """
        if self._closed:
            raise StoreUnavailable("The database is closed.")
        if len(self._jobs) >= QUEUE_MAX:
            raise StoreUnavailable(
                f"{QUEUE_MAX} operations wait for the database.",
                hint="The disk does not keep up: look for what else uses it.",
            )
        future: asyncio.Future[T] = self._loop.create_future()
        self._jobs.append(_Job(future, operation, args))
        if not self._calling:
            # Once for all that is queued in this turn of the loop: a thread that wakes earlier only gets in its way.
            self._calling = True
            self._loop.call_soon(self._wake)
        return future

    def _wake(self) -> None:
        self._calling = False
        self._calls.put(False)

    async def close(self) -> None:
        """Carry out what is queued, then close the connection and end the thread. Again is no error."""
        if not self._closed:
            self._closed = True
            self._calls.put(True)
        await asyncio.shield(self._ended)
        self._thread.join()

    # --- in the thread ---------------------------------------------------------------------------------------

    def _serve(self) -> None:
        last = False
        while self._jobs or not last:
            jobs = self._take()
            if not jobs:
                last = self._calls.get()
                continue
            try:
                outcomes = self._transaction(jobs)
            except Exception as exc:  # noqa: BLE001  # the thread must not die: nobody would be told anything again
                outcomes = _all_failed(jobs, exc)
            self._tell(outcomes)
        error: Exception | None = None
        try:
            self._database.close()
        except apsw.Error as exc:
            error = translated(exc)
        self._tell([_Outcome(self._ended, None, error)])

    def _take(self) -> list[_Job]:
        """The operations that wait, up to the bound."""
        jobs: list[_Job] = []
        while self._jobs and len(jobs) < BATCH_MAX:
            jobs.append(self._jobs.popleft())
        return jobs

    def _transaction(self, jobs: list[_Job]) -> list[_Outcome]:
        """Carry jobs out in one transaction, or one by one if one of them wrote something and raised."""
        database = self._database
        total_changes = database.connection.total_changes
        outcomes: list[_Outcome] = []
        try:
            database.run(self._begin)
            for future, operation, args in jobs:
                written = total_changes()
                try:
                    outcomes.append(_Outcome(future, operation(database, *args), None))
                except Exception as exc:  # noqa: BLE001  # whatever it is, it is its own caller's
                    outcomes.append(_Outcome(future, None, translated(exc)))
                    if total_changes() != written or not database.connection.in_transaction:
                        database.abandon()
                        return outcomes if len(jobs) == 1 else self._one_by_one(jobs)
            database.run("commit")
        except apsw.Error as exc:  # it could not begin or commit: nothing of this was kept
            database.abandon()
            return _all_failed(jobs, exc)
        return outcomes

    def _one_by_one(self, jobs: list[_Job]) -> list[_Outcome]:
        return [outcome for job in jobs for outcome in self._transaction([job])]

    def _tell(self, outcomes: list[_Outcome]) -> None:
        try:
            self._loop.call_soon_threadsafe(_resolve, outcomes)
        except RuntimeError:  # the loop is closed: nobody waits any more
            return


def _all_failed(jobs: list[_Job], exc: Exception) -> list[_Outcome]:
    """The same bad news for everybody, as an exception of their own each."""
    return [_Outcome(job.future, None, translated(exc)) for job in jobs]


def _resolve(outcomes: list[_Outcome]) -> None:
    """Tell the callers of a transaction how it went; those who were cancelled do not want to know."""
    for future, result, error in outcomes:
        if future.done():
            continue
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)
