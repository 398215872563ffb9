"""Runs that another process executes, for callers who wait for them here.

Where processes share a database, the run that answers a caller may be any process's. Its end is in the journal of runs, so that is
looked at, twice a second, until the caller has an answer; seldom if this process has the run in hands, which tells him itself unless
it loses the lease. Nothing of this happens where the database is one process's alone.

The run that answers is the first one that took the request's generation, interrupted ones left out: they are run again. It need not be in
sync mode: one that died is run again in nobody's name. Generations begin anew with an agent user, or a link, that ends and comes back, so
no run counts that had ended before the request; but processes take their time from the database, and not to the millisecond.

The rule that is easily broken: times alone tell nothing. The run before may have begun, and ended, within what clocks are apart.

First SYNCs are not of an agent user yet, so the newest of the journal may all be other links'. How one of them ended, the link itself tells: it
is linked, or has a problem; only what that problem was is looked for in the journal.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, NamedTuple

from homegraph.errors import CallRefused, HomegraphError, StoreError
from homegraph.graph.model import Instant, LinkState, Outcome, Run, Target
from homegraph.service.house import House
from homegraph.service.listening import Listening

LOOK_SECONDS: Final = 0.5
"""Between two looks: what a caller may wait longer than if the run were this process's."""

LOOK_AT_OURS_SECONDS: Final = 5.0
"""The same for a run that is: a thousand callers of a slow fulfillment would else ask the database two thousand times a second."""

SKEW_SECONDS: Final = 0.25
"""How far the clocks of two processes may be apart: half of a round trip to the database each, in bad times."""

RUNS_LOOKED_AT: Final = 50
"""The newest runs of an agent user. In half a second there are a few."""


class Request(NamedTuple):
    """What a caller waits for: the run that answers ``generation`` of a target, asked for at a time.

    ``is_here``: this process has it in hands.
    """

    target: Target
    generation: int
    asked_at: Instant
    is_here: bool = False

    @property
    def look_seconds(self) -> float:
        """Between two looks for it."""
        return LOOK_AT_OURS_SECONDS if self.is_here else LOOK_SECONDS


class Ended(NamedTuple):
    """What a run came to."""

    failure: HomegraphError | None


async def outcome(
    house: House, listening: Listening, request: Request, seconds_max: float
) -> HomegraphError | None:
    """Wait for the run that answers a request, wherever it is executed; its failure, or None.

    Raises:
        TimeoutError: none has ended in that time.
    """
    if not house.store.is_shared:
        return await listening.outcome_of(request.generation, seconds_max)
    looking: list[asyncio.Task[None]] = []

    def look() -> None:
        looking.append(asyncio.create_task(_look(house, listening, request)))

    # Nearly every run ends before the first look would be due: until then there is a timer, and no task.
    timer = asyncio.get_running_loop().call_later(request.look_seconds, look)
    try:
        return await listening.outcome_of(request.generation, seconds_max)
    finally:
        timer.cancel()
        for task in looking:
            task.cancel()


def find_answer(runs: Sequence[Run], request: Request) -> Run | None:
    """The run that answers a request, of runs that are listed with the newest first."""
    for run in reversed(runs):
        if (
            run.target == request.target
            and run.outcome is not Outcome.INTERRUPTED
            and _has_taken(run, request)
            and run.finished_at >= request.asked_at - SKEW_SECONDS
        ):
            return run
    return None


def _has_taken(run: Run, request: Request) -> bool:
    """Whether a run began after a request. One of a server of the release before does not know what it took: its time must do."""
    if run.taken:
        return run.taken >= request.generation
    return run.started_at >= request.asked_at


async def _look(house: House, listening: Listening, request: Request) -> None:
    never = asyncio.Event()
    while True:
        ended: Ended | None = None
        with suppress(StoreError):  # the caller is told by the deadline, or by a later look
            ended = await _find_end(house, request)
        if ended is not None:
            listening.tell(request.generation, ended.failure)
            return
        await house.clock.wait(never, house.clock.now() + request.look_seconds)


async def _find_end(house: House, request: Request) -> Ended | None:
    target = request.target
    if target.is_first_sync:
        link = await house.store.find_link(target.project_id, target.user_id)
        if link is not None and link.state in (LinkState.LINKED, LinkState.BROKEN):
            if link.agent_user_id:
                return Ended(None)
        elif link is not None and link.state is LinkState.LINKING and not link.problem:
            return None
    runs = await house.store.runs(target.project_id, target.agent_user_id, limit=RUNS_LOOKED_AT)
    run = find_answer(runs, request)
    if run is None:
        return None
    return Ended(CallRefused(run.reason, run.message) if run.reason else None)
