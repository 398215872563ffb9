"""The QUERY after a first SYNC: fills the state store, as Google does since 2020; from then on reports do.

It belongs to the run of the first SYNC and is stored with it, so that an agent user never exists half. It is a courtesy: when
it fails, the account is linked all the same, states are unknown until they are reported, and a finding says so.
"""

from __future__ import annotations

from typing import Final

from homegraph.errors import FulfillmentError, TokenError
from homegraph.graph.checks.queries import first_query_failed
from homegraph.graph.effects import BindLink
from homegraph.graph.model import Finding, Project
from homegraph.graph.reporting import TraitState, queried
from homegraph.service.catalogs import catalog_of
from homegraph.service.outbound import Heard, Outbound
from homegraph.wire.intents import read_device
from homegraph.wire.query_intent import QueryDevice

QUERIED_MAX: Final = 5_000
"""Devices asked about in one QUERY: as many as a SYNC may list."""


async def first_states(
    outbound: Outbound, project: Project, heard: Heard, bound: BindLink
) -> tuple[tuple[TraitState, ...], tuple[Finding, ...]]:
    """The states of the devices that a first SYNC has brought, and what went wrong with asking for them."""
    devices = [read_device(stored.definition) for stored in bound.stored[:QUERIED_MAX]]
    if not devices:
        return (), ()
    asked = [QueryDevice(device.id, device.members.get("customData")) for device in devices]
    try:
        reply = await outbound.query(project, heard, asked)
    except (FulfillmentError, TokenError) as exc:
        return (), (first_query_failed(exc.message),)
    rows = queried(
        {device.id: device.traits for device in devices},
        {device_id: answer.states for device_id, answer in reply.devices.items()},
        state_keys=catalog_of(project.policy).state_keys,
        now=outbound.clock.now(),
    )
    return rows, ()
