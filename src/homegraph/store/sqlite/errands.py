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
from homegraph.store.rings import LISTS_OF_ERRANDS, narrowed
from homegraph.store.rows import exchange_of, row_of_exchange
from homegraph.store.sqlite import reports
from homegraph.store.sqlite.database import Database


def start(db: Database, errand: Errand, follow_ups: Sequence[FollowUp]) -> None:
    """``Store.start_errand``."""
    db.run("insert_errand", *row_of_errand(errand))
    key = (errand.project_id, errand.agent_user_id)
    db.run_many(
        "insert_follow_up",
        [(*key, one.token, errand.id, one.device_id, one.sent_at) for one in follow_ups],
    )


def finish(
    db: Database, errand: Errand, states: Sequence[TraitState], exchanges: Sequence[Exchange]
) -> None:
    """``Store.finish_errand``."""
    reports.write_known(db, errand.project_id, errand.agent_user_id, states)
    db.run("finish_errand", errand.id, *columns_of_outcome(errand))
    rows = [row_of_exchange(errand.project_id, errand.id, one) for one in exchanges]
    db.run_many("insert_exchange", rows)


def errands(
    db: Database, project_id: str | None, agent_user_id: str | None, before: str, limit: int
) -> list[Errand]:
    """``Store.errands``."""
    asked = narrowed(LISTS_OF_ERRANDS, project_id, agent_user_id, before)
    return list(map(errand_of, db.rows(*asked, limit)))


def find(
    db: Database, errand_id: str
) -> tuple[Errand, tuple[FollowUp, ...], tuple[Exchange, ...]] | None:
    """``Store.find_errand``."""
    row = db.row("find_errand", errand_id)
    if row is None:
        return None
    errand = errand_of(row)
    follow_ups = db.rows("list_follow_ups", errand.id)
    exchanges = db.rows("list_exchanges", errand.project_id, errand.id)
    return errand, tuple(map(follow_up_of, follow_ups)), tuple(map(exchange_of, exchanges))
