"""Instances: which processes use the database at this time."""
# ruff: noqa: S101  # a test suite that lives in the package

from __future__ import annotations

from homegraph.graph.model import Instant
from homegraph.store.port import Instance, Store


def instance(instance_id: str, seen_at: Instant = 1_000.0, running: int = 3) -> Instance:
    """An instance in which no member has its default."""
    return Instance(
        instance_id, "http://192.0.2.1:4663", "one", 4_711, "0.1.0", 900.0, seen_at, running
    )


class Appearing:
    """``appear``, ``disappear`` and ``instances``."""

    async def test_who_is_alive(self, store: Store) -> None:
        """Instances are listed by id with all they have said, at most so many, and those alone that were seen lately."""
        assert await store.instances(0.0) == []
        for one in (instance("b"), instance("c", 1_005.0), instance("a", 1_010.0)):
            await store.appear(one, 0.0)

        assert await store.instances(1_000.0) == [
            instance("a", 1_010.0),
            instance("b"),
            instance("c", 1_005.0),
        ]
        assert await store.instances(1_000.0, limit=1) == [instance("a", 1_010.0)]
        assert await store.instances(1_005.0) == [instance("a", 1_010.0), instance("c", 1_005.0)]

    async def test_an_instance_that_appears_again(self, store: Store) -> None:
        """It is the same one, as it is now; who was silent for long is not kept."""
        await store.appear(instance("a"), 0.0)
        await store.appear(instance("b"), 0.0)
        await store.appear(instance("b", 1_060.0, running=0), 1_000.0)
        assert await store.instances(0.0) == [instance("a"), instance("b", 1_060.0, running=0)]

        await store.appear(instance("b", 1_061.0), 1_000.5)

        assert await store.instances(0.0) == [instance("b", 1_061.0)]

    async def test_an_instance_that_disappears(self, store: Store) -> None:
        """It is not there any more; again is no error."""
        await store.appear(instance("a"), 0.0)
        await store.appear(instance("b"), 0.0)

        for _ in range(2):
            await store.disappear("a")

        assert await store.instances(0.0) == [instance("b")]
