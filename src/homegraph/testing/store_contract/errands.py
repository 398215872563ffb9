"""Errands, what follows them up, and the bounds within which they are kept."""
# ruff: noqa: PLR2004, S101  # a test suite that lives in the package

from __future__ import annotations

from msgspec.structs import replace

from homegraph.graph.errands import DeviceResult, Errand, FollowUp
from homegraph.graph.model import Finding, Notification
from homegraph.graph.reporting import TraitState
from homegraph.store.journal_port import Limits
from homegraph.store.port import Store
from homegraph.testing.store_contract.scene import (
    Scene,
    exchange,
    long_exchanges,
    notification,
    stored,
    target,
)

LOCK = stored("lock", traits=("OnOff",), notifies=True)
LAMP = stored("lamp", traits=("OnOff", "Brightness"))

BEGUN = Errand(
    id="e-1",
    project_id="acme",
    agent_user_id="1836",
    user_id="anna",
    intent="EXECUTE",
    started_at=1_000.0,
    devices=(DeviceResult(id="lock"),),
    command="action.devices.commands.LockUnlock",
    params={"lock": True, "x": [1, None]},
)

RESULT = DeviceResult(
    id="lock",
    status="PENDING",
    ok=True,
    error_code="a",
    exception_code="b",
    debug="c",
    challenge="d",
    reason="e",
    message="f",
    states={"on": True},
    stored={"on": False},
    differs=("on",),
)

ENDED = replace(
    BEGUN,
    finished_at=1_001.0,
    devices=(RESULT,),
    findings=(Finding("rule", "advice", "what", "why", "fix", "lock", "/payload", "source"),),
)


def numbered(number: int, started_at: float = 1_000.0) -> Errand:
    """One of several errands."""
    return replace(BEGUN, id=f"e-{number}", started_at=started_at)


def follow_up(token: str = "t-1", device_id: str = "lock") -> FollowUp:  # noqa: S107  # no secret
    """A token that went out."""
    return FollowUp(token=token, device_id=device_id, sent_at=1_000.0)


def ring(notification_id: str, token: str, device_id: str = "lock") -> Notification:
    """A notification that brings a token back."""
    one = notification(notification_id, device_id, at=1_005.0)
    return replace(one, follow_up_token=token, body=f'{{"by":"{notification_id}"}}'.encode())


async def ids(store: Store) -> list[str]:
    """Ids of all errands, newest first."""
    return [one.id for one in await store.errands(limit=1_000)]


