"""Linkings, as the admin side shows them: how one begins, and how it stands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from homegraph.graph.checks.queries import FIRST_QUERY_FAILED
from homegraph.graph.linking import Linking, LinkingStep, Standing
from homegraph.graph.model import Device, Exchange, Finding, Link, Run, Target
from homegraph.graph.syncing import Work
from homegraph.service.clock import rfc3339
from homegraph.service.views import Explanation, View, explanation
from homegraph.service.views.homes import LinkDetail, LinkView, link_detail, link_view
from homegraph.service.views.runs import ExchangeView, exchange_view
from homegraph.wire.status import REASONS

OK: Final = "ok"
"""The verdict on a step with which nothing is wrong."""

SYNC: Final = "sync"
QUERY: Final = "query"

STEPS_OF_RUN: Final[Mapping[str, str]] = {"SYNC": SYNC, "QUERY": QUERY, "token refresh": "refresh"}
"""What the exchanges of a run are called as steps."""


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


class StepView(View, frozen=True, kw_only=True):
    """One step of a linking, secrets masked.

    ``step`` is ``authorize``, ``callback``, ``exchange``, or what the link's SYNC took: ``refresh``, ``sync``, ``query``. ``verdict`` is
    ``ok`` or the code of a reason; ``took`` is in seconds.
    """

    step: str
    at: str | None
    took: float
    request: str
    verdict: str
    message: str
    exchange: ExchangeView | None
    findings: tuple[Finding, ...]


class LinkingTrace(View, frozen=True, kw_only=True):
    """One linking, step by step. ``run`` is the id of the SYNC that followed, empty without one."""

    linking: str
    project_id: str
    user: str
    stage: str
    reason: str
    message: str
    started_at: str | None
    expires_at: str | None
    explanation: Explanation | None
    run: str
    steps: tuple[StepView, ...]


class Traces(View, frozen=True, kw_only=True):
    """The linkings of a user, newest first."""

    linkings: tuple[LinkingTrace, ...]


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
    return LinkingDetail(
        linking=linking.id,
        project_id=linking.project_id,
        user=linking.user_id,
        stage=standing.stage.value,
        reason=standing.reason,
        message=_message(standing),
        expires_at=rfc3339(linking.expires_at),
        explanation=explanation(standing.reason),
        link=link_detail(link, works or {}) if link is not None else None,
        devices=tuple(
            Arrived(id=device.id, name=device.placement.name or device.id) for device in devices
        ),
        findings=tuple(findings),
    )


def linking_trace(
    linking: Linking, standing: Standing, run: Run | None, exchanges: Iterable[Exchange]
) -> LinkingTrace:
    """Show a linking step by step: its own, then those of the SYNC that followed."""
    return LinkingTrace(
        linking=linking.id,
        project_id=linking.project_id,
        user=linking.user_id,
        stage=standing.stage.value,
        reason=standing.reason,
        message=_message(standing),
        started_at=rfc3339(linking.created_at),
        expires_at=rfc3339(linking.expires_at),
        explanation=explanation(standing.reason),
        run=run.id if run is not None else "",
        steps=(
            *map(_step, linking.steps),
            *(_run_step(run, exchange) for exchange in exchanges if run is not None),
        ),
    )


def _message(standing: Standing) -> str:
    reason = REASONS.get(standing.reason)
    return standing.message or (reason.title if reason is not None else "")


def _step(step: LinkingStep) -> StepView:
    return StepView(
        step=step.kind.value,
        at=rfc3339(step.at),
        took=step.took,
        request=step.request,
        verdict=step.code or OK,
        message=step.message,
        exchange=exchange_view(step.exchange) if step.exchange is not None else None,
        findings=step.findings,
    )


def _run_step(run: Run, exchange: Exchange) -> StepView:
    """An exchange of the run. What the run ended with, and what was found, was found in its SYNC, but for a QUERY that failed."""
    kind = STEPS_OF_RUN.get(exchange.intent, exchange.intent)
    failed_query = tuple(one for one in run.findings if one.rule == FIRST_QUERY_FAILED.id)
    findings: tuple[Finding, ...] = ()
    code, message = "", ""
    if kind == SYNC:
        findings = tuple(one for one in run.findings if one not in failed_query)
        code, message = run.reason, run.message
    elif kind == QUERY and failed_query:
        findings = failed_query
        code, message = FIRST_QUERY_FAILED.id, failed_query[0].what
    return StepView(
        step=kind,
        at=rfc3339(exchange.started_at),
        took=exchange.took,
        request=f"POST {exchange.url}",
        verdict=code or OK,
        message=message,
        exchange=exchange_view(exchange),
        findings=findings,
    )
