"""Runs under way in this process: executes claims, and tells sync-mode callers how theirs ended.

A run is executed in a task of its own, whoever started it, so that a caller who hangs up changes nothing. Every run ends
in exactly one of three ways: settled in the store, handed back (the server stops, or the store did not take what the run
brought: ``unsettled``), or its lease lost (somebody else runs it again). Whoever listens to its target (``listening``) is told.

Owns no schedule: ``service.loop`` decides when to claim, ``service.upkeep`` keeps the leases alive. What is sent and concluded is
``service.asking``'s.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Final

from homegraph.errors import CallRefused, HomegraphError, LeaseLost, StoreError
from homegraph.graph.concluding import Answer, Conclusion, conclude
from homegraph.graph.effects import BindLink, Effect, NoteProblem, RekeyLink
from homegraph.graph.model import (
    Cause,
    Exchange,
    Instant,
    Outcome,
    Project,
    Run,
)
from homegraph.graph.syncing import (
    Retry,
    RetryPolicy,
    State,
    Step,
    Work,
    merged,
    next_step,
    state_of,
)
from homegraph.service.asking import Asking
from homegraph.service.clock import Clock, Ids
from homegraph.service.events import (
    DutyFailed,
    Events,
    LinkChanged,
    SyncFinished,
    SyncStarted,
    tell_of_bug,
)
from homegraph.service.listening import Listeners
from homegraph.service.outbound import Heard, Outbound
from homegraph.service.unsettled import Unsettled
from homegraph.store.port import Claim, Lease, Settlement, Store

FIRST_SYNC_POLICY: Final = RetryPolicy(attempts_max=0, first=1.0, longest=60.0)
"""A grant that was adopted is tried until it works: the device cloud may simply not be up yet."""


class Runs:
    """The runs that this process executes."""

    def __init__(
        self,
        *,
        store: Store,
        outbound: Outbound,
        events: Events,
        policy: RetryPolicy,
        journal_body_bytes: int,
        worker: str,
    ) -> None:
        self._store = store
        self._asking = Asking(store, outbound)
        self._clock: Clock = outbound.clock
        self._ids: Ids = outbound.ids
        self._events = events
        self._policy = policy
        self._journal_body_bytes = journal_body_bytes
        self._tasks: dict[Lease, asyncio.Task[None]] = {}
        self._settling: set[Lease] = set()
        self._running: Counter[str] = Counter()  # the same, counted by project; none stands at 0
        self.listeners = Listeners()
        self.worker = worker
        self.unsettled = Unsettled(store, outbound.clock)
        self.changed = asyncio.Event()
        """Set when there may be something to claim: a request came in, a run left work or a wanted place."""
        self.place_wanted = False
        """Whether the loop left due runs for want of a place, and wants to hear of every run that ends."""

    def start(self, project: Project, claim: Claim) -> None:
        """Execute a claim of the project, in the background."""
        task = asyncio.get_running_loop().create_task(self._execute(project, claim))
        self._tasks[claim.lease] = task
        self._running[claim.lease.target.project_id] += 1
        task.add_done_callback(lambda _: self._ended(claim.lease))

    @property
    def leases(self) -> tuple[Lease, ...]:
        """Leases of the runs under way."""
        return tuple(self._tasks)

    def running_by_project(self) -> Counter[str]:
        """How many runs are under way for each project, now."""
        return self._running.copy()

    def running(self, project_id: str) -> tuple[int, int]:
        """How many runs are under way: for a project, and in all."""
        return self._running[project_id], len(self._tasks)

    def cancel(self, lease: Lease) -> None:
        """Stop a run whose lease is lost; nothing of it is stored.

        One that is being stored goes on: it may be stored already, and its lease be lost by that. If it is not, the store tells it so.
        """
        if lease not in self._settling and (task := self._tasks.get(lease)):
            task.cancel()

    async def drain(self, grace_seconds: float) -> None:
        """Let runs finish, and who waits for one be answered, within the grace; then hand the rest back with no attempt counted."""
        loop = asyncio.get_running_loop()
        until = loop.time() + grace_seconds
        late: set[asyncio.Task[None]] = set()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks.values(), timeout=grace_seconds)
        leases = [lease for lease, task in self._tasks.items() if task in late]
        for lease in leases:
            self.cancel(lease)
        await asyncio.gather(*late, return_exceptions=True)
        # Others wait for runs of other processes, or for runs that nobody starts here any more.
        await self.listeners.leave(until - loop.time(), CallRefused("SERVER_STOPPING"))
        await self.unsettled.hand_back_all(leases)

    # --- one run ---------------------------------------------------------------------------------------------

    async def _execute(self, project: Project, claim: Claim) -> None:
        work = claim.work
        self._events.announce(SyncStarted(claim.lease.target, work.attempts, merged(work)))
        try:
            heard, conclusion = await self._asking.ask(project, claim)
            settlement = self._settlement(claim, heard, conclusion)
            try:
                after = await self._settle(settlement)
            except HomegraphError:
                raise
            except Exception as exc:  # noqa: BLE001  # a bug of ours, and what came would meet it again with every lease
                tell_of_bug("what a SYNC brought could not be stored", exc)
                conclusion = _nothing_of(project, claim, heard)
                settlement = self._settlement(claim, heard, conclusion)
                after = await self._settle(settlement)
        except LeaseLost:
            return  # whoever holds the lease now runs it again and tells the callers
        except StoreError as exc:
            # The run is executed again when the store takes it back; a waiting caller is told what is wrong now.
            self.unsettled.note(claim.lease)
            self.listeners.tell(claim.lease.target, work.taken, exc)
            self._events.announce(DutyFailed("run", exc.message))
            return
        self._events.announce(SyncFinished(settlement.run))
        self._announce_links(claim, conclusion)
        self.listeners.tell(claim.lease.target, work.taken, conclusion.failure)
        if state_of(after) is not State.IDLE or any(map(_is_followed, conclusion.effects)):
            self.changed.set()

    async def _settle(self, settlement: Settlement) -> Work:
        self._settling.add(settlement.lease)
        try:
            return await self._store.settle(settlement, self._clock.now())
        finally:
            self._settling.discard(settlement.lease)

    def _settlement(self, claim: Claim, heard: list[Heard], conclusion: Conclusion) -> Settlement:
        now = self._clock.now()
        step = next_step(
            claim.work,
            failed=conclusion.failure is not None,
            retryable=conclusion.retryable,
            policy=FIRST_SYNC_POLICY if claim.lease.target.is_first_sync else self._policy,
            now=now,
            spread=self._ids.spread(),
            retry_from=conclusion.retry_from,
        )
        exchanges: list[Exchange] = []
        for one in heard:
            exchanges += one.transcript.exchanges(self._journal_body_bytes)
        run = _record(self._ids.run(), claim, conclusion, step, now)
        return Settlement(
            claim.lease,
            claim.work,
            step,
            run,
            conclusion.effects,
            tuple(exchanges),
            conclusion.reply,
        )

    # --- telling ---------------------------------------------------------------------------------------------

    def _announce_links(self, claim: Claim, conclusion: Conclusion) -> None:
        states = {link.user_id: link.state for link in claim.links}
        for effect in conclusion.effects:
            if isinstance(effect, NoteProblem):
                project_id, user_id = claim.lease.target.project_id, effect.user_id
                self._events.announce(
                    LinkChanged(project_id, user_id, states[user_id], effect.problem)
                )

    def _ended(self, lease: Lease) -> None:
        task = self._tasks.pop(lease)
        project_id = lease.target.project_id
        self._running[project_id] -= 1
        if not self._running[project_id]:
            del self._running[project_id]
        if self.place_wanted:
            self.changed.set()
        if not task.cancelled() and (exc := task.exception()):
            # A bug of ours. The lease runs out and the run is executed again; a caller is not left waiting.
            self.listeners.dismiss(lease.target, HomegraphError())
            tell_of_bug("a run failed unexpectedly", exc)


def _is_followed(effect: Effect) -> bool:
    """Whether it may have asked for a run of another target."""
    return isinstance(effect, BindLink | RekeyLink)


def _nothing_of(project: Project, claim: Claim, heard: list[Heard]) -> Conclusion:
    """The end of a run of whose answers nothing can be kept."""
    return conclude(
        claim.lease.target,
        [Answer(one.link, error=HomegraphError()) for one in heard],
        policy=project.policy,
        by_grant=claim.work.run_cause is Cause.LINK,
    )


def _record(run_id: str, claim: Claim, conclusion: Conclusion, step: Step, now: Instant) -> Run:
    """The run as it is kept."""
    work, failure = claim.work, conclusion.failure
    return Run(
        run_id,  # by its place: of more than fifteen by name CPython makes a dictionary, which costs more than the run
        claim.lease.target,
        cause=work.run_cause,
        mode=work.run_mode,
        outcome=Outcome.HELD if conclusion.held and not failure else step.outcome,
        requested_at=work.run_requested_at,
        started_at=work.run_started_at,
        finished_at=now,
        merged=merged(work),
        attempt=work.attempts,
        reason=failure.code if failure else "",
        message=failure.message if failure else "",
        next_at=step.at if isinstance(step, Retry) else None,
        changes=conclusion.changes,
        results=conclusion.results,
        findings=conclusion.findings,
        taken=work.taken,
    )
