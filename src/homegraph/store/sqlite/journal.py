"""Runs, exchanges, errands and notifications, kept for reading until there are too many or they are too old; and what a status page asks.

The journals are rings (``store.rings``), here without a gap in their numbers.
"""

from __future__ import annotations

from homegraph.graph.model import Exchange, Instant, Knowledge, Notification, Run
from homegraph.store.journal_port import Limits
from homegraph.store.port import FIRST_SYNCS_SHOWN_MAX, Counts, ProjectCounts
from homegraph.store.rings import (
    EXCHANGES,
    LISTS_OF_NOTIFICATIONS,
    LISTS_OF_RUNS,
    RUNS,
    Ring,
    bounds,
    cut,
    length,
    narrowed,
)
from homegraph.store.rows import (
    exchange_of,
    link_of,
    links_by_state,
    links_of,
    notification_of,
    run_of,
)
from homegraph.store.sqlite import service_accounts
from homegraph.store.sqlite.database import Database


def runs(
    db: Database, project_id: str | None, agent_user_id: str | None, before: str, limit: int
) -> list[Run]:
    """``Store.runs``."""
    asked = narrowed(LISTS_OF_RUNS, project_id, agent_user_id, before)
    return list(map(run_of, db.rows(*asked, limit)))


def find_run(db: Database, run_id: str) -> tuple[Run, tuple[Exchange, ...]] | None:
    """``Store.find_run``."""
    row = db.row("find_run", run_id)
    if row is None:
        return None
    run = run_of(row)
    exchanges = db.rows("list_exchanges", run.target.project_id, run.id)
    return run, tuple(map(exchange_of, exchanges))


def notifications(
    db: Database, project_id: str | None, agent_user_id: str | None, before: str, limit: int
) -> list[Notification]:
    """``Store.notifications``."""
    asked = narrowed(LISTS_OF_NOTIFICATIONS, project_id, agent_user_id, before)
    return list(map(notification_of, db.rows(*asked, limit)))


def prune(db: Database, limits: Limits, now: Instant, batch: int) -> int:
    """``Store.prune``. Runs and errands first, because their exchanges go with them."""
    oldest = now - limits.age_max_seconds
    went = sum(_prune(db, ring, most, oldest, batch) for ring, most in bounds(limits).items())
    return went + service_accounts.prune(db, now, batch)


def knowledge(db: Database, project_id: str, agent_user_id: str) -> Knowledge:
    """``Store.knowledge``."""
    row = db.row("find_agent_user", project_id, agent_user_id)
    links = db.rows("list_links_of_agent_user", project_id, agent_user_id)
    first_syncs = db.rows("list_first_syncs", project_id, FIRST_SYNCS_SHOWN_MAX)
    return Knowledge(
        known=row is not None,
        linked=row is not None and bool(row[0]),
        unlinked_at=row[1] if row else None,
        links=tuple(links_of(links)),
        elsewhere=bool(db.value("is_linked_elsewhere", project_id, agent_user_id)),
        first_syncs=tuple(map(link_of, first_syncs)),
    )


def counts(db: Database) -> Counts:
    """``Store.counts``."""
    ((agent_users, devices, states),) = db.rows("count_agent_users")
    ((waiting, running),) = db.rows("count_work")
    (links,) = db.rows("count_links")
    return Counts(
        projects=db.value("count_projects"),
        agent_users=agent_users,
        devices=devices,
        states=states,
        links=links_by_state(links),
        waiting=waiting,
        running=running,
        runs=length(*_ends(db, RUNS)),
        exchanges=length(*_ends(db, EXCHANGES)),
    )


def project_counts(db: Database, project_id: str) -> ProjectCounts:
    """``Store.project_counts``."""
    (links,) = db.rows("count_links_of_project", project_id)
    agent_users = db.value("count_agent_users_of_project", project_id)
    return ProjectCounts(links_by_state(links), agent_users)


def check(db: Database) -> None:
    """``Store.check``."""
    db.run("probe")


def _ends(db: Database, ring: Ring) -> tuple[int | None, int | None]:
    ((first, last),) = db.rows(ring.measure)
    return first, last


def _prune(db: Database, ring: Ring, most: int, oldest: Instant, batch: int) -> int:
    """Drop what is too much or too old from the beginning of a journal; how many went."""
    first, last = _ends(db, ring)
    if first is None or last is None:
        return 0
    young: int | None = db.value(ring.find_young, oldest, batch)
    return db.run(ring.delete, cut(first, last, young, most=most, batch=batch))
