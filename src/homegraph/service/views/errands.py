"""Errands (EXECUTEs and live QUERYs), as the admin side shows them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from homegraph.graph.errands import DeviceResult, Errand, FollowUp
from homegraph.graph.model import Exchange, Finding
from homegraph.service.clock import rfc3339
from homegraph.service.views import Explanation, View, explanation
from homegraph.service.views.runs import ExchangeView, exchange_view


class ErrandView(View, frozen=True, kw_only=True):
    """One errand. ``ok``: every device has done it, or answered; ``finished_at`` is null while nobody knows.

    ``reason`` is the code of the first error that came in place of an answer, "" for none.
    """

    id: str
    intent: str
    project_id: str
    agent_user_id: str
    user: str
    command: str
    ok: bool
    reason: str
    started_at: str | None
    finished_at: str | None
    device_ids: tuple[str, ...]


class FollowUpView(View, frozen=True, kw_only=True):
    """A token that went out with a command, and what came back: ``response`` is the notification's followUpResponse."""

    token: str
    device_id: str
    sent_at: str | None
    answered_at: str | None
    late: bool
    trait: str
    status: str
    response: Mapping[str, Any]


class ErrandAnswer(ErrandView, frozen=True, kw_only=True):
    """One errand, and what came of it."""

    params: Mapping[str, Any]
    devices: tuple[DeviceResult, ...]
    findings: tuple[Finding, ...]
    follow_ups: tuple[FollowUpView, ...]
    explanation: Explanation | None


class ErrandDetail(ErrandAnswer, frozen=True, kw_only=True):
    """One errand in full."""

    exchanges: tuple[ExchangeView, ...]


class Errands(View, frozen=True, kw_only=True):
    """Errands, newest first."""

    errands: tuple[ErrandView, ...]


def errand_view(errand: Errand) -> ErrandView:
    """Show an errand."""
    return ErrandView(**_members(errand))


def errand_answer(errand: Errand, follow_ups: Iterable[FollowUp]) -> ErrandAnswer:
    """Show an errand with what came of it."""
    return ErrandAnswer(**_answer(errand, follow_ups))


def errand_detail(
    errand: Errand, follow_ups: Iterable[FollowUp], exchanges: Iterable[Exchange]
) -> ErrandDetail:
    """Show an errand with everything that is kept of it."""
    return ErrandDetail(
        **_answer(errand, follow_ups), exchanges=tuple(map(exchange_view, exchanges))
    )


def _members(errand: Errand) -> dict[str, Any]:
    return {
        "id": errand.id,
        "intent": errand.intent,
        "project_id": errand.project_id,
        "agent_user_id": errand.agent_user_id,
        "user": errand.user_id,
        "command": errand.command,
        "ok": all(device.ok for device in errand.devices),
        "reason": _reason(errand),
        "started_at": rfc3339(errand.started_at),
        "finished_at": rfc3339(errand.finished_at),
        "device_ids": tuple(device.id for device in errand.devices),
    }


def _answer(errand: Errand, follow_ups: Iterable[FollowUp]) -> dict[str, Any]:
    return _members(errand) | {
        "params": errand.params,
        "devices": errand.devices,
        "findings": errand.findings,
        "follow_ups": tuple(map(_follow_up, follow_ups)),
        "explanation": explanation(_reason(errand)),
    }


def _reason(errand: Errand) -> str:
    return next((device.reason for device in errand.devices if device.reason), "")


def _follow_up(one: FollowUp) -> FollowUpView:
    body: dict[str, Any] = msgspec.json.decode(one.body) if one.body else {}
    response = dict(body.get("followUpResponse", {}))
    response.pop("followUpToken", None)
    status = response.get("status", "")
    return FollowUpView(
        token=one.token,
        device_id=one.device_id,
        sent_at=rfc3339(one.sent_at),
        answered_at=rfc3339(one.answered_at),
        late=one.is_late,
        trait=one.trait,
        status=status if isinstance(status, str) else "",
        response=response,
    )
