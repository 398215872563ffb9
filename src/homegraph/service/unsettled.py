"""Runs that are over and could not be stored: their leases, until the store takes them back.

While such a lease lasts nobody executes the run again, and a caller in sync mode is told that one is under way. So it is handed back
as soon as the store takes writes again: by the loop after some seconds, and at once for a caller who would be refused because of it.

The rule that is easily broken: the loop does not hand back at once. A disk that is nearly full takes the little that this
writes, and not what a run brings; the same SYNC would be sent again and again, without a pause.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from homegraph.graph.model import Instant, Target
from homegraph.service.clock import Clock
from homegraph.store.port import Lease, Store

HAND_BACK_AFTER_SECONDS: Final = 5.0
"""Between a run that could not be stored and the next attempt, unless a caller asks before."""

UNSETTLED_MAX: Final = 10_000
"""Leases that are known. Nothing starts while nothing can be written, so there are rarely more than runs at once; those that
are forgotten end by themselves."""


@dataclass(slots=True)
class Unsettled:
    """The leases of one process. Handing back raises StoreError while the store takes nothing still; then they are kept."""

    store: Store
    clock: Clock
    _since: dict[Lease, Instant] = field(default_factory=dict)  # oldest first

    def note(self, lease: Lease) -> None:
        """A run could not be stored."""
        if len(self._since) >= UNSETTLED_MAX:
            del self._since[next(iter(self._since))]
        self._since[lease] = self.clock.now()

    async def hand_back_due(self) -> None:
        """Give back what has waited for its time."""
        until = self.clock.now() - HAND_BACK_AFTER_SECONDS
        await self._hand_back([lease for lease, since in self._since.items() if since <= until])

    async def hand_back_of(self, target: Target) -> bool:
        """Give a target's run back now; whether there was one."""
        leases = [lease for lease in self._since if lease.target == target]
        await self._hand_back(leases)
        return bool(leases)

    async def hand_back_all(self, others: Sequence[Lease]) -> None:
        """Give everything back now, and other leases with it."""
        await self._hand_back([*self._since, *others])

    async def _hand_back(self, leases: Sequence[Lease]) -> None:
        if not leases:
            return
        await self.store.hand_back(leases, self.clock.now())
        for lease in leases:
            self._since.pop(lease, None)
