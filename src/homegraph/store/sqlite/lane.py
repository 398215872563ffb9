"""A connection and its queue: operations wait in it, and everything that waits shares one transaction.

SQLite has one writer, and what a commit costs is the disk's answer, not the rows. So the writer's lane takes all operations
that came while it was busy (up to a bound), carries them out in one transaction, commits once, and tells all callers at
once. The reader's lane does the same with snapshots.

A lane has a thread, for whatever may take long: the commit always (of a group that wrote something), and operations whose size others decide. An operation that is
*brief* (some rows that are found by their keys) is carried out on the thread of the event loop when its group's turn comes: two
threads of Python take turns, and a statement gives the turn away, so that handing brief work over costs more than the work
(docs/decisions/0031). A group with anything else in it goes to the thread as a whole. Whatever a group is made of, the next
one starts when its commit is over; so the connection is never used by two threads at a time, and the order is that of the calls.

What the loop does is bounded in time as well: a group ends early when its share of the loop is used up, and when that happens
(a disk that pages must be read from, one that is slow) the thread does everything for a while. For a lock that somebody else
holds the loop does not wait at all; the thread does.

Operations are functions of the database and their arguments, nothing else: they hold no state of their own, announce nothing
and can be run again. That is what makes sharing safe. When one of them raises

* before it wrote anything, it alone fails and the others go on;
* after it wrote something, the transaction is undone and every operation of it is run again in one of its own.

So nobody's failure is anybody else's. A caller who is cancelled leaves its operation in the queue: it is carried out.

The rule that is easily broken: nobody is told anything before the commit of the group.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from math import inf
from queue import SimpleQueue
from threading import Thread
from time import monotonic
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar, TypeVarTuple

import apsw

from homegraph.errors import StoreUnavailable
from homegraph.store.sqlite.database import Database, translated

BATCH_MAX: Final = 256
"""Operations of one transaction: beyond this the commit's share is small, and the first of them waits for the last."""

QUEUE_MAX: Final = 16_384
"""Operations that wait. A disk that has stopped answering must not fill the memory; callers are refused instead."""

LOOP_SECONDS_MAX: Final = 0.005
"""For the operations of one group on the loop's thread: hundreds of them when the pages they need are in memory."""

DETOUR_SECONDS: Final = 1.0
"""How long the thread does everything after a group has used up its share of the loop."""

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


# Plain tuples, because there is one of each for every call.
_Job: TypeAlias = tuple[asyncio.Future[Any], Callable[..., Any], tuple[Any, ...], bool]
"""Whose it is, the operation, its arguments, and whether it is brief."""

_Outcome: TypeAlias = tuple[asyncio.Future[Any], Any, Exception | None]
"""Whose it is, and what came of it: a result or an error."""


class _Group(NamedTuple):
    """What shares a transaction. With ``outcomes`` it has been carried out, and only the commit is missing."""

    jobs: list[_Job]
    outcomes: list[_Outcome] | None


