"""What is kept of devices and told again: Report State, Query, Sync, and the end of an agent user.

None of these asks the fulfillment anything: they read and write what the Home Graph has. So a fulfillment may call them from
inside its own SYNC or EXECUTE handler; nothing waits for anything but the database.

Refusals say what Google's say in public (one and the same 404 or 400) and carry the cause: which device is unknown, which
field of the report is wrong, whether the agent user was never linked, unlinked, or is settling still.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import msgspec

from homegraph.errors import CallRefused, NotFound
from homegraph.graph.model import Device, Instant, LinkState, Notification, Project, Target
from homegraph.graph.reporting import Rule, TraitState, Verdict, Violation, malformed
from homegraph.graph.state_checks import checker
from homegraph.service.catalogs import catalog_of
from homegraph.service.clock import rfc3339
from homegraph.service.events import LinkChanged, StatesReported
from homegraph.service.explaining import dismiss, unknown_user
from homegraph.service.house import House
from homegraph.wire.api_v1 import DeleteAgentUser, Query, Sync
from homegraph.wire.catalog.book import Catalog
from homegraph.wire.execute_intent import follow_up_token
from homegraph.wire.reports import ReportState

IDS_NAMED_MAX: Final = 10
"""Unknown device ids that a refusal names."""

RULES_KEPT_MAX: Final = 8
"""There is one in a process; tests have a few."""


class QueriedStates(msgspec.Struct, frozen=True, gc=False):
    """Stored states by device id, each a JSON object; ``committed`` by device id and trait (RFC 3339, UTC)."""

    states: Mapping[str, bytes]
    committed: Mapping[str, Mapping[str, str]]


async def report_state(house: House, project: Project, message: ReportState) -> None:
    """Store a report: all of it, or nothing.

    Raises:
        CallRefused: a mistake in the report (each named by its path), an unknown device, an agent user that is not linked.
    """
    wrong = malformed(message.states)
    if wrong:
        raise _refusal(wrong)
    now = house.clock.now()
    verdict = await house.store.report(
        project.id,
        message.agent_user_id,
        message.states,
        tuple(_notifications(house, project, message, now)) if message.has_notifications else (),
        _rule(house.settings.settle_seconds, catalog_of(project.policy)),
        now,
    )
    if not verdict.is_accepted:
        raise await _refused(house, project, message, verdict)
    house.events.announce(
        StatesReported(
            project.id,
            message.agent_user_id,
            tuple(message.states),
            sum(map(len, message.notifications.values())) if message.notifications else 0,
        )
    )


async def query(house: House, project: Project, message: Query) -> QueriedStates:
    """The stored states of the devices that were asked for.

    Raises:
        CallRefused: an agent user that is not linked, a device that is not here.
    """
    try:
        found = await house.store.states(project.id, message.agent_user_id, message.device_ids)
    except NotFound as exc:
        raise await unknown_user(house, project.id, message.agent_user_id) from exc
    missing = [device_id for device_id in message.device_ids if device_id not in found]
    if missing:
        named = ", ".join(missing[:IDS_NAMED_MAX])
        raise CallRefused(
            "DEVICE_NOT_FOUND", metadata={"agentUserId": message.agent_user_id, "devices": named}
        )
    return QueriedStates(
        {device_id: flat(found[device_id]) for device_id in message.device_ids},
        {device_id: _committed(found[device_id]) for device_id in message.device_ids}
        if message.include_device_metadata
        else {},
    )


async def sync(house: House, project: Project, message: Sync) -> list[dict[str, Any]]:
    """The stored devices of an agent user, as its fulfillment described them.

    Raises:
        CallRefused: the agent user is not linked.
    """
    try:
        devices: list[Device] = await house.store.devices(project.id, message.agent_user_id)
    except NotFound as exc:
        raise await unknown_user(house, project.id, message.agent_user_id) from exc
    return [msgspec.json.decode(device.definition, type=dict[str, Any]) for device in devices]


async def delete_agent_user(house: House, project: Project, message: DeleteAgentUser) -> None:
    """The developer unlinks an agent user: its links end, its devices and states go. No DISCONNECT is sent.

    Raises:
        CallRefused: the agent user is not linked.
    """
    now = house.clock.now()
    try:
        ended = await house.store.delete_agent_user(project.id, message.agent_user_id, now)
    except NotFound as exc:
        raise await unknown_user(house, project.id, message.agent_user_id) from exc
    for link in ended:
        house.events.announce(LinkChanged(project.id, link.user_id, LinkState.UNLINKED, ""))
    await dismiss(house, Target(project.id, message.agent_user_id))


def flat(rows: Iterable[TraitState]) -> bytes:
    """A device's states as one JSON object, its members in alphabetical order, as Google writes a Struct."""
    members = b",".join([row.state[1:-1] for row in rows if len(row.state) > len(b"{}")])
    return msgspec.json.encode(msgspec.json.decode(b"{%b}" % members), order="sorted")


@lru_cache(maxsize=RULES_KEPT_MAX)
def _rule(settle_seconds: float, catalog: Catalog) -> Rule:
    """What reports are judged by, for a setting and a catalog."""
    return Rule(catalog.state_keys, checker(catalog), settle_seconds)


def _committed(rows: Iterable[TraitState]) -> dict[str, str]:
    return {row.trait: rfc3339(row.committed_at) or "" for row in rows}


def _notifications(
    house: House, project: Project, message: ReportState, now: Instant
) -> Iterable[Notification]:
    def entry(device_id: str, trait: str, body: bytes, token: str = "") -> Notification:
        return Notification(
            id=house.ids.run(),
            project_id=project.id,
            agent_user_id=message.agent_user_id,
            device_id=device_id,
            trait=trait,
            event_id=message.event_id,
            received_at=now,
            body=body,
            follow_up_token=token,
        )

    for device_id, by_trait in message.notifications.items():
        for trait, body in by_trait.items():
            # The request has a field for the token, too; it counts for what has none of its own.
            token = follow_up_token(body) or message.follow_up_token
            yield entry(device_id, trait, msgspec.json.encode(body), token)
    for field, listed in (("homeTraits", message.home_traits), ("homeEvents", message.home_events)):
        if listed:
            yield entry("", field, b'{"%b":%b}' % (field.encode(), listed))


async def _refused(
    house: House, project: Project, message: ReportState, verdict: Verdict
) -> CallRefused:
    """Why a report is not stored."""
    if verdict.unlinked:
        return await unknown_user(house, project.id, message.agent_user_id)
    if verdict.settling:
        return CallRefused("AGENT_USER_SETTLING", metadata={"agentUserId": message.agent_user_id})
    if verdict.unknown:
        named = ", ".join(verdict.unknown[:IDS_NAMED_MAX])
        return CallRefused(
            "DEVICE_UNKNOWN", metadata={"agentUserId": message.agent_user_id, "devices": named}
        )
    return _refusal(verdict.violations)


def _refusal(violations: Sequence[Violation]) -> CallRefused:
    return CallRefused(
        violations[0].code,
        violations[0].description,
        wrong_fields=tuple((one.field, one.description) for one in violations),
    )
