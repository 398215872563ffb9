"""Checks of a SYNC reply as a whole: what it says about itself, and what is wrong between its devices.

Not here: what is wrong within one device.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from homegraph.graph.checks.rule import Rule, pointer, shown
from homegraph.graph.model import Finding
from homegraph.wire.intents import SyncReply

SLOW_SECONDS: Final = 5.0
"""Google's guidance: an answer to SYNC slower than this is not reliable."""


def check_reply(
    reply: SyncReply,
    *,
    request_id: str,
    agent_user_id: str,
    device_ids: Sequence[str],
    took: float,
) -> tuple[Finding, ...]:
    """Findings about one reply. ``agent_user_id`` is empty in a first SYNC; ``took`` is in seconds."""
    findings: list[Finding] = []
    if not reply.request_id:
        findings.append(
            REQUEST_ID_NOT_ECHOED.found("The reply has no requestId.", path="/requestId")
        )
    elif reply.request_id != request_id:
        what = f"requestId is {shown(reply.request_id)}, which is not the one that was sent."
        findings.append(REQUEST_ID_NOT_ECHOED.found(what, path="/requestId"))
    if agent_user_id and not reply.agent_user_id:
        what = "The reply has no payload.agentUserId."
        findings.append(AGENT_USER_ID_MISSING.found(what, path="/payload/agentUserId"))
    elif agent_user_id and reply.agent_user_id != agent_user_id:
        what = f"agentUserId was {shown(agent_user_id)} until now and is {shown(reply.agent_user_id)} in this reply."
        findings.append(AGENT_USER_ID_CHANGED.found(what, path="/payload/agentUserId"))
    if not reply.devices:
        findings.append(DEVICES_EMPTY.found("The reply lists no devices.", path="/payload/devices"))
    findings.extend(_duplicates(device_ids))
    if took > SLOW_SECONDS:
        findings.append(REPLY_SLOW.found(f"The answer took {took:.1f} s."))
    return tuple(findings)


def links_disagree(user_ids: Sequence[str]) -> Finding:
    """Two links of one agent user answered with different lists; the last one counted."""
    users = ", ".join(user_ids)
    return LINKS_DISAGREE.found(
        f"The links of {users} were answered with different device lists.", path="/payload/devices"
    )


def _duplicates(device_ids: Sequence[str]) -> Iterator[Finding]:
    seen: set[str] = set()
    for index, device_id in enumerate(device_ids):
        if device_id in seen:
            yield DEVICE_ID_DUPLICATE.found(
                f"Device {shown(device_id)} is listed more than once.",
                path=pointer("payload", "devices", index, "id"),
                device_id=device_id,
            )
        seen.add(device_id)


REQUEST_ID_NOT_ECHOED: Final = Rule(
    id="request-id-not-echoed",
    severity="advice",
    subject="SYNC",
    title="requestId is not the one of the request",
    why="It must be the same as in the request.",
    fix="Copy requestId from the request into the reply.",
    source="SYNC response schema",
    wrong='{"payload": {"agentUserId": "1836", "devices": []}}',
    right='{"requestId": "6894439706274654512", "payload": {"agentUserId": "1836", "devices": []}}',
)

AGENT_USER_ID_MISSING: Final = Rule(
    id="agent-user-id-missing",
    severity="refused",
    subject="SYNC",
    title="The reply does not say whose devices these are",
    why="It is required; without it Request Sync and Report State find no agent user.",
    fix="Answer every SYNC with the same immutable agentUserId.",
    source="SYNC response schema",
    wrong='{"requestId": "1", "payload": {"devices": []}}',
    right='{"requestId": "1", "payload": {"agentUserId": "1836", "devices": []}}',
)

AGENT_USER_ID_CHANGED: Final = Rule(
    id="agent-user-id-changed",
    severity="refused",
    subject="SYNC",
    title="agentUserId is another one than before",
    why="It must never change. The link was moved; calls with the old id get 404 from now on.",
    fix="Answer with an id that stays, such as an account number.",
    source="SYNC response schema",
)

DEVICES_EMPTY: Final = Rule(
    id="devices-empty",
    severity="refused",
    subject="SYNC",
    title="The reply lists no devices",
    why="Google has unlinked accounts over an empty list, without a DISCONNECT.",
    fix="While devices are not loaded, answer with an error; never with an empty list.",
    source="google-home/smart-home-nodejs issue 327",
    wrong='{"requestId": "1", "payload": {"agentUserId": "1836", "devices": []}}',
    right='{"requestId": "1", "payload": {"errorCode": "deviceNotReady"}}',
)

DEVICE_ID_DUPLICATE: Final = Rule(
    id="device-id-duplicate",
    severity="refused",
    subject="SYNC",
    title="Two devices have the same id",
    why="Ids are keys: only the first of these devices was taken.",
    fix="Give every device an id of its own.",
    source="SYNC response schema",
)

REPLY_SLOW: Final = Rule(
    id="reply-slow",
    severity="advice",
    subject="SYNC",
    title="The answer came late",
    why=f"Google expects SYNC to be answered within {SLOW_SECONDS:.0f} s.",
    fix="Answer with the devices you know; refresh them afterwards and request a sync.",
    source="Google's FAQ on SYNC",
)

LINKS_DISAGREE: Final = Rule(
    id="links-disagree",
    severity="advice",
    subject="SYNC",
    title="The links of one agent user were answered with different lists",
    why="All links of an agent user share one list; the reply that came last was taken.",
    fix="Answer SYNC by the agent user, not by the token that it came with.",
    source="SYNC is sent for every link of an agent user",
)

RULES: Final = (
    REQUEST_ID_NOT_ECHOED,
    AGENT_USER_ID_MISSING,
    AGENT_USER_ID_CHANGED,
    DEVICES_EMPTY,
    DEVICE_ID_DUPLICATE,
    REPLY_SLOW,
    LINKS_DISAGREE,
)
