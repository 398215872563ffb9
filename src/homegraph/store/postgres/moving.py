"""Pieces out, and pieces in: copies of projects, agent users and links.

What comes is new here, so nobody holds it; still it is written in the order of locks (links, work, and then the rest), because a
user may link an account at the same moment.
"""

from __future__ import annotations

from collections.abc import Sequence

from homegraph.graph.model import Instant, Link, LinkState, Target
from homegraph.graph.syncing import Work
from homegraph.store.copies import DeviceCopy, HomeCopy, LinkCopy, ProjectCopy
from homegraph.store.copy_rows import (
    device_copy_of,
    home_of,
    link_copy_of,
    opened,
    row_of_device_copy,
    row_of_home,
)
from homegraph.store.postgres import devices, links, projects, service_accounts
from homegraph.store.postgres.database import Database, columns
from homegraph.store.postgres.trouble import ChangedMeanwhileError
from homegraph.store.refusals import link_taken, no_project
from homegraph.store.rows import key_of_target, project_of, row_of_project, row_of_work, work_of


async def export_project(db: Database, project_id: str) -> ProjectCopy | None:
    """``Store.export_project``."""
    row = await db.row("find_project", [project_id])
    if row is None:
        return None
    return ProjectCopy(
        project_of(row),
        tuple(await projects.keys(db, project_id)),
        tuple(await service_accounts.service_keys(db, project_id)),
    )


async def export_homes(db: Database, project_id: str, after: str, limit: int) -> list[str]:
    """``Store.export_homes``."""
    return [row[0] for row in await db.rows("list_homes", project_id, after, limit)]


async def export_links(db: Database, project_id: str, after: str, limit: int) -> list[str]:
    """``Store.export_links``."""
    return [row[0] for row in await db.rows("list_homeless_links", project_id, after, limit)]


async def export_home(
    db: Database, project_id: str, agent_user_id: str, now: Instant
) -> HomeCopy | None:
    """``Store.export_home``."""
    row = await db.row("export_agent_user", project_id, agent_user_id)
    if row is None:
        return None
    of_home = await links.of_agent_user(db, project_id, agent_user_id)
    kept = await db.rows("export_devices", project_id, agent_user_id)
    return home_of(
        project_id,
        agent_user_id,
        row,
        await _work(db, Target(project_id, agent_user_id)),
        tuple([await _link_copy(db, link, now) for link in of_home]),
        tuple(map(device_copy_of, kept)),
        now,
    )


async def export_link(db: Database, project_id: str, user_id: str, now: Instant) -> LinkCopy | None:
    """``Store.export_link``."""
    link = await links.find_link(db, project_id, user_id)
    return None if link is None or link.agent_user_id else await _link_copy(db, link, now)


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


async def import_home(db: Database, copy: HomeCopy) -> bool:
    """``Store.import_home``."""
    project_id, agent_user_id = copy.project_id, copy.agent_user_id
    await _require_project(db, project_id)
    if await devices.find_agent_user(db, project_id, agent_user_id) is not None:
        return False
    for one in sorted(copy.links, key=lambda one: one.link.user_id):
        if not await _add_link(db, one):
            raise link_taken(one.link)
    if copy.linked:
        target = Target(project_id, agent_user_id)
        await _add_work(db, target, opened(copy.work, copy.fence))
    await db.run("import_agent_user", *row_of_home(copy))
    if copy.devices:
        await _add_devices(db, project_id, agent_user_id, copy.devices)
    return True


async def import_link(db: Database, copy: LinkCopy) -> bool:
    """``Store.import_link``."""
    link = copy.link
    await _require_project(db, link.project_id)
    if not await _add_link(db, copy):
        return False
    if link.state is not LinkState.UNLINKED:
        target = Target(link.project_id, "", link.user_id)
        await _add_work(db, target, opened(copy.work, copy.fence))
    return True


async def _link_copy(db: Database, link: Link, now: Instant) -> LinkCopy:
    key = (link.project_id, link.user_id)
    work = None
    if not link.agent_user_id:
        work = await _work(db, Target(link.project_id, "", link.user_id))
    fence = await db.value("find_link_fence", *key)
    return link_copy_of(link, fence, work, await db.value("find_unlinking", *key), now)


async def _work(db: Database, target: Target) -> Work | None:
    row = await db.row("export_work", *key_of_target(target))
    return None if row is None else work_of(row)


async def _add_link(db: Database, copy: LinkCopy) -> bool:
    link = copy.link
    key = (link.project_id, link.user_id)
    if not await db.run("reserve_links", [link.project_id], [link.user_id], link.created_at):
        return False
    await links.save(db, link)
    if copy.fence:
        await db.run("keep_link_fence", *key, copy.fence)
    if copy.unlinking_at is not None:
        await db.run("insert_unlinking", *key, copy.unlinking_at)
    return True


async def _add_work(db: Database, target: Target, work: Work) -> None:
    if not await db.run("insert_work", *row_of_work(target, work)):
        raise ChangedMeanwhileError


async def _add_devices(
    db: Database, project_id: str, agent_user_id: str, copies: Sequence[DeviceCopy]
) -> None:
    rows = [row_of_device_copy(project_id, agent_user_id, one) for one in copies]
    await db.run("import_device", *columns(rows))
    definitions = [(project_id, agent_user_id, one.id, one.definition) for one in copies]
    await db.run("save_definition", *columns(definitions))


async def _require_project(db: Database, project_id: str) -> None:
    if not await db.rows("find_project", [project_id]):
        raise no_project(project_id)
