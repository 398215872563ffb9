"""The part of the port that is read later: runs, errands and notifications, and the bounds within which they are kept.

The rules are those of ``store.port``, and ``Store`` is both. Runs are recorded by ``settle`` and ``claim_due``, notifications by ``report``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from homegraph.graph.errands import Errand, FollowUp
from homegraph.graph.model import Exchange, Instant, Notification, Run
from homegraph.graph.reporting import TraitState


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of what is kept for reading later. An exchange is not kept longer than its run or errand, nor is a follow-up."""

    runs_max: int
    exchanges_max: int
    age_max_seconds: float
    notifications_max: int = 1_000
    errands_max: int = 1_000


class JournalStore(Protocol):
    """What happened."""

    # --- runs and notifications ------------------------------------------------------------------------------

    async def runs(
        self,
        project_id: str | None = None,
        agent_user_id: str | None = None,
        *,
        before: str = "",
        limit: int = 100,
    ) -> list[Run]:
        """Runs, newest first, older than the run ``before``: in descending order of ids, whether that one is kept or not.

        ``agent_user_id`` counts only together with ``project_id``; "" lists first SYNCs.
        """

    async def find_run(self, run_id: str) -> tuple[Run, tuple[Exchange, ...]] | None:
        """One run with the exchanges that are still kept, to the byte. Raises StoreUnavailable for a body that is damaged."""

    async def notifications(
        self,
        project_id: str | None = None,
        agent_user_id: str | None = None,
        *,
        before: str = "",
        limit: int = 100,
    ) -> list[Notification]:
        """Notifications, newest first, older than ``before``: in descending order of ids, as ``runs``.

        They stay when their device or agent user goes. ``agent_user_id`` counts only together with ``project_id``.
        """

    # --- errands ---------------------------------------------------------------------------------------------

    async def start_errand(self, errand: Errand, follow_ups: Sequence[FollowUp] = ()) -> None:
        """Record an errand before it is sent, under an id that is neither an errand's nor a run's, and the tokens it carries."""

    async def finish_errand(
        self,
        errand: Errand,
        *,
        states: Sequence[TraitState] = (),
        exchanges: Sequence[Exchange] = (),
    ) -> None:
        """Store what came of an errand: ``finished_at``, ``devices`` and ``findings``, its exchanges, and states that it brought.

        Each state takes the place of the one that its trait had; those of devices that are not here, and of traits that they do
        not declare, are left out: much may have happened since the errand began.
        """

    async def errands(
        self,
        project_id: str | None = None,
        agent_user_id: str | None = None,
        *,
        before: str = "",
        limit: int = 100,
    ) -> list[Errand]:
        """Errands, newest first, older than ``before``: in descending order of ids, as ``runs``.

        They stay when their devices or agent user go. ``agent_user_id`` counts only together with ``project_id``.
        """

    async def find_errand(
        self, errand_id: str
    ) -> tuple[Errand, tuple[FollowUp, ...], tuple[Exchange, ...]] | None:
        """One errand with its follow-ups by device, and the exchanges that are still kept; as ``find_run``."""

    # --- their end -------------------------------------------------------------------------------------------

    async def prune(self, limits: Limits, now: Instant, *, batch: int = 500) -> int:
        """Delete what is beyond the limits, and access tokens whose time is over. Returns how many went, of all kinds.

        At most ``batch`` of each kind; its cost does not grow with what is kept. What is older goes first: runs by
        ``finished_at``, errands and exchanges by ``started_at``, notifications by ``received_at``, tokens by ``expires_at``.
        """
