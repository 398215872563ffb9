"""``settle``: the end of a run, its record, and what it writes of devices and links."""
# ruff: noqa: PLR2004, S101  # a test suite that lives in the package

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace

from homegraph.errors import LeaseLost
from homegraph.graph import syncing
from homegraph.graph.applying import fingerprints, known_of
from homegraph.graph.effects import (
    Effect,
    NoteProblem,
    RekeyLink,
    Unlink,
    WriteDevices,
    WriteHeld,
)
from homegraph.graph.model import (
    Changed,
    Changes,
    Finding,
    HeldDevice,
    LinkResult,
    LinkState,
    Mode,
    Outcome,
    Placement,
    Tokens,
)
from homegraph.graph.syncing import Finish, GiveUp, Retry, State, Step, state_of
from homegraph.store.port import Settlement, Store
from homegraph.testing.store_contract.scene import (
    TOKENS,
    Scene,
    exchange,
    first_sync,
    stored,
    target,
)

FINDING = Finding("r", "refused", "what", "why", "fix", "bad", "/payload/devices/3/name", "source")


class Settling:
    """What a run leaves behind."""

    @pytest.mark.parametrize(
        "step", [Finish(), Finish(Outcome.FAILED), Retry(1_050.0), GiveUp()], ids=repr
    )
    @pytest.mark.parametrize("again", [False, True], ids=["alone", "asked again"])
    async def test_what_follows(self, store: Store, step: Step, *, again: bool) -> None:
        """The work is as ``syncing.settle`` says, and told."""
        scene = Scene(store)
        await scene.link()
        await scene.request()
        work = (claim := await scene.claim()).work
        if again:
            _, work = syncing.request(work, Mode.ASYNC, work.cause, scene.now)
            await scene.request(Mode.ASYNC, cause=work.cause)
        scene.now = 1_007.0
        after = await scene.settle(claim, step=step)

        assert after == syncing.settle(work, step, 1_007.0)
        busy = state_of(after) is not State.IDLE
        assert await store.works() == ([(target(), after)] if busy else [])

    async def test_a_run_is_recorded_as_it_was(self, store: Store) -> None:
        """Every member of the run and of its exchanges comes back, in order."""
        scene = Scene(store)
        await scene.link()
        claim = await scene.start()
        run = replace(
            scene.record(claim),
            outcome=Outcome.RETRYING,
            reason="FULFILLMENT_TIMEOUT",
            message="The fulfillment did not answer within 30 s. ☹",
            next_at=1_050.5,
            changes=Changes(("a", "é"), (Changed("b", ("name", "traits")),), ("c",)),
            results=(LinkResult("anna"), LinkResult("ben", "TIMEOUT", "Too late.")),
            findings=(Finding("r", "advice", "what", "why", "fix", "a", "/payload", "source"),),
        )
        exchanges = (exchange(1_000.0), replace(exchange(1_001.0, "ben"), status=0), exchange())
        await store.settle(
            Settlement(claim.lease, claim.work, Retry(1_050.5), run, (), exchanges), scene.now
        )

        assert await store.find_run(run.id) == (run, exchanges)
        assert await store.runs("acme", "1836") == [run]

    async def test_a_lease_can_be_used_once(self, store: Store) -> None:
        """A settled run cannot be settled again, and the second attempt leaves nothing."""
        scene = Scene(store)
        await scene.link()
        claim = await scene.start()
        await scene.settle(claim)

        with pytest.raises(LeaseLost):
            await scene.settle(claim, WriteDevices((stored("lamp"),), ()))
        assert await scene.device_ids() == []
        assert len(await store.runs("acme", "1836")) == 1

    async def test_a_lost_lease_stores_nothing(self, store: Store) -> None:
        """Another fence, another worker, another target: no device, no link, no run, no change of the work."""
        scene = Scene(store)
        await scene.link("anna", "1836", stored("lamp"))
        claim = await scene.start()
        before = await store.works()

        for lease in (
            replace(claim.lease, fence=claim.lease.fence - 1),
            replace(claim.lease, fence=claim.lease.fence + 1),
            replace(claim.lease, worker="worker-2"),
            replace(claim.lease, target=target("1837")),
            replace(claim.lease, target=first_sync()),
        ):
            effects = (WriteDevices((stored("plug"),), ("lamp",)), Unlink("anna"))
            with pytest.raises(LeaseLost):
                await scene.settle(replace(claim, lease=lease), *effects, exchanges=[exchange()])
        assert await store.works() == before
        assert await scene.device_ids() == ["lamp"]
        assert (await store.counts()).exchanges == 0
        assert await store.runs("acme", "1836") == []

    async def test_a_lease_that_ran_out_and_that_nobody_took(self, store: Store) -> None:
        """What the run found is stored: it is still the newest."""
        scene = Scene(store)
        await scene.link()
        claim = await scene.start()
        scene.now = 9_999.0

        assert state_of(await scene.settle(claim)) is State.IDLE

    async def test_devices_are_written(self, store: Store) -> None:
        """New ones with their placement, known ones renewed with theirs untouched, missing ones dropped."""
        scene = Scene(store)
        await scene.link("anna", "1836", stored("lamp"), stored("plug"), stored("fan"))
        chosen = Placement("Attic", "Sun", ("Bulb", "Ball"), frozenset({"room", "name"}))
        await store.place("acme", "1836", "lamp", chosen)
        scene.now = 1_007.0
        new, renewed = stored("new", room="Cellar"), stored("lamp", "second", room=None)
        await scene.write(new, renewed, removed=["fan", "unknown"])

        lamp, fresh, plug = await store.devices("acme", "1836")
        assert (lamp.definition, lamp.placement) == (renewed.definition, chosen)
        assert (lamp.added_at, lamp.changed_at) == (1_000.0, 1_007.0)
        assert (fresh.id, fresh.definition, fresh.placement) == (
            "new",
            new.definition,
            Placement("Cellar", "New"),
        )
        assert (fresh.added_at, fresh.changed_at) == (1_007.0, 1_007.0)
        assert (plug.definition, plug.changed_at) == (stored("plug").definition, 1_000.0)
        assert await scene.known() == {
            new.mark: "new",
            renewed.mark: "lamp",
            stored("plug").mark: "plug",
        }
        assert (await store.counts()).devices == 3

    async def test_a_device_that_reports_as_before(self, store: Store) -> None:
        """Its new bytes are kept and known; its states, and what may be reported of it, stay what they were."""
        scene = Scene(store)
        lamp = stored("lamp", traits=("OnOff",), attributes=b'{"a":1}')
        await scene.link("anna", "1836", lamp, stored("plug", traits=("OnOff",)))
        await scene.report({"lamp": {"on": True}, "plug": {"on": True}})
        before = await store.states("acme", "1836")
        scene.now = 1_007.0
        renewed = stored(
            "lamp", "second", room=None, traits=lamp.traits, attributes=lamp.attributes
        )
        await scene.write(replace(renewed, reports_as_before=True), removed=[])

        shown, _ = await store.devices("acme", "1836")
        assert (shown.definition, shown.changed_at) == (renewed.definition, 1_007.0)
        assert (await scene.known())[renewed.mark] == "lamp"
        assert await store.states("acme", "1836") == before
        assert (await scene.report({"lamp": {"on": False}})).is_accepted

    async def test_devices_of_another_agent_user(self, store: Store) -> None:
        """Devices of the same name elsewhere are others."""
        scene = Scene(store)
        await scene.link("anna", "1836", stored("lamp"))
        await scene.link("ben", "1837", stored("lamp"))
        await scene.link("anna", "1836", stored("lamp"), project_id="other")
        await scene.write(stored("lamp", "second", room=None), removed=[])
        await scene.write(removed=["lamp"])

        assert await scene.device_ids() == []
        for agent_user_id, project_id in (("1837", "acme"), ("1836", "other")):
            (device,) = await store.devices(project_id, agent_user_id)
            assert device.definition == stored("lamp").definition

    async def test_a_device_that_comes_back_is_new(self, store: Store) -> None:
        """Placement and age of before are gone with it."""
        scene = Scene(store)
        await scene.link("anna", "1836", stored("lamp", room="Kitchen"))
        await scene.write(removed=["lamp"])
        scene.now = 1_007.0
        await scene.write(stored("lamp", room="Cellar"))

        (lamp,) = await store.devices("acme", "1836")
        assert (lamp.placement, lamp.added_at) == (Placement("Cellar", "Lamp"), 1_007.0)

    async def test_a_new_device_that_is_here_after_all(self, store: Store) -> None:
        """Its definition is taken over, its placement stays: that is the user's."""
        scene = Scene(store)
        await scene.link("anna", "1836", stored("lamp", room="Kitchen"))
        scene.now = 1_007.0
        await scene.write(again := stored("lamp", "second", room="Cellar"))

        (lamp,) = await store.devices("acme", "1836")
        assert (lamp.definition, lamp.placement.room) == (again.definition, "Kitchen")
        assert (lamp.added_at, lamp.changed_at) == (1_000.0, 1_007.0)
        assert await scene.known() == {again.mark: "lamp"}

    async def test_many_devices(self, store: Store) -> None:
        """A long list and awkward ids are written, known, and removed."""
        scene = Scene(store)
        ids = [f"device-{number:04}" for number in range(1_000)] + ['"', "a b", "\\", "灯", "[]"]
        await scene.link("anna", "1836", *map(stored, ids))
        assert await scene.device_ids() == sorted(ids)
        known = await store.known(target(), ())
        assert known.definitions == {device_id: stored(device_id).definition for device_id in ids}
        assert sorted(known.ids.values()) == sorted(ids)
        await scene.write(removed=ids[1:])

        assert await scene.device_ids() == ids[:1]
        assert (await store.counts()).devices == 1

    async def test_what_is_known_of_a_list(self, store: Store) -> None:
        """All its marks, and the definitions of the devices that a reply has others of, or does not have."""
        scene = Scene(store)
        lamp, plug, fan = stored("lamp"), stored("plug"), stored("fan")
        await scene.link("anna", "1836", lamp, plug, fan)
        await scene.link("ben", "1837", replace(plug, definition=b"another"))
        listed = known_of({one.mark: one.device_id for one in (lamp, plug, fan)})

        for reply, strangers in (
            ([lamp, plug, fan], []),
            ([lamp, fan, lamp], [plug]),
            ([stored("lamp", "second"), stored("new")], [lamp, plug, fan]),
        ):
            known = await store.known(target(), fingerprints(one.definition for one in reply))
            definitions = {one.device_id: one.definition for one in strangers}
            assert known == replace(listed, definitions=definitions)
        both = await asyncio.gather(
            store.known(target(), fingerprints([lamp.definition, fan.definition])),
            store.known(target("1837"), []),
        )
        assert [one.definitions for one in both] == [
            {"plug": plug.definition},
            {"plug": b"another"},
        ]
        assert await store.known(target("1838"), fingerprints([lamp.definition])) == known_of({})

    async def test_a_reply_that_comes_again(self, store: Store) -> None:
        """What it is known by stands in the work until the run after, which says anew whether there is such a reply."""
        scene = Scene(store)
        await scene.link("anna", "1836", stored("lamp"))
        claim = await scene.start()
        assert claim.work.reply == b""
        await scene.settle(claim, reply=b"\0once")
        await scene.request()
        claim = await scene.claim()
        assert claim.work.reply == b"\0once"
        await scene.settle(claim, reply=b"twice")
        claim = await scene.start()
        await store.hand_back([claim.lease], scene.now)
        claim = await scene.claim()
        assert claim.work.reply == b"twice"
        await scene.settle(claim)

        assert (await scene.start()).work.reply == b""

    async def test_the_problem_of_a_link(self, store: Store) -> None:
        """It is set, and when; state and tokens stay."""
        scene = Scene(store)
        await scene.link()
        scene.now = 1_007.0
        await scene.settle(await scene.start(), NoteProblem("anna", "TIMEOUT"))
        link = await store.find_link("acme", "anna")

        assert link is not None
        assert (link.state, link.problem, link.changed_at) == (
            LinkState.LINKED,
            "TIMEOUT",
            1_007.0,
        )
        assert link.tokens == TOKENS

    @pytest.mark.parametrize("problem", ["TIMEOUT", ""])
    async def test_a_link_that_broke_during_the_run(self, store: Store, problem: str) -> None:
        """What broke it counts, not what the run saw before or after."""
        scene = Scene(store)
        await scene.link()
        claim = await scene.start()
        broken = await scene.refused()
        scene.now = 1_007.0
        await scene.settle(claim, NoteProblem("anna", problem))

        assert broken.state is LinkState.BROKEN
        assert await store.find_link("acme", "anna") == broken

    async def test_the_problem_of_a_link_in_its_first_sync(self, store: Store) -> None:
        """It stays without an agent user, and its problem is known."""
        scene = Scene(store)
        await scene.declare("anna")
        await scene.settle(await scene.claim(), NoteProblem("anna", "TIMEOUT"))
        (link,) = (await store.knowledge("acme", "1836")).first_syncs

        assert (link.state, link.problem, link.agent_user_id) == (LinkState.LINKING, "TIMEOUT", "")

    @pytest.mark.parametrize(
        "effect",
        [
            NoteProblem("anna", "TIMEOUT"),
            RekeyLink("anna", "1837"),
            Unlink("anna"),
            Unlink("carl"),
        ],
        ids=repr,
    )
    async def test_a_link_that_ended_during_the_run(self, store: Store, effect: Effect) -> None:
        """No effect brings it back, and none on a link that never was does anything."""
        scene = Scene(store)
        await scene.link("anna", "1836")
        await scene.link("ben", "1836")
        claim = await scene.start()
        ended = await store.unlink("acme", "anna", scene.now)
        scene.now = 1_007.0
        await scene.settle(claim, effect)

        assert await store.find_link("acme", "anna") == ended
        assert await store.agent_users() == [("acme", "1836")]

    async def test_unlinking_the_last_link_by_a_run(self, store: Store) -> None:
        """Devices and work go, and the run that did it is recorded."""
        scene = Scene(store)
        await scene.link("anna", "1836", stored("lamp"))
        claim = await scene.start()
        await scene.request()
        scene.now = 1_007.0
        await scene.settle(claim, WriteDevices((stored("fan"),), ()), Unlink("anna"))

        knowledge = await store.knowledge("acme", "1836")
        assert (knowledge.linked, knowledge.unlinked_at) == (False, 1_007.0)
        assert await store.works() == []
        assert (await store.counts()).devices == 0
        assert [run.outcome for run in await store.runs("acme", "1836")] == [Outcome.DONE]

    async def test_an_empty_list_for_an_old_grant(self, store: Store) -> None:
        """A grant that came during the run is worth what the run after it finds: the link and its tokens are kept."""
        scene = Scene(store)
        await scene.link("anna", "1836", stored("lamp"))
        claim = await scene.start()
        scene.now = 1_001.0
        await scene.declare("anna", grant=b"2")
        await scene.settle(claim, Unlink("anna"))
        link = await store.find_link("acme", "anna")
        again = await scene.claim()

        assert link is not None
        assert (link.state, link.tokens, link.grant_digest) == (LinkState.LINKED, TOKENS, b"2")
        assert again.links == (link,)
        await scene.settle(again, Unlink("anna"))
        assert await store.agent_users() == []

    async def test_unlinking_one_of_two_by_a_run(self, store: Store) -> None:
        """The other one keeps the agent user."""
        scene = Scene(store)
        await scene.link("anna", "1836", stored("lamp"))
        await scene.link("ben", "1836")
        await scene.settle(await scene.start(), Unlink("anna"))

        assert await scene.device_ids() == ["lamp"]
        assert [link.user_id for link in (await scene.start()).links] == ["ben"]

    async def test_unlinking_in_the_first_sync(self, store: Store) -> None:
        """The link ends and is not tried again."""
        scene = Scene(store)
        await scene.declare("anna")
        await scene.settle(await scene.claim(), Unlink("anna"))
        link = await store.find_link("acme", "anna")

        assert link is not None
        assert (link.state, link.tokens) == (LinkState.UNLINKED, Tokens(b""))
        assert await store.works() == []

    async def test_held_devices(self, store: Store) -> None:
        """They are kept as they are given, in place of those before, with every finding."""
        scene = Scene(store)
        await scene.link()
        assert await store.held(target()) == ()
        assert await store.held(target("nobody")) == ()
        bad = HeldDevice(b"\x00\xff", "bad ☹", "Bad", "v1", (FINDING, FINDING))
        nameless = HeldDevice(b"\x01", "", "", "v1", (FINDING,))

        await scene.settle(await scene.start(), WriteHeld((bad, nameless)))
        assert await store.held(target()) == (bad, nameless)
        assert await store.held(first_sync()) == ()
        await scene.settle(await scene.start(), WriteHeld((nameless,)))
        assert await store.held(target()) == (nameless,)
        await scene.settle(await scene.start())
        assert await store.held(target()) == (nameless,)
        await scene.settle(await scene.start(), WriteHeld(()))
        assert await store.held(target()) == ()

    async def test_held_devices_end_with_their_agent_user(self, store: Store) -> None:
        """Whoever comes back later begins without them."""
        scene = Scene(store)
        await scene.link()
        held = (HeldDevice(b"\x00", "bad", "Bad", "v1", (FINDING,)),)
        await scene.settle(await scene.start(), WriteHeld(held), Unlink("anna"))
        assert await store.held(target()) == ()
        await scene.link("ben")
        assert await store.held(target()) == ()
