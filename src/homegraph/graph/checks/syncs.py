"""An answer to SYNC from its first byte to its last device, in one pass.

This is what ``homegraph lint`` and whoever has nothing but the answer call. A running Home Graph looks at the same rules in two steps,
because most devices of most answers have not changed: ``replies`` for the whole, ``devices`` for those that are new.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from homegraph.graph.checks.devices import check_device
from homegraph.graph.checks.envelopes import error_payload, open_answer
from homegraph.graph.checks.replies import AGENT_USER_ID_MISSING, Spoken, check_list, same_names
from homegraph.graph.checks.rule import Rule, shown, strangers
from homegraph.graph.model import Finding
from homegraph.wire.catalog.book import Catalog
from homegraph.wire.intents import DEVICES_MAX

TOLD_MAX: Final = 1_000
"""Findings about one answer. One more says that there are others."""

_MEMBERS: Final = frozenset({"agentUserId", "devices", "errorCode", "debugString", "status"})


def check_sync(
    body: bytes,
    catalog: Catalog,
    *,
    request_id: str = "",
    agent_user_id: str = "",
    took: float = 0.0,
) -> tuple[Finding, ...]:
    """Everything that is wrong with an answer to SYNC.

    ``request_id`` and ``agent_user_id`` are what is known, empty when nobody does; ``took`` is in seconds.
    """
    opened = open_answer(body, request_id=request_id)
    findings = list(opened.findings)
    payload = opened.payload
    if payload is None:
        return tuple(findings)
    findings += error_payload(payload, "SYNC", catalog.error_codes)
    if not payload.get("errorCode"):
        findings += _payload(payload, catalog, agent_user_id or None, took)
    return cut(findings)


def cut(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """At most ``TOLD_MAX`` findings, and one that says how many there are."""
    if len(findings) <= TOLD_MAX:
        return tuple(findings)
    more = FINDINGS_CUT.found(f"There are {len(findings)} findings; the first {TOLD_MAX} are told.")
    return (*findings[:TOLD_MAX], more)


def spoken_name(device: object) -> Spoken:
    """Id, name and room of a device, empty where there are none."""
    members = device if isinstance(device, dict) else {}
    name = members.get("name")
    spoken = name.get("name") if isinstance(name, dict) else ""
    return _text(members.get("id")), _text(spoken), _text(members.get("roomHint"))


def _payload(
    payload: Mapping[str, Any], catalog: Catalog, agent_user_id: str | None, took: float
) -> Iterator[Finding]:
    yield from strangers(PAYLOAD_MEMBER_UNKNOWN, payload, _MEMBERS, "payload", "payload")
    devices = payload.get("devices")
    if not isinstance(devices, list):
        told = "missing" if devices is None else f"{shown(devices)}, not a list"
        yield DEVICES_MISSING.found(f"payload.devices is {told}.", path="/payload/devices")
        return
    if len(devices) > DEVICES_MAX:
        what = f"{len(devices)} devices are listed; {DEVICES_MAX} are taken at most."
        yield DEVICES_TOO_MANY.found(what, path="/payload/devices")
        return
    whose = payload.get("agentUserId")
    named, is_text = _text(whose), whose is None or isinstance(whose, str)
    if not is_text:
        what = f"payload.agentUserId is {shown(whose)}; it must be text."
        yield AGENT_USER_ID_MISSING.found(what, path="/payload/agentUserId")
    spoken = list(map(spoken_name, devices))
    yield from check_list(
        named,
        # Whoever does not know the agent user expects the one that is named; that there is none is always told.
        agent_user_id=(agent_user_id or named or "?") if is_text else "",
        device_ids=[device_id or f"/{index}" for index, (device_id, _, _) in enumerate(spoken)],
        took=took,
    )
    for index, device in enumerate(devices):
        yield from check_device(device, index, catalog)
    yield from same_names(spoken)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


DEVICES_MISSING: Final = Rule(
    id="devices-missing",
    severity="refused",
    subject="SYNC",
    title="The answer has no list of devices",
    why="payload.devices is required, also when there are none.",
    fix="Answer with the full list of devices, or with an errorCode while it is not known.",
    source="SYNC response schema",
    wrong='{"requestId": "1", "payload": {"agentUserId": "1836"}}',
)

DEVICES_TOO_MANY: Final = Rule(
    id="devices-too-many",
    severity="refused",
    subject="SYNC",
    title="The answer lists more devices than are taken",
    why="Google publishes no limit; this Home Graph has one, so that a runaway answer does not fill it.",
    fix="Look for devices that are listed again and again under new ids.",
    source="limits of homegraph",
)

PAYLOAD_MEMBER_UNKNOWN: Final = Rule(
    id="payload-member-unknown",
    severity="ignored",
    subject="SYNC",
    title="payload has a member that does not exist",
    why="Nothing reads it. Mostly it is misspelt.",
    fix="Correct the spelling, or leave it out.",
    source="SYNC response schema",
)

FINDINGS_CUT: Final = Rule(
    id="findings-cut",
    severity="advice",
    subject="SYNC",
    title="There are more findings than are told",
    why="So many mistakes have few causes.",
    fix="Mend what is named, and look again.",
    source="limits of homegraph",
)

RULES: Final = (DEVICES_MISSING, DEVICES_TOO_MANY, PAYLOAD_MEMBER_UNKNOWN, FINDINGS_CUT)
