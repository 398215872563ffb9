"""Upkeep: keeps the leases of this process alive, what is kept for reading within its bounds, and the clock right; says that it lives."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Final

from homegraph.errors import StoreError
from homegraph.graph.model import Instant
from homegraph.service.clock import Clock, SystemClock
from homegraph.service.events import DatabaseShort, DutyFailed, Events
from homegraph.service.runs import Runs
from homegraph.store.journal_port import Limits
from homegraph.store.port import Instance, Lease, Store

BEATS_PER_LEASE: Final = 3
"""A lease survives two lost heartbeats."""

PRUNE_EVERY_SECONDS: Final = 10.0
"""What is kept may exceed its bounds by what arrives in this time."""

PRUNE_AGAIN_SECONDS: Final = 1.0
"""The same where much arrives: what has just been written is in memory still, and goes without being read again."""

MUCH: Final = 1_000
"""Rows that went at once, from which on there is more to come soon."""

SET_CLOCK_EVERY_SECONDS: Final = 10.0
"""The database's clock may be set by hand; for this long a process may then be wrong, a third of a lease."""

APPEAR_EVERY_SECONDS: Final = 5.0
"""How old what an instance says of itself may be."""

SILENT_SECONDS_MAX: Final = 15.0
"""An instance that was not heard of for so long, three times in a row, is taken for dead."""

SHORT_AGAIN_SECONDS: Final = 3_600.0
"""What the database does not grant is told once; and again after so long, if it is still so: logs are rotated."""

FORGOTTEN_SECONDS: Final = 300.0
"""Then nothing is kept of it: as many are kept as have started within this time, at most."""


@dataclass(slots=True)
class Upkeep:
    """Duties that run until ``stop``."""

    store: Store
    runs: Runs
    clock: Clock
    events: Events
    limits: Limits
    lease_seconds: float
    instance: Instance
    _stopped: asyncio.Event = field(default_factory=asyncio.Event)

    def stop(self) -> None:
        """End them all."""
        self._stopped.set()

    async def heartbeat(self) -> None:
        """Prolong the leases of runs under way; a run whose lease is lost is stopped: somebody else has it."""
        while not self._stopped.is_set():
            now = self.clock.now()
            try:
                for lease in await self._lost():
                    self.runs.cancel(lease)
            except StoreError as exc:
                self.events.announce(DutyFailed("heartbeat", exc.message))
            await self.clock.wait(self._stopped, now + self.lease_seconds / BEATS_PER_LEASE)

    async def prune(self) -> None:
        """Delete old runs and exchanges in small batches, so that nobody waits long for the database."""
        while not self._stopped.is_set():
            now = self.clock.now()
            went = 0
            try:
                # Each batch is a transaction; others get their turn in between, and a server that stops need not go through all.
                while not self._stopped.is_set() and (
                    batch := await self.store.prune(self.limits, now)
                ):
                    went += batch
            except StoreError as exc:
                self.events.announce(DutyFailed("prune", exc.message))
            pause = PRUNE_EVERY_SECONDS if went < MUCH else PRUNE_AGAIN_SECONDS
            await self.clock.wait(self._stopped, now + pause)

    async def keep_time(self) -> None:
        """Let the clock go as the database's does, where that has one of its own: leases of many machines meet there."""
        while not self._stopped.is_set():
            try:
                if not isinstance(self.clock, SystemClock) or not await self.clock.set_by(
                    self.store.time
                ):
                    return
            except StoreError as exc:
                self.events.announce(DutyFailed("time", exc.message))
            # From the time that it is now: it may be hours before what it was a moment ago.
            await self.clock.wait(self._stopped, self.clock.now() + SET_CLOCK_EVERY_SECONDS)

    async def appear(self) -> None:
        """Say every few seconds that this instance is alive; whoever looks takes it for dead otherwise. And what it is short of."""
        told_at: Instant | None = None
        while not self._stopped.is_set():
            now = self.clock.now()
            shortage = self.store.shortage
            if shortage and (told_at is None or now - told_at >= SHORT_AGAIN_SECONDS):
                self.events.announce(DatabaseShort(shortage.message))
                told_at = now
            seen = replace(self.instance, seen_at=now, running=len(self.runs.leases))
            try:
                await self.store.appear(seen, now - FORGOTTEN_SECONDS)
            except StoreError as exc:
                self.events.announce(DutyFailed("instance", exc.message))
            await self.clock.wait(self._stopped, now + APPEAR_EVERY_SECONDS)
        with suppress(StoreError):
            await self.store.disappear(self.instance.id)

    async def _lost(self) -> list[Lease]:
        leases = self.runs.leases
        if not leases:
            return []
        return await self.store.heartbeat(leases, self.clock.now(), self.lease_seconds)
