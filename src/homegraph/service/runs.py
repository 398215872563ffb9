"""Runs under way in this process: executes claims, and tells sync-mode callers how theirs ended.

A run is executed in a task of its own, whoever started it, so that a caller who hangs up changes nothing. Every run ends
in exactly one of three ways: settled in the store, handed back (the server stops, or the store did not take what the run
brought: ``unsettled``), or its lease lost (somebody else runs it again). Whoever listens to its target (``listening``) is told.

Owns no schedule: ``service.loop`` decides when to claim, ``service.upkeep`` keeps the leases alive.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Final

from msgspec.structs import replace

from homegraph.errors import CallRefused, HomegraphError, LeaseLost, StoreError
from homegraph.graph import applying
from homegraph.graph.checks.replies import check_reply
from homegraph.graph.concluding import Answer, Conclusion, conclude
from homegraph.graph.effects import BindLink, NoteProblem
from homegraph.graph.judging import judge
from homegraph.graph.model import (
    Cause,
    Exchange,
    HeldDevice,
    Instant,
    Link,
    LinkState,
    Outcome,
    Project,
    Run,
    Target,
)
from homegraph.graph.policy import Policy
from homegraph.graph.syncing import (
    Retry,
    RetryPolicy,
    State,
    Step,
    merged,
    next_step,
    state_of,
)
from homegraph.service.catalogs import catalog_of, judged_by
from homegraph.service.clock import Clock, Ids
from homegraph.service.events import DutyFailed, Events, LinkChanged, SyncFinished, SyncStarted
from homegraph.service.first_query import first_states
from homegraph.service.listening import Listeners
from homegraph.service.outbound import Heard, Outbound
from homegraph.service.unsettled import Unsettled
from homegraph.store.port import Claim, Lease, Settlement, Store

LINKS_AT_ONCE_MAX: Final = 16
"""SYNCs of one run that are under way together; a household has a handful of links."""

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
        self._outbound = outbound
        self._clock: Clock = outbound.clock
        self._ids: Ids = outbound.ids
        self._events = events
        self._policy = policy
        self._journal_body_bytes = journal_body_bytes
        self._tasks: dict[Lease, asyncio.Task[None]] = {}
        self._running: Counter[str] = Counter()  # the same, counted by project; none stands at 0
        self.listeners = Listeners()
        self.worker = worker
        self.unsettled = Unsettled(store, outbound.clock)
        self.changed = asyncio.Event()
        """Set when there may be something to claim: a request came in, a run left work or a wanted place."""
        self.place_wanted = False
        """Whether the loop left due runs for want of a place, and wants to hear of every run that ends."""

    def start(self, claim: Claim) -> None:
        """Execute a claim, in the background."""
        task = asyncio.get_running_loop().create_task(self._execute(claim))
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
        """Stop a run whose lease is lost; nothing of it is stored."""
        if task := self._tasks.get(lease):
            task.cancel()

    async def drain(self, grace_seconds: float) -> None:
        """Let runs finish within the grace, then hand the rest back with no attempt counted."""
        late: set[asyncio.Task[None]] = set()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks.values(), timeout=grace_seconds)
        leases = [lease for lease, task in self._tasks.items() if task in late]
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        for lease in leases:
            self.listeners.dismiss(lease.target, CallRefused("SERVER_STOPPING"))
        await self.unsettled.hand_back_all(leases)

    # --- one run ---------------------------------------------------------------------------------------------

    async def _execute(self, claim: Claim) -> None:
        work = claim.work
        self._events.announce(SyncStarted(claim.lease.target, work.attempts, merged(work)))
        try:
            heard, conclusion = await self._ask_all(claim)
            settlement = self._settlement(claim, heard, conclusion)
            try:
                after = await self._store.settle(settlement, self._clock.now())
            except HomegraphError:
                raise
            except Exception as exc:  # noqa: BLE001  # a bug of ours, and what came would meet it again with every lease
                _tell("what a SYNC brought could not be stored", exc)
                conclusion = _nothing_of(claim, heard)
                settlement = self._settlement(claim, heard, conclusion)
                after = await self._store.settle(settlement, self._clock.now())
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
        if state_of(after) is not State.IDLE:
            self.changed.set()

    async def _ask_all(self, claim: Claim) -> tuple[list[Heard], Conclusion]:
        """Send SYNC for every link that can be asked, and conclude."""
        links = [link for link in claim.links if link.state is not LinkState.BROKEN]
        # Nearly every agent user has one link: then nobody else is asked meanwhile, and neither task nor place is needed.
        if len(links) == 1:
            pairs = [await self._ask(claim, links[0])]
        else:
            pairs = await self._ask_together(claim, links)
        heard = [heard for heard, _ in pairs]
        answers = [answer for _, answer in pairs]
        conclusion = conclude(
            claim.lease.target,
            answers,
            policy=claim.project.policy,
            accepted=await self._accepted(claim),
            by_grant=claim.work.run_cause is Cause.LINK,
        )
        if claim.lease.target.is_first_sync and heard:
            conclusion = await self._with_states(claim.project, heard[0], conclusion)
        return heard, conclusion

    async def _accepted(self, claim: Claim) -> frozenset[str]:
        """The devices that an operator has let go: those that the run before this one would have removed."""
        if claim.work.run_cause is not Cause.OPERATOR:
            return frozenset()
        target = claim.lease.target
        for run in await self._store.runs(target.project_id, target.agent_user_id, limit=1):
            if run.outcome is Outcome.HELD:
                return frozenset(run.changes.removed)
        return frozenset()

    async def _with_states(
        self, project: Project, heard: Heard, conclusion: Conclusion
    ) -> Conclusion:
        """A first SYNC that succeeded is followed by a QUERY; its states are stored with the devices."""
        effects = list(conclusion.effects)
        for index, effect in enumerate(effects):
            if isinstance(effect, BindLink):
                states, findings = await first_states(self._outbound, project, heard, effect)
                effects[index] = replace(effect, states=states)
                findings = (*conclusion.findings, *findings)
                return replace(conclusion, effects=tuple(effects), findings=findings)
        return conclusion

    async def _ask_together(self, claim: Claim, links: list[Link]) -> list[tuple[Heard, Answer]]:
        places = asyncio.Semaphore(LINKS_AT_ONCE_MAX)

        async def ask(link: Link) -> tuple[Heard, Answer]:
            async with places:
                return await self._ask(claim, link)

        return await asyncio.gather(*map(ask, links))

    async def _ask(self, claim: Claim, link: Link) -> tuple[Heard, Answer]:
        heard = Heard("", link)
        try:
            await self._outbound.sync(claim.project, heard)
            answer = await self._answer(claim, link, heard)
        except HomegraphError as exc:
            answer = Answer(link, error=exc)
        except Exception as exc:  # noqa: BLE001  # a bug of ours must end the run visibly, not repeat it for ever
            _tell("a SYNC could not be handled", exc)
            return heard, Answer(link, error=HomegraphError())
        if answer.error is not None:
            heard.transcript.masked_error(answer.error)
        if answer.findings:
            answer = replace(answer, findings=heard.transcript.masked_findings(answer.findings))
        return heard, answer

    async def _answer(self, claim: Claim, link: Link, heard: Heard) -> Answer:
        """Read a reply as far as needed: devices whose bytes are known are not looked into."""
        reply = heard.reply
        if reply is None:
            return Answer(link, error=heard.error, findings=heard.findings)
        comparison = applying.compare(claim.known, reply.devices)
        policy = claim.project.policy
        target = claim.lease.target
        before = await self._held(target, policy)
        judged = judge(
            comparison, reply.devices, catalog_of(policy), policy, before, judged_by(policy)
        )
        findings = (
            *heard.findings,
            *check_reply(
                reply,
                request_id=heard.request_id,
                agent_user_id=target.agent_user_id,
                device_ids=judged.listed,
                took=heard.took,
            ),
            *judged.findings,
        )
        if judged.refusal is not None:
            return Answer(link, error=judged.refusal, findings=findings)
        known_ids = set(claim.known.values())
        fresh = [device.id for device in judged.decoded if device.id in known_ids]
        old = await self._store.definitions(target, fresh) if fresh else {}
        applied = applying.changes(known_ids, judged.comparison, judged.decoded, old, judged.held)
        return Answer(
            link,
            agent_user_id=reply.agent_user_id,
            applied=applied,
            is_empty=not reply.devices,
            findings=findings,
            known=len(known_ids),
            held=None if judged.to_keep == before else judged.to_keep,
        )

    async def _held(self, target: Target, policy: Policy) -> tuple[HeldDevice, ...]:
        """The devices that are held back; only in quarantine are there any."""
        return await self._store.held(target) if policy.sync_mode == "quarantine" else ()

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
        return Settlement(claim.lease, step, run, conclusion.effects, tuple(exchanges))

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
            _tell("a run failed unexpectedly", exc)


def _tell(message: str, exc: BaseException) -> None:
    """Write a bug of ours into the log."""
    asyncio.get_running_loop().call_exception_handler({"message": message, "exception": exc})


def _nothing_of(claim: Claim, heard: list[Heard]) -> Conclusion:
    """The end of a run of whose answers nothing can be kept."""
    return conclude(
        claim.lease.target,
        [Answer(one.link, error=HomegraphError()) for one in heard],
        policy=claim.project.policy,
        by_grant=claim.work.run_cause is Cause.LINK,
    )


def _record(run_id: str, claim: Claim, conclusion: Conclusion, step: Step, now: Instant) -> Run:
    """The run as it is kept."""
    work, failure = claim.work, conclusion.failure
    return Run(
        id=run_id,
        target=claim.lease.target,
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
    )
