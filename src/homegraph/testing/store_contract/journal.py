"""Runs and exchanges, and the bounds within which they are kept."""
# ruff: noqa: PLR2004, S101  # a test suite that lives in the package

from __future__ import annotations

from collections.abc import Sequence

from homegraph.graph.model import Exchange, Target
from homegraph.store.journal_port import Limits
from homegraph.store.port import Store
from homegraph.testing.store_contract.scene import (
    Scene,
    exchange,
    first_sync,
    long_exchanges,
    target,
)

KEEP_ALL = Limits(1_000, 1_000, 1e9)


async def record(
    scene: Scene,
    *,
    target: Target = target(),  # noqa: B008  # a frozen value
    exchanges: Sequence[Exchange] = (),
) -> str:
    """Run once; the id of the run."""
    await scene.settle(await scene.start(target), exchanges=exchanges)
    return f"run-{scene.runs:04}"


async def ids(store: Store) -> list[str]:
    """Ids of all runs, newest first."""
    return [run.id for run in await store.runs(limit=1_000)]


class Journal:
    """``runs``, ``find_run`` and ``prune``."""

    async def test_runs_are_listed_newest_first(self, store: Store) -> None:
        """Of everybody, of a project, of an agent user, or first SYNCs; page by page."""
        scene = Scene(store)
        await scene.link("anna", "1836")
        await scene.link("anna", "1836", project_id="other")
        first = await record(scene)
        second = await record(scene, target=target("1836", "other"))
        third = await record(scene)

        async def listed(*args: str, **page: object) -> list[str]:
            return [run.id for run in await store.runs(*args, **page)]  # type: ignore[arg-type]

        assert (await listed())[:3] == [third, second, first]
        assert await listed(limit=2) == [third, second]
        assert (await listed(before=third))[:2] == [second, first]
        assert await listed("acme", before=third, limit=1) == [first]
        assert await listed("acme", "1836") == [third, first]
        assert await listed("acme", "1836", before=third) == [first]
        assert await listed("acme", "1836", before="run-0004x") == [first]
        assert await listed("acme", "1837") == []
        (linked,) = await store.runs("acme", "")
        assert linked.target == first_sync()

    async def test_finding_a_run(self, store: Store) -> None:
        """With its own exchanges, or None."""
        scene = Scene(store)
        await scene.link()
        one = await record(scene, exchanges=[exchange(1.0), exchange(2.0)])
        two = await record(scene, exchanges=[exchange(3.0)])
        found = [await store.find_run(run_id) for run_id in (one, two)]

        assert [run and [each.started_at for each in run[1]] for run in found] == [
            [1.0, 2.0],
            [3.0],
        ]
        assert await store.find_run("run-9999") is None

    async def test_bodies_come_back_whole(self, store: Store) -> None:
        """To the byte, however long they are and whatever is in them; each with its own exchange."""
        scene = Scene(store)
        await scene.link()
        exchanges = long_exchanges()
        one = await record(scene, exchanges=exchanges)
        two = await record(scene, exchanges=exchanges[-1:])
        found = [await store.find_run(run_id) for run_id in (one, two)]

        assert [run and run[1] for run in found] == [exchanges, exchanges[-1:]]

    async def test_nothing_to_prune(self, store: Store) -> None:
        """Within the limits nothing goes."""
        scene = Scene(store)
        assert await store.prune(KEEP_ALL, scene.now) == 0
        await scene.link()
        await record(scene, exchanges=[exchange(scene.now)])

        assert await store.prune(KEEP_ALL, scene.now) == 0
        assert await store.prune(Limits(2, 1, 10.0), scene.now) == 0
        assert (await store.counts()).runs == 2

    async def test_pruning_by_number(self, store: Store) -> None:
        """The oldest go, so many at a time, until there are no more than allowed."""
        scene = Scene(store)
        await scene.link()
        kept = [await record(scene) for _ in range(6)]
        limits = Limits(2, 1_000, 1e9)

        assert [await store.prune(limits, scene.now, batch=3) for _ in range(3)] == [3, 2, 0]
        assert await ids(store) == [kept[5], kept[4]]
        assert (await store.counts()).runs == 2
        assert await store.runs("acme", "") == []

    async def test_pruning_by_age(self, store: Store) -> None:
        """What ended before goes, what ended then or later stays."""
        scene = Scene(store)
        await scene.link()
        for scene.now in (1_010.0, 1_020.0, 1_030.0):
            await record(scene, exchanges=[exchange(scene.now)])
        limits = Limits(1_000, 1_000, 10.0)
        went = await store.prune(limits, 1_030.0)

        assert went == 3  # two runs, one exchange
        assert await ids(store) == ["run-0004", "run-0003"]
        assert await store.prune(limits, 1_030.0) == 0
        assert await store.prune(limits, 9_999.0) == 4
        assert (await store.counts()).runs == 0

    async def test_pruning_exchanges(self, store: Store) -> None:
        """They have a bound of their own; their run tells less then."""
        scene = Scene(store)
        await scene.link()
        one = await record(scene, exchanges=[exchange(1.0), exchange(2.0)])
        await record(scene, exchanges=[exchange(3.0)])
        limits = Limits(1_000, 2, 1e9)

        assert await store.prune(limits, scene.now) == 1
        assert await store.prune(limits, scene.now) == 0
        found = await store.find_run(one)
        assert found is not None
        assert [each.started_at for each in found[1]] == [2.0]
        assert (await store.counts()).exchanges == 2

    async def test_an_exchange_goes_with_its_run(self, store: Store) -> None:
        """Nobody could find it any more; so many at a time here, too."""
        scene = Scene(store)
        await scene.link()
        await record(scene, exchanges=[exchange() for _ in range(5)])
        last = await record(scene, exchanges=[exchange(7.0)])
        limits = Limits(1, 1_000, 1e9)
        went = [await store.prune(limits, scene.now, batch=3) for _ in range(4)]

        assert went == [2 + 3, 2, 0, 0]
        found = await store.find_run(last)
        assert found is not None
        assert len(found[1]) == 1
        assert (await store.counts()).exchanges == 1

    async def test_a_journal_that_was_emptied(self, store: Store) -> None:
        """It begins anew, and nothing of before appears in it."""
        scene = Scene(store)
        await scene.link()
        gone = await record(scene, exchanges=[exchange(1.0)])
        nothing = Limits(0, 0, 1e9)
        assert await store.prune(nothing, scene.now) == 3
        kept = await record(scene, exchanges=[exchange(2.0)])

        assert await store.find_run(gone) is None
        found = await store.find_run(kept)
        assert found is not None
        assert [each.started_at for each in found[1]] == [2.0]
        counts = await store.counts()
        assert (counts.runs, counts.exchanges) == (1, 1)
