"""Journals as rings: written at one end, dropped at the other, numbered in order; and how they are listed.

How many there are and where to cut is read off the numbers, so neither depends on how long a journal is. Lists follow the ids, which
are in the order of time.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from homegraph.store.journal_port import Limits

_AFTER_ALL: Final = "\U0010ffff"
"""Sorts after every id."""


class Ring(NamedTuple):
    """The statements of a journal: its first and last number, the first that is young, and the cut."""

    measure: str
    find_young: str
    delete: str


RUNS: Final = Ring("measure_runs", "find_run_young", "delete_runs")
ERRANDS: Final = Ring("measure_errands", "find_errand_young", "delete_errands")
EXCHANGES: Final = Ring("measure_exchanges", "find_exchange_young", "delete_exchanges")
NOTIFICATIONS: Final = Ring(
    "measure_notifications", "find_notification_young", "delete_notifications"
)


class Lists(NamedTuple):
    """The statements that list a journal, newest first: all of it, that of a project, that of an agent user."""

    of_all: str
    of_project: str
    of_agent_user: str


LISTS_OF_RUNS: Final = Lists("list_runs", "list_runs_of_project", "list_runs_of_agent_user")
LISTS_OF_ERRANDS: Final = Lists(
    "list_errands", "list_errands_of_project", "list_errands_of_agent_user"
)
LISTS_OF_NOTIFICATIONS: Final = Lists(
    "list_notifications", "list_notifications_of_project", "list_notifications_of_agent_user"
)


def narrowed(
    lists: Lists, project_id: str | None, agent_user_id: str | None, before: str
) -> tuple[str, ...]:
    """The statement for the part of a journal that was asked for, with all that it is given but the limit."""
    before = before or _AFTER_ALL
    if project_id is None:
        return lists.of_all, before
    if agent_user_id is None:
        return lists.of_project, project_id, before
    return lists.of_agent_user, project_id, agent_user_id, before


def bounds(limits: Limits) -> dict[Ring, int]:
    """How many are kept of each. Runs and errands first, because their exchanges go with them."""
    return {
        RUNS: limits.runs_max,
        ERRANDS: limits.errands_max,
        EXCHANGES: limits.exchanges_max,
        NOTIFICATIONS: limits.notifications_max,
    }


def length(first: int | None, last: int | None) -> int:
    """How many there are between two numbers; none in an empty journal."""
    return 0 if first is None or last is None else last - first + 1


def cut(first: int, last: int, young: int | None, *, most: int, batch: int) -> int:
    """Before which number to drop, at most ``batch`` of them. ``young`` is the first that is young, of those looked at."""
    end = first + batch
    keep_from = max(last - most + 1, end if young is None else young)
    return min(keep_from, end, last + 1)
