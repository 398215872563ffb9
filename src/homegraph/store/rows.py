"""Rows to values and back, for every adapter. Every column order of the ``.sql`` files that is relied on is relied on here.

(For devices and their states: in ``device_rows``; for keys and tokens: in ``credential_rows``; for linkings: in ``linking_rows``; for
errands: in ``errand_rows``.)

Values with parts of their own (changes, findings, headers, lists of names) are JSON in one column: they are read whole or
not at all, and a person with a shell can read them, too.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final, TypeAlias

import msgspec
from msgspec.structs import astuple

from homegraph.graph.model import (
    Cause,
    Changes,
    Exchange,
    Finding,
    Link,
    LinkResult,
    LinkState,
    Mode,
    Notification,
    OAuthClient,
    Outcome,
    Project,
    RefreshState,
    Run,
    Target,
    Tokens,
)
from homegraph.graph.policy import Policy
from homegraph.graph.syncing import Work, ready_at
from homegraph.store.packing import packed, unpacked

Row: TypeAlias = tuple[Any, ...]

PROJECTS_REMEMBERED_MAX: Final = 256
"""Projects are read with every look at what is due and whenever a credential is looked up; this many are taken apart once and then known by their row."""

_CAUSES: Final = {cause.value: cause for cause in Cause}
_MODES: Final = {mode.value: mode for mode in Mode}
_LINK_STATES: Final = {state.value: state for state in LinkState}

_names_decoder: Final = msgspec.json.Decoder(tuple[str, ...])
_headers: Final = msgspec.json.Decoder(dict[str, str])
_changes: Final = msgspec.json.Decoder(Changes)
_results: Final = msgspec.json.Decoder(tuple[LinkResult, ...])
_policy: Final = msgspec.json.Decoder(Policy).decode
_findings: Final = msgspec.json.Decoder(tuple[Finding, ...])
_encode: Final = msgspec.json.Encoder().encode


def json_text(value: Any) -> str:
    """A value as JSON."""
    return _encode(value).decode()


def names_of(text: str) -> tuple[str, ...]:
    """A list of names from JSON."""
    return _names_decoder.decode(text)


# --- projects and links --------------------------------------------------------------------------------------


@lru_cache(maxsize=PROJECTS_REMEMBERED_MAX)
def project_of(row: Row) -> Project:
    """A project's row as a value."""
    (
        project_id, fulfillment_url, number, api_enabled, suspended, policy,
        client_id, sealed_secret, token_url, authorization_url, scopes, client_auth, pkce, redirect_uri,
    ) = row  # fmt: skip
    return Project(
        project_id,
        fulfillment_url,
        number,
        bool(api_enabled),
        bool(suspended),
        OAuthClient(
            client_id,
            sealed_secret,
            token_url,
            authorization_url,
            names_of(scopes),
            client_auth,
            bool(pkce),
            redirect_uri,
        ),
        _policy(policy),
    )


def row_of_project(project: Project) -> Row:
    """The opposite of ``project_of``."""
    oauth = project.oauth
    return (
        project.id,
        project.fulfillment_url,
        project.number,
        project.api_enabled,
        project.suspended,
        json_text(project.policy),
        oauth.client_id,
        oauth.sealed_secret,
        oauth.token_url,
        oauth.authorization_url,
        json_text(oauth.scopes),
        oauth.client_auth,
        oauth.pkce,
        oauth.redirect_uri,
    )


def link_of(row: Row) -> Link:
    """A link's row as a value."""
    (
        project_id, user_id, state, sealed_access, sealed_refresh, expires_at,
        created_at, agent_user_id, grant_digest, origin, problem, changed_at,
        issued_at, *refresh,
    ) = row  # fmt: skip
    return Link(
        project_id,
        user_id,
        _LINK_STATES[state],
        Tokens(sealed_access, sealed_refresh, expires_at, issued_at),
        created_at,
        agent_user_id,
        grant_digest,
        origin,
        problem,
        changed_at,
        RefreshState(*refresh) if any(refresh) else _ALL_WELL,
    )


_ALL_WELL: Final = RefreshState()


def links_of(rows: Iterable[Row]) -> list[Link]:
    """Links of one agent user, oldest first."""
    links = list(map(link_of, rows))
    links.sort(key=_by_age)
    return links


def links_by_state(counts: Row) -> dict[str, int]:
    """How many links are in each state, from one column for each; states that none is in are left out."""
    return {state: number for state, number in zip(_LINK_STATES, counts, strict=True) if number}


