"""Agent users and their device lists.

A device is three rows: one in the list of its agent user, with the fingerprint of its bytes, which is found by its key and tells a number;
and by that number what is reported of it, states and all, and its definition. They go together; to move them is a matter of the list alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from msgspec.structs import replace

from homegraph.graph import reporting
from homegraph.graph.applying import Known, Stored, known_of, strangers
from homegraph.graph.model import Device, HeldDevice, Instant, Placement, Target
from homegraph.store.device_rows import (
    NewDevice,
    columns_of_placement,
    device_of,
    held_of,
    new_device_of,
    states_without,
)
from homegraph.store.refusals import no_agent_user, no_device
from homegraph.store.rows import Row, json_text
from homegraph.store.sqlite import work
from homegraph.store.sqlite.database import Database


def known(
    db: Database, target: Target, fingerprints: Collection[bytes], at_most: int
) -> tuple[Known, list[str]]:
    """``Store.known``, without definitions if there were more than ``at_most``: then the ids of their devices."""
    listed = known_of(dict(db.rows("list_known", target.project_id, target.agent_user_id)))
    missing = strangers(listed, fingerprints)
    if len(missing) > at_most:
        return listed, missing
    return replace(listed, definitions=definitions(db, target, missing)), []


def definitions(db: Database, target: Target, device_ids: Sequence[str]) -> dict[str, bytes]:
    """The definitions of devices of a list."""
    found: dict[str, bytes] = {}
    for device_id in device_ids:
        row = db.row("list_definitions", target.project_id, target.agent_user_id, device_id)
        if row is not None:
            found[device_id] = row[0]
    return found


def held(db: Database, target: Target) -> tuple[HeldDevice, ...]:
    """``Store.held``."""
    text = db.value("find_held", target.project_id, target.agent_user_id)
    return held_of(text) if text else ()


def agent_users(
    db: Database, project_id: str | None, after: tuple[str, str], limit: int
) -> list[tuple[str, str]]:
    """``Store.agent_users``."""
    if project_id is None:
        rows = db.rows("list_agent_users", *after, limit)
    else:
        rows = db.rows(
            "list_agent_users_of_project", project_id, second_key(project_id, after), limit
        )
    return [(row[0], row[1]) for row in rows]


def devices(db: Database, project_id: str, agent_user_id: str) -> list[Device]:
    """``Store.devices``."""
    if not is_linked(db, project_id, agent_user_id):
        raise no_agent_user(project_id, agent_user_id)
    return list(map(device_of, db.rows("list_devices", project_id, agent_user_id)))


def place(
    db: Database, project_id: str, agent_user_id: str, device_id: str, placement: Placement
) -> None:
    """``Store.place``."""
    if not db.run(
        "place_device", project_id, agent_user_id, device_id, *columns_of_placement(placement)
    ):
        raise no_device(agent_user_id, device_id)


# --- for the other modules ----------------------------------------------------------------------------------


def second_key(first: str, after: tuple[str, str]) -> str:
    """Where a list with one first key starts: at its beginning, unless ``after`` is in it."""
    return after[1] if after[0] == first else ""


def is_linked(db: Database, project_id: str, agent_user_id: str) -> bool:
    """Whether an agent user is linked."""
    row = db.row("find_agent_user", project_id, agent_user_id)
    return row is not None and bool(row[0])


def open_agent_user(db: Database, project_id: str, agent_user_id: str, now: Instant) -> None:
    """Make an agent user linked, with no devices and idle work."""
    row = db.row("find_agent_user", project_id, agent_user_id)
    db.run("link_agent_user", project_id, agent_user_id, now)
    work.open_work(db, Target(project_id, agent_user_id), fence=row[3] if row else 0)


def write(
    db: Database,
    project_id: str,
    agent_user_id: str,
    stored: Iterable[Stored],
    removed: Sequence[str],
    now: Instant,
) -> None:
    """Insert the devices that have a placement, renew the others, drop those that are removed.

    Raises LookupError when the agent user is not linked: its list would be nobody's.
    """
    if removed:
        _drop(db, db.rows("delete_devices", project_id, agent_user_id, json_text(removed)))
    has_to_count = bool(removed)
    for one in stored:
        key = (project_id, agent_user_id, one.device_id)
        number = db.value("renew_device", *key, one.mark, now)
        if number is not None:
            db.run("save_definition", number, one.definition)
            if not one.reports_as_before and _renew_reported(db, key, one):
                has_to_count = True
        elif one.placement is not None:  # else it is gone while the run was under way
            add(db, new_device_of(project_id, agent_user_id, one, one.placement, (), now))
            has_to_count = True
    if has_to_count and not db.run("recount", project_id, agent_user_id):
        raise LookupError(f"agent user {agent_user_id} of project {project_id} is not linked")


def add(db: Database, device: NewDevice) -> None:
    """Write a device that is not here."""
    db.run("insert_reported", *device.reported)
    number = db.connection.last_insert_rowid()
    db.run("insert_device", *device.key, number, device.fingerprint, device.changed_at)
    db.run("save_definition", number, device.definition)


def write_held(
    db: Database, project_id: str, agent_user_id: str, kept: Sequence[HeldDevice]
) -> None:
    """Keep these held devices and no others."""
    db.run("write_held", project_id, agent_user_id, json_text(kept) if kept else "")


def hand_over(db: Database, project_id: str, old: str, new: str) -> None:
    """Give a list to another agent user, placement, states and all, unless that one has devices of its own."""
    if not db.rows("list_known", project_id, new):
        db.run("move_devices", project_id, old, new)
        db.run("recount", project_id, new)


def close_agent_user(db: Database, project_id: str, agent_user_id: str, now: Instant) -> None:
    """Leave a tombstone: no devices, no work, and so no lease that holds."""
    target = Target(project_id, agent_user_id)
    _drop(db, db.rows("delete_all_devices", project_id, agent_user_id))
    fence = work.close_work(db, target)
    db.run("unlink_agent_user", project_id, agent_user_id, now, fence)


def _renew_reported(db: Database, key: tuple[str, str, str], stored: Stored) -> bool:
    """Write what may be reported of a device that is here; whether it had states that nobody may report any more."""
    ((_, number, states),) = db.rows("find_states", *key)
    db.run("renew_reported", number, json_text(stored.traits), stored.notifies, stored.attributes)
    left = states_without(states, reporting.kept(stored.traits))
    if left is None:
        return False
    db.run("save_states", number, *left)
    return True


def _drop(db: Database, numbers: Iterable[Row]) -> None:
    """Drop the rows of devices that are in no list any more."""
    db.run_many("delete_reported", numbers)
