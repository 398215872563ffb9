"""The loop: claims due runs and starts them, fairly between projects and never more than allowed at once.

It wakes when something may have become due (``asked``, ``Runs.changed``), when the next back-off or lease ends, and every few
seconds anyway: notification is a hint, the database is the truth. It reacts to nothing directly; it looks at what is
due and takes what it has room for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from homegraph.errors import StoreError
from homegraph.graph.model import Instant
from homegraph.graph.sharing import share
from homegraph.service.clock import Clock
from homegraph.service.events import DutyFailed, Events
from homegraph.service.reading import get_project
from homegraph.service.runs import Runs
from homegraph.store.port import Store

LOOK_AGAIN_SECONDS: Final = 5.0
"""The longest the loop goes without looking: bounds the harm of a hint that got lost."""

RESERVE_SHARE: Final = 4
"""One place of so many is kept for projects that have none, however many of the others hang."""


@dataclass(slots=True)
class Loop:
    """Claims due runs until it is told to stop."""

    store: Store
    runs: Runs
    clock: Clock
    events: Events
    concurrency: int
    project_concurrency: int
    lease_seconds: float
    stopping: bool = False
    looked_at: Instant = 0.0

    async def work(self) -> None:
        """Run until ``stop``. A database that fails for a while is tried again; requests are safe in it."""
        while not self.stopping:
            now = self.clock.now()
            wake_at = now + LOOK_AGAIN_SECONDS
            self.runs.changed.clear()
            try:
                await self.runs.unsettled.hand_back_due()
                await self._claim(now)
                due_at = await self.store.next_due_at(now)
                wake_at = wake_at if due_at is None else due_at
            except StoreError as exc:
                self.events.announce(DutyFailed("loop", exc.message))
            else:
                self.looked_at = now
            # The clock may have been set back since, and then that time is far away.
            latest = self.clock.now() + LOOK_AGAIN_SECONDS
            await self.clock.wait(self.runs.changed, min(wake_at, latest))

    def asked(self, project_id: str) -> None:
        """A request for a project was recorded. While there is no place for its run, the end of another one is soon enough to look."""
        of_project, in_all = self.runs.running(project_id)
        if of_project < self.project_concurrency and in_all < self.concurrency:
            self.runs.changed.set()
        else:
            self.runs.place_wanted = True

    def stop(self) -> None:
        """Claim nothing more."""
        self.stopping = True
        self.runs.changed.set()

    def is_beating(self) -> bool:
        """Whether the loop has looked at the database lately."""
        return self.clock.now() - self.looked_at < 3 * LOOK_AGAIN_SECONDS

    async def _claim(self, now: Instant) -> None:
        self.runs.place_wanted = len(self.runs.leases) >= self.concurrency
        if self.runs.place_wanted or self.stopping:
            return
        due = await self.store.projects_due(now)
        if due:  # what is not claimed below is left for want of a place; and somebody may have asked meanwhile
            self.runs.place_wanted = True
        # Who ended during that question has not woken anybody. So the places are counted now, and from now on whoever ends does.
        running = self.runs.running_by_project()
        shares = share(
            self.concurrency - running.total(),
            due,
            running,
            each_max=self.project_concurrency,
            reserve=self.concurrency // RESERVE_SHARE,
        )
        for project_id, places in shares.items():
            project = await get_project(self.store, project_id)
            claims = await self.store.claim_due(
                project_id,
                self.clock.now(),  # a run that takes a request must not seem to have begun before it
                limit=places,
                worker=self.runs.worker,
                lease_seconds=self.lease_seconds,
            )
            for claim in claims:
                self.runs.start(project, claim)
            if len(claims) == places:
                self.runs.changed.set()  # there may be more, and room for it
