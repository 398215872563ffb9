"""The QUERY after a first SYNC: fills the state store, as Google does since 2020; from then on reports do.

It belongs to the run of the first SYNC and is stored with it, so that an agent user never exists half. It is a courtesy: when
it fails, the account is linked all the same, states are unknown until they are reported, and a finding says so.
"""

from __future__ import annotations

from homegraph.errors import HomegraphError, StoreError
from homegraph.graph.checks.queries import check_query, first_query_failed
from homegraph.graph.effects import BindLink
from homegraph.graph.model import Finding, Project
from homegraph.graph.naming import bound
from homegraph.graph.reporting import TraitState, queried
from homegraph.service.beside import looked_into
from homegraph.service.catalogs import catalog_of
from homegraph.service.outbound import Heard, Outbound
from homegraph.wire.intents import read_device
from homegraph.wire.query_intent import QueryDevice, read_query_reply


async def first_states(
    outbound: Outbound, project: Project, heard: Heard, linked: BindLink
) -> tuple[tuple[TraitState, ...], tuple[Finding, ...]]:
    """The states of the devices that a first SYNC has brought, and what went wrong with asking for them."""
    devices = [read_device(stored.definition) for stored in linked.stored]
    if not devices:
        return (), ()
    asked = [QueryDevice(device.id, device.members().get("customData")) for device in devices]
    catalog = catalog_of(project.policy)
    findings: tuple[Finding, ...] = ()
    try:
        said = await outbound.query(project, heard, asked)
        findings = await looked_into(
            check_query,
            said.body,
            catalog,
            devices={device.id: bound(device, catalog) for device in devices},
            request_id=said.request_id,
            took=said.took,
        )
        reply = await looked_into(read_query_reply, said.body)
    except StoreError:
        raise
    except HomegraphError as exc:  # the link may have ended meanwhile, too, or the server stop
        findings = (*findings, first_query_failed(exc.message))
        return (), heard.transcript.masked_findings(findings)
    rows = queried(
        {device.id: device.traits for device in devices},
        {device_id: answer.states for device_id, answer in reply.devices.items()},
        state_keys=catalog.state_keys,
        now=outbound.clock.now(),
    )
    return rows, heard.transcript.masked_findings(findings)
