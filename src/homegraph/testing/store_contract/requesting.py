"""``request_sync``: what is recorded, who may start, and who is refused."""
# ruff: noqa: PLR2004, S101  # a test suite that lives in the package

from __future__ import annotations

from homegraph.graph.model import Cause, Mode, Outcome
from homegraph.graph.syncing import SYNC_CALL_SECONDS, Admission, Retry
from homegraph.store.port import Claim, Lease, Store
from homegraph.testing.store_contract.scene import (
    LEASE_SECONDS,
    WORKER,
    Scene,
    stored,
    target,
)


class Requesting:
    """Requests for a sync."""

    async def test_an_unknown_target(self, store: Store) -> None:
        """None, and nothing is written."""
        scene = Scene(store)
        await scene.link()

        for unknown in (target("1837"), target("1836", "other"), target("")):
            for mode in Mode:
                assert await scene.ask(mode, unknown) is None
        assert await store.works() == []

    async def test_an_async_request(self, store: Store) -> None:
        """It is recorded and due at once, for whoever claims."""
        scene = Scene(store)
        await scene.link()
        scene.now = 1_001.0
        admitted = await scene.request(Mode.ASYNC, cause=Cause.OPERATOR)

        assert (admitted.admission, admitted.claim) == (Admission.JOIN, None)
        assert await store.projects_due(scene.now) == ["acme"]
        claim = await scene.claim()
        work = claim.work
        assert work.taken == admitted.generation
        assert (work.run_cause, work.run_mode, work.run_requested_at) == (
            Cause.OPERATOR,
            Mode.ASYNC,
            1_001.0,
        )

    async def test_requests_merge(self, store: Store) -> None:
        """Any number of waiting requests are one run, each with a generation of its own."""
        scene = Scene(store)
        await scene.link()
        generations = [(await scene.request()).generation for _ in range(5)]
        claim = await scene.claim()

        assert generations == list(range(generations[0], generations[0] + 5))
        assert claim.work.taken - claim.work.done == 5
        assert await scene.claims() == []

    async def test_a_sync_mode_call_starts_the_run(self, store: Store) -> None:
        """It is handed all that the run needs, and nobody else gets the run."""
        scene = Scene(store)
        await scene.link("anna", "1836", stored("lamp"))
        scene.now = 1_001.0
        admitted = await scene.request(Mode.SYNC)

        assert admitted.admission is Admission.START
        assert admitted.claim is not None
        assert admitted.claim == Claim(
            Lease(target(), admitted.claim.work.fence, WORKER),
            admitted.claim.work,
            tuple(await store.links()),
        )
        work = admitted.claim.work
        assert (work.taken, work.worker) == (admitted.generation, WORKER)
        assert (work.run_mode, work.lease_until) == (Mode.SYNC, 1_001.0 + LEASE_SECONDS)
        assert await store.works() == [(target(), work)]
        assert await scene.claims() == []

    async def test_a_request_during_a_run(self, store: Store) -> None:
        """It joins, whatever its mode, and one more run follows that takes it."""
        scene = Scene(store)
        await scene.link()
        for mode in Mode:
            await scene.request()
            running = await scene.claim()
            admitted = await scene.request(mode)
            assert (admitted.admission, admitted.claim) == (Admission.JOIN, None)
            assert admitted.generation > running.work.taken
            await scene.settle(running)
            following = await scene.claim()
            assert following.work.taken == admitted.generation
            await scene.settle(following)

        assert await store.works() == []

    async def test_a_second_sync_mode_call(self, store: Store) -> None:
        """It is refused while the first waits, and leaves no trace."""
        scene = Scene(store)
        await scene.link()
        claim = await scene.start()
        before = await store.works()
        refused = await scene.request(Mode.SYNC)

        assert (refused.admission, refused.claim) == (Admission.REFUSE, None)
        assert refused.generation == claim.work.taken
        assert await store.works() == before
        await scene.settle(claim)
        assert (await scene.request(Mode.SYNC)).admission is Admission.START

    async def test_a_sync_mode_call_does_not_wait_for_a_back_off(self, store: Store) -> None:
        """It starts the run that waits, and answers the async requests with it."""
        scene = Scene(store)
        await scene.link()
        await scene.request()
        await scene.settle(await scene.claim(), step=Retry(2_000.0))
        claim = await scene.start()

        assert (claim.work.attempts, claim.work.taken - claim.work.done) == (2, 2)

    async def test_a_sync_mode_call_takes_a_dead_workers_run_over(self, store: Store) -> None:
        """The run of the dead is recorded as interrupted and told; the lease is a new one."""
        scene = Scene(store)
        await scene.link()
        dead = await scene.start()
        scene.now += SYNC_CALL_SECONDS
        admitted = await scene.request(Mode.SYNC)

        assert admitted.claim is not None
        assert admitted.claim.interrupted is not None
        assert admitted.claim.interrupted.taken == dead.work.taken
        assert admitted.claim.lease.fence > dead.lease.fence
        assert [run.outcome for run in await store.runs("acme", "1836")] == [Outcome.INTERRUPTED]

    async def test_one_agent_user_does_not_concern_another(self, store: Store) -> None:
        """Nor does one of the same name in another project."""
        scene = Scene(store)
        await scene.link("anna", "1836")
        await scene.link("ben", "1837")
        await scene.link("anna", "1836", project_id="other")
        await scene.start(target("1836"))

        for other in (target("1837"), target("1836", "other")):
            assert (await scene.start(other)).lease.target == other
