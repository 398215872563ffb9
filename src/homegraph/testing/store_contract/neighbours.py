"""Neighbours: whatever is written for one home, those beside it stay as they are.

Every statement names the project and the agent user (or the user) that it is about. One that forgets a part of that works in every
test with one home, and here it does not: next door the devices have the same ids, the namesake in another project has all of them, and
a flatmate is linked to the same agent user. They stand before ours and behind it in every order: whether a statement takes the first row or
the last, it takes theirs.
"""
# ruff: noqa: S101  # a test suite that lives in the package

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final, NamedTuple

from msgspec.structs import replace

from homegraph.graph.effects import BindLink, NoteProblem, RekeyLink, WriteHeld
from homegraph.graph.linking import Linking, LinkingStep, StepKind
from homegraph.graph.model import Cause, HeldDevice, Placement, Tokens
from homegraph.graph.refreshing import Refreshed
from homegraph.graph.reporting import TraitState
from homegraph.store.port import Store
from homegraph.testing.store_contract.errands import BEGUN, ENDED, follow_up, ring
from homegraph.testing.store_contract.scene import (
    LEASE_SECONDS,
    TOKENS,
    Scene,
    exchange,
    stored,
    target,
)

NEWER: Final = Tokens(b"newer-access", b"newer-refresh", 9_000.0)
HELD: Final = HeldDevice(b"\x00", "bad", "Bad", "v1", ())
CHOSEN: Final = Placement("Attic", "Moon")
STEP: Final = LinkingStep(StepKind.CALLBACK, 1_001.0)


class Home(NamedTuple):
    """One user's link to one agent user."""

    user: str
    agent_user: str
    project: str = "acme"


OURS: Final = Home("anna", "1836")
NEIGHBOURS: Final = (
    Home("ben", "1835"),
    Home("zoe", "1837"),
    Home("anna", "1836", "able"),
    Home("anna", "1836", "zoo"),
)
MOVING: Final = Home("carl", "1839")
MOVED: Final = Home("dirk", "1840")
FLATMATE: Final = "dora"


class Neighbours:
    """What a write must not reach."""

    async def test_neighbours_stay_as_they_are(self, store: Store) -> None:
        """A home is written to in every way there is, up to its end; after each of them the others are as before."""
        scene = Scene(store)
        for home in (OURS, *NEIGHBOURS):
            await _furnished(scene, home)
        await scene.link(FLATMATE, OURS.agent_user)
        for home in (MOVING, MOVED):
            await scene.link(*home[:2], stored("lamp"), project_id="able")
        for home in NEIGHBOURS:
            await store.begin_unlink(home.project, home.user, scene.now)
        before = await _all_seen(store)

        for part in (_runs, _contents, _tokens, _ends):
            async for written in part(scene):
                assert await _all_seen(store) == before, written
                assert await _totals(store) == await _sums(store), written


async def _furnished(scene: Scene, home: Home) -> None:
    """Something of everything: devices, one that is held, states, journals, a linking and, but for ours, a run that are under way."""
    store, where = scene.store, target(home.agent_user, home.project)
    devices = [stored(name, traits=("OnOff",), notifies=True) for name in ("lamp", "lock")]
    await scene.link(home.user, home.agent_user, *devices, project_id=home.project)
    claim = await scene.start(where)
    await scene.settle(claim, WriteHeld((HELD,)), exchanges=(exchange(),), reply=b"reply")
    await scene.report({"lamp": {"on": False}, "lock": {"on": False}}, target=where)
    errand = replace(
        BEGUN,
        id=f"e-{home.user}-{home.project}",
        project_id=home.project,
        agent_user_id=home.agent_user,
        user_id=home.user,
    )
    await store.start_errand(errand, [follow_up()])
    await store.start_linking(_linking(home), scene.now)
    if home != OURS:
        await scene.settle(
            await scene.start(where)
        )  # ours has a run for its flatmate: the next fences are the same
        await scene.start(where)


def _linking(home: Home) -> Linking:
    """Of both projects' users under one id."""
    number = f"l-{home.user}"
    return Linking(number, home.project, home.user, "https://x/r", 1_000.0, 1_600.0, b"sealed")


async def _totals(store: Store) -> tuple[int, int]:
    """How many devices and states there are, as it is noted."""
    counts = await store.counts()
    return counts.devices, counts.states


async def _sums(store: Store) -> tuple[int, int]:
    """How many there are."""
    homes = [await store.states(*home) for home in await store.agent_users()]
    return sum(map(len, homes)), sum(len(rows) for home in homes for rows in home.values())


async def _all_seen(store: Store) -> list[Any]:
    """All that the store tells of the neighbours."""
    namesakes = [home._replace(project="able") for home in (MOVING, MOVED)]
    homes = [await _seen(store, home) for home in (*NEIGHBOURS, *namesakes)]
    return [*homes, await store.find_link(OURS.project, FLATMATE)]


