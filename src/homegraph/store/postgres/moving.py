"""Pieces out, and pieces in: copies of projects, agent users and links.

Homes that come together are one transaction, with one statement for each kind of row. What comes is new here, so nobody holds it; still it
is written in the order of locks (links, work, and then the rest, each by key), because a user may link an account at the same
moment. Who is overtaken by that begins anew (``trouble``), and then finds the link.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter, itemgetter
from typing import NamedTuple

from homegraph.graph.model import Instant, Link, LinkState, Target
from homegraph.graph.syncing import Work
from homegraph.store.copies import DeviceCopy, HomeCopy, LinkCopy, ProjectCopy
from homegraph.store.copy_rows import (
    device_copy_of,
    home_of,
    link_copy_of,
    new_device_of_copy,
    opened,
    row_of_home,
)
from homegraph.store.postgres import links, projects, service_accounts, work
from homegraph.store.postgres.database import Database, columns
from homegraph.store.postgres.trouble import ChangedMeanwhileError
from homegraph.store.refusals import link_taken, no_project
from homegraph.store.rows import row_of_link, row_of_project


class Which(NamedTuple):
    """One call of ``Store.export_home`` or ``export_link``: the agent user, or the user, of a project."""

    project_id: str
    name: str
    now: Instant


async def export_project(db: Database, project_id: str) -> ProjectCopy | None:
    """``Store.export_project``."""
    project = await projects.find_project(db, project_id)
    if project is None:
        return None
    return ProjectCopy(
        project,
        tuple(await projects.keys(db, project_id)),
        tuple(await service_accounts.service_keys(db, project_id)),
    )


async def export_homes(db: Database, project_id: str, after: str, limit: int) -> list[str]:
    """``Store.export_homes``."""
    return [row[0] for row in await db.rows("list_homes", project_id, after, limit)]


async def export_links(db: Database, project_id: str, after: str, limit: int) -> list[str]:
    """``Store.export_links``."""
    return [row[0] for row in await db.rows("list_homeless_links", project_id, after, limit)]


async def some_homes(db: Database, wanted: Sequence[Which]) -> list[HomeCopy | None]:
    """``Store.export_home`` for many callers, by one statement for each kind of row."""
    nows = {(one.project_id, one.name): one.now for one in wanted}
    keys = list(nows)
    homes = {row[0]: tuple(row[1:]) for row in await db.rows("export_agent_user", *columns(keys))}
    of_homes = await links.of_agent_users(db, keys)
    targets = [Target(*key) for key in keys]
    (works,) = await work.find_works(db, [targets])
    devices: dict[int, list[DeviceCopy]] = {}
    for place, *device in await db.rows("export_devices", *columns(keys)):
        devices.setdefault(place, []).append(device_copy_of(tuple(device)))
    kept = [(link, nows[key]) for key, some in zip(keys, of_homes, strict=True) for link in some]
    copies = await _link_copies(db, kept)
    found: dict[tuple[str, str], HomeCopy] = {}
    for place, (key, target, some) in enumerate(zip(keys, targets, of_homes, strict=True), 1):
        if place in homes:
            found[key] = home_of(
                *key,
                homes[place],
                works.get(target),
                tuple([copies[_key_of(link)] for link in some]),
                tuple(devices.get(place, ())),
                nows[key],
            )
    return [found.get((one.project_id, one.name)) for one in wanted]


async def some_links(db: Database, wanted: Sequence[Which]) -> list[LinkCopy | None]:
    """``Store.export_link`` for many callers."""
    keys = [(one.project_id, one.name) for one in wanted]
    found = zip(await links.find_links(db, keys), wanted, strict=True)
    kept = [(link, one.now) for link, one in found if link is not None and not link.agent_user_id]
    copies = await _link_copies(db, kept)
    return [copies.get(key) for key in keys]


async def import_project(db: Database, copy: ProjectCopy) -> bool:
    """``Store.import_project``. Credentials are locked first, as by ``declare``."""
    await service_accounts.lock(db)
    is_new = not await db.rows("find_project", [copy.project.id])
    if is_new:
        await db.run("save_project", *row_of_project(copy.project))
    added = [is_new]
    added += [await projects.take_over(db, key) for key in copy.keys]
    added += [await service_accounts.take_over(db, key) for key in copy.service_keys]
    return any(added)


async def import_homes(db: Database, copies: Sequence[HomeCopy]) -> Sequence[bool | Exception]:
    """``Store.import_home`` for many, in their order.

    Links are looked for first: another import may bring the same home between the two looks, and then it is here, not its users taken.
    """
    taken = await _taken(db, [one for copy in copies for one in copy.links])
    here = await _agent_users(db, copies)
    projects = await _projects(db, copies)
    outcomes: list[bool | Exception] = []
    new: list[HomeCopy] = []
    for copy in copies:
        key = (copy.project_id, copy.agent_user_id)
        others = [one.link for one in copy.links if _key(one) in taken]
        if copy.project_id not in projects:
            outcomes.append(no_project(copy.project_id))
        elif key in here:
            outcomes.append(False)
        elif others:
            outcomes.append(link_taken(others[0]))
        else:
            outcomes.append(True)
            new.append(copy)
            here.add(key)
            taken.update(map(_key, copy.links))
    await _add_links(db, [one for copy in new for one in copy.links])
    await _add_works(db, [_work_of_home(copy) for copy in new if copy.linked])
    await _add_homes(db, new)
    return outcomes


async def import_links(db: Database, copies: Sequence[LinkCopy]) -> Sequence[bool | Exception]:
    """``Store.import_link`` for many, in their order."""
    taken = await _taken(db, copies)
    projects = await _projects(db, copies)
    outcomes: list[bool | Exception] = []
    new: list[LinkCopy] = []
    for copy in copies:
        key = _key(copy)
        if copy.link.project_id not in projects:
            outcomes.append(no_project(copy.link.project_id))
            continue
        outcomes.append(key not in taken)
        if key not in taken:
            new.append(copy)
            taken.add(key)
    await _add_links(db, new)
    living = [copy for copy in new if copy.link.state is not LinkState.UNLINKED]
    await _add_works(db, [_work_of_link(copy) for copy in living])
    return outcomes


async def _link_copies(
    db: Database, kept: Sequence[tuple[Link, Instant]]
) -> dict[tuple[str, str], LinkCopy]:
    """Links with what belongs to each, as at a time; those without an agent user have work of their own."""
    if not kept:
        return {}
    keys = columns(_key_of(link) for link, _ in kept)
    fences = {tuple(row[1:]): row[0] for row in await db.rows("find_link_fence", *keys)}
    unlinkings = {tuple(row[1:]): row[0] for row in await db.rows("find_unlinking", *keys)}
    first = [link.target for link, _ in kept if not link.agent_user_id]
    (works,) = await work.find_works(db, [first])
    return {
        (key := _key_of(link)): link_copy_of(
            link, fences[key], works.get(link.target), unlinkings.get(key), now
        )
        for link, now in kept
    }


def _key_of(link: Link) -> tuple[str, str]:
    return link.project_id, link.user_id


def _key(copy: LinkCopy) -> tuple[str, str]:
    return _key_of(copy.link)


def _work_of_home(copy: HomeCopy) -> tuple[Target, Work]:
    return Target(copy.project_id, copy.agent_user_id), opened(copy.work, copy.fence)


def _work_of_link(copy: LinkCopy) -> tuple[Target, Work]:
    return copy.link.target, opened(copy.work, copy.fence)


async def _agent_users(db: Database, copies: Sequence[HomeCopy]) -> set[tuple[str, str]]:
    """Those of the agent users that are here, linked or not, by project and name."""
    keys = [(copy.project_id, copy.agent_user_id) for copy in copies]
    return {(row[4], row[5]) for row in await db.rows("find_agent_user", *columns(keys))}


async def _taken(db: Database, copies: Sequence[LinkCopy]) -> set[tuple[str, str]]:
    """Those of the links whose users have one here, by project and user."""
    if not copies:
        return set()
    return {(row[0], row[1]) for row in await db.rows("find_link", *columns(map(_key, copies)))}


async def _projects(db: Database, copies: Sequence[HomeCopy | LinkCopy]) -> set[str]:
    """Those of the copies' projects that are here."""
    asked = {one.project_id if isinstance(one, HomeCopy) else one.link.project_id for one in copies}
    return {row[0] for row in await db.rows("find_project", sorted(asked))}


async def _add_links(db: Database, copies: Sequence[LinkCopy]) -> None:
    if not copies:
        return
    rows = [(*row_of_link(one.link), one.fence) for one in sorted(copies, key=_key)]
    await db.run("import_link", *columns(rows))
    for one in copies:
        if one.unlinking_at is not None:  # few: those whose fulfillment is being told
            await db.run("insert_unlinking", *_key(one), one.unlinking_at)


async def _add_works(db: Database, works: Sequence[tuple[Target, Work]]) -> None:
    if not await work.insert_works(db, dict(works)):
        raise ChangedMeanwhileError


async def _add_homes(db: Database, copies: Sequence[HomeCopy]) -> None:
    if not copies:
        return
    rows = sorted(map(row_of_home, copies), key=itemgetter(0, 1))
    await db.run("import_agent_user", *columns(rows))
    devices = [
        new_device_of_copy(copy.project_id, copy.agent_user_id, one)
        for copy in copies
        for one in copy.devices
    ]
    if devices:
        devices.sort(key=attrgetter("key"))
        await db.run("import_device", *columns(one.row for one in devices))
        await db.run("save_definition", *columns((*one.key, one.definition) for one in devices))
