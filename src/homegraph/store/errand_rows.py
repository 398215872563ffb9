"""Rows of errands and their follow-ups to values and back; what ``rows`` is for the rest."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from homegraph.graph.errands import DeviceResult, Errand, FollowUp
from homegraph.graph.model import Finding
from homegraph.store.rows import Row, json_text

_params: Final = msgspec.json.Decoder(dict[str, Any]).decode
_devices: Final = msgspec.json.Decoder(tuple[DeviceResult, ...]).decode
_findings: Final = msgspec.json.Decoder(tuple[Finding, ...]).decode


def errand_of(row: Row) -> Errand:
    """An errand's row as a value."""
    (
        errand_id, project_id, agent_user_id, user_id, intent, command, params, started_at, finished_at,
        devices, findings,
    ) = row  # fmt: skip
    return Errand(
        id=errand_id,
        project_id=project_id,
        agent_user_id=agent_user_id,
        user_id=user_id,
        intent=intent,
        command=command,
        params=_params(params),
        started_at=started_at,
        finished_at=finished_at,
        devices=_devices(devices),
        findings=_findings(findings),
    )


def row_of_errand(errand: Errand) -> Row:
    """The opposite of ``errand_of``."""
    return (
        errand.id,
        errand.project_id,
        errand.agent_user_id,
        errand.user_id,
        errand.intent,
        errand.command,
        json_text(errand.params),
        errand.started_at,
        *columns_of_outcome(errand),
    )


def columns_of_outcome(errand: Errand) -> Row:
    """When an errand was over, and what came of it."""
    return (errand.finished_at, json_text(errand.devices), json_text(errand.findings))


def follow_up_of(row: Row) -> FollowUp:
    """A follow-up's row as a value."""
    token, device_id, sent_at, answered_at, trait, body = row
    return FollowUp(
        token=token,
        device_id=device_id,
        sent_at=sent_at,
        answered_at=answered_at,
        trait=trait,
        body=body,
    )
