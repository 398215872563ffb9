"""When a SYNC is due, and what follows one: the rule at the heart of Request Sync.

The rule is a generation counter, not a queue of messages. Every request raises ``requested``; a run takes the
generation that it saw at its start (``taken``) and, when it is over, ``done`` becomes what it took. Work is pending while
``requested > done``. So a request that arrives while a run is under way, which may already have read the old
devices, is always followed by exactly one more run, and any number of waiting requests are one run.

Everything that decides about runs is in this file. The store loads a ``Work``, calls one of the functions below inside its
transaction and saves what comes back; it never computes a counter itself.

Sync mode adds one thing: ``sync_generation`` is the generation that a waiting caller wants an outcome for. While
it is pending and its deadline has not passed, another sync-mode call is refused (Google: one at a time per agent user).
A failed run is not repeated for a sync-mode caller, who was told; it is repeated for async requests, whose
callers were not (``async_generation`` is the latest of them).

``MOVES`` is the same rule as a table of states. ``state_of`` reads the state off the counters and every function
below checks its move against the table, so the two cannot drift; the picture in the documentation is drawn from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

import msgspec
from msgspec.structs import replace

from homegraph.graph.model import Cause, Instant, Mode, Outcome, Run, Target

SYNC_CALL_SECONDS: Final = 60.0
"""Deadline of a sync-mode call: Google's backend deadline for every method."""

SET_BACK_SECONDS: Final = 300.0
"""From here on a time that has not come yet means that the clock was set back: small corrections lengthen a wait by little."""


class State(StrEnum):
    """Where the work of one target stands."""

    IDLE = "Idle"
    WAITING = "Waiting"
    RUNNING = "Running"
    RUNNING_AGAIN = "RunningAgain"  # asked for again meanwhile: one more run follows


class Event(StrEnum):
    """What can happen to it."""

    REQUESTED = "Requested"
    CLAIMED = "Claimed"
    FINISHED = "Finished"  # done, or failed in a way that repeating does not cure
    RETRIED = "Retried"
    INTERRUPTED = "Interrupted"  # the worker died, or handed the run back


MOVES: Final[dict[tuple[State, Event], State]] = {
    (State.IDLE, Event.REQUESTED): State.WAITING,
    (State.WAITING, Event.REQUESTED): State.WAITING,  # merged into the run that waits
    (State.WAITING, Event.CLAIMED): State.RUNNING,
    (State.RUNNING, Event.REQUESTED): State.RUNNING_AGAIN,  # too late to join
    (State.RUNNING_AGAIN, Event.REQUESTED): State.RUNNING_AGAIN,
    (State.RUNNING, Event.FINISHED): State.IDLE,
    (State.RUNNING_AGAIN, Event.FINISHED): State.WAITING,
    (State.RUNNING, Event.RETRIED): State.WAITING,
    (State.RUNNING_AGAIN, Event.RETRIED): State.WAITING,
    (State.RUNNING, Event.INTERRUPTED): State.WAITING,
    (State.RUNNING_AGAIN, Event.INTERRUPTED): State.WAITING,
}


class Work(msgspec.Struct, frozen=True):
    """The counters of one target, as stored. ``taken`` is 0 while nobody runs it; generations start at 1.

    A Struct, because it is replaced several times in every sync: a dataclass of this size takes forty times as long.
    Counters are 64 bits wide where they are stored; at a million requests a second that is enough for 290,000 years.

    ``fence`` grows with every claim: it numbers the runs and tells a worker that came back from the dead that its lease is
    somebody else's. ``due_at`` is when the waiting run may start. ``cause`` and ``requested_at`` describe the oldest
    request that no run has taken yet, the ``run_…`` fields the run under way. ``reply`` is what the reply to the last run is known
    by, when all of it stands in the list (``applying.bound``).
    """

    requested: int = 0
    done: int = 0
    taken: int = 0
    fence: int = 0
    attempts: int = 0
    due_at: Instant = 0.0
    lease_until: Instant = 0.0
    worker: str = ""
    sync_generation: int = 0
    sync_until: Instant = 0.0
    async_generation: int = 0
    cause: Cause = Cause.REQUEST
    requested_at: Instant = 0.0
    run_cause: Cause = Cause.REQUEST
    run_mode: Mode = Mode.ASYNC
    run_requested_at: Instant = 0.0
    run_started_at: Instant = 0.0
    reply: bytes = b""


