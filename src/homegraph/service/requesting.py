"""Request Sync, the use-case: record the request, and in sync mode wait for what comes of it.

The request is durable before anything is answered. In sync mode the caller waits for the run that answers its generation:
usually the one it starts itself, sometimes the one after a run that was under way. The run goes on whatever becomes of the
caller.
"""

from __future__ import annotations

from typing import Final

from homegraph.errors import CallRefused, HomegraphError
from homegraph.graph.model import Cause, Mode, Project, Target
from homegraph.graph.syncing import REFUSE, SYNC_CALL_SECONDS
from homegraph.service import elsewhere
from homegraph.service.events import SyncRequested
from homegraph.service.explaining import unknown_user
from homegraph.service.house import House
from homegraph.store.port import Admitted
from homegraph.wire.api_v1 import RequestSync

SYNC_CALLS_MAX: Final = 1_000
"""Sync-mode calls that wait at once in this process; each holds a connection to a fulfillment."""

# By names of their own for the reason that ``graph.syncing`` gives.
_SYNC, _ASYNC = Mode
_REQUEST: Final = Cause.REQUEST


async def request_sync(house: House, project: Project, message: RequestSync) -> None:
    """Ask for a SYNC of an agent user's links. Returns when the request is recorded (async) or answered (sync).

    Raises:
        CallRefused: with the reason of the refusal, or of the sync that failed.
    """
    target = Target(project.id, message.agent_user_id)
    try:
        if message.async_:
            await _queue(house, target)
        else:
            await _wait(house, project, target)
    except CallRefused as exc:
        exc.facts.setdefault("metadata", {})["agentUserId"] = message.agent_user_id
        raise
    except HomegraphError as exc:
        told = {"agentUserId": message.agent_user_id}
        raise CallRefused(exc.code, exc.message, metadata=told) from exc


async def _queue(house: House, target: Target) -> None:
    admitted = await _admit(house, target, _ASYNC)
    if admitted is not None:
        house.loop.asked(target.project_id)
    elif house.settings.unknown_async == "refuse":
        raise await unknown_user(house, target.project_id, target.agent_user_id)


async def _wait(house: House, project: Project, target: Target) -> None:
    if house.loop.stopping:
        raise CallRefused("SERVER_STOPPING")
    if house.runs.listeners.count >= SYNC_CALLS_MAX:
        raise CallRefused("SERVER_BUSY")
    with house.runs.listeners.listen(target) as listening:
        asked_at = house.clock.now()
        admitted = await _admit(house, target, _SYNC)
        if _is_refused(admitted) and await house.runs.unsettled.hand_back_of(target):
            admitted = await _admit(house, target, _SYNC)  # nothing was in flight any more
        if admitted is None:
            raise await unknown_user(house, target.project_id, target.agent_user_id)
        if admitted.claim is not None:
            house.runs.start(project, admitted.claim)
        elif _is_refused(admitted):
            raise CallRefused("SYNC_IN_FLIGHT")
        else:
            house.runs.changed.set()
        try:
            is_here = admitted.claim is not None
            asked = elsewhere.Request(target, admitted.generation, asked_at, is_here)
            failure = await elsewhere.outcome(house, listening, asked, SYNC_CALL_SECONDS)
        except TimeoutError as exc:
            raise CallRefused("SYNC_DEADLINE") from exc
    if failure is not None:
        raise failure


async def _admit(house: House, target: Target, mode: Mode) -> Admitted | None:
    admitted = await house.store.request_sync(
        target,
        mode,
        _REQUEST,
        house.clock.now(),
        worker=house.runs.worker,
        lease_seconds=house.settings.lease_seconds,
    )
    if admitted is not None and not _is_refused(admitted):
        merged = admitted.claim is None
        house.events.announce(SyncRequested(target, mode, _REQUEST, merged))
    return admitted


def _is_refused(admitted: Admitted | None) -> bool:
    return admitted is not None and admitted.admission is REFUSE
