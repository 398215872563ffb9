"""The store beside a model of plain lists, in any order of requests, claims, ends and deaths.

The model keeps every accepted request by itself and knows nothing of generations, fences or indexes. After every step
both must tell the same: who may start and when the next one may, what waits and what runs, what the devices are, which
runs were interrupted. The promises are asserted where they could break: no target has two live leases, no request is lost,
and every request that is answered is answered by a run that was claimed after it.
"""
# ruff: noqa: S101  # a test suite that lives in the package

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from homegraph.errors import LeaseLost
from homegraph.graph import syncing
from homegraph.graph.effects import BindLink, WriteDevices
from homegraph.graph.model import Instant, Mode, Outcome, Target
from homegraph.graph.syncing import Admission, Finish, GiveUp, Retry, Step
from homegraph.store.port import Claim, Lease, Store
from homegraph.testing.store_contract.scene import (
    LEASE_SECONDS,
    Scene,
    first_sync,
    stored,
    target,
)

T = TypeVar("T")

TARGETS = (target("1836"), target("1837"), target("1836", "other"))
TIMES = st.sampled_from([0.1, 1.0, LEASE_SECONDS - 1, LEASE_SECONDS + 1, 61.0])
DEVICE_IDS = st.sets(st.sampled_from("abcd"))


@dataclass(eq=False)
class Asked:
    """One accepted request. ``told`` is a sync-mode caller's; ``answered`` means that it is owed nothing more."""

    mode: Mode
    step: int
    until: Instant
    claimed_at_step: int = 0
    told: bool = False
    answered: bool = False


@dataclass(eq=False)
class Running:
    """A run under way, and the requests that it is to answer."""

    claim: Claim
    answers: list[Asked]
    until: Instant


@dataclass(eq=False)
class Model:
    """What is known of one agent user without any counters."""

    target: Target
    linked: bool = False
    asked: list[Asked] = field(default_factory=list)
    running: Running | None = None
    due_at: Instant = 0.0
    devices: dict[str, str] = field(default_factory=dict)
    lost: list[Lease] = field(default_factory=list)

    def open_requests(self) -> list[Asked]:
        """Requests that are owed a run."""
        return [asked for asked in self.asked if not asked.answered]

    def caller_waits(self, now: Instant) -> bool:
        """Whether a sync-mode caller is neither told nor gone."""
        return any(
            asked.mode is Mode.SYNC and not asked.told and asked.until > now
            for asked in self.open_requests()
        )

    def ready_at(self) -> Instant | None:
        """When somebody may take it."""
        if self.running is not None:
            return self.running.until
        return self.due_at if self.open_requests() else None

    def release(self) -> list[Asked]:
        """The run is over, however; its lease is lost and its callers are told."""
        assert self.running is not None
        answers = self.running.answers
        self.lost.append(self.running.claim.lease)
        for asked in answers:
            asked.told = True
        self.running = None
        return answers


