"""Links: what the file declares of them, their tokens, and their end.

Who changes a link locks its row first, and then the work of whom it belongs to. A link that is not here yet is made to be locked: an
ended one without a grant, which is as good as none.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TypeAlias

from homegraph.graph import linking, refreshing, syncing
from homegraph.graph.model import Cause, Instant, Link, LinkState, Mode, Target, Tokens
from homegraph.graph.refreshing import TokenEvent, Turn
from homegraph.graph.syncing import Work
from homegraph.store.postgres import devices, work
from homegraph.store.postgres.database import Database, columns
from homegraph.store.postgres.trouble import ChangedMeanwhileError
from homegraph.store.refusals import no_agent_user, no_link
from homegraph.store.rows import Row, link_of, links_of, row_of_link

Key: TypeAlias = tuple[str, str]
"""Project and user."""


async def links(
    db: Database, project_id: str | None, after: tuple[str, str], limit: int
) -> list[Link]:
    """``Store.links``."""
    if project_id is None:
        rows = await db.rows("list_links", *after, limit)
    else:
        start = devices.second_key(project_id, after)
        rows = await db.rows("list_links_of_project", project_id, start, limit)
    return list(map(link_of, rows))


async def find_links(db: Database, keys: Sequence[Key]) -> list[Link | None]:
    """``Store.find_link`` for many callers, by one statement."""
    rows = await db.rows("find_link", *columns(sorted(set(keys))))
    found = {(row[0], row[1]): link_of(row) for row in rows}
    return [found.get(key) for key in keys]


async def find_link(db: Database, project_id: str, user_id: str) -> Link | None:
    """``Store.find_link``."""
    return (await find_links(db, [(project_id, user_id)]))[0]


async def begin_refresh(  # a refresh has these parts
    db: Database,
    project_id: str,
    user_id: str,
    before: Tokens,
    now: Instant,
    lease_seconds: float,
    insist: bool,  # noqa: FBT001  # handed on by place
) -> tuple[Turn, Link]:
    """``Store.begin_refresh``."""
    link = await _lock_living(db, project_id, user_id)
    turn, after = refreshing.begin(link, before, now, lease_seconds=lease_seconds, insist=insist)
    if after is not link:
        await save(db, after)
    return turn, after


async def follow_tokens(
    db: Database, project_id: str, user_id: str, event: TokenEvent, now: Instant
) -> Link:
    """``Store.follow_tokens``."""
    link = await _lock_living(db, project_id, user_id)
    after = refreshing.follow(link, event, now)
    if link.state is LinkState.BROKEN and after.state is not LinkState.BROKEN:
        await begin(db, [(after, now)])
    elif after is not link:
        await save(db, after)
    return after


async def begin_unlink(db: Database, project_id: str, user_id: str, now: Instant) -> Link:
    """``Store.begin_unlink``."""
    link = await _lock_one(db, project_id, user_id)
    if link.state is not LinkState.UNLINKED:
        await db.run("insert_unlinking", project_id, user_id, now)
    return link


async def unlink(
    db: Database,
    project_id: str,
    user_id: str,
    now: Instant,
    begun: bool,  # noqa: FBT001  # handed on by place
) -> Link:
    """``Store.unlink``."""
    link = await _lock_one(db, project_id, user_id)
    is_wanted = await forget_unlinkings(db, [(project_id, user_id)]) or not begun
    return await end(db, link, now) if is_wanted else link


async def unlinkings(db: Database, before: Instant) -> list[tuple[str, str]]:
    """``Store.unlinkings``."""
    rows = await db.rows("list_unlinkings", before)
    return [(project_id, user_id) for project_id, user_id in rows]


async def delete_agent_user(
    db: Database, project_id: str, agent_user_id: str, now: Instant
) -> tuple[Link, ...]:
    """``Store.delete_agent_user``. The agent user ends with the last of its links."""
    before = await of_agent_user(db, project_id, agent_user_id)
    locked = await lock(db, [(link.project_id, link.user_id) for link in before])
    if not await work.lock_works(db, [Target(project_id, agent_user_id)]):
        raise no_agent_user(project_id, agent_user_id)
    # Nobody comes or goes now; but somebody may have before the locks were held.
    after = await of_agent_user(db, project_id, agent_user_id)
    if not locked.keys() >= {(link.project_id, link.user_id) for link in after}:
        raise ChangedMeanwhileError
    return tuple(
        [await end(db, link, now) for link in after if link.state is not LinkState.UNLINKED]
    )


# --- for the other modules ----------------------------------------------------------------------------------


async def lock(db: Database, keys: Iterable[Key]) -> Mapping[Key, Link]:
    """Those of the links that are here, by project and user, locked until the transaction ends."""
    asked = sorted(set(keys))
    if not asked:
        return {}
    rows = await db.rows("lock_links", *columns(asked))
    return {(row[0], row[1]): link_of(row) for row in rows}


async def of_agent_users(db: Database, homes: Sequence[tuple[str, str]]) -> list[list[Link]]:
    """All links of agent users, whatever their state, of each the oldest first."""
    found: list[list[Row]] = [[] for _ in homes]
    for place, *row in await db.rows("list_links_of_agent_user", *columns(homes)):
        found[place - 1].append(tuple(row))
    return list(map(links_of, found))


async def of_agent_user(db: Database, project_id: str, agent_user_id: str) -> list[Link]:
    """All links of an agent user, whatever their state, oldest first."""
    return (await of_agent_users(db, [(project_id, agent_user_id)]))[0]


async def reserve(db: Database, keys: Iterable[Key], now: Instant) -> Mapping[Key, Link]:
    """Links by project and user, locked until the transaction ends; those that are not here are made, as good as none."""
    asked = sorted(set(keys))
    if not asked:
        return {}
    await db.run("reserve_links", *columns(asked), now)
    return await lock(db, asked)


async def begin(db: Database, begun: Sequence[tuple[Link, Instant]]) -> list[int]:
    """Write links that have new grants, and ask for the SYNCs that show what these are worth; the generations of those requests.

    The links are locked. One that comes twice is as it came last, and is asked for twice.
    """
    await save(db, *{(link.project_id, link.user_id): link for link, _ in begun}.values())
    targets = [link.target for link, _ in begun]
    here = await work.lock_works(db, set(targets))
    works = here | await _first_works(db, {one for one in targets if one not in here})
    generations = []
    for target, (_, now) in zip(targets, begun, strict=True):
        _, works[target] = syncing.request(works[target], Mode.ASYNC, Cause.LINK, now)
        generations.append(works[target].requested)
    await work.save_works(db, {target: works[target] for target in here})
    new = {target: one for target, one in works.items() if target not in here}
    if not await work.insert_works(db, new):
        raise ChangedMeanwhileError
    return generations


async def save(db: Database, *changed: Link) -> None:
    """Write the whole of links."""
    await db.run("save_link", *columns(map(row_of_link, changed)))


async def forget_unlinkings(db: Database, keys: Iterable[Key]) -> int:
    """Links have ended, or new grants have come; how many of them were to end."""
    return await db.run("delete_unlinking", *columns(keys))


async def end(db: Database, link: Link, now: Instant, problem: str = "") -> Link:
    """Unlink; with the last link of an agent user ends that, too. Again changes nothing. The link as it is now."""
    if link.state is LinkState.UNLINKED:
        return link
    ended = linking.end(link, now, problem)
    await save(db, ended)
    await forget_unlinkings(db, [(link.project_id, link.user_id)])
    if not link.agent_user_id:
        await close_first_sync(db, link)
        return ended
    # Whoever ends another link of the agent user waits here, so that one of the two sees that it is the last.
    await work.lock_works(db, [Target(link.project_id, link.agent_user_id)])
    if await is_last(db, link):
        await devices.close_agent_user(db, link.project_id, link.agent_user_id, now)
    return ended


async def close_first_sync(db: Database, link: Link) -> None:
    """Forget the work of a link's first SYNC, except for its fence."""
    fence = await work.close_work(db, Target.of_first_sync(link.project_id, link.user_id))
    await db.run("keep_link_fence", link.project_id, link.user_id, fence)


