"""Runs with their changes, findings and exchanges, as the admin side shows them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from homegraph.graph.model import Changes, Exchange, Finding, LinkResult, Run
from homegraph.service.clock import rfc3339
from homegraph.service.views import Explanation, View, explanation


class RunView(View, frozen=True, kw_only=True):
    """One run. ``added``, ``changed`` and ``removed`` are numbers of devices; ``merged`` is how many requests it answered."""

    id: str
    project_id: str
    agent_user_id: str
    user_id: str
    cause: str
    mode: str
    outcome: str
    merged: int
    attempt: int
    added: int
    changed: int
    removed: int
    reason: str
    message: str
    requested_at: str | None
    started_at: str | None
    finished_at: str | None
    next_at: str | None


class Sent(View, frozen=True, kw_only=True):
    """A request as it was sent; secrets are masked."""

    headers: Mapping[str, str]
    body: str


class Received(View, frozen=True, kw_only=True):
    """A reply. ``size`` is that of the whole body in bytes, of which ``body`` may be the beginning."""

    headers: Mapping[str, str]
    body: str
    size: int
    truncated: bool


class ExchangeView(View, frozen=True, kw_only=True):
    """One request to a fulfillment or token endpoint. ``took`` is in seconds; without an answer ``status`` is 0."""

    intent: str
    user_id: str
    url: str
    started_at: str | None
    took: float
    request: Sent
    status: int
    response: Received
    error: str


class RunDetail(RunView, frozen=True, kw_only=True):
    """One run in full."""

    changes: Changes
    results: tuple[LinkResult, ...]
    findings: tuple[Finding, ...]
    exchanges: tuple[ExchangeView, ...]
    explanation: Explanation | None


class Runs(View, frozen=True, kw_only=True):
    """Runs, newest first."""

    runs: tuple[RunView, ...]


def run_view(run: Run) -> RunView:
    """Show a run."""
    return RunView(**_run_members(run))


def run_detail(run: Run, exchanges: Iterable[Exchange]) -> RunDetail:
    """Show a run with everything that is kept of it."""
    return RunDetail(
        **_run_members(run),
        changes=run.changes,
        results=run.results,
        findings=run.findings,
        exchanges=tuple(map(exchange_view, exchanges)),
        explanation=explanation(run.reason),
    )


def exchange_view(exchange: Exchange) -> ExchangeView:
    """Show an exchange. Bodies are shown as text, whatever they are."""
    return ExchangeView(
        intent=exchange.intent,
        user_id=exchange.user_id,
        url=exchange.url,
        started_at=rfc3339(exchange.started_at),
        took=exchange.took,
        request=Sent(
            headers=dict(exchange.request_headers),
            body=exchange.request_body.decode(errors="replace"),
        ),
        status=exchange.status,
        response=Received(
            headers=dict(exchange.response_headers),
            body=exchange.response_body.decode(errors="replace"),
            size=exchange.response_size,
            truncated=exchange.response_size > len(exchange.response_body),
        ),
        error=exchange.error,
    )


def _run_members(run: Run) -> dict[str, Any]:
    return {
        "id": run.id,
        "project_id": run.target.project_id,
        "agent_user_id": run.target.agent_user_id,
        "user_id": run.target.user_id,
        "cause": run.cause.value,
        "mode": run.mode.value,
        "outcome": run.outcome.value,
        "merged": run.merged,
        "attempt": run.attempt,
        "added": len(run.changes.added),
        "changed": len(run.changes.changed),
        "removed": len(run.changes.removed),
        "reason": run.reason,
        "message": run.message,
        "requested_at": rfc3339(run.requested_at),
        "started_at": rfc3339(run.started_at),
        "finished_at": rfc3339(run.finished_at),
        "next_at": rfc3339(run.next_at),
    }
