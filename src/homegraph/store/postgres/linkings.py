"""Linkings: accounts that users are about to link, from the state that goes out to the grant that comes in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, NamedTuple

from homegraph.errors import LinkingRefused
from homegraph.graph import linking
from homegraph.graph.linking import Linking, LinkingStep
from homegraph.graph.model import Instant, Link, Tokens
from homegraph.store.linking_rows import (
    LINKINGS_KEPT_SECONDS,
    LINKINGS_MAX,
    linking_of,
    row_of_changed_linking,
    row_of_linking,
)
from homegraph.store.postgres import links
from homegraph.store.postgres.database import Database, columns
from homegraph.store.refusals import no_project, too_many_linkings

IN_HAND_SECONDS: Final = 300.0
"""How long a process may have a code in its hands before it is taken for dead: far longer than a token endpoint may take."""


class Change(NamedTuple):
    """What a call makes of a linking."""

    project_id: str
    linking_id: str
    changed: Callable[[Linking], Linking]


class Grant(NamedTuple):
    """One call of ``Store.grant``."""

    linking: Linking
    tokens: Tokens
    now: Instant
    steps: Sequence[LinkingStep]


async def start(db: Database, begun: Linking, now: Instant) -> None:
    """``Store.start_linking``."""
    if await db.row("lock_project", begun.project_id) is None:
        raise no_project(begun.project_id)
    await db.run("delete_linkings", begun.project_id, now - LINKINGS_KEPT_SECONDS)
    is_full = await db.value("count_linkings", begun.project_id) >= LINKINGS_MAX
    if is_full and not await db.run("delete_oldest_linking", begun.project_id, now):
        raise too_many_linkings(begun.project_id, LINKINGS_MAX)
    await db.run("insert_linking", *row_of_linking(begun))


async def find(db: Database, project_id: str, linking_id: str) -> Linking | None:
    """``Store.find_linking``."""
    row = await db.row("find_linking", project_id, linking_id)
    return linking_of(row) if row else None


async def of_user(db: Database, project_id: str, user_id: str, limit: int) -> list[Linking]:
    """``Store.linkings``."""
    return list(map(linking_of, await db.rows("list_linkings", project_id, user_id, limit)))


async def change(db: Database, changes: Sequence[Change]) -> Sequence[Linking | Exception | None]:
    """What changes linkings, for many callers and in their order: each linking as it is then, None for one that is not kept."""
    keys = sorted({(one.project_id, one.linking_id) for one in changes})
    rows = await db.rows("lock_linking", *columns(keys))
    kept = {(row[1], row[0]): linking_of(row) for row in rows}
    changed: dict[tuple[str, str], Linking] = {}
    outcomes: list[Linking | Exception | None] = []
    for one in changes:
        key = (one.project_id, one.linking_id)
        found = kept.get(key)
        if found is None:
            outcomes.append(None)
            continue
        try:
            after = one.changed(found)
        except LinkingRefused as exc:
            outcomes.append(exc)
            continue
        outcomes.append(after)
        kept[key] = changed[key] = after
    if changed:
        await db.run("save_linking", *columns(map(row_of_changed_linking, changed.values())))
    return outcomes


async def grant(db: Database, grants: Sequence[Grant]) -> Sequence[tuple[Link, int] | Exception]:
    """``Store.grant`` for many, in their order."""
    keys = [(one.linking.project_id, one.linking.user_id) for one in grants]
    kept = dict(await links.reserve(db, keys, grants[0].now))
    begun: list[tuple[Link, Instant]] = []
    for key, one in zip(keys, grants, strict=True):
        kept[key] = linking.granted(
            kept[key],
            project_id=one.linking.project_id,
            user_id=one.linking.user_id,
            tokens=one.tokens,
            origin=linking.BY_USER,
            now=one.now,
        )
        begun.append((kept[key], one.now))
    generations = await links.begin(db, begun)
    await links.forget_unlinkings(db, kept)
    await change(
        db,
        [
            Change(
                one.linking.project_id,
                one.linking.id,
                partial(linking.ended, outcome=linking.GRANTED, steps=one.steps),
            )
            for one in grants
        ],
    )
    return [(link, generation) for (link, _), generation in zip(begun, generations, strict=True)]


async def recover(db: Database, now: Instant) -> None:
    """A linking whose process died between the browser's return and the grant will not be granted any more."""
    await db.run("interrupt_linkings", "LINKING_INTERRUPTED", now - IN_HAND_SECONDS)
