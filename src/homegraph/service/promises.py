"""Devices that said willReportState and are not reported, for ``homegraph doctor``.

That one device was never reported may be: its state has not changed yet. That none was means that nobody has called Report State at
all, and only then something is wrong. A live QUERY names the devices one by one.

The rule that is easily broken: a doctor looks at a few homes, never at all of them; a project may have a million.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from homegraph.errors import NotFound
from homegraph.graph.checks.reports import REPORT_NEVER, Promise, check_promises
from homegraph.graph.model import Finding, Project
from homegraph.graph.reporting import last_stored
from homegraph.service.house import House
from homegraph.service.views.server import Advice
from homegraph.wire.intents import read_device

HOMES_LOOKED_AT_MAX: Final = 20
"""Agent users of a project. They share its code, so a few tell whether it reports."""

NAMED_MAX: Final = 5


async def kept_promises(house: House, projects: Sequence[Project]) -> list[Advice]:
    """A line for each project with devices that promised to report."""
    return [advice for project in projects for advice in await _of_project(house, project)]


async def _of_project(house: House, project: Project) -> list[Advice]:
    promises: list[Promise] = []
    silent: list[Finding] = []
    for project_id, agent_user_id in await house.store.agent_users(
        project.id, limit=HOMES_LOOKED_AT_MAX
    ):
        found = await _promises(house, project_id, agent_user_id)
        promises += found
        silent += check_promises(found, house.clock.now())
    if not promises:
        return []
    named = ", ".join(one.device_id for one in silent[:NAMED_MAX])
    more = ", …" if len(silent) > NAMED_MAX else ""
    told = f"{len(silent)} of {len(promises)} devices with willReportState were never reported"
    return [
        Advice(
            name=f"reports of {project.id}",
            ok=len(silent) < len(promises),
            detail=f"{told}: {named}{more}"
            if silent
            else "of no device with willReportState a first report is overdue",
            fix=REPORT_NEVER.fix if len(silent) == len(promises) else "",
        )
    ]


async def _promises(house: House, project_id: str, agent_user_id: str) -> list[Promise]:
    try:
        devices = await house.store.devices(project_id, agent_user_id)
        states = await house.store.states(project_id, agent_user_id)
    except NotFound:  # unlinked since it was listed
        return []
    return [
        Promise(device.id, device.added_at, last_stored(states.get(device.id, ())))
        for device in devices
        if read_device(device.definition).members().get("willReportState") is True
    ]
