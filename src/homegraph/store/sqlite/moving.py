"""Pieces out, and pieces in: copies of projects, agent users and links."""

from __future__ import annotations

from homegraph.graph.model import Instant, Link, LinkState, Target
from homegraph.graph.syncing import Work
from homegraph.store.copies import HomeCopy, LinkCopy, ProjectCopy
from homegraph.store.copy_rows import (
    device_copy_of,
    home_of,
    link_copy_of,
    new_device_of_copy,
    opened,
    row_of_home,
)
from homegraph.store.refusals import link_taken, no_project
from homegraph.store.rows import (
    key_of_target,
    link_of,
    links_of,
    row_of_link,
    row_of_project,
    row_of_work,
    work_of,
)
from homegraph.store.sqlite import devices, projects, service_accounts
from homegraph.store.sqlite.database import Database


def export_project(db: Database, project_id: str) -> ProjectCopy | None:
    """``Store.export_project``."""
    project = projects.find_project(db, project_id)
    if project is None:
        return None
    return ProjectCopy(
        project,
        tuple(projects.keys(db, project_id)),
        tuple(service_accounts.service_keys(db, project_id)),
    )


def export_homes(db: Database, project_id: str, after: str, limit: int) -> list[str]:
    """``Store.export_homes``."""
    return [row[0] for row in db.rows("list_homes", project_id, after, limit)]


def export_links(db: Database, project_id: str, after: str, limit: int) -> list[str]:
    """``Store.export_links``."""
    return [row[0] for row in db.rows("list_homeless_links", project_id, after, limit)]


def export_home(db: Database, project_id: str, agent_user_id: str, now: Instant) -> HomeCopy | None:
    """``Store.export_home``."""
    row = db.row("export_agent_user", project_id, agent_user_id)
    if row is None:
        return None
    of_home = links_of(db.rows("list_links_of_agent_user", project_id, agent_user_id))
    of_list = map(device_copy_of, db.rows("export_devices", project_id, agent_user_id))
    return home_of(
        project_id,
        agent_user_id,
        row,
        _work(db, Target(project_id, agent_user_id)),
        tuple([_link_copy(db, link, now) for link in of_home]),
        tuple(of_list),
        now,
    )


def export_link(db: Database, project_id: str, user_id: str, now: Instant) -> LinkCopy | None:
    """``Store.export_link``."""
    row = db.row("find_link", project_id, user_id)
    if row is None or (link := link_of(row)).agent_user_id:
        return None
    return _link_copy(db, link, now)


def import_project(db: Database, copy: ProjectCopy) -> bool:
    """``Store.import_project``."""
    is_new = db.row("find_project", copy.project.id) is None
    if is_new:
        db.run("save_project", *row_of_project(copy.project))
    added = [is_new]
    added += [projects.take_over(db, key) for key in copy.keys]
    added += [service_accounts.take_over(db, key) for key in copy.service_keys]
    return any(added)


def import_home(db: Database, copy: HomeCopy) -> bool:
    """``Store.import_home``."""
    project_id, agent_user_id = copy.project_id, copy.agent_user_id
    _require_project(db, project_id)
    if db.row("find_agent_user", project_id, agent_user_id) is not None:
        return False
    for one in copy.links:
        if not _add_link(db, one):
            raise link_taken(one.link)
    db.run("import_agent_user", *row_of_home(copy))
    if copy.linked:
        target = Target(project_id, agent_user_id)
        db.run("insert_work", *row_of_work(target, opened(copy.work, copy.fence)))
    for device in copy.devices:
        devices.add(db, new_device_of_copy(project_id, agent_user_id, device))
    return True


def import_link(db: Database, copy: LinkCopy) -> bool:
    """``Store.import_link``."""
    link = copy.link
    _require_project(db, link.project_id)
    if not _add_link(db, copy):
        return False
    if link.state is not LinkState.UNLINKED:
        db.run("insert_work", *row_of_work(link.target, opened(copy.work, copy.fence)))
    return True


def _link_copy(db: Database, link: Link, now: Instant) -> LinkCopy:
    key = (link.project_id, link.user_id)
    work = None if link.agent_user_id else _work(db, link.target)
    fence = db.value("find_link_fence", *key)
    return link_copy_of(link, fence, work, db.value("find_unlinking", *key), now)


def _work(db: Database, target: Target) -> Work | None:
    row = db.row("find_work", *key_of_target(target))
    return None if row is None else work_of(row)


def _add_link(db: Database, copy: LinkCopy) -> bool:
    link = copy.link
    key = (link.project_id, link.user_id)
    if db.row("find_link", *key) is not None:
        return False
    db.run("import_link", *row_of_link(link), copy.fence)
    if copy.unlinking_at is not None:
        db.run("insert_unlinking", *key, copy.unlinking_at)
    return True


def _require_project(db: Database, project_id: str) -> None:
    if db.row("find_project", project_id) is None:
        raise no_project(project_id)