_by_age: Final = attrgetter("created_at", "user_id")


def row_of_link(link: Link) -> Row:
    """The opposite of ``link_of``."""
    return (
        link.project_id,
        link.user_id,
        link.state,
        link.tokens.sealed_access,
        link.tokens.sealed_refresh,
        link.tokens.expires_at,
        link.created_at,
        link.agent_user_id,
        link.grant_digest,
        link.origin,
        link.problem,
        link.changed_at,
        link.tokens.issued_at,
        link.refresh.leased_until,
        link.refresh.failures,
        link.refresh.due_at,
        link.refresh.error,
    )


# --- work ----------------------------------------------------------------------------------------------------


def key_of_target(target: Target) -> tuple[str, str, str]:
    """The leading columns of a target's work."""
    return (target.project_id, target.agent_user_id, target.user_id)


def work_of(row: Row) -> Work:
    """The counters, which are the last 18 columns of the row, as a value."""
    (
        requested, done, taken, fence, attempts, due_at, lease_until, worker,
        sync_generation, sync_until, async_generation,
        cause, requested_at, run_cause, run_mode, run_requested_at, run_started_at, reply,
    ) = row[-18:]  # fmt: skip
    return Work(
        requested, done, taken, fence, attempts, due_at, lease_until, worker,
        sync_generation, sync_until, async_generation,
        _CAUSES[cause], requested_at, _CAUSES[run_cause], _MODES[run_mode], run_requested_at, run_started_at, reply,
    )  # fmt: skip


def row_of_work(target: Target, work: Work) -> Row:
    """A target's key, the counters in the order of the fields, and when somebody may take it."""
    return (
        target.project_id,
        target.agent_user_id,
        target.user_id,
        *astuple(work),
        ready_at(work),
    )


# --- runs, exchanges, notifications --------------------------------------------------------------------------


def run_of(row: Row) -> Run:
    """A run's row as a value."""
    (
        run_id, project_id, agent_user_id, user_id, cause, mode, outcome, requested_at, started_at, finished_at,
        merged, attempt, reason, message, next_at, changes, results, findings, taken,
    ) = row  # fmt: skip
    return Run(
        run_id,
        Target(project_id, agent_user_id, user_id),
        _CAUSES[cause],
        _MODES[mode],
        Outcome(outcome),
        requested_at,
        started_at,
        finished_at,
        merged,
        attempt,
        reason,
        message,
        next_at,
        _changes.decode(changes),
        _results.decode(results),
        _findings.decode(findings),
        taken,
    )


def row_of_run(run: Run) -> Row:
    """The opposite of ``run_of``."""
    target = run.target
    return (
        run.id,
        target.project_id,
        target.agent_user_id,
        target.user_id,
        run.cause,
        run.mode,
        run.outcome,
        run.requested_at,
        run.started_at,
        run.finished_at,
        run.merged,
        run.attempt,
        run.reason,
        run.message,
        run.next_at,
        json_text(run.changes),
        json_text(run.results),
        json_text(run.findings),
        run.taken,
    )


def exchange_of(row: Row) -> Exchange:
    """An exchange's row as a value."""
    (
        intent, user_id, url, started_at, took, request_headers, request_body,
        status, response_headers, response_body, response_size, error, response_packed,
    ) = row  # fmt: skip
    return Exchange(
        intent,
        user_id,
        url,
        started_at,
        took,
        _headers.decode(request_headers),
        request_body,
        status,
        _headers.decode(response_headers),
        unpacked(response_body, response_packed),
        response_size,
        error,
    )


def row_of_exchange(project_id: str, owner_id: str, exchange: Exchange) -> Row:
    """The opposite of ``exchange_of``, with the run or errand it belongs to."""
    response_body, response_packed = packed(exchange.response_body)
    return (
        project_id,
        owner_id,
        exchange.intent,
        exchange.user_id,
        exchange.url,
        exchange.started_at,
        exchange.took,
        json_text(exchange.request_headers),
        exchange.request_body,
        exchange.status,
        json_text(exchange.response_headers),
        response_body,
        exchange.response_size,
        exchange.error,
        response_packed,
    )


def notification_of(row: Row) -> Notification:
    """A notification's row as a value."""
    return Notification(*row)


def row_of_notification(notification: Notification) -> Row:
    """The opposite of ``notification_of``."""
    return (
        notification.id,
        notification.project_id,
        notification.agent_user_id,
        notification.device_id,
        notification.trait,
        notification.event_id,
        notification.received_at,
        notification.body,
    )
