"""States of devices: what reports write, and what is read of it.

Reports of many callers are one group. Their devices are locked in key order and read, the reports are decided one after the other,
each on what those before it left, and each device's states are written once, whoever reported them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Final, NamedTuple, TypeAlias

from homegraph.graph import reporting
from homegraph.graph.model import Instant, Notification
from homegraph.graph.reporting import ReportedDevice, Rule, States, TraitState, Verdict
from homegraph.store.device_rows import (
    reported_device_of,
    states_of,
    states_with,
    states_without,
)
from homegraph.store.postgres.database import Database, Wanted, columns
from homegraph.store.refusals import no_agent_user
from homegraph.store.rows import Row, row_of_notification

_device_id: Final = attrgetter("device_id")

Key: TypeAlias = tuple[str, str, str]
"""Project, agent user, device."""


class Report(NamedTuple):
    """One call of ``Store.report``."""

    project_id: str
    agent_user_id: str
    states: States
    notifications: Sequence[Notification]
    rule: Rule
    now: Instant

    @property
    def notified(self) -> dict[str, dict[str, object]]:
        """The devices whose notifications need a declaration."""
        return {one.device_id: {} for one in self.notifications if one.needs_declaration}


async def report(db: Database, reports: Sequence[Report]) -> Sequence[Verdict | Exception]:
    """``Store.report`` for many callers, in their order."""
    named = {
        (one.project_id, one.agent_user_id, device_id)
        for one in reports
        for device_id in one.states.keys() | one.notified.keys()
    }
    known, stored = await _lock_reported(db, named)
    changing = _Changing(stored)
    asked = {
        one[:2] for one in reports if one.rule.settle_seconds or not _known_of(one, known)
    }  # who has a device is linked
    linked_at = await _linked_at(db, asked)
    verdicts: list[Verdict] = []
    notifications: list[Notification] = []
    for one in reports:
        verdict = _verdict(one, _known_of(one, known), linked_at)
        verdicts.append(verdict)
        if verdict.is_accepted:
            changing.take(one.project_id, one.agent_user_id, verdict.rows)
            notifications += one.notifications
    await changing.save(db)
    await _keep(db, notifications)
    return verdicts


async def states(
    db: Database, project_id: str, agent_user_id: str, device_ids: Sequence[str] | None
) -> dict[str, tuple[TraitState, ...]]:
    """``Store.states``."""
    if device_ids is None:
        await _require_linked(db, project_id, agent_user_id)
        listed = await db.rows("list_states", project_id, agent_user_id)
        return {device_id: states_of(device_id, stored) for device_id, stored in listed}
    wanted = Wanted(project_id, agent_user_id, device_ids)
    (found,) = await some_states(db, [wanted])
    if not found:  # who has a device is linked
        await _require_linked(db, project_id, agent_user_id)
    return found


async def some_states(
    db: Database, wanted: Sequence[Wanted]
) -> list[dict[str, tuple[TraitState, ...]]]:
    """States of those of the devices that are here, for many callers by one statement."""
    stored = await _read_states(db, {key for one in wanted for key in one.keys})
    return [
        {key[2]: states_of(key[2], stored[key]) for key in one.keys if key in stored}
        for one in wanted
    ]


# --- for the other modules ----------------------------------------------------------------------------------


async def write_known(
    db: Database, project_id: str, agent_user_id: str, rows: Sequence[TraitState]
) -> None:
    """Put states in place of those that are here, as far as the devices are and declare the traits: they may have changed since they were asked."""
    named = {(project_id, agent_user_id, row.device_id) for row in rows}
    known, stored = await _lock_reported(db, named)
    allowed = {
        (device_id, trait)
        for (_, _, device_id), device in known.items()
        for trait in reporting.kept(device.traits)
    }
    changing = _Changing(stored)
    taken = [row for row in rows if (row.device_id, row.trait) in allowed]
    changing.take(project_id, agent_user_id, taken)
    await changing.save(db)


async def drop_states(
    db: Database, stored: Mapping[Key, bytes | None], kept: Mapping[Key, Collection[str]]
) -> set[tuple[str, str]]:
    """Drop what is stored of devices but of the traits that are kept; the agent users that had more. The devices are locked."""
    rows: list[Row] = []
    for key in sorted(stored):
        left = states_without(stored[key], kept[key])
        if left is not None:
            rows.append((*key, *left))
    if rows:
        await db.run("save_states", *columns(rows))
    return {(row[0], row[1]) for row in rows}


class _Changing:
    """States of devices as they were read, and as they become."""

    def __init__(self, stored: Mapping[Key, bytes | None]) -> None:
        self._now: dict[Key, bytes | None] = dict(stored)
        self._counts: dict[Key, int] = {}
        self._grown: Counter[tuple[str, str]] = Counter()

    def take(self, project_id: str, agent_user_id: str, rows: Iterable[TraitState]) -> None:
        """Add new states to those that are there."""
        for device_id, new in groupby(rows, _device_id):
            key = (project_id, agent_user_id, device_id)
            before, count, self._now[key] = states_with(self._now[key], new)
            self._counts[key] = count
            self._grown[key[:2]] += count - before

    async def save(self, db: Database) -> None:
        """Write what changed, and then how many there are."""
        rows = [(*key, count, self._now[key]) for key, count in sorted(self._counts.items())]
        if rows:
            await db.run("save_states", *columns(rows))
        grown = [(*home, more) for home, more in sorted(self._grown.items()) if more]
        if grown:
            await db.run("grow_state_counts", *columns(grown))


def _known_of(one: Report, known: Mapping[Key, ReportedDevice]) -> dict[str, ReportedDevice]:
    """The devices of a report that are here."""
    named = one.states.keys() | one.notified.keys()
    keys = {device_id: (one.project_id, one.agent_user_id, device_id) for device_id in named}
    return {device_id: known[key] for device_id, key in keys.items() if key in known}


def _verdict(
    one: Report,
    known: Mapping[str, ReportedDevice],
    linked_at: Mapping[tuple[str, str], Instant],
) -> Verdict:
    rule = one.rule
    if rule.settle_seconds or not known:
        since = linked_at.get((one.project_id, one.agent_user_id))
        if since is None:
            return Verdict(unlinked=True)
        if one.now - since < rule.settle_seconds:
            return Verdict(settling=True)
    return reporting.decide(known, one.states, one.notified, rule=rule, now=one.now)


async def _require_linked(db: Database, project_id: str, agent_user_id: str) -> None:
    if not await _linked_at(db, [(project_id, agent_user_id)]):
        raise no_agent_user(project_id, agent_user_id)


async def _linked_at(
    db: Database, homes: Collection[tuple[str, str]]
) -> dict[tuple[str, str], Instant]:
    """Since when those of the agent users are linked that are."""
    if not homes:
        return {}
    rows = await db.rows("find_agent_user", *columns(homes))
    return {(row[4], row[5]): row[2] for row in rows if row[0]}


async def _lock_reported(
    db: Database, named: Collection[Key]
) -> tuple[dict[Key, ReportedDevice], dict[Key, bytes | None]]:
    """What those of the devices are that are here, and their states. They stay so until the transaction ends."""
    keys = sorted(named)
    known: dict[Key, ReportedDevice] = {}
    stored: dict[Key, bytes | None] = {}
    if keys:
        for place, *device, states in await db.rows("find_reported_device", *columns(keys)):
            known[keys[place - 1]] = reported_device_of(*device)
            stored[keys[place - 1]] = states
    return known, stored


async def _read_states(db: Database, named: Iterable[Key]) -> dict[Key, bytes | None]:
    """The states of devices, None for a device without; of those that are here."""
    keys = sorted(named)
    if not keys:
        return {}
    return {keys[row[0] - 1]: row[1] for row in await db.rows("find_states", *columns(keys))}


async def _keep(db: Database, notifications: Sequence[Notification]) -> None:
    """Keep notifications, and note what they bring back of commands."""
    if notifications:
        await db.run("insert_notification", *columns(map(row_of_notification, notifications)))
    for one in notifications:
        if one.follow_up_token:
            key = (one.project_id, one.agent_user_id, one.follow_up_token, one.device_id)
            await db.run("answer_follow_up", *key, one.received_at, one.trait, one.body)
