"""Log lines: a listener to events, one line each. How a line looks, and when it is written, is the business of ``lines``.

Only what an event carries is logged: no body, no header, no token ever comes near here. Failures are warnings, requests are
debug lines.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Final

from homegraph.graph.model import LinkState, Outcome, Run, Target
from homegraph.service.events import (
    DatabaseShort,
    Disconnected,
    DutyFailed,
    Event,
    Executed,
    KeyStaysRevoked,
    LinkChanged,
    LinkingEnded,
    LinkingStarted,
    Listener,
    Queried,
    Refused,
    StatesReported,
    SyncFinished,
    SyncRequested,
    SyncStarted,
    TokenDenied,
    TokenIssued,
    TokenLost,
    TokenRefreshed,
)
from homegraph.service.lines import Log


def listener(log: Log) -> Listener:
    """Writes a line for every event that the level lets through."""
    lines = (
        _LINES if log.is_enabled_for(logging.DEBUG) else _LINES | dict.fromkeys(_DEBUG, _no_line)
    )

    def hear(event: Event) -> None:
        lines[type(event)](log, event)

    return hear


def _requested(log: Log, event: SyncRequested) -> None:
    log.debug(
        "sync.requested",
        **_target(event.target),
        mode=event.mode.value,
        cause=event.cause.value,
        merged=event.merged,
    )


def _refused(log: Log, event: Refused) -> None:
    log.info("call.refused", method=event.method, project=event.project_id, code=event.code)


def _started(log: Log, event: SyncStarted) -> None:
    log.debug("sync.started", **_target(event.target), attempt=event.attempt, merged=event.merged)


def _finished(log: Log, event: SyncFinished) -> None:
    run = event.run
    level = logging.INFO if run.outcome is Outcome.DONE else logging.WARNING
    log.write(level, "sync.finished", _run(run))


def _link(log: Log, event: LinkChanged) -> None:
    write = log.warning if event.problem else log.info
    write(
        "link.broken" if event.state is LinkState.BROKEN else "link.changed",
        project=event.project_id,
        user=event.user_id,
        state=event.state.value,
        problem=event.problem,
    )


def _refreshed(log: Log, event: TokenRefreshed) -> None:
    write = log.warning if event.same else log.info
    write(
        "token.refreshed",
        project=event.project_id,
        user=event.user_id,
        expires_in_seconds=event.expires_in,
        rotated=event.rotated,
        same_access_token=event.same,
    )


def _lost(log: Log, event: TokenLost) -> None:
    log.warning(
        "token.refused" if event.code == "TOKEN_REFUSED" else "token.failed",
        project=event.project_id,
        user=event.user_id,
        code=event.code,
        message=event.message,
    )


def _linking(log: Log, event: LinkingStarted) -> None:
    log.info("linking.started", project=event.project_id, user=event.user_id)


def _linking_ended(log: Log, event: LinkingEnded) -> None:
    log.warning("linking.refused", project=event.project_id, user=event.user_id, code=event.code)


def _reported(log: Log, event: StatesReported) -> None:
    log.debug(
        "states.reported",
        project=event.project_id,
        agent_user=event.agent_user_id,
        devices=len(event.device_ids),
        notifications=event.notifications,
    )


def _executed(log: Log, event: Executed) -> None:
    write = log.warning if event.failed else log.info
    write(
        "command.executed",
        project=event.project_id,
        agent_user=event.agent_user_id,
        command=event.command,
        devices=len(event.device_ids),
        failed=len(event.failed),
    )


def _queried(log: Log, event: Queried) -> None:
    write = log.warning if event.failed else log.info
    write(
        "devices.queried",
        project=event.project_id,
        agent_user=event.agent_user_id,
        devices=len(event.device_ids),
        failed=len(event.failed),
        differing=len(event.differing),
    )


def _disconnected(log: Log, event: Disconnected) -> None:
    write = log.warning if event.code else log.info
    write("link.disconnected", project=event.project_id, user=event.user_id, code=event.code)


def _token(log: Log, event: TokenIssued) -> None:
    log.debug(
        "token.issued", project=event.project_id, service_account=event.email, key=event.key_id
    )


def _denied(log: Log, event: TokenDenied) -> None:
    log.info("token.denied", service_account=event.email, code=event.code)


def _revoked(log: Log, event: KeyStaysRevoked) -> None:
    log.warning("key.stays_revoked", project=event.project_id, key=event.key_id)


def _short(log: Log, event: DatabaseShort) -> None:
    log.warning("database.short", shortage=event.shortage)


def _duty(log: Log, event: DutyFailed) -> None:
    log.error("duty.failed", duty=event.duty, error=event.error)


def _target(target: Target) -> dict[str, str]:
    who, name = _who(target)
    return {"project": target.project_id, who: name}


def _who(target: Target) -> tuple[str, str]:
    if target.is_first_sync:
        return "user", target.user_id
    return "agent_user", target.agent_user_id


def _run(run: Run) -> dict[str, Any]:
    target, changes = run.target, run.changes
    who, name = _who(target)
    line: dict[str, Any] = {
        "run": run.id,
        "project": target.project_id,
        who: name,
        "outcome": run.outcome,
        "merged": run.merged,
        "added": len(changes.added),
        "changed": len(changes.changed),
        "removed": len(changes.removed),
        "took_seconds": round(run.finished_at - run.started_at, 3),
    }
    if run.reason:
        line |= {"reason": run.reason, "message": run.message, "attempt": run.attempt}
    if run.findings:
        # Each rule once: a thousand devices may have broken one, and a line is read by people.
        line["findings"] = ",".join(dict.fromkeys(finding.rule for finding in run.findings))
    return line


_LINES: Final[dict[type, Callable[[Any, Any], None]]] = {
    SyncRequested: _requested,
    Refused: _refused,
    SyncStarted: _started,
    SyncFinished: _finished,
    LinkChanged: _link,
    TokenRefreshed: _refreshed,
    TokenLost: _lost,
    LinkingStarted: _linking,
    LinkingEnded: _linking_ended,
    StatesReported: _reported,
    Executed: _executed,
    Queried: _queried,
    Disconnected: _disconnected,
    TokenIssued: _token,
    TokenDenied: _denied,
    KeyStaysRevoked: _revoked,
    DatabaseShort: _short,
    DutyFailed: _duty,
}

_DEBUG: Final = (SyncRequested, SyncStarted, StatesReported, TokenIssued)
"""Events of every call, whose lines are of level debug: usually they are not even put together."""


def _no_line(_log: Log, _event: Event) -> None:
    return