class Lane:
    """Carries operations out, in order, on a connection of its own. Used from one event loop."""

    def __init__(
        self,
        database: Database,
        *,
        name: str,
        begin: str,
        committed: Callable[[Database], None] | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """``committed`` is called in the thread after each commit. It must not raise."""
        self._database = database
        self._begin = begin
        self._committed = committed
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._jobs: deque[_Job] = deque()
        self._groups: SimpleQueue[_Group | None] = SimpleQueue()  # for the thread; None ends it
        self._is_busy = False  # a group is under way, or about to be made
        self._detour_until = 0.0
        self._closed = False
        self._ended: asyncio.Future[None] = self._loop.create_future()
        # A daemon, so that a process that does not close its store can end; what was told is on the disk.
        self._thread = Thread(target=self._serve, name=name, daemon=True)
        self._thread.start()

    def call(self, operation: Callable[[Database, *Ts], T], *args: *Ts) -> asyncio.Future[T]:
        """Queue an operation; the future is its result, once that is durable.

        Raises StoreUnavailable when the lane is closed or too many operations wait.
        """
        return self._queue(operation, args, is_brief=False)

    def call_brief(self, operation: Callable[[Database, *Ts], T], *args: *Ts) -> asyncio.Future[T]:
        """``call``, for an operation that may be carried out on the loop's thread: it touches a few rows by their keys."""
        return self._queue(operation, args, is_brief=True)

    async def close(self) -> None:
        """Carry out what is queued, then close the connection and end the thread. Again is no error."""
        if not self._closed:
            self._closed = True
            self._start()
        await asyncio.shield(self._ended)
        self._thread.join()

    # --- on the loop -----------------------------------------------------------------------------------------

    def _queue(
        self, operation: Callable[..., T], args: tuple[Any, ...], *, is_brief: bool
    ) -> asyncio.Future[T]:
        if self._closed:
            raise StoreUnavailable("The database is closed.")
        if len(self._jobs) >= QUEUE_MAX:
            raise StoreUnavailable(
                f"{QUEUE_MAX} operations wait for the database.",
                hint="The disk does not keep up: look for what else uses it.",
            )
        future: asyncio.Future[T] = self._loop.create_future()
        self._jobs.append((future, operation, args, is_brief))
        self._start()
        return future

    def _start(self) -> None:
        """Make a group soon: once everybody has asked who has a say in this turn of the loop."""
        if not self._is_busy:
            self._is_busy = True
            self._loop.call_soon(self._next)

    def _next(self) -> None:
        """Start the next group. Without operations there is none, and after the last one the thread ends."""
        jobs = self._take()
        if not jobs:
            self._is_busy = False
            if self._closed:
                self._groups.put(None)
            return
        outcomes = self._at_once(jobs) if self._is_for_the_loop(jobs) else None
        if outcomes is not None and not self._database.connection.in_transaction:
            self._loop.call_soon(self._finished, outcomes)
        else:
            self._groups.put(_Group(jobs, outcomes))

    def _take(self) -> list[_Job]:
        """The operations that wait, up to the bound."""
        jobs = self._jobs
        return [jobs.popleft() for _ in range(min(len(jobs), BATCH_MAX))]

    def _is_for_the_loop(self, jobs: list[_Job]) -> bool:
        for _, _, _, is_brief in jobs:
            if not is_brief:
                return False
        return self._clock() >= self._detour_until

    def _at_once(self, jobs: list[_Job]) -> list[_Outcome] | None:
        """Carry brief jobs out, up to the commit; None when that is for the thread to do. Those that are left over wait on.

        When they wrote nothing, the transaction is over as well.
        """
        database = self._database
        total_changes = database.connection.total_changes
        written = total_changes()
        until = self._clock() + LOOP_SECONDS_MAX
        try:
            with database.impatient():
                database.run(self._begin)
            outcomes = self._carry_out(jobs, until)
            if total_changes() == written:
                database.abandon()
        except Exception:  # noqa: BLE001  # above all a lock of somebody else's; the thread meets it again, and tells
            with suppress(apsw.Error):
                database.abandon()
            return None
        if len(outcomes) < len(jobs):
            self._detour_until = self._clock() + DETOUR_SECONDS
            self._jobs.extendleft(reversed(jobs[len(outcomes) :]))
            del jobs[len(outcomes) :]
        return outcomes

    def _finished(self, outcomes: list[_Outcome]) -> None:
        """A group is over: tell its callers, and go on with what has come meanwhile."""
        _resolve(outcomes)
        self._next()

    # --- in the thread ---------------------------------------------------------------------------------------

    def _serve(self) -> None:
        while (group := self._groups.get()) is not None:
            try:
                outcomes = self._completed(group)
            except Exception as exc:  # noqa: BLE001  # the thread must not die: nobody would be told anything again
                outcomes = _all_failed(group.jobs, exc)
            self._tell(self._finished, outcomes)
        error: Exception | None = None
        try:
            self._database.close()
        except apsw.Error as exc:
            error = translated(exc)
        self._tell(_resolve, [(self._ended, None, error)])

    def _completed(self, group: _Group) -> list[_Outcome]:
        """Carry a group out, as far as that has not been done, and commit it."""
        jobs, outcomes = group
        database = self._database
        try:
            if outcomes is None:
                database.run(self._begin)
                outcomes = self._carry_out(jobs)
            database.run("commit")
            if self._committed is not None:
                self._committed(database)
        except apsw.Error as exc:  # it could not begin or commit: nothing of this was kept
            database.abandon()
            return _all_failed(jobs, exc)
        except _HalfDoneError as exc:
            database.abandon()
            if len(jobs) == 1:
                return [exc.outcome]
            return [outcome for job in jobs for outcome in self._completed(_Group([job], None))]
        return outcomes

    def _tell(self, told: Callable[[list[_Outcome]], None], outcomes: list[_Outcome]) -> None:
        try:
            self._loop.call_soon_threadsafe(told, outcomes)
        except RuntimeError:  # the loop is closed: nobody waits any more
            return

    # --- on either -------------------------------------------------------------------------------------------

    def _carry_out(self, jobs: list[_Job], until: float = inf) -> list[_Outcome]:
        """Carry jobs out, as many as begin before ``until`` and at least one.

        Raises _HalfDoneError when one of them wrote something and raised: then the transaction is not worth its commit.
        """
        database, clock = self._database, self._clock
        total_changes = database.connection.total_changes
        outcomes: list[_Outcome] = []
        for future, operation, args, _ in jobs:
            written = total_changes()
            try:
                outcomes.append((future, operation(database, *args), None))
            except Exception as exc:  # whatever it is, it is its own caller's
                outcome: _Outcome = (future, None, translated(exc))
                if total_changes() != written or not database.connection.in_transaction:
                    raise _HalfDoneError(outcome) from exc
                outcomes.append(outcome)
            if clock() > until:
                break
        return outcomes


class _HalfDoneError(Exception):
    """An operation wrote something and raised; ``outcome`` is its own."""

    def __init__(self, outcome: _Outcome) -> None:
        super().__init__()
        self.outcome = outcome


def _all_failed(jobs: list[_Job], exc: Exception) -> list[_Outcome]:
    """The same bad news for everybody, as an exception of their own each."""
    return [(future, None, translated(exc)) for future, _, _, _ in jobs]


def _resolve(outcomes: list[_Outcome]) -> None:
    """Tell the callers of a transaction how it went; those who were cancelled do not want to know."""
    for future, result, error in outcomes:
        if future.done():
            continue
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)