async def _seen(store: Store, home: Home) -> list[Any]:
    """All that the store tells of a home and its user."""
    where = (home.project, home.agent_user)
    return [
        await store.export_home(*where, 5_000.0),
        await store.find_works([target(home.agent_user, home.project)]),
        await store.held(target(home.agent_user, home.project)),
        await store.devices(*where),
        replace(await store.knowledge(*where), elsewhere=True),
        await store.runs(*where),
        await store.notifications(*where),
        [await store.find_errand(one.id) for one in await store.errands(*where)],
        await store.find_link(home.project, home.user),
        await store.linkings(home.project, home.user),
    ]


# --- what can happen to a home, in an order in which all of it can: each yields the name of what was written last ---------------


async def _runs(scene: Scene) -> AsyncIterator[str]:
    store = scene.store
    claim = await scene.start()
    yield "a claim"
    await store.heartbeat([claim.lease], 1_010.0, LEASE_SECONDS)
    yield "a heartbeat"
    await scene.settle(claim, NoteProblem("anna", "PROBLEM"), exchanges=(exchange(),))
    yield "a problem"
    claim = await scene.start()
    await store.hand_back([claim.lease], 1_010.0)
    yield "a lease given back"
    scene.now = 1_011.0
    await scene.settle(await scene.claim())


async def _contents(scene: Scene) -> AsyncIterator[str]:
    store, ours = scene.store, (OURS.project, OURS.agent_user)
    await scene.write(stored("lamp", "second", room=None, traits=("OnOff",)), stored("fan"))
    yield "devices"
    await scene.report({"lamp": {"on": True}, "lock": {"on": True}})
    yield "a report of two"
    on = {"OnOff": {"on": True}}
    assert await scene.states() == {"fan": {}, "lamp": on, "lock": on}
    of_two = await store.states(*ours, ["lamp", "lock"])
    assert [[row.state for row in rows] for rows in of_two.values()] == [[b'{"on":true}']] * 2
    await scene.report({}, ring("n-1", "t-1"))
    yield "a notification that answers a follow-up"
    await scene.write(removed=("lock",))
    yield "devices that go"
    await scene.settle(await scene.start(), WriteHeld(()))
    yield "held devices"
    assert await store.held(target()) == ()
    known = await store.known(target(), ())
    assert sorted(known.names) == ["fan", "lamp"]
    assert known.definitions["lamp"] == stored("lamp", "second").definition
    await scene.report({"lamp": {"on": False}})
    yield "a report of one"
    await store.place(*ours, "lamp", CHOSEN)
    yield "a placement"

    state = TraitState("lamp", "OnOff", b'{"on":false}', 1_024.0)
    errand = replace(ENDED, id="e-anna-acme")
    await store.finish_errand(errand, states=(state,), exchanges=(exchange(),))
    yield "an errand"


async def _tokens(scene: Scene) -> AsyncIterator[str]:
    store, link = scene.store, (OURS.project, OURS.user)
    await store.begin_refresh(*link, TOKENS, 1_020.0, lease_seconds=LEASE_SECONDS)
    yield "a refresh that begins"
    await store.follow_tokens(*link, Refreshed(TOKENS, NEWER), 1_021.0)
    yield "refreshed tokens"
    await scene.refused()
    yield "a link that breaks"

    linking = _linking(OURS)
    await store.note_linking(OURS.project, linking.id, STEP)
    yield "a step of a linking"
    await store.use_linking(OURS.project, linking.id, 1_022.0)
    yield "a linking that is used"
    await store.grant(linking, TOKENS, 1_023.0)
    yield "a grant"
    await store.end_linking(OURS.project, linking.id, "CODE_REFUSED")
    yield "the end of a linking"
    scene.now = 1_024.0
    await scene.settle(await scene.claim())


async def _ends(scene: Scene) -> AsyncIterator[str]:
    store = scene.store
    await scene.settle(await scene.start(), RekeyLink("anna", "1838"))
    yield "another agent user"
    await store.delete_agent_user(OURS.project, "1838", 1_025.0)
    yield "a deleted agent user"
    await scene.declare(MOVING.user)
    claim = await scene.claim()
    await store.hand_back([claim.lease], scene.now)  # one fence more than the namesake had
    bound = BindLink(MOVING.user, MOVING.agent_user, (stored("lamp"),))
    await scene.settle(await scene.claim(), bound)
    await scene.request(target=target(MOVING.agent_user), cause=Cause.LINK)
    yield "a new link"
    await scene.settle(await scene.claim(), RekeyLink(MOVING.user, MOVED.agent_user))
    yield "a list that moves"
    await store.begin_unlink(MOVING.project, MOVING.user, 1_026.0)
    yield "an unlinking that begins"
    await store.unlink(MOVING.project, MOVING.user, 1_027.0)
    yield "an unlinked account"
    assert not await scene.is_linked(MOVED.agent_user)

    await scene.declare(MOVED.user)
    for _ in range(2):  # one fence more than the namesake had
        claim = await scene.claim()
        await store.hand_back([claim.lease], scene.now)
    await store.unlink(MOVED.project, MOVED.user, scene.now)
    yield "a link that ends before its first SYNC"
    works = await store.works()
    assert len(works) == len(dict(works)) == len(NEIGHBOURS)
