"""Errands with their follow-ups: EXECUTEs and live QUERYs, kept for reading as runs are.

Not here: what answers a follow-up. That is a report, in whose transaction it happens (``reports``).
"""

from __future__ import annotations

from collections.abc import Sequence

from homegraph.graph.errands import Errand, FollowUp
from homegraph.graph.model import Exchange
from homegraph.graph.reporting import TraitState
from homegraph.store.errand_rows import (
    columns_of_outcome,
    errand_of,
    follow_up_of,
    row_of_errand,
)
from homegraph.store.postgres import reports
from homegraph.store.postgres.database import Database, columns
from homegraph.store.rings import LISTS_OF_ERRANDS, narrowed
from homegraph.store.rows import exchange_of, row_of_exchange


async def start(db: Database, errand: Errand, follow_ups: Sequence[FollowUp]) -> None:
    """``Store.start_errand``."""
    await db.run("insert_errand", *row_of_errand(errand))
    key = (errand.project_id, errand.agent_user_id)
    rows = [(*key, one.token, errand.id, one.device_id, one.sent_at) for one in follow_ups]
    if rows:
        await db.run("insert_follow_up", *columns(rows))


async def finish(
    db: Database, errand: Errand, states: Sequence[TraitState], exchanges: Sequence[Exchange]
) -> None:
    """``Store.finish_errand``."""
    project_id = errand.project_id
    await reports.write_known(db, project_id, errand.agent_user_id, states)
    await db.run("finish_errand", project_id, errand.id, *columns_of_outcome(errand))
    rows = [row_of_exchange(project_id, errand.id, one) for one in exchanges]
    if rows:
        await db.run("insert_exchange", *columns(rows))


async def errands(
    db: Database, project_id: str | None, agent_user_id: str | None, before: str, limit: int
) -> list[Errand]:
    """``Store.errands``."""
    asked = narrowed(LISTS_OF_ERRANDS, project_id, agent_user_id, before)
    return list(map(errand_of, await db.rows(*asked, limit)))


async def find(
    db: Database, errand_id: str
) -> tuple[Errand, tuple[FollowUp, ...], tuple[Exchange, ...]] | None:
    """``Store.find_errand``."""
    row = await db.row("find_errand", errand_id)
    if row is None:
        return None
    errand = errand_of(row)
    follow_ups = await db.rows("list_follow_ups", errand.project_id, errand.id)
    exchanges = await db.rows("list_exchanges", errand.project_id, errand.id)
    return errand, tuple(map(follow_up_of, follow_ups)), tuple(map(exchange_of, exchanges))
