"""Linkings: states that go out, come back once, and bring a grant."""
# ruff: noqa: S101  # a test suite that lives in the package

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace

from homegraph.errors import AdminRefused, LinkingRefused, NotFound
from homegraph.graph.linking import BY_USER, GRANTED, STEPS_MAX, Linking, LinkingStep, StepKind
from homegraph.graph.model import Exchange, Finding, LinkState, Tokens
from homegraph.store.port import Store
from homegraph.testing.store_contract.scene import Scene, first_sync, stored, target

NEW = Tokens(b"new-access", b"new-refresh", 9_000.0)

LINKINGS_MAX = 1_000
KEPT_SECONDS = 7 * 86_400.0


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
        """Too many of a project are refused while all of them may still come back; then the one that ended first makes place.

        Those of another project take no place, and make none.
        """
        for project_id in ("able", "acme"):
            await Scene(store).declare(project_id=project_id)
        for number in range(LINKINGS_MAX):
            begun = replace(a_linking(f"l-{number}"), expires_at=1_600.0 + number % 7)
            await store.start_linking(begun, 1_000.0)
        with pytest.raises(AdminRefused, match="are under way"):
            await store.start_linking(a_linking("late"), 1_599.0)
        others = replace(a_linking(), project_id="able", expires_at=1_500.0)
        await store.start_linking(others, 1_000.0)
        assert await store.find_linking("acme", "late") is None
        await store.start_linking(a_linking("late"), 1_601.0)

        kept = [await store.find_linking("acme", f"l-{n}") for n in range(0, LINKINGS_MAX, 7)]
        assert kept.count(None) == 1
        assert await store.find_linking("acme", "late") is not None
        assert await store.find_linking("able", "l-1") == others

    async def test_linkings_are_forgotten(self, store: Store) -> None:
        """A week after their state has ended, when another one begins."""
        await Scene(store).declare()
        await store.start_linking(a_linking(), 1_000.0)
        for number, now in enumerate((1_600.0 + KEPT_SECONDS - 1, 1_600.0 + KEPT_SECONDS)):
            begun = replace(a_linking(f"new-{number}"), expires_at=now + 600)
            await store.start_linking(begun, now)
            assert (await store.find_linking("acme", "l-1") is None) is bool(number)

    async def test_what_happened_in_a_linking(self, store: Store) -> None:
        """Steps are kept in order, whole and bounded; one of a linking that is not kept is nothing."""
        await Scene(store).declare()
        exchange = Exchange(
            "code exchange", "bea", "https://x/", 1.0, 0.5, {"a": "b"}, b"\xff", 200, {}, b"{}", 2
        )
        finding = Finding("token-type-missing", "advice", "what", "why", "fix")
        steps = (
            LinkingStep(StepKind.AUTHORIZE, 1_000.0, "GET https://x/"),
            LinkingStep(
                StepKind.EXCHANGE, 1_001.5, "POST", 0.5, "CODE_REFUSED", "No.", exchange, (finding,)
            ),
        )
        await store.start_linking(replace(a_linking(), steps=steps[:1]), 1_000.0)
        await store.note_linking("acme", "l-1", steps[1])
        await store.note_linking("acme", "l-2", steps[1])
        await store.end_linking("acme", "l-1", "CODE_REFUSED")
        found = await store.find_linking("acme", "l-1")
        assert found is not None
        assert (found.steps, found.outcome) == (steps, "CODE_REFUSED")

        for _ in range(STEPS_MAX):
            await store.note_linking("acme", "l-1", steps[1])
        found = await store.find_linking("acme", "l-1")
        assert found is not None
        assert len(found.steps) == STEPS_MAX

    async def test_steps_that_come_with_what_they_led_to(self, store: Store) -> None:
        """The browser's return is kept with the use of the state, the exchange with its grant; a second return brings nothing."""
        await Scene(store).declare()
        came, late, exchanged = (
            LinkingStep(StepKind.CALLBACK, 1_001.0),
            LinkingStep(StepKind.CALLBACK, 1_001.5),
            LinkingStep(StepKind.EXCHANGE, 1_002.0),
        )
        await store.start_linking(a_linking(), 1_000.0)
        used = await store.use_linking("acme", "l-1", 1_001.0, [came])
        assert used.steps == (came,)
        with pytest.raises(LinkingRefused):
            await store.use_linking("acme", "l-1", 1_001.5, [late])
        await store.note_linking("acme", "l-1", late)
        await store.grant(used, NEW, 1_003.0, [exchanged])
        found = await store.find_linking("acme", "l-1")

        assert found is not None
        assert (found.steps, found.outcome) == ((came, late, exchanged), GRANTED)

    async def test_grants_that_come_together(self, store: Store) -> None:
        """Each asks for a sync of its own: of who is new, of who was linked, and twice of a user who linked twice."""
        scene = Scene(store)
        await scene.link("anna", "1836", stored("lamp"))
        await scene.link("ben", "1837")
        await store.begin_unlink("acme", "ben", scene.now)
        users = ("anna", "ben", "carl", "dora", "carl")
        for number, user in enumerate(users):
            await store.start_linking(a_linking(f"l-{number}", user), scene.now)
        used = await asyncio.gather(
            *(store.use_linking("acme", f"l-{number}", scene.now) for number in range(5)),
            store.use_linking("acme", "l-0", scene.now),
            return_exceptions=True,
        )
        assert isinstance(used.pop(), LinkingRefused)
        granted = await asyncio.gather(
            *(
                store.grant(one, Tokens(b"%d" % number), scene.now)
                for number, one in enumerate(used)
                if isinstance(one, Linking)
            )
        )

        assert [link.agent_user_id for link, _ in granted] == ["1836", "1837", "", "", ""]
        assert sorted(generation for link, generation in granted if link.user_id == "carl") == [
            1,
            2,
        ]
        assert await store.unlinkings(scene.now) == []
        for user in users:
            kept = await store.find_link("acme", user)
            assert kept in [link for link, _ in granted]
        assert {one for one, _ in await store.works()} == {
            target(),
            target("1837"),
            first_sync("carl"),
            first_sync("dora"),
        }

    async def test_the_linkings_of_a_user(self, store: Store) -> None:
        """The newest first, no more than asked for, and nobody else's."""
        await Scene(store).declare()
        for number, user in enumerate(("bea", "carl", "bea", "bea")):
            begun = replace(a_linking(f"l-{number}", user), created_at=1_000.0 + number)
            await store.start_linking(begun, 1_000.0)
        found = await store.linkings("acme", "bea", limit=2)

        assert [linking.id for linking in found] == ["l-3", "l-2"]
        assert await store.linkings("acme", "dora") == await store.linkings("other", "bea") == []

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
