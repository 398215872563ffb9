"""Runs, exchanges, errands and notifications, kept for reading until there are too many or they are too old; and what a status page asks.

The journals are rings: written at one end, dropped at the other, numbered without a gap. How many there are and where to
cut is read off the numbers, so neither depends on how long a journal is.
"""

from __future__ import annotations

from typing import Final

from homegraph.graph.model import Exchange, Instant, Knowledge, LinkState, Notification, Run
from homegraph.store.port import Counts, Limits
from homegraph.store.rows import (
    AFTER_ALL,
    exchange_of,
    link_of,
    links_of,
    notification_of,
    run_of,
)
from homegraph.store.sqlite import service_accounts
from homegraph.store.sqlite.database import Database

FIRST_SYNCS_SHOWN_MAX: Final = 10
"""Links that a refused call is explained with; more would not be read."""


def runs(
    db: Database, project_id: str | None, agent_user_id: str | None, before: str, limit: int
) -> list[Run]:
    """``Store.runs``."""
    before = before or AFTER_ALL
    if project_id is None:
        rows = db.rows("list_runs", before, limit)
    elif agent_user_id is None:
        rows = db.rows("list_runs_of_project", project_id, before, limit)
    else:
        rows = db.rows("list_runs_of_agent_user", project_id, agent_user_id, before, limit)
    return list(map(run_of, rows))


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
    before = before or AFTER_ALL
    if project_id is None:
        rows = db.rows("list_notifications", before, limit)
    elif agent_user_id is None:
        rows = db.rows("list_notifications_of_project", project_id, before, limit)
    else:
        key = (project_id, agent_user_id)
        rows = db.rows("list_notifications_of_agent_user", *key, before, limit)
    return list(map(notification_of, rows))


def prune(db: Database, limits: Limits, now: Instant, batch: int) -> int:
    """``Store.prune``. Runs and errands first, because their exchanges go with them."""
    oldest = now - limits.age_max_seconds
    kept = {
        "runs": limits.runs_max,
        "errands": limits.errands_max,
        "exchanges": limits.exchanges_max,
        "notifications": limits.notifications_max,
    }
    went = sum(_prune(db, journal, most, oldest, batch) for journal, most in kept.items())
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
        links={
            state.value: number for state, number in zip(LinkState, links, strict=True) if number
        },
        waiting=waiting,
        running=running,
        runs=_length(*_ends(db, "runs")),
        exchanges=_length(*_ends(db, "exchanges")),
    )


def check(db: Database) -> None:
    """``Store.check``."""
    db.run("probe")


_JOURNALS: Final = {
    "runs": ("measure_runs", "find_run_young", "delete_runs"),
    "errands": ("measure_errands", "find_errand_young", "delete_errands"),
    "exchanges": ("measure_exchanges", "find_exchange_young", "delete_exchanges"),
    "notifications": (
        "measure_notifications",
        "find_notification_young",
        "delete_notifications",
    ),
}


def _ends(db: Database, journal: str) -> tuple[int | None, int | None]:
    measure, _, _ = _JOURNALS[journal]
    ((first, last),) = db.rows(measure)
    return first, last


def _length(first: int | None, last: int | None) -> int:
    return 0 if first is None or last is None else last - first + 1


def _prune(db: Database, journal: str, most: int, oldest: Instant, batch: int) -> int:
    """Drop what is too much or too old from the beginning of a journal; how many went."""
    first, last = _ends(db, journal)
    if first is None or last is None:
        return 0
    _, find_young, delete = _JOURNALS[journal]
    young: int | None = db.value(find_young, oldest, batch)
    end = first + batch
    keep_from = max(last - most + 1, end if young is None else young)
    return db.run(delete, min(keep_from, end, last + 1))
