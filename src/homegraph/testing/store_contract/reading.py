"""What is known and what is here, for pages and for explaining a refusal."""
# ruff: noqa: PLR2004, S101  # a test suite that lives in the package

from __future__ import annotations

import asyncio

import pytest

from homegraph.errors import NotFound, StoreUnavailable
from homegraph.graph.model import Knowledge, Mode, Placement, Target
from homegraph.graph.refreshing import Refused
from homegraph.graph.syncing import Retry, Work
from homegraph.store.port import Counts, Declaration, ProjectCounts, Store
from homegraph.testing.store_contract.scene import (
    Scene,
    api_key,
    exchange,
    first_sync,
    project,
    stored,
    target,
)


class Reading:
    """Knowledge, lists, counts; check and close."""

    async def test_nothing_is_known(self, store: Store) -> None:
        """An agent user nobody ever heard of."""
        nothing = Knowledge(
            known=False, linked=False, unlinked_at=None, links=(), elsewhere=False, first_syncs=()
        )

        assert await store.knowledge("acme", "1836") == nothing

    async def test_what_is_known(self, store: Store) -> None:
        """Its links whatever their state, oldest first; who else waits for a first SYNC; where it is linked elsewhere."""
        scene = Scene(store)
        await scene.link("ben", "1836")
        scene.now = 1_001.0
        await scene.link("anna", "1836")
        await store.unlink("acme", "ben", scene.now)
        await scene.link("anna", "1836", project_id="other")
        await scene.declare("carl", "dora")
        await scene.declare("emil", project_id="other")
        await store.unlink("acme", "dora", scene.now)
        knowledge = await store.knowledge("acme", "1836")

        assert (knowledge.known, knowledge.linked, knowledge.unlinked_at) == (True, True, None)
        assert [link.user_id for link in knowledge.links] == ["ben", "anna"]
        assert [link.user_id for link in knowledge.first_syncs] == ["carl"]
        assert knowledge.elsewhere
        assert not (await store.knowledge("acme", "nobody")).elsewhere
        await store.unlink("other", "anna", scene.now)
        assert not (await store.knowledge("acme", "1836")).elsewhere
        assert (await store.knowledge("third", "1836")).elsewhere

    async def test_first_syncs_are_bounded(self, store: Store) -> None:
        """Ten are enough to explain a refusal."""
        scene = Scene(store)
        await scene.declare(*(f"user-{number:02}" for number in range(12)))
        first_syncs = (await store.knowledge("acme", "1836")).first_syncs

        assert [link.user_id for link in first_syncs] == [
            f"user-{number:02}" for number in range(10)
        ]

    async def test_agent_users_are_listed(self, store: Store) -> None:
        """Those that are linked, by project and id, page by page."""
        scene = Scene(store)
        for user_id, agent_user_id in (("anna", "b"), ("ben", "a"), ("carl", "c"), ("d", "Z")):
            await scene.link(user_id, agent_user_id, project_id="one")
        await scene.link("anna", "a", project_id="two")
        await store.unlink("one", "anna", scene.now)
        keys = [("one", "Z"), ("one", "a"), ("one", "c"), ("two", "a")]

        assert await store.agent_users() == keys
        assert await store.agent_users(after=("one", "Z"), limit=2) == keys[1:3]
        assert await store.agent_users("one") == keys[:3]
        assert await store.agent_users("one", after=("one", "a"), limit=5) == keys[2:3]
        assert await store.agent_users("two", after=("one", "c"), limit=5) == keys[3:]

    async def test_devices_are_listed(self, store: Store) -> None:
        """By id; of a linked agent user only."""
        scene = Scene(store)
        await scene.link("anna", "1836", stored("b"), stored("a"), stored("c"))

        assert await scene.device_ids() == ["a", "b", "c"]
        for nobody in (("acme", "1837"), ("other", "1836")):
            with pytest.raises(NotFound):
                await store.devices(*nobody)

    async def test_placing_a_device(self, store: Store) -> None:
        """All of the placement is set, and nothing else."""
        scene = Scene(store)
        await scene.link("anna", "1836", stored("lamp"))
        (before,) = await store.devices("acme", "1836")
        placement = Placement("Attic", "Sun", ("Ball", "Bulb"), frozenset({"name", "room"}))
        await store.place("acme", "1836", "lamp", placement)
        (after,) = await store.devices("acme", "1836")

        assert after.placement == placement
        assert (after.definition, after.changed_at) == (before.definition, before.changed_at)
        for nothing in (("acme", "1836", "fan"), ("acme", "1837", "lamp")):
            with pytest.raises(NotFound):
                await store.place(*nothing, placement)

    async def test_works_are_listed(self, store: Store) -> None:
        """Those that are not idle, by when somebody may take them, across projects, at most so many."""
        scene = Scene(store)
        await scene.link("anna", "1836")
        await scene.link("ben", "1837")
        await scene.link("anna", "1836", project_id="other")
        await scene.link("carl", "1838")
        running = await scene.start(target("1837"))
        await scene.request(target=target())
        await scene.settle(await scene.claim(), step=Retry(1_020.0))
        scene.now = 1_010.0
        await scene.request(target=target("1836", "other"))
        await scene.declare("dora")
        works = await store.works()

        assert [one for one, _ in works] == [
            first_sync("dora"),
            target("1836", "other"),
            target(),
            target("1837"),
        ]
        assert works[3][1] == running.work
        assert await store.works(limit=2) == works[:2]
        asked = [target("1838"), first_sync("dora"), first_sync("anna"), target("1836", "other")]
        found = await store.find_works([*asked, target("nobody")])
        assert found.pop(target("1838")) == Work()
        assert found == dict(works[:2])
        assert await store.find_works([]) == {}

    async def test_counts(self, store: Store) -> None:
        """Totals of everything."""
        scene = Scene(store)
        assert await store.counts() == Counts()
        await store.declare([Declaration(project("other"), (api_key("a", "other"),))], 1_000.0)
        await scene.link("anna", "1836", stored("lamp"), stored("plug"))
        await scene.link("ben", "1837", stored("lamp"))
        await scene.link("carl", "1838", stored("lamp"))
        await store.unlink("acme", "carl", scene.now)
        await scene.declare("dora")
        await scene.settle(await scene.start(), exchanges=[exchange(), exchange()])
        await scene.start()
        await scene.request()

        assert await store.counts() == Counts(
            projects=2,
            agent_users=2,
            devices=3,
            links={"linking": 1, "linked": 2, "unlinked": 1},
            waiting=1,
            running=1,
            runs=4,
            exchanges=2,
        )

    async def test_counts_of_a_project(self, store: Store) -> None:
        """Its own links by state, and agent users that are linked; nobody else's."""
        scene = Scene(store)
        nothing = ProjectCounts({}, 0)
        assert await store.project_counts("acme") == nothing
        for user_id, agent_user_id in (("anna", "1836"), ("ben", "1836"), ("carl", "1838")):
            await scene.link(user_id, agent_user_id)
        await store.unlink("acme", "carl", scene.now)
        await scene.link("emil", "1837")
        emil = await store.find_link("acme", "emil")
        assert emil is not None
        await store.follow_tokens("acme", "emil", Refused(emil.tokens), scene.now)
        await scene.link("anna", "1836", project_id="other")
        await scene.declare("dora")
        await scene.declare("fritz", project_id="other")

        links = {"linking": 1, "linked": 2, "broken": 1, "unlinked": 1}
        assert await store.project_counts("acme") == ProjectCounts(links, 2)
        assert await store.project_counts("other") == ProjectCounts({"linking": 1, "linked": 1}, 1)
        assert await store.project_counts("third") == nothing

    async def test_checking(self, store: Store) -> None:
        """A database that can be written to passes, any number of times, and grants all that is asked for."""
        await store.check()
        await store.check()
        assert store.shortage is None

    async def test_a_caller_that_is_cancelled(self, store: Store) -> None:
        """What it asked for happens all the same."""
        scene = Scene(store)
        await scene.link()
        before = await scene.request()
        asking = asyncio.ensure_future(scene.request())
        turn = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(turn.set_result, None)
        await turn  # the request has been handed over, and not yet answered or just so
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        after = await scene.request()

        assert after.generation == before.generation + 2

    async def test_callers_at_once(self, store: Store) -> None:
        """Many callers of many kinds together get what each of them alone would have got."""
        scene = Scene(store)
        await scene.link("anna", "1836")
        results = await asyncio.gather(
            *(scene.request() for _ in range(300)),
            store.revoke_key("acme", "unknown", scene.now),
            store.devices("acme", "1837"),
            store.check(),
            return_exceptions=True,
        )

        assert [type(result) for result in results[300:]] == [NotFound, NotFound, type(None)]
        claim = await scene.claim()
        assert claim.work.taken - claim.work.done == 300

    async def test_closing(self, store: Store) -> None:
        """What was accepted is finished; afterwards every call says that the database is closed."""
        scene = Scene(store)
        await scene.link()
        accepted = [asyncio.ensure_future(scene.request()) for _ in range(20)]
        turn = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(turn.set_result, None)
        await turn
        await store.close()
        generations = [admitted.generation for admitted in await asyncio.gather(*accepted)]
        await store.close()

        assert len(set(generations)) == 20
        for call in (store.projects(), store.check(), scene.ask(*_any_request())):
            with pytest.raises(StoreUnavailable):
                await call


def _any_request() -> tuple[Mode, Target]:
    return Mode.ASYNC, target()
