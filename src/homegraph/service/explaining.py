"""Looks up what is known of an agent user whom a call named in vain, so that the refusal can say why."""

from __future__ import annotations

from homegraph.errors import CallRefused
from homegraph.graph.explaining import unknown_agent_user
from homegraph.service.house import House


async def unknown_user(house: House, project_id: str, agent_user_id: str) -> CallRefused:
    """The refusal of a call that names an agent user who is not linked here, its likely causes ranked."""
    knowledge = await house.store.knowledge(project_id, agent_user_id)
    first, *others = unknown_agent_user(knowledge)
    return CallRefused(first, also=tuple(others), metadata={"agentUserId": agent_user_id})
