"""``report`` and ``states``: what is kept of a report, and what is refused with nothing kept."""
# ruff: noqa: PLR2004, S101  # a test suite that lives in the package

from __future__ import annotations

import asyncio

import pytest

from homegraph.errors import NotFound
from homegraph.graph.reporting import States, TraitState, Verdict
from homegraph.store.port import Store
from homegraph.testing.store_contract.scene import DIM, Scene, notification, stored, target
from homegraph.wire.catalog.book import ONLINE

LAMP = stored("lamp", traits=("OnOff", "Brightness"), notifies=True)
PLUG = stored("plug", traits=("OnOff",))


async def household(store: Store) -> Scene:
    """A lamp that may notify and a plug, linked at 1000; it is 1007."""
    scene = Scene(store)
    await scene.link("anna", "1836", LAMP, PLUG)
    scene.now = 1_007.0
    return scene


class Reporting:
    """Reports and the states they leave."""

    async def test_states_are_kept(self, store: Store) -> None:
        """By device and trait, as they came, each with its time; a device without states has none."""
        scene = await household(store)
        verdict = await scene.report({"lamp": {"on": True, "brightness": 40, "online": True}})

        rows = (
            TraitState("lamp", "Brightness", b'{"brightness":40}', 1_007.0),
            TraitState("lamp", "OnOff", b'{"on":true}', 1_007.0),
            TraitState("lamp", ONLINE, b'{"online":true}', 1_007.0),
        )
        assert verdict.is_accepted
        assert set(verdict.rows) == set(rows)
        assert await store.states("acme", "1836") == {"lamp": rows, "plug": ()}
        assert (await store.counts()).states == 3

    async def test_a_trait_is_replaced_as_a_whole(self, store: Store) -> None:
        """What a report mentions is replaced, with its time; what it does not mention keeps what it has, and when."""
        scene = Scene(store)
        await scene.link("anna", "1836", stored("robot", traits=("StartStop", "OnOff")))
        await scene.report({"robot": {"isRunning": True, "isPaused": False, "on": True}})
        scene.now = 1_008.0
        await scene.report({"robot": {"isRunning": False}})
        on_off, start_stop = (await store.states("acme", "1836"))["robot"]

        assert (on_off.state, on_off.committed_at) == (b'{"on":true}', 1_000.0)
        assert (start_stop.state, start_stop.committed_at) == (b'{"isRunning":false}', 1_008.0)
        assert (await store.counts()).states == 2

    async def test_new_and_known_traits_in_one_report(self, store: Store) -> None:
        """Some are replaced, some come, and all are counted once."""
        scene = await household(store)
        await scene.report({"lamp": {"on": True}, "plug": {"on": True}})
        await scene.report({"lamp": {"on": False, "brightness": 40}, "plug": {"online": True}})

        assert await scene.states() == {
            "lamp": {"OnOff": {"on": False}, "Brightness": {"brightness": 40}},
            "plug": {"OnOff": {"on": True}, ONLINE: {"online": True}},
        }
        assert (await store.counts()).states == 4

    async def test_states_of_some_devices(self, store: Store) -> None:
        """Of those that are named and here, once each; of nobody when nobody is named."""
        scene = await household(store)
        await scene.report({"lamp": {"on": True, "online": True, "brightness": 4}})
        of_all = await store.states("acme", "1836")

        assert await store.states("acme", "1836", ["plug", "ghost", "lamp", "plug"]) == of_all
        some = await store.states("acme", "1836", ["lamp"])
        assert some == {"lamp": of_all["lamp"]}
        assert [row.trait for row in some["lamp"]] == ["Brightness", "OnOff", ONLINE]
        assert await store.states("acme", "1836", ["ghost"]) == {}
        assert await store.states("acme", "1836", []) == {}

    async def test_states_of_nobody(self, store: Store) -> None:
        """An agent user that is not linked is not found, whether it ever was."""
        await household(store)
        await store.unlink("acme", "anna", 1_007.0)

        for nobody in (("acme", "1836"), ("acme", "1837"), ("other", "1836"), ("acme", "")):
            with pytest.raises(NotFound):
                await store.states(*nobody)
            with pytest.raises(NotFound):
                await store.states(*nobody, ["lamp"])

    @pytest.mark.parametrize(
        "states",
        [
            {"lamp": {"on": True}, "ghost": {"on": True}},
            {"lamp": {"on": True}, "plug": {"brightness": 40}},
            {"lamp": {"on": True, "sheen": 3}},
        ],
        ids=["an unknown device", "a trait that is not declared", "an unknown key"],
    )
    async def test_a_report_with_a_mistake(self, store: Store, states: States) -> None:
        """Nothing of it is kept, neither of the other devices nor of its notifications."""
        scene = await household(store)
        await scene.report({"lamp": {"on": False}})
        before = await store.states("acme", "1836")
        scene.now = 1_008.0
        verdict = await scene.report(states, notification("n-1"))

        assert not verdict.is_accepted
        assert verdict.unknown == (("ghost",) if "ghost" in states else ())
        assert bool(verdict.violations) is ("ghost" not in states)
        assert await store.states("acme", "1836") == before
        assert await store.notifications() == []

    async def test_reports_of_nobody(self, store: Store) -> None:
        """An agent user that is not linked here: never, not any more, or in another project."""
        scene = await household(store)
        await scene.link("ben", "1837", stored("lamp", traits=("OnOff",)))
        await store.unlink("acme", "ben", scene.now)
        verdicts = [
            await scene.report({"lamp": {"on": True}}, notification("n-1"), target=one)
            for one in (target("1838"), target("1837"), target("1836", "other"), target(""))
        ]

        assert verdicts == [Verdict(unlinked=True)] * 4
        assert (await store.counts()).states == 0
        assert await store.notifications() == []

    async def test_a_linking_settles(self, store: Store) -> None:
        """Until so many seconds after it became linked reports are refused, and then they are not."""
        scene = await household(store)
        report: States = {"lamp": {"on": True}}
        scene.now = 1_029.9

        assert await scene.report(report, settle_seconds=30.0) == Verdict(settling=True)
        assert await scene.states() == {"lamp": {}, "plug": {}}
        assert (await scene.report(report)).is_accepted
        scene.now = 1_030.0
        assert (await scene.report(report, settle_seconds=30.0)).is_accepted
        scene.now = 1_035.0
        await scene.link("ben", "1836")  # a second person changes nothing
        assert (await scene.report(report, settle_seconds=30.0)).is_accepted

    async def test_a_linking_that_began_anew_settles_anew(self, store: Store) -> None:
        """After an unlinking, and under another name."""
        scene = await household(store)
        await store.unlink("acme", "anna", scene.now)
        scene.now = 1_100.0
        await scene.link("ben", "1836", LAMP)

        assert (await scene.report({"lamp": {"on": True}}, settle_seconds=30.0)).settling

    async def test_what_may_be_reported_follows_the_definition(self, store: Store) -> None:
        """A device that is written anew may be reported by what it declares from then on."""
        scene = await household(store)
        assert (await scene.report({"plug": {"brightness": 1}})).violations
        assert (await scene.report({}, notification("n-1", "plug"))).violations
        await scene.write(
            stored("plug", "second", room=None, traits=("Brightness",), notifies=True)
        )

        report: States = {"plug": {"brightness": 1}}
        assert (await scene.report(report, notification("n-2", "plug"))).is_accepted
        assert (await scene.report({"plug": {"on": True}})).violations
        await scene.write(stored("plug", "third"))  # new, and here after all
        assert (await scene.report({"plug": {"brightness": 1}})).violations
        assert (await scene.report({}, notification("n-3", "plug"))).violations

    async def test_what_a_state_may_hold_follows_the_attributes(self, store: Store) -> None:
        """They are kept with the device, and are those of its last definition, wherever the device has moved."""
        scene = Scene(store)
        dim = stored("lamp", traits=("Brightness",), attributes=DIM)
        await scene.link("anna", "1836", dim)
        bright: States = {"lamp": {"brightness": 51}}
        refused = await scene.report(bright)
        await scene.write(stored("lamp", "second", room=None, traits=("Brightness",)))
        assert (await scene.report(bright)).is_accepted
        await scene.write(stored("lamp", "third", traits=("Brightness",), attributes=DIM))

        (violation,) = refused.violations
        assert violation.code == "STATE_OUT_OF_RANGE"
        assert violation.field == 'payload.devices.states["lamp"].brightness'
        assert (await scene.report(bright)).violations
        assert (await scene.report({"lamp": {"brightness": 50}})).is_accepted

    async def test_a_trait_that_is_in_no_catalog(self, store: Store) -> None:
        """Whatever is reported of it is kept; so is online of a device that declares nothing."""
        scene = Scene(store)
        await scene.link("anna", "1836", stored("orb", traits=("Glow",)), stored("scene"))
        await scene.report({"orb": {"sheen": {"ü": [1, None]}}, "scene": {"online": False}})

        assert await scene.states() == {
            "orb": {"Glow": {"sheen": {"ü": [1, None]}}},
            "scene": {ONLINE: {"online": False}},
        }

    async def test_a_report_of_nothing(self, store: Store) -> None:
        """No device, or a device without states: accepted, and nothing changes."""
        scene = await household(store)

        assert (await scene.report({})).is_accepted
        assert (await scene.report({"lamp": {}})).is_accepted
        assert await scene.states() == {"lamp": {}, "plug": {}}

    async def test_devices_of_the_same_name(self, store: Store) -> None:
        """Another agent user's, and another project's, are others."""
        scene = await household(store)
        await scene.link("ben", "1837", LAMP)
        await scene.link("anna", "1836", LAMP, project_id="other")
        for state, one in enumerate((target(), target("1837"), target("1836", "other"))):
            await scene.report({"lamp": {"brightness": state}}, target=one)
        await scene.report({"lamp": {"brightness": 7}}, target=target("1837"))

        for state, key in ((0, ("1836", "acme")), (7, ("1837", "acme")), (2, ("1836", "other"))):
            assert (await scene.states(*key))["lamp"] == {"Brightness": {"brightness": state}}

    async def test_a_long_report(self, store: Store) -> None:
        """Many devices with awkward ids, all at once or one by one."""
        scene = Scene(store)
        ids = [f"device-{number:04}" for number in range(1_000)] + ['"', "a b", "\\", "灯", "[]"]
        await scene.link("anna", "1836", *(stored(one, traits=("OnOff",)) for one in ids))
        await scene.report({one: {"on": True} for one in ids})
        await asyncio.gather(*(scene.report({one: {"on": False}}) for one in ids[-300:]))
        states = await scene.states()

        assert list(states) == sorted(ids)
        assert all(states[one] == {"OnOff": {"on": True}} for one in ids[:-300])
        assert all(states[one] == {"OnOff": {"on": False}} for one in ids[-300:])
        assert states.keys() == (await store.states("acme", "1836", ids)).keys()
        assert (await store.counts()).states == len(ids)
