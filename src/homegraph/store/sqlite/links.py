"""Links: what the file declares of them, their tokens, and their end."""

from __future__ import annotations

from homegraph.graph import linking, refreshing
from homegraph.graph.model import Instant, Link, LinkState, Target, Tokens
from homegraph.graph.refreshing import TokenEvent, Turn
from homegraph.store.port import DeclaredLink
from homegraph.store.refusals import no_agent_user, no_link
from homegraph.store.rows import key_of_target, link_of, links_of, row_of_link
from homegraph.store.sqlite import devices, work
from homegraph.store.sqlite.database import Database


def links(db: Database, project_id: str | None, after: tuple[str, str], limit: int) -> list[Link]:
    """``Store.links``."""
    if project_id is None:
        rows = db.rows("list_links", *after, limit)
    else:
        start = devices.second_key(project_id, after)
        rows = db.rows("list_links_of_project", project_id, start, limit)
    return list(map(link_of, rows))


def find_link(db: Database, project_id: str, user_id: str) -> Link | None:
    """``Store.find_link``."""
    row = db.row("find_link", project_id, user_id)
    return link_of(row) if row else None


def begin_refresh(  # a refresh has these parts
    db: Database,
    project_id: str,
    user_id: str,
    before: Tokens,
    now: Instant,
    lease_seconds: float,
    insist: bool,  # noqa: FBT001  # handed on through the lane by place
) -> tuple[Turn, Link]:
    """``Store.begin_refresh``."""
    link = _living(db, project_id, user_id)
    turn, after = refreshing.begin(link, before, now, lease_seconds=lease_seconds, insist=insist)
    if after is not link:
        save(db, after)
    return turn, after


def follow_tokens(
    db: Database, project_id: str, user_id: str, event: TokenEvent, now: Instant
) -> Link:
    """``Store.follow_tokens``."""
    link = _living(db, project_id, user_id)
    after = refreshing.follow(link, event, now)
    if link.state is LinkState.BROKEN and after.state is not LinkState.BROKEN:
        begin(db, after, now)
    elif after is not link:
        save(db, after)
    return after


def begin_unlink(db: Database, project_id: str, user_id: str, now: Instant) -> Link:
    """``Store.begin_unlink``."""
    link = find_link(db, project_id, user_id)
    if link is None:
        raise no_link(project_id, user_id)
    if link.state is not LinkState.UNLINKED:
        db.run("insert_unlinking", project_id, user_id, now)
    return link


def unlink(
    db: Database,
    project_id: str,
    user_id: str,
    now: Instant,
    begun: bool,  # noqa: FBT001  # handed on through the lane by place
) -> Link:
    """``Store.unlink``."""
    link = find_link(db, project_id, user_id)
    if link is None:
        raise no_link(project_id, user_id)
    is_wanted = bool(db.run("delete_unlinking", project_id, user_id)) or not begun
    return end(db, link, now) if is_wanted else link


def unlinkings(db: Database, before: Instant) -> list[tuple[str, str]]:
    """``Store.unlinkings``."""
    return [(project_id, user_id) for project_id, user_id in db.rows("list_unlinkings", before)]


def delete_agent_user(
    db: Database, project_id: str, agent_user_id: str, now: Instant
) -> tuple[Link, ...]:
    """``Store.delete_agent_user``. The agent user ends with the last of its links."""
    if not devices.is_linked(db, project_id, agent_user_id):
        raise no_agent_user(project_id, agent_user_id)
    rows = db.rows("list_links_of_agent_user", project_id, agent_user_id)
    return tuple(
        end(db, link, now) for link in links_of(rows) if link.state is not LinkState.UNLINKED
    )


# --- for the other modules ----------------------------------------------------------------------------------


def adopt(db: Database, project_id: str, declared: DeclaredLink, now: Instant) -> None:
    """Take a grant of the file over, once, and ask for the SYNC that shows what it is worth."""
    link = linking.adopt(
        find_link(db, project_id, declared.user_id),
        project_id=project_id,
        user_id=declared.user_id,
        tokens=declared.tokens,
        digest=declared.digest,
        now=now,
    )
    if link is not None:
        begin(db, link, now)
        db.run("delete_unlinking", project_id, link.user_id)


def begin(db: Database, link: Link, now: Instant) -> None:
    """Write a link that has a new grant, and ask for the SYNC that shows what it is worth."""
    save(db, link)
    target = link.target
    if target.is_first_sync and db.row("find_work", *key_of_target(target)) is None:
        work.open_work(db, target, db.value("find_link_fence", link.project_id, link.user_id))
    work.ask(db, target, now)


def save(db: Database, link: Link) -> None:
    """Write the whole link."""
    db.run("save_link", *row_of_link(link))


def end(db: Database, link: Link, now: Instant, problem: str = "") -> Link:
    """Unlink; with the last link of an agent user ends that, too. Again changes nothing. The link as it is now."""
    if link.state is LinkState.UNLINKED:
        return link
    ended = linking.end(link, now, problem)
    save(db, ended)
    db.run("delete_unlinking", link.project_id, link.user_id)
    if not link.agent_user_id:
        close_first_sync(db, link)
    elif is_last(db, link):
        devices.close_agent_user(db, link.project_id, link.agent_user_id, now)
    return ended


def recover(db: Database) -> None:
    """A process that is certainly dead refreshes no tokens any more."""
    db.run("end_refreshes")


def close_first_sync(db: Database, link: Link) -> None:
    """Forget the work of a link's first SYNC, except for its fence."""
    fence = work.close_work(db, Target.of_first_sync(link.project_id, link.user_id))
    db.run("keep_link_fence", link.project_id, link.user_id, fence)


def is_last(db: Database, link: Link) -> bool:
    """Whether no other link of its agent user is left."""
    return not db.value("count_other_links", link.project_id, link.agent_user_id, link.user_id)


def _living(db: Database, project_id: str, user_id: str) -> Link:
    """A link that has not ended. Raises NotFound."""
    link = find_link(db, project_id, user_id)
    if link is None or link.state is LinkState.UNLINKED:
        raise no_link(project_id, user_id)
    return link
