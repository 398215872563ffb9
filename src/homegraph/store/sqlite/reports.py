"""States of devices: what reports write, and what is read of it.

A report is the call that comes most often, so it costs one read and one write of one row per device, which is found by its
key once: nothing of it depends on how long the device list is, and no definition is read. The states of a device are one JSON
object. What is read is the bytes that were written, and of traits that a report does not mention nothing is taken apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Final

from homegraph.graph import reporting
from homegraph.graph.model import Instant, Notification
from homegraph.graph.reporting import Rule, States, TraitState, Verdict
from homegraph.store.device_rows import (
    reported_device_of,
    states_of,
    states_reported,
    states_with,
)
from homegraph.store.refusals import no_agent_user
from homegraph.store.rows import Row, names_of, row_of_notification
from homegraph.store.sqlite import devices
from homegraph.store.sqlite.database import Database

_REPORTED: Final = ("find_reported_device", "find_two_reported_devices")
_STATES: Final = ("find_states", "find_states_of_two")
"""For one device, and for two."""

_device_id: Final = attrgetter("device_id")


def report(
    db: Database,
    project_id: str,
    agent_user_id: str,
    states: States,
    notifications: Sequence[Notification],
    rule: Rule,
    now: Instant,
) -> Verdict:
    """``Store.report``."""
    notified: dict[str, dict[str, object]] = {
        one.device_id: {} for one in notifications if one.needs_declaration
    }
    named = tuple(states.keys() | notified.keys() if notified else states)
    found = _found(db, _REPORTED, project_id, agent_user_id, named)
    known = {row[0]: reported_device_of(row[2], row[3], row[4]) for row in found}
    if rule.settle_seconds or not known:  # who has a device is linked
        row = db.row("find_agent_user", project_id, agent_user_id)
        if row is None or not row[0]:
            return Verdict(unlinked=True)
        if now - row[2] < rule.settle_seconds:
            return Verdict(settling=True)
    verdict = reporting.decide(known, states, notified, rule=rule, now=now)
    if verdict.is_accepted:
        merged = {}
        for device_id, number, _, _, _, before, held in found:
            new = verdict.states.get(device_id)
            if new:
                is_all = len(new) > len(known[device_id].traits)  # of what it has nothing is left
                left = None if is_all else held
                _, count, by_trait = states_reported(left, new, verdict.committed_at)
                merged[number] = before, count, by_trait
        _save(db, project_id, agent_user_id, merged)
        if notifications:
            db.run_many("insert_notification", map(row_of_notification, notifications))
            _answer_follow_ups(db, notifications)
    return verdict


def states(
    db: Database, project_id: str, agent_user_id: str, device_ids: Sequence[str] | None
) -> dict[str, tuple[TraitState, ...]]:
    """``Store.states``."""
    if device_ids is None:
        _require_linked(db, project_id, agent_user_id)
        listed = db.rows("list_states", project_id, agent_user_id)
        return {device_id: states_of(device_id, stored) for device_id, stored in listed}
    found: dict[str, tuple[TraitState, ...]] = {}
    named = tuple(dict.fromkeys(device_ids))
    for device_id, _, stored in _found(db, _STATES, project_id, agent_user_id, named):
        found[device_id] = states_of(device_id, stored)
    if not found:  # who has a device is linked
        _require_linked(db, project_id, agent_user_id)
    return found


def _found(
    db: Database,
    statements: tuple[str, str],
    project_id: str,
    agent_user_id: str,
    device_ids: Sequence[str],
) -> list[Row]:
    """The rows of those of the devices that are here. By two, because to execute a statement costs as much as to find a device."""
    rows: list[Row] = []
    for place in range(0, len(device_ids), 2):
        named = device_ids[place : place + 2]
        rows += db.rows(statements[len(named) - 1], project_id, agent_user_id, *named)
    return rows


def _answer_follow_ups(db: Database, notifications: Iterable[Notification]) -> None:
    """Note what notifications bring back of commands."""
    for one in notifications:
        if one.follow_up_token:
            key = (one.project_id, one.agent_user_id, one.follow_up_token, one.device_id)
            db.run("answer_follow_up", *key, one.received_at, one.trait, one.body)


def _require_linked(db: Database, project_id: str, agent_user_id: str) -> None:
    if not devices.is_linked(db, project_id, agent_user_id):
        raise no_agent_user(project_id, agent_user_id)


# --- for the other modules ----------------------------------------------------------------------------------


def write(db: Database, project_id: str, agent_user_id: str, rows: Sequence[TraitState]) -> None:
    """Put states in place of those that are here. Their devices must be here."""
    named = tuple({row.device_id for row in rows})
    found = _found(db, _STATES, project_id, agent_user_id, named)
    stored = {device_id: (number, states) for device_id, number, states in found}
    merged = {}
    for device_id, new in groupby(rows, _device_id):
        if device_id not in stored:
            raise LookupError(f"agent user {agent_user_id} has no device {device_id}")
        number, states = stored[device_id]
        merged[number] = states_with(states, new)
    _save(db, project_id, agent_user_id, merged)


def write_known(
    db: Database, project_id: str, agent_user_id: str, rows: Sequence[TraitState]
) -> None:
    """``write`` as far as the devices are here and declare the traits: they may have changed since they were asked."""
    named = tuple({row.device_id for row in rows})
    found = _found(db, _REPORTED, project_id, agent_user_id, named)
    allowed = {
        (device_id, trait)
        for device_id, _, traits, *_ in found
        for trait in reporting.kept(names_of(traits))
    }
    write(
        db,
        project_id,
        agent_user_id,
        [row for row in rows if (row.device_id, row.trait) in allowed],
    )


def _save(
    db: Database, project_id: str, agent_user_id: str, merged: Mapping[int, tuple[int, int, bytes]]
) -> None:
    """Write states by the number of their device's row. Only when there are more than before must they be counted."""
    rows, grown = [], False
    for number, (count_before, count, states) in merged.items():
        rows.append((number, count, states))
        grown = grown or count > count_before
    db.run_many("save_states", rows)
    if grown:
        db.run("recount", project_id, agent_user_id)
