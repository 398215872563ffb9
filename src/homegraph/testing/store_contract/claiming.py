"""Claims and leases: what is due, who has it, and what becomes of a worker that died."""
# ruff: noqa: PLR2004, S101  # a test suite that lives in the package

from __future__ import annotations

import pytest
from msgspec.structs import replace

from homegraph.errors import LeaseLost
from homegraph.graph.model import LinkState, Mode, Outcome
from homegraph.graph.syncing import Retry, interrupt
from homegraph.store.port import Claim, Store
from homegraph.testing.store_contract.scene import (
    LEASE_SECONDS,
    Scene,
    first_sync,
    target,
)


def agent_users(claims: list[Claim]) -> list[str]:
    """Whom claims are for."""
    return [claim.lease.target.agent_user_id for claim in claims]


class Claiming:
    """Claims, heartbeats, handing back."""

    async def test_nothing_is_due(self, store: Store) -> None:
        """Idle work is in no answer."""
        scene = Scene(store)
        await scene.link()

        assert await store.projects_due(9_999.0) == []
        assert await scene.claims() == []
        assert await scene.claims("nowhere") == []
        assert await store.next_due_at(0.0) is None

    async def test_projects_that_are_due(self, store: Store) -> None:
        """Those with waiting work that may start or with a lease that ran out, by id; nobody else."""
        scene = Scene(store)
        for project_id in ("idle", "waiting", "later", "running", "dead"):
            await scene.link(project_id=project_id)
        await scene.start(target(project_id="dead"))
        scene.now = 1_000.0 + LEASE_SECONDS
        await scene.request(target=target(project_id="waiting"))
        await scene.start(target(project_id="running"))
        await scene.request(target=target(project_id="later"))
        await scene.settle(await scene.claim("later"), step=Retry(scene.now + 0.5))

        assert await store.projects_due(scene.now) == ["dead", "waiting"]
        assert await store.projects_due(scene.now + 0.5) == ["dead", "later", "waiting"]

    async def test_the_longest_due_come_first(self, store: Store) -> None:
        """By when they could start, then by target; as many as asked for; of this project."""
        scene = Scene(store)
        for user_id, agent_user_id in (("a", "3"), ("b", "2"), ("c", "1"), ("d", "4")):
            await scene.link(user_id, agent_user_id)
        await scene.link("a", "0", project_id="other")
        await scene.request(target=target("0", "other"))
        for now, agent_user_id in ((1_002.0, "1"), (1_001.0, "4"), (1_001.0, "2"), (1_003.0, "3")):
            scene.now = now
            await scene.request(target=target(agent_user_id))
        scene.now = 1_002.0

        assert agent_users(await scene.claims(limit=2)) == ["2", "4"]
        assert agent_users(await scene.claims(limit=2)) == ["1"]
        assert await scene.claims() == []

    async def test_a_claim_brings_what_a_run_needs(self, store: Store) -> None:
        """The links to ask with the oldest first, and the work."""
        scene = Scene(store)
        for now, user_id in (
            (1_003.0, "anna"),
            (1_001.0, "ben"),
            (1_002.0, "carl"),
            (1_004.0, "d"),
        ):
            scene.now = now
            await scene.link(user_id, "1836")
        await scene.refused("ben")
        await store.unlink("acme", "carl", scene.now)
        await scene.request()
        claim = await scene.claim(worker="worker-7")

        assert [link.user_id for link in claim.links] == ["ben", "anna", "d"]
        assert [link.state for link in claim.links][:2] == [LinkState.BROKEN, LinkState.LINKED]
        assert claim.interrupted is None
        assert claim.lease.worker == claim.work.worker == "worker-7"
        assert claim.lease.fence == claim.work.fence
        assert await store.works() == [(target(), claim.work)]

    async def test_a_claim_of_a_first_sync(self, store: Store) -> None:
        """Its one link, and nothing is known."""
        scene = Scene(store)
        await scene.declare("anna", "ben")
        claims = await scene.claims()

        assert [claim.lease.target for claim in claims] == [first_sync("anna"), first_sync("ben")]
        assert [[link.user_id for link in claim.links] for claim in claims] == [["anna"], ["ben"]]
        assert await scene.known(first_sync("anna")) == {}

    async def test_a_lease_that_ran_out(self, store: Store) -> None:
        """The run is recorded as interrupted and handed out again; its old lease is lost."""
        scene = Scene(store)
        await scene.link()
        await scene.request()
        dead = await scene.claim()
        scene.now += LEASE_SECONDS - 0.1
        assert await scene.claims() == []
        scene.now += 0.1
        claim = await scene.claim(worker="worker-2")

        assert claim.interrupted == dead.work
        assert claim.work.taken == dead.work.taken
        assert claim.work.attempts == 1
        (run,) = await store.runs("acme", "1836")
        assert (run.outcome, run.target, run.finished_at) == (
            Outcome.INTERRUPTED,
            target(),
            scene.now,
        )
        assert (run.started_at, run.attempt, run.merged) == (1_000.0, 1, 1)
        assert await store.heartbeat([dead.lease], scene.now, LEASE_SECONDS) == [dead.lease]
        with pytest.raises(LeaseLost):
            await scene.settle(dead)
        await scene.settle(claim)

    async def test_every_interrupted_run_is_recorded(self, store: Store) -> None:
        """With an id of its own, also when it dies again."""
        scene = Scene(store)
        await scene.link("anna", "1836")
        await scene.link("ben", "1837")
        await scene.request(target=target("1836"))
        await scene.request(target=target("1837"))
        for _ in range(3):
            assert agent_users(await scene.claims()) == ["1836", "1837"]
            scene.now += LEASE_SECONDS

        interrupted = [run for run in await store.runs() if run.outcome is Outcome.INTERRUPTED]
        assert len({run.id for run in interrupted}) == 4

    async def test_when_the_next_run_is_due(self, store: Store) -> None:
        """The end of a back-off or of a lease, whichever is first, in any project; never what may start now."""
        scene = Scene(store)
        await scene.link("anna", "1836")
        await scene.link("ben", "1837", project_id="other")
        await scene.request()
        assert await store.next_due_at(scene.now) is None
        await scene.settle(await scene.claim(), step=Retry(1_050.0))
        assert await store.next_due_at(scene.now) == 1_050.0
        await scene.start(target("1837", "other"))

        assert await store.next_due_at(scene.now) == 1_000.0 + LEASE_SECONDS
        assert await store.next_due_at(1_000.0 + LEASE_SECONDS) == 1_050.0
        assert await store.next_due_at(1_050.0) is None

    async def test_a_heartbeat_prolongs(self, store: Store) -> None:
        """Leases that are held go on, also one that ran out and that nobody took; those that are lost are told."""
        scene = Scene(store)
        await scene.link("anna", "1836")
        await scene.link("ben", "1837")
        held, late = await scene.start(), await scene.start(target("1837"))
        settled = replace(held.lease, fence=held.lease.fence - 1)
        others = replace(held.lease, worker="worker-2")
        await store.heartbeat([held.lease], 1_020.0, LEASE_SECONDS)
        scene.now = 1_040.0
        leases = [held.lease, settled, late.lease, others]

        assert await store.heartbeat(leases, scene.now, LEASE_SECONDS) == [settled, others]
        assert await scene.claims() == []
        assert await store.next_due_at(scene.now) == 1_040.0 + LEASE_SECONDS
        assert await store.heartbeat([], scene.now, LEASE_SECONDS) == []

    async def test_handing_back(self, store: Store) -> None:
        """As if it had not been started: due at once, no attempt counted, no run recorded, the lease lost."""
        scene = Scene(store)
        await scene.link("anna", "1836")
        await scene.link("ben", "1837")
        await scene.request()
        claim, other = await scene.claim(), await scene.start(target("1837"))
        await scene.request(Mode.ASYNC)
        scene.now = 1_005.0
        await store.hand_back([claim.lease, other.lease], scene.now)
        await store.hand_back([claim.lease, replace(other.lease, worker="x")], scene.now)

        works = dict(await store.works())
        assert works[target("1837")] == interrupt(other.work, 1_005.0)
        assert works[target()].attempts == 0
        with pytest.raises(LeaseLost):
            await scene.settle(claim)
        assert await store.heartbeat([claim.lease], scene.now, LEASE_SECONDS) == [claim.lease]
        assert await store.runs("acme", "1836") == []
        again = (await scene.claims())[0]
        assert (again.work.attempts, again.work.taken - again.work.done) == (1, 2)
        assert again.interrupted is None
