"""Refreshes of a link's tokens: whose turn it is, and what comes of it, whoever else is at it."""
# ruff: noqa: S101  # a test suite that lives in the package

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace

from homegraph.errors import NotFound
from homegraph.graph.model import Cause, Link, LinkState, RefreshState, Tokens
from homegraph.graph.refreshing import (
    BackedOff,
    Broken,
    Busy,
    Expired,
    Failed,
    Refreshed,
    Refused,
    Renewed,
    Revoked,
    Start,
    TokenEvent,
    Turn,
)
from homegraph.store.port import Store
from homegraph.testing.store_contract.scene import (
    LEASE_SECONDS,
    TOKENS,
    Scene,
    first_sync,
    stored,
    target,
)

NEWER = Tokens(b"newer-access", b"newer-refresh", 9_000.0, 5_400.0)
OTHER = Tokens(b"other-access", b"other-refresh")

CALLERS = 20


async def turn_of(
    store: Store, now: float = 1_000.0, before: Tokens = TOKENS, *, insist: bool = False
) -> tuple[Turn, Link]:
    """Ask whose turn it is to refresh anna's tokens."""
    return await store.begin_refresh(
        "acme", "anna", before, now, lease_seconds=LEASE_SECONDS, insist=insist
    )


async def followed(store: Store, event: TokenEvent, now: float = 1_007.0) -> Link:
    """Something happened to anna's tokens. The link is kept as it is returned."""
    link = await store.follow_tokens("acme", "anna", event, now)
    assert await store.find_link("acme", "anna") == link
    return link