class Admission(StrEnum):
    """What a request leads to."""

    START = "start"  # the caller holds the lease now and executes the run itself
    JOIN = "join"  # a run is waiting or follows the one under way
    REFUSE = "refuse"  # sync mode, and another sync-mode call is in flight


class Finish(msgspec.Struct, frozen=True):
    """The run is over. ``outcome`` is DONE, or FAILED for a failure that is not repeated."""

    outcome: Outcome = Outcome.DONE


class Retry(msgspec.Struct, frozen=True):
    """Another run follows at ``at``."""

    at: Instant
    outcome: Outcome = Outcome.RETRYING


class GiveUp(msgspec.Struct, frozen=True):
    """Failed as often as is allowed."""

    outcome: Outcome = Outcome.GAVE_UP


Step: TypeAlias = Finish | Retry | GiveUp

# Members by names of their own, in the order of their classes: in CPython 3.11 one that is read from its class costs more than all of
# ``state_of``, and a request with its run would read thirty of them.
_IDLE, _WAITING, _RUNNING, _RUNNING_AGAIN = State
_REQUESTED, _CLAIMED, _FINISHED, _RETRIED, _INTERRUPTED = Event
START, JOIN, REFUSE = Admission
_SYNC, _ASYNC = Mode


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How failed runs are repeated: seconds before the second attempt, doubled each time up to ``longest``.

    ``attempts_max`` of 0 means for ever (the first SYNC of a link).
    """

    attempts_max: int = 12
    first: float = 1.0
    longest: float = 300.0

    def delay(self, attempts: int, spread: float) -> float:
        """Seconds to wait after ``attempts`` failures; ``spread`` in [0, 1) keeps many targets from coming back together."""
        doubled = self.first * 2.0 ** min(attempts - 1, 32)
        return min(doubled, self.longest) * (0.75 + 0.5 * spread)


def state_of(work: Work) -> State:
    """Read the state off the counters."""
    if work.taken:
        return _RUNNING_AGAIN if work.requested > work.taken else _RUNNING
    return _WAITING if work.requested > work.done else _IDLE


def request(work: Work, mode: Mode, cause: Cause, now: Instant) -> tuple[Admission, Work]:
    """Take a request in. Returns what it leads to, and the work as it must be saved with it (unchanged for REFUSE).

    START does not claim: the caller does so next, in the same transaction. An async request that meets a run waiting
    out a back-off joins it as it is; a sync-mode call does not wait for a back-off.
    """
    if mode is _SYNC and sync_call_in_flight(work, now):
        return REFUSE, work
    before = state_of(work)
    generation = work.requested + 1
    is_sync = mode is _SYNC
    is_idle = before is _IDLE
    is_oldest = work.requested <= max(work.done, work.taken)
    # Every member that may change is named, changed or not: to gather those that do takes longer than all of this.
    after = replace(
        work,
        requested=generation,
        sync_generation=generation if is_sync else work.sync_generation,
        sync_until=now + SYNC_CALL_SECONDS if is_sync else work.sync_until,
        async_generation=work.async_generation if is_sync else generation,
        due_at=now if is_idle else work.due_at,
        attempts=0 if is_idle else work.attempts,
        cause=cause if is_oldest else work.cause,
        requested_at=now if is_oldest else work.requested_at,
    )
    _check(before, _REQUESTED, after)
    if is_sync and is_claimable(after, now, regardless_of_due=True):
        return START, after
    return JOIN, after


def ready_at(work: Work) -> Instant | None:
    """When a worker may take it: when it is due, or when the lease of the run under way ends. None while idle."""
    if work.taken:
        return work.lease_until
    return work.due_at if work.requested > work.done else None


def is_claimable(work: Work, now: Instant, *, regardless_of_due: bool = False) -> bool:
    """Whether a worker may take it: waiting and due, or its worker's lease has run out."""
    ready = ready_at(work)
    if ready is None:
        return False
    return ready <= now or (regardless_of_due and not work.taken)


def claim(work: Work, worker: str, now: Instant, lease_seconds: float) -> Work:
    """Give the work to ``worker``. A run whose lease ran out is handed back first, its attempt not counted.

    A lease that has not run out is nobody else's to take: that raises, like every move that is not in the table.
    """
    if work.taken and work.lease_until <= now:
        work = interrupt(work, now)
    after = replace(
        work,
        taken=work.requested,
        fence=work.fence + 1,
        attempts=work.attempts + 1,
        worker=worker,
        lease_until=now + lease_seconds,
        run_cause=work.cause,
        run_mode=run_mode(work, now),
        run_requested_at=work.requested_at,
        run_started_at=now,
    )
    _check(state_of(work), _CLAIMED, after)
    return after