class Errands:
    """``start_errand``, ``finish_errand``, ``errands`` and ``find_errand``, and how ``prune`` bounds them."""

    async def test_an_errand_is_known_before_it_is_over(self, store: Store) -> None:
        """As it began, with its follow-ups by device; then with all that came of it."""
        await store.start_errand(BEGUN, [follow_up("t-2"), follow_up("t-1", "door")])
        begun = await store.find_errand("e-1")
        exchanges = (exchange(1.0), exchange(2.0))
        await store.finish_errand(ENDED, exchanges=exchanges)

        follow_ups = (follow_up("t-1", "door"), follow_up("t-2"))
        assert begun == (BEGUN, follow_ups, ())
        assert await store.find_errand("e-1") == (ENDED, follow_ups, exchanges)
        assert await store.find_errand("e-2") is None

    async def test_bodies_of_an_errand_come_back_whole(self, store: Store) -> None:
        """To the byte, as those of a run do."""
        await store.start_errand(BEGUN)
        await store.finish_errand(ENDED, exchanges=long_exchanges())

        assert await store.find_errand("e-1") == (ENDED, (), long_exchanges())

    async def test_errands_are_listed_newest_first(self, store: Store) -> None:
        """Of everybody, of a project, of an agent user; page by page."""
        await store.start_errand(numbered(1))
        await store.start_errand(replace(numbered(2), project_id="other"))
        await store.start_errand(replace(numbered(3), agent_user_id="1837"))
        await store.start_errand(numbered(4))

        async def listed(*args: str, **page: object) -> list[str]:
            return [one.id for one in await store.errands(*args, **page)]  # type: ignore[arg-type]

        assert await listed() == ["e-4", "e-3", "e-2", "e-1"]
        assert await listed(before="e-3", limit=1) == ["e-2"]
        assert await listed("acme") == ["e-4", "e-3", "e-1"]
        assert await listed("acme", before="e-3") == ["e-1"]
        assert await listed("acme", "1836") == ["e-4", "e-1"]
        assert await listed("acme", "1836", before="e-4", limit=1) == ["e-1"]
        assert await listed("acme", "1838") == []

    async def test_states_of_an_errand(self, store: Store) -> None:
        """Taken as far as the device is here and declares the trait; what a trait had is replaced."""
        scene = Scene(store)
        await scene.link("anna", "1836", LAMP)
        await scene.report({"lamp": {"on": True, "brightness": 5}})
        await store.start_errand(BEGUN)
        rows = [
            TraitState("lamp", "OnOff", b'{"on":false}', 1_001.0),
            TraitState("lamp", "StartStop", b'{"isRunning":true}', 1_001.0),
            TraitState("gone", "OnOff", b'{"on":false}', 1_001.0),
            TraitState("gone", "online", b'{"online":true}', 1_001.0),
        ]
        await store.finish_errand(ENDED, states=rows)

        assert await scene.states() == {
            "lamp": {"OnOff": {"on": False}, "Brightness": {"brightness": 5}}
        }
        assert (await store.counts()).states == 2

    async def test_states_of_an_agent_user_that_is_gone(self, store: Store) -> None:
        """They go nowhere, and the errand is over all the same."""
        await store.start_errand(BEGUN)
        await store.finish_errand(
            ENDED, states=[TraitState("lamp", "OnOff", b'{"on":false}', 1_001.0)]
        )

        assert [one.finished_at for one in await store.errands()] == [1_001.0]

    async def test_a_notification_answers_a_follow_up(self, store: Store) -> None:
        """By its token, whether the errand is over or not; the first one counts."""
        scene = Scene(store)
        await scene.link("anna", "1836", LOCK)
        await store.start_errand(BEGUN, [follow_up()])
        await scene.report({}, ring("n-1", "t-1"), ring("n-2", "t-1"))
        await store.finish_errand(ENDED)

        found = await store.find_errand("e-1")
        assert found is not None
        assert found[1] == (
            replace(follow_up(), answered_at=1_005.0, trait="OnOff", body=b'{"by":"n-1"}'),
        )
        assert len(await store.notifications()) == 2

    async def test_what_answers_no_follow_up(self, store: Store) -> None:
        """Another token, another device, another agent user, and a report that is refused."""
        scene = Scene(store)
        await scene.link("anna", "1836", LOCK, stored("bell", notifies=True))
        await scene.link("ben", "1837", LOCK)
        await store.start_errand(BEGUN, [follow_up()])
        foreign = replace(ring("n-3", "t-1"), agent_user_id="1837")
        await scene.report({}, ring("n-1", "t-2"), ring("n-2", "t-1", "bell"))
        await scene.report({}, foreign, target=target("1837"))
        await scene.report({"nowhere": {}}, ring("n-4", "t-1"))

        found = await store.find_errand("e-1")
        assert found is not None
        assert found[1] == (follow_up(),)

    async def test_errands_stay(self, store: Store) -> None:
        """They outlive their agent user: a journal tells what was."""
        scene = Scene(store)
        await scene.link("anna", "1836", LOCK)
        await store.start_errand(BEGUN, [follow_up()])
        await store.delete_agent_user("acme", "1836", scene.now)

        assert await store.find_errand("e-1") == (BEGUN, (follow_up(),), ())

    async def test_pruning_errands_by_number(self, store: Store) -> None:
        """The oldest go, so many at a time, with their exchanges and follow-ups."""
        for number in range(6):
            await store.start_errand(numbered(number), [follow_up(f"t-{number}")])
            await store.finish_errand(numbered(number), exchanges=[exchange(1_000.0)])
        limits = Limits(1_000, 1_000, 1e9, errands_max=2)

        assert [await store.prune(limits, 1_000.0, batch=3) for _ in range(3)] == [6, 2, 0]
        assert await ids(store) == ["e-5", "e-4"]
        assert (await store.counts()).exchanges == 2
        await store.start_errand(numbered(7), [follow_up("t-0")])
        found = await store.find_errand("e-5")
        assert found is not None
        assert (found[1], len(found[2])) == ((follow_up("t-5"),), 1)

    async def test_pruning_errands_by_age(self, store: Store) -> None:
        """What began before goes, what began then or later stays."""
        for number, at in enumerate((1_010.0, 1_020.0, 1_030.0)):
            await store.start_errand(numbered(number, at))
        limits = Limits(1_000, 1_000, 10.0)

        assert await store.prune(limits, 1_030.0) == 1
        assert await ids(store) == ["e-2", "e-1"]
        assert await store.prune(limits, 9_999.0) == 2
        assert await ids(store) == []
