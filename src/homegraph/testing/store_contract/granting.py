"""Linkings: states that go out, come back once, and bring a grant."""
# ruff: noqa: S101  # a test suite that lives in the package

from __future__ import annotations

from dataclasses import replace

import pytest

from homegraph.errors import AdminRefused, LinkingRefused, NotFound
from homegraph.graph.linking import BY_USER, GRANTED, Linking
from homegraph.graph.model import LinkState, Tokens
from homegraph.store.port import Store
from homegraph.testing.store_contract.scene import Scene, first_sync, stored, target

NEW = Tokens(b"new-access", b"new-refresh", 9_000.0)

LINKINGS_MAX = 1_000
KEPT_SECONDS = 3_600.0


def a_linking(linking_id: str = "l-1", user_id: str = "bea") -> Linking:
    """A linking that ends at 1,600."""
    return Linking(linking_id, "acme", user_id, "https://x/r/acme", 1_000.0, 1_600.0, b"sealed")


class Granting:
    """From a linking to its grant."""

    async def test_a_linking_is_used_once(self, store: Store) -> None:
        """It is kept as it began; whoever comes second is refused, as is one that nobody began."""
        await Scene(store).declare()
        begun = a_linking()
        await store.start_linking(begun, 1_000.0)
        assert await store.find_linking("acme", "l-1") == begun

        used = await store.use_linking("acme", "l-1", 1_001.0)
        assert used == replace(begun, used_at=1_001.0) == await store.find_linking("acme", "l-1")
        for linking_id in ("l-1", "l-2"):
            with pytest.raises(LinkingRefused) as refused:
                await store.use_linking("acme", linking_id, 1_002.0)
            assert refused.value.code == "LINKING_USED"
        assert await store.find_linking("acme", "l-1") == used
        assert await store.find_linking("other", "l-1") is None

    async def test_a_linking_needs_a_project(self, store: Store) -> None:
        """One that is there."""
        with pytest.raises(NotFound):
            await store.start_linking(a_linking(), 1_000.0)

    async def test_the_end_of_a_linking(self, store: Store) -> None:
        """What is told first stays, and the verifier is forgotten."""
        await Scene(store).declare()
        await store.start_linking(a_linking(), 1_000.0)
        await store.end_linking("acme", "l-1", "LINKING_DENIED")
        await store.end_linking("acme", "l-1", "CODE_REFUSED")
        ended = await store.find_linking("acme", "l-1")

        assert ended == replace(a_linking(), outcome="LINKING_DENIED", sealed_verifier=b"")

    async def test_linkings_are_bounded(self, store: Store) -> None:
        """Too many of a project are refused, until those that ended an hour ago make place."""
        await Scene(store).declare()
        for number in range(LINKINGS_MAX):
            await store.start_linking(a_linking(f"l-{number}"), 1_000.0)
        with pytest.raises(AdminRefused):
            await store.start_linking(a_linking("late"), 1_600.0 + KEPT_SECONDS - 1)
        assert await store.find_linking("acme", "late") is None
        await store.start_linking(a_linking("late"), 1_600.0 + KEPT_SECONDS)

        assert await store.find_linking("acme", "l-0") is None
        assert await store.find_linking("acme", "late") is not None

    async def test_a_grant_of_somebody_new(self, store: Store) -> None:
        """A link in its first SYNC that is due at once, and the linking knows what became of it."""
        scene = Scene(store)
        await scene.declare()
        await store.start_linking(a_linking(), 1_000.0)
        used = await store.use_linking("acme", "l-1", 1_001.0)
        link, generation = await store.grant(used, NEW, 1_002.0)

        assert link == await store.find_link("acme", "bea")
        assert (link.state, link.tokens, link.origin) == (LinkState.LINKING, NEW, BY_USER)
        ((due, work),) = await store.works()
        assert (due, work.requested, generation) == (first_sync("bea"), 1, 1)
        ended = await store.find_linking("acme", "l-1")
        assert ended is not None
        assert (ended.outcome, ended.sealed_verifier) == (GRANTED, b"")

    async def test_a_grant_of_somebody_linked(self, store: Store) -> None:
        """New tokens for the link that is there; its devices stay, and a sync of its agent user is due."""
        scene = Scene(store)
        await scene.link("bea", "1836", stored("lamp"))
        await store.start_linking(a_linking(), 1_000.0)
        used = await store.use_linking("acme", "l-1", 1_001.0)
        link, _ = await store.grant(used, NEW, 1_002.0)

        assert (link.state, link.agent_user_id, link.tokens) == (LinkState.LINKED, "1836", NEW)
        assert await scene.device_ids() == ["lamp"]
        assert [due for due, _ in await store.works()] == [target()]

    async def test_a_grant_during_a_first_sync(self, store: Store) -> None:
        """The newer grant asks for a run of its own after the one under way."""
        scene = Scene(store)
        await scene.declare("bea")
        claim = await scene.claim()
        await store.start_linking(a_linking(), scene.now)
        used = await store.use_linking("acme", "l-1", scene.now)
        _, generation = await store.grant(used, NEW, scene.now)

        assert generation == claim.work.taken + 1
