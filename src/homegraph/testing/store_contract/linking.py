"""Links: listing them, their tokens, and how they end."""
# ruff: noqa: PLR2004, S101  # a test suite that lives in the package

from __future__ import annotations

import pytest

from homegraph.errors import LeaseLost, NotFound
from homegraph.graph import linking
from homegraph.graph.model import Cause, LinkState, Mode, Tokens
from homegraph.store.port import Store
from homegraph.testing.store_contract.scene import (
    LEASE_SECONDS,
    TOKENS,
    Scene,
    first_sync,
    stored,
    target,
)


class Linking:
    """Links and their end."""

    async def test_links_are_listed_in_order(self, store: Store) -> None:
        """By project and user, page by page, of all projects or of one."""
        scene = Scene(store)
        await scene.declare("b", "a", project_id="two")
        await scene.declare("c", "Z", "a", project_id="one")
        keys = [("one", "Z"), ("one", "a"), ("one", "c"), ("two", "a"), ("two", "b")]

        async def listed(*args: str, **page: object) -> list[tuple[str, str]]:
            links = await store.links(*args, **page)  # type: ignore[arg-type]
            return [(link.project_id, link.user_id) for link in links]

        assert await listed() == keys
        assert await listed(limit=2) == keys[:2]
        assert await listed(after=("one", "a"), limit=2) == keys[2:4]
        assert await listed("one") == keys[:3]
        assert await listed("one", after=("one", "Z")) == keys[1:3]
        assert await listed("two", after=("one", "c"), limit=1) == keys[3:4]
        assert await listed("three") == []

    async def test_finding_a_link(self, store: Store) -> None:
        """The link as it is, or None."""
        scene = Scene(store)
        await scene.link("anna", "1836")
        link = await store.find_link("acme", "anna")

        assert link is not None
        assert (link.state, link.agent_user_id, link.problem) == (LinkState.LINKED, "1836", "")
        assert link.tokens == TOKENS
        assert await store.links() == [link]
        assert await store.find_link("acme", "ben") is None
        assert await store.find_link("other", "anna") is None

    async def test_unlinking_the_last_link(self, store: Store) -> None:
        """Tokens and devices go, requests are refused, and it is known since when."""
        scene = Scene(store)
        await scene.link("anna", "1836", stored("lamp"))
        await scene.request()
        link = await store.unlink("acme", "anna", 1_005.0)

        assert link == await store.find_link("acme", "anna")
        assert (link.state, link.tokens, link.changed_at) == (
            LinkState.UNLINKED,
            Tokens(b""),
            1_005.0,
        )
        knowledge = await store.knowledge("acme", "1836")
        assert (knowledge.known, knowledge.linked, knowledge.unlinked_at) == (True, False, 1_005.0)
        assert knowledge.links == (link,)
        assert await scene.ask(Mode.ASYNC, target()) is None
        assert await store.works() == []
        with pytest.raises(NotFound):
            await store.devices("acme", "1836")
        assert (await store.counts()).devices == 0

    async def test_unlinking_again(self, store: Store) -> None:
        """Nothing changes, not even the time."""
        scene = Scene(store)
        await scene.link()
        ended = await store.unlink("acme", "anna", 1_005.0)

        assert await store.unlink("acme", "anna", 1_006.0) == ended
        assert (await store.knowledge("acme", "1836")).unlinked_at == 1_005.0
        with pytest.raises(NotFound):
            await store.unlink("acme", "ben", 1_006.0)

    async def test_an_unlinking_that_has_begun(self, store: Store) -> None:
        """It is noted once, and changes nothing else; the link ends as begun, and the note with it."""
        scene = Scene(store)
        await scene.link()
        link = await store.begin_unlink("acme", "anna", 1_005.0)
        assert await store.begin_unlink("acme", "anna", 1_006.0) == link
        assert (link.state, link.tokens) == (LinkState.LINKED, TOKENS)
        assert await store.unlinkings(1_004.0) == []
        assert await store.unlinkings(1_005.0) == [("acme", "anna")]

        ended = await store.unlink("acme", "anna", 1_007.0, begun=True)
        assert (ended.state, ended.changed_at) == (LinkState.UNLINKED, 1_007.0)
        assert await store.unlinkings(1_007.0) == []
        assert await store.begin_unlink("acme", "anna", 1_008.0) == ended
        assert await store.unlinkings(1_008.0) == []
        with pytest.raises(NotFound):
            await store.begin_unlink("acme", "ben", 1_008.0)

    async def test_an_unlinking_that_is_overtaken(self, store: Store) -> None:
        """By a grant: the link stays. By the developer: it has ended already. Either takes the note away."""
        scene = Scene(store)
        await scene.link("anna", "1836", stored("lamp"))
        await scene.link("ben", "1837", stored("lamp"))
        for user in ("anna", "ben"):
            await store.begin_unlink("acme", user, 1_005.0)
        begun = linking.Linking("l-1", "acme", "anna", "https://x/", 1_005.0, 1_600.0)
        await store.start_linking(begun, 1_005.0)
        await store.grant(await store.use_linking("acme", "l-1", 1_005.0), TOKENS, 1_005.0)
        await store.delete_agent_user("acme", "1837", 1_006.0)

        assert await store.unlinkings(1_006.0) == []
        kept = await store.unlink("acme", "anna", 1_007.0, begun=True)
        gone = await store.unlink("acme", "ben", 1_007.0, begun=True)
        assert (kept.state, gone.state) == (LinkState.LINKED, LinkState.UNLINKED)
        assert gone.changed_at == 1_006.0
        assert await scene.device_ids() == ["lamp"]

    async def test_unlinking_one_of_two(self, store: Store) -> None:
        """The agent user stays for the other one, with its devices and requests."""
        scene = Scene(store)
        await scene.link("anna", "1836", stored("lamp"))
        await scene.link("ben", "1836")
        await scene.request()
        await store.unlink("acme", "anna", 1_005.0)

        assert await scene.device_ids() == ["lamp"]
        claim = await scene.claim()
        assert [link.user_id for link in claim.links] == ["ben"]

    async def test_unlinking_during_a_run(self, store: Store) -> None:
        """The run of an agent user that is gone loses its lease; that of one with another link does not."""
        scene = Scene(store)
        await scene.link("anna", "1836")
        await scene.link("ben", "1836")
        before = await store.runs()
        claim = await scene.start()
        await store.unlink("acme", "anna", scene.now)
        assert await store.heartbeat([claim.lease], scene.now, LEASE_SECONDS) == []
        await store.unlink("acme", "ben", scene.now)

        assert await store.heartbeat([claim.lease], scene.now, LEASE_SECONDS) == [claim.lease]
        with pytest.raises(LeaseLost):
            await scene.settle(claim)
        assert await store.runs() == before

    async def test_unlinking_during_the_first_sync(self, store: Store) -> None:
        """The first SYNC of a link that has ended loses its lease and is not tried again."""
        scene = Scene(store)
        await scene.declare("anna")
        claim = await scene.claim()
        await store.unlink("acme", "anna", scene.now)

        with pytest.raises(LeaseLost):
            await scene.settle(claim)
        assert await store.works() == []
        assert await scene.ask(Mode.ASYNC, first_sync()) is None

    async def test_linking_again(self, store: Store) -> None:
        """A new grant after an unlinking starts over: first SYNC, devices as if never seen."""
        scene = Scene(store)
        await scene.link("anna", "1836", stored("lamp", room="Kitchen"))
        await store.unlink("acme", "anna", scene.now)
        scene.now = 1_010.0
        await scene.declare("anna", grant=b"2")
        link = await store.find_link("acme", "anna")
        assert link is not None
        assert (link.state, link.agent_user_id, link.created_at) == (
            LinkState.LINKING,
            "",
            1_010.0,
        )
        await scene.link("anna", "1836", stored("lamp", room="Cellar"))

        assert await scene.is_linked()
        (device,) = await store.devices("acme", "1836")
        assert (device.placement.room, device.added_at) == ("Cellar", 1_010.0)
        assert (await store.knowledge("acme", "1836")).unlinked_at is None

    async def test_a_lease_of_before_an_unlinking(self, store: Store) -> None:
        """Neither an agent user's nor a first SYNC's lease holds for one that began anew under the same name."""
        scene = Scene(store)
        await scene.declare("anna")
        first = await scene.claim()
        await store.unlink("acme", "anna", scene.now)
        await scene.declare("anna", grant=b"2")
        again = await scene.claim()
        assert again.lease.fence > first.lease.fence
        with pytest.raises(LeaseLost):
            await scene.settle(first)
        await scene.settle(again)

        await scene.link("ben", "1837")
        before = await scene.start(target("1837"))
        await store.unlink("acme", "ben", scene.now)
        await scene.declare("ben", grant=b"2")
        await scene.link("ben", "1837")
        after = await scene.start(target("1837"))
        assert after.lease.fence > before.lease.fence
        with pytest.raises(LeaseLost):
            await scene.settle(before)
        await scene.settle(after)

    async def test_a_first_sync_can_be_asked_for(self, store: Store) -> None:
        """By its user, while it has not succeeded; afterwards there is only the agent user."""
        scene = Scene(store)
        await scene.declare("anna")
        await scene.settle(await scene.claim())
        admitted = await scene.request(Mode.ASYNC, first_sync(), Cause.OPERATOR)

        assert admitted.generation == 2
        assert (await scene.claim()).work.run_cause is Cause.OPERATOR
        await scene.link("ben", "1837")
        assert await scene.ask(Mode.ASYNC, first_sync("ben")) is None
        assert await scene.ask(Mode.ASYNC, first_sync("nobody")) is None
