"""Linkings: accounts that users are about to link, from the state that goes out to the grant that comes in."""

from __future__ import annotations

from typing import Final

from homegraph.errors import LinkingRefused
from homegraph.graph import linking
from homegraph.graph.linking import Linking, LinkingStep
from homegraph.graph.model import Instant, Link, Tokens
from homegraph.store.linking_rows import (
    LINKINGS_KEPT_SECONDS,
    LINKINGS_MAX,
    linking_of,
    row_of_linking,
    steps_of,
)
from homegraph.store.postgres import links
from homegraph.store.postgres.database import Database
from homegraph.store.refusals import no_project, too_many_linkings
from homegraph.store.rows import json_text

IN_HAND_SECONDS: Final = 300.0
"""How long a process may have a code in its hands before it is taken for dead: far longer than a token endpoint may take."""


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


async def use(db: Database, project_id: str, linking_id: str, now: Instant) -> Linking:
    """``Store.use_linking``."""
    if not await db.run("use_linking", project_id, linking_id, now):
        raise LinkingRefused("LINKING_USED")
    found = await find(db, project_id, linking_id)
    if found is None:
        raise LookupError(linking_id)  # it was written a line above
    return found


async def end(db: Database, project_id: str, linking_id: str, outcome: str) -> None:
    """``Store.end_linking``."""
    await db.run("end_linking", project_id, linking_id, outcome)


async def note(db: Database, project_id: str, linking_id: str, step: LinkingStep) -> None:
    """``Store.note_linking``."""
    row = await db.row("lock_linking", project_id, linking_id)
    if row is not None:
        steps = json_text(linking.with_step(steps_of(row[0]), step))
        await db.run("save_linking_steps", project_id, linking_id, steps)


async def grant(db: Database, used: Linking, tokens: Tokens, now: Instant) -> tuple[Link, int]:
    """``Store.grant``."""
    key = (used.project_id, used.user_id)
    link = linking.granted(
        (await links.reserve(db, [key], now))[key],
        project_id=used.project_id,
        user_id=used.user_id,
        tokens=tokens,
        origin=linking.BY_USER,
        now=now,
    )
    generation = await links.begin(db, link, now)
    await db.run("delete_unlinking", link.project_id, link.user_id)
    await end(db, used.project_id, used.id, linking.GRANTED)
    return link, generation


async def recover(db: Database, now: Instant) -> None:
    """A linking whose process died between the browser's return and the grant will not be granted any more."""
    await db.run("interrupt_linkings", "LINKING_INTERRUPTED", now - IN_HAND_SECONDS)