class Refreshing:
    """``begin_refresh`` and ``follow_tokens``."""

    async def test_one_of_many_refreshes(self, store: Store) -> None:
        """The others learn until when somebody is at it; when the lease has ended it is the next one's turn."""
        await Scene(store).link()
        turns = [
            turn for turn, _ in await asyncio.gather(*(turn_of(store) for _ in range(CALLERS)))
        ]
        late = 1_000.0 + LEASE_SECONDS

        assert turns.count(Start()) == 1
        assert turns.count(Busy(late)) == CALLERS - 1
        assert (await turn_of(store, late))[0] == Start()
        assert (await turn_of(store, late, insist=True))[0] == Busy(late + LEASE_SECONDS)

    async def test_refreshed_tokens_are_kept(self, store: Store) -> None:
        """They replace the old ones, and nothing else of the link but when it changed; whoever asks next gets them."""
        await Scene(store).link()
        before = await store.find_link("acme", "anna")
        assert before is not None
        await turn_of(store)
        link = await followed(store, Refreshed(TOKENS, NEWER))

        assert link == replace(before, tokens=NEWER, changed_at=1_007.0)
        assert await turn_of(store) == (Renewed(), link)
        assert await store.works() == []

    async def test_who_refreshes_too_late_takes_the_newer_tokens(self, store: Store) -> None:
        """Neither what he got, nor a refusal, nor a failure counts any more."""
        await Scene(store).link()
        link = await followed(store, Refreshed(TOKENS, NEWER))

        for late in (Refreshed(TOKENS, OTHER), Refused(TOKENS), Failed(TOKENS, "late", 0.5)):
            assert await followed(store, late, 1_009.0) == link

    async def test_a_refusal_breaks_the_link(self, store: Store) -> None:
        """Its tokens stay, nobody asks again but who insists, and the devices are left alone."""
        scene = Scene(store)
        await scene.link("anna", "1836", stored("lamp"))
        await turn_of(store)
        link = await followed(store, Refused(TOKENS))

        assert (link.state, link.problem, link.tokens) == (
            LinkState.BROKEN,
            "TOKEN_REFUSED",
            TOKENS,
        )
        assert (await turn_of(store))[0] == Broken()
        assert (await turn_of(store, insist=True))[0] == Start()
        assert await scene.device_ids() == ["lamp"]

    async def test_a_refresh_that_won_after_all(self, store: Store) -> None:
        """Two asked at the same time, and the refusal came first: the tokens of the other mend the link, and a sync shows it."""
        scene = Scene(store)
        await scene.link()
        await scene.refused()
        link = await followed(store, Refreshed(TOKENS, NEWER), scene.now)

        assert (link.state, link.problem, link.tokens) == (LinkState.LINKED, "", NEWER)
        claim = await scene.claim()
        assert (claim.lease.target, claim.work.run_cause) == (target(), Cause.LINK)

    async def test_a_link_that_broke_before_its_first_sync_is_mended(self, store: Store) -> None:
        """It needs one, because nobody knows yet whose devices these are."""
        scene = Scene(store)
        await scene.declare("anna")
        await scene.settle(await scene.claim())
        await scene.refused()
        link = await followed(store, Refreshed(TOKENS, NEWER), scene.now)

        assert (link.state, link.agent_user_id) == (LinkState.LINKING, "")
        assert (await scene.claim()).lease.target == first_sync()

    async def test_an_endpoint_that_fails_is_asked_later(self, store: Store) -> None:
        """Later each time; a new token, or a new grant, forgets it."""
        scene = Scene(store)
        await scene.link()
        first = await followed(store, Failed(TOKENS, "HTTP 503", 0.5), 1_000.0)
        second = await followed(store, Failed(TOKENS, "HTTP 502", 0.5), 1_001.0)

        assert first.refresh == RefreshState(0.0, 1, 1_001.0, "HTTP 503")
        assert second.refresh == RefreshState(0.0, 2, 1_003.0, "HTTP 502")
        assert (second.state, second.tokens) == (LinkState.LINKED, TOKENS)
        assert (await turn_of(store, 1_002.0))[0] == BackedOff(1_003.0, "HTTP 502")
        assert (await turn_of(store, 1_003.0))[0] == Start()
        assert (await followed(store, Refreshed(TOKENS, NEWER))).refresh == RefreshState()
        await followed(store, Failed(NEWER, "HTTP 503", 0.5))
        await scene.declare("anna", grant=b"2")
        link = await store.find_link("acme", "anna")
        assert link is not None
        assert link.refresh == RefreshState()

    async def test_a_back_off_is_not_for_who_insists(self, store: Store) -> None:
        """Somebody who looks on may ask at once."""
        await Scene(store).link()
        await followed(store, Failed(TOKENS, "HTTP 503", 0.5), 1_000.0)

        assert (await turn_of(store, insist=True))[0] == Start()

    async def test_tokens_are_made_to_expire(self, store: Store) -> None:
        """They count as expired from now on; they are the same tokens still."""
        await Scene(store).link()
        link = await followed(store, Expired())

        assert link.tokens == replace(TOKENS, expires_at=1_007.0)
        assert (await turn_of(store))[0] == Start()

    async def test_a_grant_is_made_to_be_refused(self, store: Store) -> None:
        """As after a refusal, and the access token is gone."""
        await Scene(store).link()
        link = await followed(store, Revoked())

        assert (link.state, link.problem) == (LinkState.BROKEN, "TOKEN_REFUSED")
        assert link.tokens == replace(TOKENS, sealed_access=b"")
        assert await followed(store, Revoked(), 1_008.0) == replace(link, changed_at=1_008.0)

    async def test_tokens_of_nobody(self, store: Store) -> None:
        """A link that is not there, or that has ended, is not found; it gets no tokens."""
        scene = Scene(store)
        await scene.declare()
        with pytest.raises(NotFound):
            await turn_of(store)
        await scene.link()
        ended = await store.unlink("acme", "anna", 1_001.0)

        with pytest.raises(NotFound):
            await turn_of(store)
        for event in (Refreshed(TOKENS, NEWER), Expired(), Revoked()):
            with pytest.raises(NotFound):
                await store.follow_tokens("acme", "anna", event, 1_002.0)
        assert await store.find_link("acme", "anna") == ended