class StoreMachine(RuleBasedStateMachine):
    """Make a subclass that opens a store, and run its ``TestCase``."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.scene = Scene(self.run(self.open_store()))
        self.models = {one: Model(one) for one in TARGETS}
        self.step = 0
        self.interrupted = 0

    @abstractmethod
    async def open_store(self) -> Store:
        """Open an empty store."""

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run something on this machine's loop."""
        return self.runner.run(coroutine)

    @property
    def store(self) -> Store:
        """The store that is tried."""
        return self.scene.store

    def teardown(self) -> None:
        """Whatever happened: when everybody comes to an end, nothing is owed."""
        self.scene.now += 10_000.0
        for _ in range(2):
            for project_id in self.run(self.store.projects_due(self.scene.now)):
                self.claim(project_id, 100)
                for one in self.models.values():
                    if one.running is not None and one.target.project_id == project_id:
                        self.end(one, Finish(), set("a"))
        assert self.run(self.store.works()) == []
        assert not any(one.open_requests() for one in self.models.values())
        self.run(self.store.close())
        self.runner.close()

    # --- what may happen -------------------------------------------------------------------------------------

    @initialize()
    def begin(self) -> None:
        for one in TARGETS:
            self.link(one)

    @rule(one=st.sampled_from(TARGETS), mode=st.sampled_from(Mode))
    def request(self, one: Target, mode: Mode) -> None:
        """Somebody asks; promise 2 and the rule of sync mode."""
        self.step += 1
        model, now = self.models[one], self.scene.now
        admitted = self.run(self.scene.ask(mode, one))
        assert (admitted is None) is not model.linked
        if admitted is None:
            return
        refused = mode is Mode.SYNC and model.caller_waits(now)
        assert (admitted.admission is Admission.REFUSE) is refused
        if refused:
            return
        if not model.open_requests():
            model.due_at = now
        model.asked.append(Asked(mode, self.step, now + syncing.SYNC_CALL_SECONDS))
        assert admitted.generation == len(model.asked)
        free = model.running is None or model.running.until <= now
        assert (admitted.claim is not None) is (mode is Mode.SYNC and free)
        if admitted.claim is not None:
            self.started(admitted.claim)

    @rule(seconds=TIMES)
    def time_passes(self, seconds: float) -> None:
        self.scene.now += seconds

    @rule(project_id=st.sampled_from(["acme", "other"]), limit=st.integers(1, 3))
    def claim(self, project_id: str, limit: int) -> None:
        """The loop takes what is due: the right ones, in the right order."""
        self.step += 1
        due = sorted(
            (ready, one.target)
            for one in self.models.values()
            if one.target.project_id == project_id
            and (ready := one.ready_at()) is not None
            and ready <= self.scene.now
        )
        claims = self.run(self.scene.claims(project_id, limit=limit))
        assert [claim.lease.target for claim in claims] == [one for _, one in due[:limit]]
        for claim in claims:
            self.started(claim)

    @precondition(lambda self: any(one.running for one in self.models.values()))
    @rule(
        data=st.data(),
        ends=st.sampled_from(["done", "failed", "gave up", "retry"]),
        delay=TIMES,
        device_ids=DEVICE_IDS,
    )
    def settle(self, data: st.DataObject, ends: str, delay: float, device_ids: set[str]) -> None:
        """A run ends, well or badly."""
        self.step += 1
        steps: dict[str, Step] = {
            "done": Finish(),
            "failed": Finish(Outcome.FAILED),
            "gave up": GiveUp(),
            "retry": Retry(self.scene.now + delay),
        }
        self.end(self.some_running(data), steps[ends], device_ids if ends == "done" else None)

    @precondition(lambda self: any(one.lost for one in self.models.values()))
    @rule(data=st.data())
    def come_back_from_the_dead(self, data: st.DataObject) -> None:
        """A worker whose lease is lost can store nothing and prolong nothing."""
        leases = [lease for one in self.models.values() for lease in one.lost]
        lease = data.draw(st.sampled_from(leases))
        held = [one.running.claim for one in self.models.values() if one.running]
        for claim in held:
            assert claim.lease != lease
        assert self.run(self.store.heartbeat([lease], self.scene.now, LEASE_SECONDS)) == [lease]
        self.run(self.store.hand_back([lease], self.scene.now))

    @rule()
    def heartbeat(self) -> None:
        """Everybody who runs prolongs its lease; nobody who was not overtaken loses it."""
        running = [one.running for one in self.models.values() if one.running]
        leases = [each.claim.lease for each in running]
        assert self.run(self.store.heartbeat(leases, self.scene.now, LEASE_SECONDS)) == []
        for each in running:
            each.until = self.scene.now + LEASE_SECONDS

    @precondition(lambda self: any(one.running for one in self.models.values()))
    @rule(data=st.data())
    def hand_back(self, data: st.DataObject) -> None:
        model = self.some_running(data)
        assert model.running is not None
        self.run(self.store.hand_back([model.running.claim.lease], self.scene.now))
        model.release()
        model.due_at = self.scene.now

    @rule(one=st.sampled_from(TARGETS))
    def unlink(self, one: Target) -> None:
        """The user ends the link, whatever is under way; or links again."""
        model = self.models[one]
        if not model.linked:
            self.link(one)
            return
        self.run(self.store.unlink(one.project_id, _user(one), self.scene.now))
        if model.running is not None:
            model.release()
        self.models[one] = Model(one, lost=model.lost)

    # --- what must hold --------------------------------------------------------------------------------------

    @invariant()
    def the_same_are_due(self) -> None:
        now = self.scene.now
        ready = {
            one.target: at for one in self.models.values() if (at := one.ready_at()) is not None
        }
        due = {one.project_id for one, at in ready.items() if at <= now}
        later = [at for at in ready.values() if at > now]
        assert self.run(self.store.projects_due(now)) == sorted(due)
        assert self.run(self.store.next_due_at(now)) == min(later, default=None)
        works = self.run(self.store.works())
        assert [one for one, _ in works] == sorted(ready, key=lambda one: (ready[one], one))

    @invariant()
    def the_counters_agree_with_the_lists(self) -> None:
        for one, work in self.run(self.store.works()):
            model = self.models[one]
            assert work.requested == len(model.asked)
            assert work.done == len(model.asked) - len(model.open_requests())
            running = model.running
            assert work.taken == (running.claim.work.taken if running else 0)
            assert running is None or syncing.merged(work) == len(running.answers)
        counts = self.run(self.store.counts())
        models = self.models.values()
        assert counts.running == sum(one.running is not None for one in models)
        assert counts.waiting == sum(
            not one.running and bool(one.open_requests()) for one in models
        )
        assert counts.agent_users == sum(one.linked for one in models)
        assert counts.devices == sum(len(one.devices) for one in models)

    @invariant()
    def the_same_devices_are_here(self) -> None:
        for one, model in self.models.items():
            if model.linked:
                devices = self.run(self.store.devices(one.project_id, one.agent_user_id))
                assert {device.id: device.definition for device in devices} == {
                    device_id: stored(device_id, text).definition
                    for device_id, text in model.devices.items()
                }

    @invariant()
    def every_death_is_recorded(self) -> None:
        runs = self.run(self.store.runs(limit=10_000))
        outcomes = [run.outcome for run in runs]
        assert outcomes.count(Outcome.INTERRUPTED) == self.interrupted

    # --- how it is done --------------------------------------------------------------------------------------

    def some_running(self, data: st.DataObject) -> Model:
        running = [one for one in self.models.values() if one.running]
        return data.draw(st.sampled_from(running))

    def started(self, claim: Claim) -> None:
        """A run was claimed; if there was one before, its worker is dead."""
        model = self.models[claim.lease.target]
        assert (claim.interrupted is not None) is (model.running is not None)
        if model.running is not None:
            assert model.running.until <= self.scene.now, "two live leases for one target"
            self.interrupted += 1
            model.release()
        fences = [lease.fence for lease in model.lost]
        assert claim.lease.fence > max(fences, default=0)
        known = self.run(self.scene.known(claim.lease.target))
        assert set(known.values()) == model.devices.keys()
        answers = model.open_requests()
        assert answers
        for asked in answers:
            asked.claimed_at_step = self.step
        model.running = Running(claim, answers, self.scene.now + LEASE_SECONDS)

    def end(self, model: Model, step: Step, device_ids: set[str] | None) -> None:
        """Settle a run; a list of devices replaces the one that is here."""
        assert model.running is not None
        claim = model.running.claim
        effects = []
        if device_ids is not None:
            text = str(self.step)
            effects.append(
                WriteDevices(
                    tuple(
                        stored(one, text, room=None if one in model.devices else "Hall")
                        for one in sorted(device_ids)
                    ),
                    tuple(sorted(model.devices.keys() - device_ids)),
                )
            )
            model.devices = dict.fromkeys(device_ids, text)
        self.run(self.scene.settle(claim, *effects, step=step))
        for asked in model.release():
            assert asked.claimed_at_step >= asked.step, "answered by a run that began before it"
            asked.answered = not isinstance(step, Retry)
        now = self.scene.now
        waits = model.caller_waits(now)
        model.due_at = step.at if isinstance(step, Retry) and not waits else now
        try:
            self.run(self.scene.settle(claim))
        except LeaseLost:
            return
        raise AssertionError("a lease was good for two settlements")

    def link(self, one: Target) -> None:
        """Link the target's user anew, by a first SYNC that brings no devices."""
        user_id, project_id = _user(one), one.project_id
        self.step += 1
        grant = str(self.step).encode()
        self.run(self.scene.declare(user_id, project_id=project_id, grant=grant))
        admitted = self.run(self.scene.ask(Mode.SYNC, first_sync(user_id, project_id)))
        assert admitted is not None
        assert admitted.claim is not None
        self.run(self.scene.settle(admitted.claim, BindLink(user_id, one.agent_user_id, ())))
        self.models[one] = Model(one, linked=True, lost=self.models[one].lost)


def _user(one: Target) -> str:
    return f"user-of-{one.agent_user_id}"
