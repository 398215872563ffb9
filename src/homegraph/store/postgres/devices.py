"""Agent users and their device lists. The states of a device go, and move, with its row.

Who writes a list holds its agent user's work (``work.lock_works``); devices are locked after it, in key order, and the agent user's own
row, which has the numbers, last.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from operator import attrgetter
from typing import NamedTuple

from msgspec.structs import replace

from homegraph.graph import reporting
from homegraph.graph.applying import Known, Stored, known_of, strangers
from homegraph.graph.model import Device, HeldDevice, Instant, Placement, Target
from homegraph.graph.syncing import Work
from homegraph.store.device_rows import (
    NewDevice,
    columns_of_placement,
    device_of,
    held_of,
    new_device_of,
    row_of_renewed_device,
)
from homegraph.store.postgres import reports, work
from homegraph.store.postgres.database import Database, columns
from homegraph.store.refusals import no_agent_user, no_device
from homegraph.store.rows import Row, json_text


class Written(NamedTuple):
    """What is written of one list: ``stored`` are inserted or renewed, ``removed`` dropped."""

    project_id: str
    agent_user_id: str
    stored: Iterable[Stored]
    removed: Sequence[str]
    now: Instant


async def known(db: Database, asked: Sequence[tuple[Target, Collection[bytes]]]) -> list[Known]:
    """``Store.known`` for many callers, by two statements at most."""
    marks: list[dict[bytes, str]] = [{} for _ in asked]
    homes = columns((target.project_id, target.agent_user_id) for target, _ in asked)
    for place, mark, device_id in await db.rows("list_known", *homes):
        marks[place - 1][mark] = device_id
    listed = list(map(known_of, marks))
    missing = [
        (place, (target.project_id, target.agent_user_id, device_id))
        for place, (target, fingerprints) in enumerate(asked)
        for device_id in strangers(listed[place], fingerprints)
    ]
    definitions: list[dict[str, bytes]] = [{} for _ in asked]
    if missing:
        keys = columns(key for _, key in missing)
        for at, definition in await db.rows("list_definitions", *keys):
            place, key = missing[at - 1]
            definitions[place][key[2]] = definition
    return [replace(one, definitions=found) for one, found in zip(listed, definitions, strict=True)]


async def held(db: Database, target: Target) -> tuple[HeldDevice, ...]:
    """``Store.held``."""
    row = await db.row("find_held", target.project_id, target.agent_user_id)
    return held_of(row[0]) if row and row[0] else ()


async def agent_users(
    db: Database, project_id: str | None, after: tuple[str, str], limit: int
) -> list[tuple[str, str]]:
    """``Store.agent_users``."""
    if project_id is None:
        rows = await db.rows("list_agent_users", *after, limit)
    else:
        start = second_key(project_id, after)
        rows = await db.rows("list_agent_users_of_project", project_id, start, limit)
    return [(row[0], row[1]) for row in rows]


async def devices(db: Database, project_id: str, agent_user_id: str) -> list[Device]:
    """``Store.devices``."""
    if not await is_linked(db, project_id, agent_user_id):
        raise no_agent_user(project_id, agent_user_id)
    return list(map(device_of, await db.rows("list_devices", project_id, agent_user_id)))


async def place(
    db: Database, project_id: str, agent_user_id: str, device_id: str, placement: Placement
) -> None:
    """``Store.place``."""
    key = (project_id, agent_user_id, device_id)
    if not await db.run("place_device", *key, *columns_of_placement(placement)):
        raise no_device(agent_user_id, device_id)


# --- for the other modules ----------------------------------------------------------------------------------


def second_key(first: str, after: tuple[str, str]) -> str:
    """Where a list with one first key starts: at its beginning, unless ``after`` is in it."""
    return after[1] if after[0] == first else ""


async def is_linked(db: Database, project_id: str, agent_user_id: str) -> bool:
    """Whether an agent user is linked."""
    row = await find_agent_user(db, project_id, agent_user_id)
    return row is not None and bool(row[0])


async def find_agent_users(db: Database, homes: Iterable[Target]) -> dict[Target, int]:
    """Those of the agent users that were here before, linked or not, and the last fences of their work then."""
    keys = columns((one.project_id, one.agent_user_id) for one in homes)
    return {Target(row[4], row[5]): row[3] for row in await db.rows("find_agent_user", *keys)}


async def find_agent_user(db: Database, project_id: str, agent_user_id: str) -> Row | None:
    """Whether an agent user is linked, since when it is not or is, and the last fence of its work."""
    return await db.row("find_agent_user", [project_id], [agent_user_id])


async def open_agent_user(db: Database, project_id: str, agent_user_id: str, now: Instant) -> bool:
    """Make an agent user linked, with no devices and idle work, unless it is linked; whether it was not. Its work is locked then."""
    home = Target(project_id, agent_user_id)
    if not await work.open_work(db, home):
        return False
    known = await find_agent_users(db, [home])
    begun = (project_id, agent_user_id, now, 0, 0, "")
    await db.run("link_agent_user", *columns([begun]))
    await work.save_works(db, {home: Work(fence=fence) for home, fence in known.items()})
    return True


async def write(db: Database, written: Sequence[Written]) -> None:
    """Insert the devices that have a placement, renew the others, drop those that are removed.

    Raises LookupError when an agent user is not linked: its list would be nobody's.
    """
    new: list[NewDevice] = []
    renewed: list[Row] = []
    gone: list[Row] = []
    kept: dict[tuple[str, str, str], tuple[str, ...]] = {}
    changed: set[tuple[str, str]] = set()
    for project_id, agent_user_id, stored, removed, now in written:
        for one in stored:
            if one.placement is not None:
                new.append(new_device_of(project_id, agent_user_id, one, one.placement, (), now))
                changed.add((project_id, agent_user_id))
            else:
                renewed.append(row_of_renewed_device(project_id, agent_user_id, one, now))
            kept[project_id, agent_user_id, one.device_id] = reporting.kept(one.traits)
        if removed:
            gone += [(project_id, agent_user_id, device_id) for device_id in removed]
            changed.add((project_id, agent_user_id))
    if gone:  # two statements lock then, and both in key order
        here = sorted({row[:3] for row in (*renewed, *gone)})
        await db.rows("lock_devices", *columns(here))
        await db.run("delete_devices", *columns(gone))
    states: dict[tuple[str, str, str], bytes | None] = {}
    if renewed:
        found = await db.rows("renew_device", *columns(renewed))
        states |= {renewed[place - 1][:3]: one for place, one in found}
    if new:
        new.sort(key=attrgetter("key"))
        found = await db.rows("insert_device", *columns(one.row for one in new))
        states |= {(row[0], row[1], row[2]): row[3] for row in found}
        await db.run("save_definition", *columns((*one.key, one.definition) for one in new))
    changed |= await reports.drop_states(db, states, kept)
    await _recount(db, changed)


async def write_held(
    db: Database, project_id: str, agent_user_id: str, kept: Sequence[HeldDevice]
) -> None:
    """Keep these held devices and no others."""
    await db.run("write_held", project_id, agent_user_id, json_text(kept) if kept else "")


async def hand_over(db: Database, project_id: str, old: str, new: str) -> None:
    """Give a list to another agent user, placement, states and all, unless that one has devices of its own."""
    if not await db.rows("list_known", [project_id], [new]):
        await db.run("move_devices", project_id, old, new)
        await _recount(db, {(project_id, new)})


async def close_agent_user(db: Database, project_id: str, agent_user_id: str, now: Instant) -> None:
    """Leave a tombstone: no devices, no work, and so no lease that holds."""
    target = Target(project_id, agent_user_id)
    fence = await work.close_work(db, target)
    await db.run("delete_all_devices", project_id, agent_user_id)
    await db.run("unlink_agent_user", project_id, agent_user_id, now, fence)


async def _recount(db: Database, homes: set[tuple[str, str]]) -> None:
    if not homes:
        return
    keys = columns(sorted(homes))
    await db.rows("lock_agent_users", *keys)
    if await db.run("recount", *keys) < len(homes):
        raise LookupError(f"not all are linked of {sorted(homes)}")
