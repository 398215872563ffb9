"""States go with their device, move with it, and are never left behind; and how the developer unlinks."""
# ruff: noqa: PLR2004, S101  # a test suite that lives in the package

from __future__ import annotations

import asyncio

import pytest

from homegraph.errors import LeaseLost, NotFound
from homegraph.graph.effects import BindLink, RekeyLink, Unlink, WriteDevices
from homegraph.graph.model import LinkState, Mode, Tokens
from homegraph.graph.reporting import TraitState, Verdict
from homegraph.store.port import Store
from homegraph.testing.store_contract.scene import Scene, first_sync, stored, target
from homegraph.wire.catalog.book import ONLINE

LAMP = stored("lamp", traits=("OnOff", "Brightness"))
PLUG = stored("plug", traits=("OnOff",))
QUERIED = (
    TraitState("lamp", "OnOff", b'{"on":true}', 990.0),
    TraitState("lamp", ONLINE, b'{"online":true}', 991.0),
)


async def lit(store: Store) -> Scene:
    """A lamp and a plug, both reported."""
    scene = Scene(store)
    await scene.link("anna", "1836", LAMP, PLUG)
    await scene.report({"lamp": {"on": True, "brightness": 40}, "plug": {"on": True}})
    return scene


class Forgetting:
    """The end of states."""

    async def test_a_device_that_is_removed(self, store: Store) -> None:
        """Its states go, those of the others stay; when it comes back it has none."""
        scene = await lit(store)
        await scene.write(removed=["lamp"])
        assert await scene.states() == {"plug": {"OnOff": {"on": True}}}
        assert (await store.counts()).states == 1
        assert (await scene.report({"lamp": {"on": True}})).unknown == ("lamp",)
        await scene.write(LAMP)

        assert (await scene.states())["lamp"] == {}
        assert (await store.counts()).states == 1

    async def test_a_trait_that_is_not_declared_any_more(self, store: Store) -> None:
        """Its state goes; the others and online stay, with their times, also when nothing else has changed."""
        scene = await lit(store)
        await scene.report({"lamp": {"online": True}})
        before = await store.states("acme", "1836")
        scene.now = 1_007.0
        await scene.write(
            stored("lamp", "second", room=None, traits=("OnOff", "StartStop")),
            stored("plug", "second", room=None, traits=("OnOff",)),
        )
        states = await store.states("acme", "1836")

        assert states["lamp"] == before["lamp"][1:]
        assert [row.trait for row in states["lamp"]] == ["OnOff", ONLINE]
        assert states["plug"] == before["plug"]
        assert (await store.counts()).states == 3
        await scene.write(stored("lamp", "third"))  # new, and here after all
        assert [row.trait for row in (await store.states("acme", "1836"))["lamp"]] == [ONLINE]
        assert (await store.counts()).states == 2

    async def test_an_agent_user_that_is_unlinked(self, store: Store) -> None:
        """All states go with the last link, whoever ends it, and do not come back."""
        scene = await lit(store)
        await scene.link("ben", "1836")
        await store.unlink("acme", "anna", scene.now)
        assert (await store.counts()).states == 3
        await scene.settle(await scene.start(), Unlink("ben"))
        assert (await store.counts()).states == 0
        await scene.link("carl", "1836", LAMP)

        assert await scene.states() == {"lamp": {}}

    async def test_a_link_that_moves(self, store: Store) -> None:
        """The last link takes devices and states along, with their times."""
        scene = await lit(store)
        before = await store.states("acme", "1836")
        claim = await scene.start()
        scene.now = 1_007.0
        await scene.settle(claim, WriteDevices((), ("plug",)), RekeyLink("anna", "1837"))

        assert await store.states("acme", "1837") == {"lamp": before["lamp"]}
        with pytest.raises(NotFound):
            await store.states("acme", "1836")
        assert (await store.counts()).states == 2
        assert (await scene.report({"lamp": {"on": False}}, target=target("1837"))).is_accepted
        verdict = await scene.report(
            {"lamp": {"on": True}}, target=target("1837"), settle_seconds=1.0
        )
        assert verdict.settling

    async def test_states_when_one_of_two_links_moves(self, store: Store) -> None:
        """The other one keeps the states."""
        scene = await lit(store)
        await scene.link("ben", "1836")
        before = await store.states("acme", "1836")
        await scene.settle(await scene.start(), RekeyLink("anna", "1837"))

        assert await store.states("acme", "1836") == before
        assert await store.states("acme", "1837") == {}

    async def test_states_when_moving_to_an_agent_user_that_has_devices(self, store: Store) -> None:
        """It keeps its own states; those of the list that ends go."""
        scene = await lit(store)
        await scene.link("ben", "1837", LAMP)
        await scene.report({"lamp": {"brightness": 7}}, target=target("1837"))
        await scene.settle(await scene.start(), RekeyLink("anna", "1837"))

        assert await scene.states("1837") == {"lamp": {"Brightness": {"brightness": 7}}}
        assert (await store.counts()).states == 1

    async def test_the_states_of_a_first_query(self, store: Store) -> None:
        """A first SYNC brings them with the devices, each with the time that it has."""
        scene = Scene(store)
        await scene.declare("anna")
        await scene.settle(await scene.claim(), BindLink("anna", "1836", (LAMP, PLUG), QUERIED))

        assert await store.states("acme", "1836") == {"lamp": QUERIED, "plug": ()}
        assert (await store.counts()).states == 2

    async def test_the_first_query_of_a_second_person(self, store: Store) -> None:
        """What was reported since is younger: its states are left alone."""
        scene = await lit(store)
        before = await store.states("acme", "1836")
        await scene.declare("ben")
        await scene.settle(await scene.claim(), BindLink("ben", "1836", (LAMP,), QUERIED))

        assert await store.states("acme", "1836") == before

    async def test_the_developer_unlinks(self, store: Store) -> None:
        """Every link that has not ended ends; agent user, devices and states are gone; others are left alone."""
        scene = await lit(store)
        await scene.link("dora", "1836")
        ended_before = await store.unlink("acme", "dora", scene.now)
        scene.now = 1_001.0
        await scene.link("ben", "1836")
        await scene.refused("ben")
        await scene.link("carl", "1837", LAMP)
        await scene.link("anna", "1836", LAMP, project_id="other")
        await scene.report({"lamp": {"on": True}}, target=target("1837"))
        await scene.request()
        links = await store.delete_agent_user("acme", "1836", 1_007.0)

        assert [link.user_id for link in links] == ["anna", "ben"]
        for link in links:
            assert link == await store.find_link("acme", link.user_id)
            assert (link.state, link.tokens, link.changed_at, link.agent_user_id) == (
                LinkState.UNLINKED,
                Tokens(b""),
                1_007.0,
                "1836",
            )
        assert await store.find_link("acme", "dora") == ended_before
        knowledge = await store.knowledge("acme", "1836")
        assert (knowledge.known, knowledge.linked, knowledge.unlinked_at) == (True, False, 1_007.0)
        assert await scene.ask(Mode.ASYNC, target()) is None
        assert await store.works() == []
        assert await store.agent_users() == [("acme", "1837"), ("other", "1836")]
        assert await scene.device_ids("1836", "other") == ["lamp"]
        counts = await store.counts()
        assert (counts.devices, counts.states) == (2, 1)

    async def test_the_developer_unlinks_during_a_run(self, store: Store) -> None:
        """The run loses its lease, and nothing of it is kept."""
        scene = await lit(store)
        claim = await scene.start()
        await store.delete_agent_user("acme", "1836", scene.now)

        with pytest.raises(LeaseLost):
            await scene.settle(claim, WriteDevices((stored("fan"),), ()))
        assert (await store.counts()).devices == 0

    async def test_the_developer_unlinks_nobody(self, store: Store) -> None:
        """An agent user that is not linked is not found; a first SYNC is not ended by it."""
        scene = await lit(store)
        await store.delete_agent_user("acme", "1836", scene.now)
        await scene.declare("ben")

        for nobody in (("acme", "1836"), ("acme", "1837"), ("other", "1836"), ("acme", "")):
            with pytest.raises(NotFound):
                await store.delete_agent_user(*nobody, scene.now)
        assert [claim.lease.target for claim in await scene.claims()] == [first_sync("ben")]

    async def test_reports_race_with_removals(self, store: Store) -> None:
        """Each is accepted or not, as the device is there or not; no state outlives its device."""
        scene = Scene(store)
        await scene.link("anna", "1836", LAMP, PLUG)
        for turn in range(20):
            claim = await scene.start()
            report = {"lamp": {"on": True, "online": True}, "plug": {"on": bool(turn % 2)}}
            removal = scene.settle(claim, WriteDevices((), ("lamp",)))
            calls = [scene.report(report) for _ in range(6)]
            results = await asyncio.gather(*calls[: turn % 6], removal, *calls[turn % 6 :])
            verdicts = [result for result in results if isinstance(result, Verdict)]

            assert len(verdicts) == 6
            assert all(one.unknown == ("lamp",) for one in verdicts if not one.is_accepted)
            plug = (await store.counts()).states
            assert plug == sum(map(len, (await scene.states()).values())) <= 1
            await scene.write(LAMP)
            assert (await scene.states())["lamp"] == {}
