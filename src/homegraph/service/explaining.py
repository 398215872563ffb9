"""Why a call was refused, as far as it is known here: for the answer, whichever door it goes through."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, NamedTuple

from homegraph.errors import CallRefused, HomegraphError
from homegraph.graph.explaining import unknown_agent_user
from homegraph.graph.model import Knowledge, Target
from homegraph.service.house import House
from homegraph.wire.status import REASONS, Explanation


class Told(NamedTuple):
    """What the tables of ``wire.status`` need for an answer; ``explain`` is None where the settings want Google's words alone."""

    code: str
    facts: Mapping[str, Any]
    explain: Explanation | None


def told_of(house: House, error: HomegraphError, help_base: str) -> Told:
    """What callers are told of an error. ``help_base`` is what a reason's page has before its code."""
    facts: Mapping[str, Any] = error.facts if isinstance(error, CallRefused) else {}
    code = error.code if error.code in REASONS else "INTERNAL"
    if not house.settings.explain:
        return Told(code, facts, None)
    reasons = (code, *facts.get("also", ()))
    return Told(code, facts, Explanation(reasons, help_base, facts.get("metadata", {})))


def note_bug(house: House, log: logging.Logger, error: Exception) -> str:
    """Write a bug into the log, and nowhere else; the id by which whoever met it can ask for it."""
    request_id = house.ids.short()
    log.error("internal error, request %s", request_id, exc_info=error)
    return request_id


def bug_of(house: House, log: logging.Logger, error: Exception) -> CallRefused:
    """What a caller of the API is told of a bug."""
    return CallRefused("INTERNAL", metadata={"requestId": note_bug(house, log, error)})


async def dismiss(house: House, target: Target) -> None:
    """Refuse those who wait for a sync of an agent user that has just gone: the run under way has lost its lease, and none will follow."""
    listeners = house.runs.listeners
    if not listeners.hears(target):
        return
    knowledge = await house.store.knowledge(target.project_id, target.agent_user_id)
    if not knowledge.linked:
        listeners.dismiss(target, _refusal(knowledge, target.agent_user_id))


async def unknown_user(house: House, project_id: str, agent_user_id: str) -> CallRefused:
    """The refusal of a call that names an agent user who is not linked here, its likely causes ranked."""
    return _refusal(await house.store.knowledge(project_id, agent_user_id), agent_user_id)


def _refusal(knowledge: Knowledge, agent_user_id: str) -> CallRefused:
    first, *others = unknown_agent_user(knowledge)
    return CallRefused(first, also=tuple(others), metadata={"agentUserId": agent_user_id})
