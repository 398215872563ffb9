"""Whose agent user a link belongs to: the first SYNC tells it, a later one may tell another."""
# ruff: noqa: PLR2004, S101  # a test suite that lives in the package

from __future__ import annotations

import asyncio

from homegraph.errors import LeaseLost
from homegraph.graph.effects import BindLink, NoteProblem, RekeyLink, WriteDevices
from homegraph.graph.model import Cause, HeldDevice, LinkState, Mode, Placement
from homegraph.graph.reporting import TraitState
from homegraph.graph.syncing import Admission, Work
from homegraph.store.port import Store
from homegraph.testing.store_contract.scene import Scene, first_sync, stored, target

CHOSEN = Placement("Attic", "Sun", (), frozenset({"room"}))


class Rekeying:
    """``BindLink`` and ``RekeyLink``."""

    async def test_a_first_sync_that_succeeded(self, store: Store) -> None:
        """The link is linked, its agent user is here with its devices, and can be asked for."""
        scene = Scene(store)
        await scene.declare("anna")
        claim = await scene.claim()
        scene.now = 1_007.0
        await scene.settle(
            claim,
            NoteProblem("anna", "TIMEOUT"),
            BindLink("anna", "1836", (stored("lamp"), stored("plug"))),
        )
        link = await store.find_link("acme", "anna")

        assert link is not None
        assert (link.state, link.agent_user_id, link.problem) == (LinkState.LINKED, "1836", "")
        assert link.changed_at == 1_007.0
        assert await scene.device_ids() == ["lamp", "plug"]
        assert await store.agent_users() == [("acme", "1836")]
        assert await store.works() == []
        assert (await scene.request(Mode.SYNC)).admission is Admission.START
        assert [run.target for run in await store.runs()] == [first_sync()]

    async def test_a_first_sync_with_held_devices(self, store: Store) -> None:
        """They are kept from the beginning. A second person's do not count, as his list does not."""
        scene = Scene(store)
        held = HeldDevice(b"\x00", "bad", "Bad", "v1", ())
        await scene.declare("anna")
        await scene.settle(await scene.claim(), BindLink("anna", "1836", (), held=(held,)))
        await scene.declare("ben")
        await scene.settle(await scene.claim(), BindLink("ben", "1836", ()))
        assert await store.held(target()) == (held,)

    async def test_a_link_that_broke_in_its_first_query(self, store: Store) -> None:
        """Its SYNC succeeded, so its agent user is here; but it stays broken until it gets other tokens."""
        scene = Scene(store)
        await scene.declare("anna")
        claim = await scene.claim()
        await scene.refused()
        bound = BindLink("anna", "1836", (stored("lamp"),))
        await scene.settle(claim, NoteProblem("anna"), bound)
        link = await store.find_link("acme", "anna")

        assert link is not None
        assert (link.state, link.agent_user_id) == (LinkState.BROKEN, "1836")
        assert link.problem == "TOKEN_REFUSED"
        assert await scene.device_ids() == ["lamp"]

    async def test_a_second_person_of_a_household(self, store: Store) -> None:
        """The list is left alone, and a sync is asked for, because of the link."""
        scene = Scene(store)
        await scene.link("anna", "1836", stored("lamp"))
        await store.place("acme", "1836", "lamp", CHOSEN)
        await scene.declare("ben")
        claim = await scene.claim()
        running = await scene.start()
        await scene.settle(claim, BindLink("ben", "1836", (stored("plug"),)))

        (lamp,) = await store.devices("acme", "1836")
        assert (lamp.id, lamp.placement) == ("lamp", CHOSEN)
        await scene.settle(running)
        following = await scene.claim()
        assert (following.lease.target, following.work.run_cause) == (target(), Cause.LINK)
        assert [link.user_id for link in following.links] == ["anna", "ben"]

    async def test_first_syncs_that_end_together(self, store: Store) -> None:
        """Each brings its own devices and states; of a household's two the second is asked for; one whose lease is lost brings nothing."""
        scene = Scene(store)
        await scene.link("zoe", "1840", stored("fan"))
        before = await scene.start(target("1840"))
        await store.unlink("acme", "zoe", scene.now)
        await scene.link("dora", "1841", stored("fan"))
        await scene.declare("anna", "ben", "carl", "emil", "fritz", "zoe", grant=b"2")
        claims = {one.lease.target.user_id: one for one in await scene.claims()}
        running = await scene.start(target("1841"))
        await store.unlink("acme", "carl", scene.now)
        scene.now = 1_007.0
        lamp = stored("lamp", traits=("OnOff",))
        states = (TraitState("lamp", "OnOff", b'{"on":true}', 1_006.5),)
        homes = {
            "anna": "1836",
            "ben": "1836",
            "carl": "1838",
            "emil": "1839",
            "zoe": "1840",
            "fritz": "1841",
        }
        settled = await asyncio.gather(
            *(
                scene.settle(claims[user], BindLink(user, home, (lamp, stored(user)), states))
                for user, home in homes.items()
            ),
            scene.settle(running, WriteDevices((stored("plug"),), ("fan",))),
            return_exceptions=True,
        )

        assert [type(one) for one in settled] == [Work, Work, LeaseLost, Work, Work, Work, Work]
        assert [one for _, one in await store.agent_users()] == ["1836", "1839", "1840", "1841"]
        shared = await scene.device_ids()
        assert shared in (["anna", "lamp"], ["ben", "lamp"])
        assert await scene.device_ids("1839") == ["emil", "lamp"]
        assert await scene.device_ids("1840") == ["lamp", "zoe"]
        assert await scene.device_ids("1841") == ["plug"]
        assert await store.states("acme", "1840") == {"lamp": states, "zoe": ()}
        _, of_emil = await store.devices("acme", "1839")
        assert (of_emil.added_at, of_emil.changed_at) == (1_007.0, 1_007.0)
        counts = await store.counts()
        assert (counts.agent_users, counts.devices, counts.states) == (4, 7, 3)
        assert [one for one, _ in await store.works()] == [target(), target("1841")]
        again = await scene.start(target("1840"))
        assert again.work.fence > before.work.fence
        for user, home in homes.items():
            link = await store.find_link("acme", user)
            assert link is not None
            assert link.agent_user_id == ("" if user == "carl" else home)

    async def test_an_agent_user_that_was_unlinked(self, store: Store) -> None:
        """It is linked again, with the devices of the new first SYNC."""
        scene = Scene(store)
        await scene.link("anna", "1836", stored("lamp"))
        await store.unlink("acme", "anna", scene.now)
        await scene.link("ben", "1836", stored("plug"))

        knowledge = await store.knowledge("acme", "1836")
        assert (knowledge.linked, knowledge.unlinked_at) == (True, None)
        assert await scene.device_ids() == ["plug"]
        assert (await store.counts()).devices == 1

    async def test_a_request_during_the_first_sync(self, store: Store) -> None:
        """It is owed a run that started after it, and gets one of the agent user."""
        scene = Scene(store)
        await scene.declare("anna")
        claim = await scene.claim()
        await scene.request(Mode.ASYNC, first_sync(), Cause.OPERATOR)
        await scene.settle(claim, BindLink("anna", "1836", ()))

        assert (await scene.claim()).lease.target == target()
        assert await scene.ask(Mode.ASYNC, first_sync()) is None

    async def test_the_last_link_moves(self, store: Store) -> None:
        """Devices go along with their placement, the old agent user is unlinked, a sync of the new one follows."""
        scene = Scene(store)
        await scene.link("anna", "1836", stored("lamp"), stored("plug"))
        await store.place("acme", "1836", "lamp", CHOSEN)
        claim = await scene.start()
        await scene.request()
        scene.now = 1_007.0
        await scene.settle(
            claim, WriteDevices((stored("fan"),), ("plug",)), RekeyLink("anna", "1837")
        )

        old = await store.knowledge("acme", "1836")
        assert (old.linked, old.unlinked_at, old.links) == (False, 1_007.0, ())
        fan, lamp = await store.devices("acme", "1837")
        assert (fan.id, lamp.id, lamp.placement) == ("fan", "lamp", CHOSEN)
        assert await scene.ask(Mode.ASYNC, target("1836")) is None
        following = await scene.claim()
        assert (following.lease.target, following.work.run_cause) == (target("1837"), Cause.LINK)
        assert following.work.taken - following.work.done == 1
        assert [link.agent_user_id for link in following.links] == ["1837"]
        assert len(await scene.known(target("1837"))) == 2
        assert (await store.counts()).devices == 2
        assert len(await store.runs("acme", "1836")) == 1

    async def test_one_of_two_links_moves(self, store: Store) -> None:
        """The old agent user keeps its devices for the other one; the new one begins empty, with a sync to come."""
        scene = Scene(store)
        await scene.link("anna", "1836", stored("lamp"))
        await scene.link("ben", "1836")
        await scene.settle(await scene.start(), RekeyLink("anna", "1837"))

        assert await scene.device_ids("1836") == ["lamp"]
        assert await scene.device_ids("1837") == []
        claim = await scene.claim()
        assert claim.lease.target == target("1837")
        assert [link.user_id for link in claim.links] == ["anna"]
        assert [link.user_id for link in (await scene.start()).links] == ["ben"]

    async def test_a_whole_household_moves(self, store: Store) -> None:
        """Both links in one run: what their users chose goes along."""
        scene = Scene(store)
        await scene.link("anna", "1836", stored("lamp"))
        await scene.link("ben", "1836")
        await store.place("acme", "1836", "lamp", CHOSEN)
        await scene.settle(await scene.start(), RekeyLink("anna", "1837"), RekeyLink("ben", "1837"))

        (lamp,) = await store.devices("acme", "1837")
        assert lamp.placement == CHOSEN
        assert not await scene.is_linked("1836")
        claim = await scene.claim()
        assert [link.user_id for link in claim.links] == ["anna", "ben"]

    async def test_moving_to_an_agent_user_that_has_devices(self, store: Store) -> None:
        """It keeps those it has; the old list ends with its agent user."""
        scene = Scene(store)
        await scene.link("anna", "1836", stored("lamp"))
        await scene.link("ben", "1837", stored("plug"))
        await scene.settle(await scene.start(), RekeyLink("anna", "1837"))

        assert await scene.device_ids("1837") == ["plug"]
        assert not await scene.is_linked("1836")
        assert (await store.counts()).devices == 1
        claim = await scene.claim()
        assert [link.user_id for link in claim.links] == ["anna", "ben"]

    async def test_moving_where_it_is(self, store: Store) -> None:
        """Nothing happens."""
        scene = Scene(store)
        await scene.link("anna", "1836", stored("lamp"))
        await scene.settle(await scene.start(), RekeyLink("anna", "1836"))

        assert await scene.device_ids() == ["lamp"]
        assert await store.works() == []

    async def test_a_link_that_moved_during_the_run(self, store: Store) -> None:
        """A run of the agent user it left has no say over it any more."""
        scene = Scene(store)
        await scene.link("anna", "1836")
        await scene.link("ben", "1836")
        await scene.settle(await scene.start(), RekeyLink("anna", "1837"))
        await scene.settle(
            await scene.start(),
            NoteProblem("anna", "TIMEOUT"),
            RekeyLink("anna", "1838"),
        )
        link = await store.find_link("acme", "anna")

        assert link is not None
        assert (link.problem, link.agent_user_id) == ("", "1837")
