"""Linkings: accounts that users are about to link, from the state that goes out to the grant that comes in."""

from __future__ import annotations

from typing import Final

from homegraph.errors import LinkingRefused
from homegraph.graph import linking
from homegraph.graph.linking import Linking
from homegraph.graph.model import Instant, Link, Tokens
from homegraph.store.postgres import links
from homegraph.store.postgres.database import Database
from homegraph.store.refusals import no_project, too_many_linkings
from homegraph.store.rows import LINKINGS_KEPT_SECONDS, LINKINGS_MAX, row_of_linking

IN_HAND_SECONDS: Final = 300.0
"""How long a process may have a code in its hands before it is taken for dead: far longer than a token endpoint may take."""


async def start(db: Database, begun: Linking, now: Instant) -> None:
    """``Store.start_linking``."""
    if await db.row("lock_project", begun.project_id) is None:
        raise no_project(begun.project_id)
    await db.run("delete_linkings", begun.project_id, now - LINKINGS_KEPT_SECONDS)
    if await db.value("count_linkings", begun.project_id) >= LINKINGS_MAX:
        raise too_many_linkings(begun.project_id, LINKINGS_MAX)
    await db.run("insert_linking", *row_of_linking(begun))


async def find(db: Database, project_id: str, linking_id: str) -> Linking | None:
    """``Store.find_linking``."""
    row = await db.row("find_linking", project_id, linking_id)
    return Linking(*row) if row else None


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
    await end(db, used.project_id, used.id, linking.GRANTED)
    return link, generation


async def recover(db: Database, now: Instant) -> None:
    """A linking whose process died between the browser's return and the grant will not be granted any more."""
    await db.run("interrupt_linkings", "LINKING_INTERRUPTED", now - IN_HAND_SECONDS)