async def is_last(db: Database, link: Link) -> bool:
    """Whether no other link of its agent user is left."""
    key = (link.project_id, link.agent_user_id, link.user_id)
    return not await db.value("count_other_links", *key)


async def _first_works(db: Database, targets: Collection[Target]) -> dict[Target, Work]:
    """Idle work for first SYNCs that begin; their fences go on. Raises LookupError for an agent user: linked and at work are one."""
    keys = [(one.project_id, one.user_id) for one in targets if one.is_first_sync]
    if len(keys) < len(targets):
        raise LookupError("an agent user that is linked has no work")
    if not keys:
        return {}
    rows = await db.rows("find_link_fence", *columns(keys))
    return {Target.of_first_sync(row[1], row[2]): Work(fence=row[0]) for row in rows}


async def _lock_one(db: Database, project_id: str, user_id: str) -> Link:
    """A link, locked. Raises NotFound."""
    link = (await lock(db, [(project_id, user_id)])).get((project_id, user_id))
    if link is None:
        raise no_link(project_id, user_id)
    return link


async def _lock_living(db: Database, project_id: str, user_id: str) -> Link:
    """A link that has not ended, locked. Raises NotFound."""
    link = await _lock_one(db, project_id, user_id)
    if link.state is LinkState.UNLINKED:
        raise no_link(project_id, user_id)
    return link