def interrupt(work: Work, now: Instant) -> Work:
    """Hand a run back as if it had not been started: what it was to answer is pending still, and due."""
    after = replace(
        _released(work),
        due_at=now,
        attempts=max(0, work.attempts - 1),
        cause=work.run_cause,
        requested_at=work.run_requested_at,
    )
    _check(state_of(work), _INTERRUPTED, after)
    return after


def recover(work: Work, now: Instant) -> Work:
    """Mend what a process that is certainly dead left behind: its lease, and callers who wait no longer."""
    return replace(interrupt(work, now) if work.taken else work, sync_generation=0)


def follow_clock(work: Work, now: Instant) -> Work:
    """Mend what a clock left behind that was set back: what waits since a time that has not come yet is due.

    The hours between would have to pass once more.
    """
    since = max(work.requested_at, work.run_started_at)
    waits = state_of(work) is _WAITING and work.due_at > now
    return replace(work, due_at=now) if waits and since > now + SET_BACK_SECONDS else work


def next_step(  # what is told of a run has these parts
    work: Work,
    *,
    failed: bool,
    retryable: bool,
    policy: RetryPolicy,
    now: Instant,
    spread: float,
    retry_from: Instant = 0.0,
) -> Step:
    """Decide what follows a run that ended as told; another attempt comes at ``retry_from`` at the earliest."""
    if not failed:
        return Finish()
    if not retryable or work.async_generation <= work.done:
        return Finish(Outcome.FAILED)
    if policy.attempts_max and work.attempts >= policy.attempts_max:
        return GiveUp()
    return Retry(max(retry_from, now + policy.delay(work.attempts, spread)))


def settle(work: Work, step: Step, now: Instant, reply: bytes = b"") -> Work:
    """Carry ``step`` over to the counters. ``reply`` is what the run's reply is known by when it comes again."""
    if isinstance(step, Retry):
        # What was asked for during the run waits with it, unless a sync-mode caller waits for an answer.
        caller_waits = work.sync_generation > work.taken and work.sync_until > now
        after = replace(
            _released(work),
            due_at=now if caller_waits else step.at,
            cause=work.run_cause,
            requested_at=work.run_requested_at,
            reply=reply,
        )
        _check(state_of(work), _RETRIED, after)
        return after
    after = replace(_released(work), done=work.taken, attempts=0, due_at=now, reply=reply)
    _check(state_of(work), _FINISHED, after)
    return after


def merged(work: Work) -> int:
    """How many requests the run under way answers."""
    return work.taken - work.done


def interrupted_run(run_id: str, target: Target, work: Work, now: Instant) -> Run:
    """The record of a run that died: ``work`` as it was under way, before it was handed back."""
    return Run(
        run_id,
        target,
        work.run_cause,
        work.run_mode,
        Outcome.INTERRUPTED,
        work.run_requested_at,
        work.run_started_at,
        now,
        merged=merged(work),
        attempt=work.attempts,
        reason="INTERRUPTED",
        message="The process that executed this run ended before the run did. It is run again.",
        taken=work.taken,
    )


def sync_call_in_flight(work: Work, now: Instant) -> bool:
    """Whether a sync-mode caller is waiting for an outcome."""
    return work.sync_generation > work.done and work.sync_until > now


def run_mode(work: Work, now: Instant) -> Mode:
    """A run that a sync-mode caller waits for is a sync-mode run, whoever else it serves."""
    return _SYNC if sync_call_in_flight(work, now) else _ASYNC


def _released(work: Work) -> Work:
    """Without a worker, and without the sync-mode caller whose run this was: that caller has its answer."""
    answered = work.sync_generation <= work.taken
    return replace(
        work,
        taken=0,
        worker="",
        lease_until=0.0,
        sync_generation=0 if answered else work.sync_generation,
    )


def _check(before: State, event: Event, after: Work) -> None:
    expected = MOVES.get((before, event))
    if expected is None or state_of(after) is not expected:
        raise AssertionError(f"{event} in {before} may not lead to {state_of(after)}")
