"""States of devices: what reports write, and what is read of it.

A report is the call that comes most often, so it costs one small read per device and one statement per trait: nothing of it
depends on how long the device list is, and no definition is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from homegraph.errors import NotFound
from homegraph.graph import reporting
from homegraph.graph.model import Instant, Notification
from homegraph.graph.reporting import StateKeys, States, TraitState, Verdict
from homegraph.store.sqlite import devices
from homegraph.store.sqlite.database import Database, Row
from homegraph.store.sqlite.rows import (
    reported_device_of,
    row_of_notification,
    row_of_state,
    states_of,
)


class Rule(NamedTuple):
    """What a report is judged by: how old a linking must be, and which keys belong to a trait."""

    settle_seconds: float
    state_keys: StateKeys


def report(
    db: Database,
    rule: Rule,
    project_id: str,
    agent_user_id: str,
    states: States,
    notifications: Sequence[Notification],
    now: Instant,
) -> Verdict:
    """``Store.report``."""
    notified: dict[str, dict[str, object]] = {
        one.device_id: {} for one in notifications if one.needs_declaration
    }
    known = {}
    for device_id in states.keys() | notified.keys():
        device = db.row("find_reported_device", project_id, agent_user_id, device_id)
        if device is not None:
            known[device_id] = reported_device_of(device)
    if rule.settle_seconds or not known:  # who has a device is linked
        row = db.row("find_agent_user", project_id, agent_user_id)
        if row is None or not row[0]:
            return Verdict(unlinked=True)
        if now - row[2] < rule.settle_seconds:
            return Verdict(settling=True)
    verdict = reporting.decide(known, states, notified, state_keys=rule.state_keys, now=now)
    if verdict.is_accepted:
        write(db, project_id, agent_user_id, verdict.rows)
        if notifications:
            db.run_many("insert_notification", map(row_of_notification, notifications))
    return verdict


def states(
    db: Database, project_id: str, agent_user_id: str, device_ids: Sequence[str] | None
) -> dict[str, tuple[TraitState, ...]]:
    """``Store.states``."""
    if device_ids is None:
        _require_linked(db, project_id, agent_user_id)
        return _by_device(db.rows("list_states", project_id, agent_user_id))
    found: dict[str, tuple[TraitState, ...]] = {}
    for device_id in dict.fromkeys(device_ids):
        listed = db.value("list_states_of_device", project_id, agent_user_id, device_id)
        if listed is not None:
            found[device_id] = states_of(device_id, listed)
    if not found:  # who has a device is linked
        _require_linked(db, project_id, agent_user_id)
    return found


def _require_linked(db: Database, project_id: str, agent_user_id: str) -> None:
    if not devices.is_linked(db, project_id, agent_user_id):
        raise NotFound(f"There is no linked agent user {agent_user_id} in project {project_id}.")


# --- for the other modules ----------------------------------------------------------------------------------


def write(db: Database, project_id: str, agent_user_id: str, rows: Iterable[TraitState]) -> None:
    """Put states in place of those that are here. Most reports renew; only what is new must be counted."""
    values = [row_of_state(project_id, agent_user_id, one) for one in rows]
    if db.run_many("renew_state", values) < len(values):
        db.run_many("insert_state", values)
        db.run("recount", project_id, agent_user_id)


def _by_device(rows: Iterable[Row]) -> dict[str, tuple[TraitState, ...]]:
    """Rows, a device's together, as values; a row without a trait is a device without states."""
    found: dict[str, list[TraitState]] = {}
    for device_id, trait, state, committed_at in rows:
        of_device = found.setdefault(device_id, [])
        if trait is not None:
            of_device.append(TraitState(device_id, trait, state, committed_at))
    return {device_id: tuple(of_device) for device_id, of_device in found.items()}
