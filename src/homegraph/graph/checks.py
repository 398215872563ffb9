"""What is remarkable about a SYNC reply that could be read.

Pure, and never stopping at the first: every check looks at the whole reply and adds its findings. A finding explains
itself (what, why, fix); it never changes what is stored. Here are the rules about the reply as a whole; rules about
single devices, traits and types come with the catalog.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from homegraph.graph.model import Finding
from homegraph.wire.intents import SyncReply

SLOW_SECONDS: Final = 5.0
"""Google's guidance: an answer to SYNC slower than this is not reliable."""


def check_sync(
    reply: SyncReply,
    *,
    request_id: str,
    agent_user_id: str,
    device_ids: Sequence[str],
    took: float,
) -> tuple[Finding, ...]:
    """Findings about one reply. ``agent_user_id`` is empty in a first SYNC; ``took`` is in seconds."""
    findings: list[Finding] = []
    if reply.request_id != request_id:
        findings.append(_request_id_not_echoed(reply.request_id))
    if agent_user_id and not reply.agent_user_id:
        findings.append(_AGENT_USER_ID_MISSING)
    elif agent_user_id and reply.agent_user_id != agent_user_id:
        findings.append(_agent_user_id_changed(agent_user_id, reply.agent_user_id))
    if not reply.devices:
        findings.append(_DEVICES_EMPTY)
    findings.extend(_duplicates(device_ids))
    if took > SLOW_SECONDS:
        findings.append(_slow(took))
    return tuple(findings)


def links_disagree(user_ids: Sequence[str]) -> Finding:
    """Two links of one agent user answered with different lists; the last one counted."""
    return Finding(
        rule="links-disagree",
        severity="advice",
        what=f"The links of {', '.join(user_ids)} were answered with different device lists.",
        why="All links of an agent user share one list; the reply that came last was taken.",
        fix="Answer SYNC by the agent user, not by the token that it came with.",
        path="/payload/devices",
        source="SYNC is sent for every link of an agent user",
    )


_AGENT_USER_ID_MISSING: Final = Finding(
    rule="agent-user-id-missing",
    severity="refused",
    what="The reply has no payload.agentUserId.",
    why="It is required; without it Request Sync and Report State find no agent user.",
    fix="Answer every SYNC with the same immutable agentUserId.",
    path="/payload/agentUserId",
    source="SYNC response schema",
)

_DEVICES_EMPTY: Final = Finding(
    rule="devices-empty",
    severity="refused",
    what="The reply lists no devices.",
    why="Google has unlinked accounts over an empty list, without a DISCONNECT.",
    fix="While devices are not loaded, answer with an error; never with an empty list.",
    path="/payload/devices",
    source="google-home/smart-home-nodejs issue 327",
)


def _request_id_not_echoed(got: str) -> Finding:
    return Finding(
        rule="request-id-not-echoed",
        severity="advice",
        what=f"requestId is {got[:100]!r}, which is not the one that was sent."
        if got
        else "The reply has no requestId.",
        why="It must be the same as in the request.",
        fix="Copy requestId from the request into the reply.",
        path="/requestId",
        source="SYNC response schema",
    )


def _agent_user_id_changed(before: str, after: str) -> Finding:
    return Finding(
        rule="agent-user-id-changed",
        severity="refused",
        what=f"agentUserId was {before!r} until now and is {after[:256]!r} in this reply.",
        why="It must never change. The link was moved; calls with the old id get 404 from now on.",
        fix="Answer with an id that stays, such as an account number.",
        path="/payload/agentUserId",
        source="SYNC response schema",
    )


def _duplicates(device_ids: Sequence[str]) -> list[Finding]:
    seen: set[str] = set()
    findings = []
    for index, device_id in enumerate(device_ids):
        if device_id in seen:
            findings.append(
                Finding(
                    rule="device-id-duplicate",
                    severity="refused",
                    what=f"Device {device_id!r} is listed more than once.",
                    why="Ids are keys: only the first of these devices was taken.",
                    fix="Give every device an id of its own.",
                    device_id=device_id,
                    path=f"/payload/devices/{index}/id",
                    source="SYNC response schema",
                )
            )
        seen.add(device_id)
    return findings


def _slow(took: float) -> Finding:
    return Finding(
        rule="reply-slow",
        severity="advice",
        what=f"The answer took {took:.1f} s.",
        why=f"Google expects SYNC to be answered within {SLOW_SECONDS:.0f} s.",
        fix="Answer with the devices you know; refresh them afterwards and request a sync.",
        source="Google's FAQ on SYNC",
    )
