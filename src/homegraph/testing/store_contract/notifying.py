"""The journal of notifications, and its bounds."""
# ruff: noqa: PLR2004, S101  # a test suite that lives in the package

from __future__ import annotations

from msgspec.structs import replace

from homegraph.graph.model import Target
from homegraph.store.journal_port import Limits
from homegraph.store.port import Store
from homegraph.testing.store_contract.scene import Scene, notification, stored, target

BELL = stored("bell", traits=("OnOff",), notifies=True)


async def ring(scene: Scene, *ids: str, target: Target = target()) -> None:  # noqa: B008
    """Report notifications with these ids."""
    notifications = (
        replace(
            notification(one, "bell", target.agent_user_id, scene.now),
            project_id=target.project_id,
        )
        for one in ids
    )
    assert (await scene.report({}, *notifications, target=target)).is_accepted


async def ids(store: Store) -> list[str]:
    """Ids of all notifications, newest first."""
    return [one.id for one in await store.notifications(limit=1_000)]


def at_most(notifications: int, seconds: float = 1e9) -> Limits:
    """Limits that concern notifications only, or everything that is too old."""
    return Limits(1_000, 1_000, seconds, notifications)


class Notifying:
    """``notifications``, and how ``prune`` bounds them."""

    async def test_a_notification_comes_back_as_it_was(self, store: Store) -> None:
        """Every member, beside the states of the same report."""
        scene = Scene(store)
        await scene.link("anna", "1836", BELL)
        one = notification("n-1", "bell")
        await scene.report({"bell": {"on": True}}, one)

        assert await store.notifications() == [one]
        assert await scene.states() == {"bell": {"OnOff": {"on": True}}}

    async def test_notifications_are_listed_newest_first(self, store: Store) -> None:
        """Of everybody, of a project, of an agent user; page by page."""
        scene = Scene(store)
        await scene.link("anna", "1836", BELL)
        await scene.link("ben", "1837", BELL)
        await scene.link("anna", "1836", BELL, project_id="other")
        await ring(scene, "n-1", "n-2")
        await ring(scene, "n-3", target=target("1836", "other"))
        await ring(scene, "n-4", target=target("1837"))

        async def listed(*args: str, **page: object) -> list[str]:
            return [one.id for one in await store.notifications(*args, **page)]  # type: ignore[arg-type]

        assert await listed() == ["n-4", "n-3", "n-2", "n-1"]
        assert await listed(before="n-3", limit=1) == ["n-2"]
        assert await listed("acme") == ["n-4", "n-2", "n-1"]
        assert await listed("acme", before="n-3x") == ["n-2", "n-1"]
        assert await listed("acme", "1836") == ["n-2", "n-1"]
        assert await listed("acme", "1836", limit=1) == ["n-2"]
        assert await listed("acme", "1836", before="n-2") == ["n-1"]
        assert await listed("acme", "1838") == []

    async def test_notifications_stay(self, store: Store) -> None:
        """They outlive their device and their agent user: a journal tells what was."""
        scene = Scene(store)
        await scene.link("anna", "1836", BELL)
        await ring(scene, "n-1")
        await scene.write(removed=["bell"])
        await store.delete_agent_user("acme", "1836", scene.now)

        assert await ids(store) == ["n-1"]

    async def test_pruning_notifications_by_number(self, store: Store) -> None:
        """The oldest go, so many at a time, until there are no more than allowed."""
        scene = Scene(store)
        await scene.link("anna", "1836", BELL)
        await ring(scene, *(f"n-{number}" for number in range(6)))
        limits = at_most(2)

        assert [await store.prune(limits, scene.now, batch=3) for _ in range(3)] == [3, 1, 0]
        assert await ids(store) == ["n-5", "n-4"]
        assert await store.prune(at_most(0), scene.now) == 2
        await ring(scene, "n-9")
        assert await store.prune(at_most(1), scene.now) == 0
        assert await ids(store) == ["n-9"]

    async def test_pruning_notifications_by_age(self, store: Store) -> None:
        """What came before goes, what came then or later stays."""
        scene = Scene(store)
        await scene.link("anna", "1836", BELL)
        for scene.now in (1_010.0, 1_020.0, 1_030.0):
            await ring(scene, f"n-{scene.now:.0f}")
        # The run of the first SYNC, of 1000, goes with the first of them.
        assert await store.prune(at_most(1_000, 10.0), 1_030.0) == 1 + 1

        assert await ids(store) == ["n-1030", "n-1020"]
