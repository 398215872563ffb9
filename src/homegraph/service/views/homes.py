"""Links and devices, as the admin side shows them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from homegraph.graph.model import Device, Finding, HeldDevice, Link, Target
from homegraph.graph.syncing import Work
from homegraph.service.clock import rfc3339
from homegraph.service.events import TokenRefreshed
from homegraph.service.views import Explanation, View, explanation


class LinkView(View, frozen=True, kw_only=True):
    """One user's link. ``attempts`` and ``next_attempt_at`` are those of the sync that waits for it, if one does."""

    project_id: str
    user: str
    state: str
    agent_user_id: str
    problem: str
    created_at: str | None
    changed_at: str | None
    next_attempt_at: str | None
    attempts: int


class TokenView(View, frozen=True, kw_only=True):
    """What is known of a link's access token, and of the refresh that could not be made.

    ``failures`` came in a row, ``error`` is the last one, and the token endpoint is asked again at ``retry_at``.
    """

    expires_at: str | None
    has_refresh_token: bool
    failures: int
    error: str
    retry_at: str | None


class LinkDetail(LinkView, frozen=True, kw_only=True):
    """One link, its token, and its problem in words."""

    token: TokenView
    explanation: Explanation | None


class RefreshView(LinkDetail, frozen=True, kw_only=True):
    """A link whose token was refreshed, and what came.

    ``refreshed`` is false when somebody else had refreshed it in the same moment; then nothing is known of the answer.
    ``expires_in`` is in seconds, 0 when the token endpoint did not say.
    """

    refreshed: bool
    expires_in: float
    rotated: bool
    same_access_token: bool
    findings: tuple[Finding, ...]


class Links(View, frozen=True, kw_only=True, omit_defaults=True):
    """Links in order of project and user. ``next_after`` is there when there are more: the user to go on after."""

    links: tuple[LinkView, ...]
    next_after: str = ""


def link_view(link: Link, works: Mapping[Target, Work]) -> LinkView:
    """Show a link."""
    return LinkView(**_link_members(link, works))


def link_detail(link: Link, works: Mapping[Target, Work]) -> LinkDetail:
    """Show a link with its problem explained."""
    return LinkDetail(**_detail_members(link, works))


def refresh_view(
    link: Link,
    works: Mapping[Target, Work],
    *,
    news: TokenRefreshed | None,
    findings: tuple[Finding, ...],
) -> RefreshView:
    """Show what a refresh brought."""
    return RefreshView(
        **_detail_members(link, works),
        refreshed=news is not None,
        expires_in=news.expires_in if news else 0.0,
        rotated=news is not None and news.rotated,
        same_access_token=news is not None and news.same,
        findings=findings,
    )


def _detail_members(link: Link, works: Mapping[Target, Work]) -> dict[str, Any]:
    token = TokenView(
        expires_at=rfc3339(link.tokens.expires_at),
        has_refresh_token=bool(link.tokens.sealed_refresh),
        failures=link.refresh.failures,
        error=link.refresh.error,
        retry_at=rfc3339(link.refresh.due_at or None),
    )
    shown = {"token": token, "explanation": explanation(link.problem)}
    return _link_members(link, works) | shown


def _link_members(link: Link, works: Mapping[Target, Work]) -> dict[str, Any]:
    work = works.get(link.target, Work())
    waits = work.requested > work.done and not work.taken
    return {
        "project_id": link.project_id,
        "user": link.user_id,
        "state": link.state.value,
        "agent_user_id": link.agent_user_id,
        "problem": link.problem,
        "created_at": rfc3339(link.created_at),
        "changed_at": rfc3339(link.changed_at or link.created_at),
        "next_attempt_at": rfc3339(work.due_at) if waits else None,
        "attempts": work.attempts,
    }


class PlacementView(View, frozen=True, kw_only=True):
    """Where a device is here, and what it is called. ``chosen`` names what was set here; the rest came with SYNC."""

    room: str
    name: str
    nicknames: tuple[str, ...]
    chosen: tuple[str, ...]


DeviceView = dict[str, Any]
"""A device as SYNC defined it, whatever members that has, and ``placement`` besides."""


class HeldView(View, frozen=True, kw_only=True):
    """A device that SYNC brought and that was not taken. ``id`` and ``name`` are empty where it has none; paths lead into the device."""

    id: str
    name: str
    findings: tuple[Finding, ...]


class Devices(View, frozen=True, kw_only=True, omit_defaults=True):
    """The devices of an agent user. ``held`` are those that are held back, where there are any."""

    devices: tuple[DeviceView, ...]
    held: tuple[HeldView, ...] = ()


def held_view(held: HeldDevice) -> HeldView:
    """Show a held device. Its place in the list is another one with every reply."""
    findings = (replace(one, path=_inside(one.path)) for one in held.findings)
    return HeldView(id=held.device_id, name=held.name, findings=tuple(findings))


def _inside(path: str) -> str:
    """What is left of ``/payload/devices/7/name`` within the device."""
    return "".join(f"/{step}" for step in path.split("/")[4:])


def device_view(device: Device) -> DeviceView:
    """Show a device."""
    definition: dict[str, Any] = msgspec.json.decode(device.definition)
    placement = device.placement
    return definition | {
        "placement": PlacementView(
            room=placement.room,
            name=placement.name,
            nicknames=placement.nicknames,
            chosen=tuple(sorted(placement.chosen)),
        )
    }
