"""Linkings, as the admin side shows them: how one begins, and how it stands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from homegraph.graph.linking import Linking, Standing
from homegraph.graph.model import Device, Finding, Link, Target
from homegraph.graph.syncing import Work
from homegraph.service.clock import rfc3339
from homegraph.service.views import Explanation, View, explanation
from homegraph.service.views.homes import LinkDetail, LinkView, link_detail, link_view
from homegraph.wire.status import REASONS


class LinkingView(View, frozen=True, kw_only=True):
    """A linking that has begun: where the browser must go, and until when it must be back.

    ``link`` is the user's link as it was before; null when there was none.
    """

    linking: str
    project_id: str
    user: str
    link: LinkView | None
    authorization_url: str
    redirect_uri: str
    expires_at: str | None


class Arrived(View, frozen=True, kw_only=True):
    """A device that a linking has brought."""

    id: str
    name: str


class LinkingDetail(View, frozen=True, kw_only=True):
    """How a linking stands. ``link`` is there once the code was exchanged, ``devices`` once the first SYNC has succeeded."""

    linking: str
    project_id: str
    user: str
    stage: str
    reason: str
    message: str
    expires_at: str | None
    explanation: Explanation | None
    link: LinkDetail | None
    devices: tuple[Arrived, ...]
    findings: tuple[Finding, ...]


def linking_view(linking: Linking, authorization_url: str, link: Link | None) -> LinkingView:
    """Show a linking that begins."""
    return LinkingView(
        linking=linking.id,
        project_id=linking.project_id,
        user=linking.user_id,
        link=link_view(link, {}) if link is not None else None,
        authorization_url=authorization_url,
        redirect_uri=linking.redirect_uri,
        expires_at=rfc3339(linking.expires_at),
    )


def linking_detail(
    linking: Linking,
    standing: Standing,
    *,
    link: Link | None = None,
    works: Mapping[Target, Work] | None = None,
    devices: Iterable[Device] = (),
    findings: Iterable[Finding] = (),
) -> LinkingDetail:
    """Show how a linking stands."""
    reason = REASONS.get(standing.reason)
    return LinkingDetail(
        linking=linking.id,
        project_id=linking.project_id,
        user=linking.user_id,
        stage=standing.stage.value,
        reason=standing.reason,
        message=standing.message or (reason.title if reason is not None else ""),
        expires_at=rfc3339(linking.expires_at),
        explanation=explanation(standing.reason),
        link=link_detail(link, works or {}) if link is not None else None,
        devices=tuple(
            Arrived(id=device.id, name=device.placement.name or device.id) for device in devices
        ),
        findings=tuple(findings),
    )
