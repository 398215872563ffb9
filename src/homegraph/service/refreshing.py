"""Refreshing access tokens: one flight per link, whoever needs the token.

An intent asks for a usable token before it is sent (``ready``), and for another one when the fulfillment has answered 401
(``renewed``). However many intents of this process ask at once, one task speaks with the token endpoint, and all of them get what it
brought. Between processes the store says whose turn it is. The flight belongs to nobody who waits for it: it lands even if all of them
are gone, because what it brings may be the only valid tokens there are.

What happened is decided by ``graph.refreshing`` inside the store's transaction; here it is carried out and announced.

The rule that is easily broken: tokens that were refreshed are durable before anybody uses them, and what is durable
counts: who was refused looks whether the link holds newer tokens before he believes it. Tokens that a database would not take are held
until it does, and offered again and again: there may be no others, and once our turn has ended another process asks with the old ones.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Final

import msgspec

from homegraph.errors import (
    CallRefused,
    FulfillmentError,
    HomegraphError,
    LinkBroken,
    NotFound,
    StoreError,
    StoreUnavailable,
    TokenEndpointFailed,
    TokenError,
    TokenRefused,
    TokenRejected,
)
from homegraph.graph.checks.tokens import check_tokens
from homegraph.graph.model import Finding, Link, LinkState, Project, Tokens
from homegraph.graph.refreshing import (
    REFRESH_LEASE_SECONDS,
    BackedOff,
    Broken,
    Busy,
    Failed,
    Need,
    Refreshed,
    Refused,
    Renewed,
    TokenEvent,
    Turn,
    need,
)
from homegraph.service.clock import Clock, Ids, rfc3339
from homegraph.service.events import DutyFailed, Events, LinkChanged, TokenLost, TokenRefreshed
from homegraph.service.recording import Post, recorded
from homegraph.service.transcript import Transcript
from homegraph.service.transport import Transport
from homegraph.service.vault import Vault
from homegraph.store.port import Store
from homegraph.wire.oauth import read_token_members, read_token_reply, refresh_request

TOKEN_SECONDS: Final = 10.0
"""For one call of a token endpoint: it does no work worth waiting longer for."""

TOKEN_REPLY_MAX_BYTES: Final = 64 * 1024

REFRESH: Final = "token refresh"

OFFER_AGAIN_SECONDS: Final = 1.0
"""Between two attempts to store tokens that the database did not take: often enough before another process has its turn."""

LOOK_AGAIN_SECONDS: Final = 0.25
"""How often it is looked whether the refresh of another process has ended; it takes about as long as that."""


@dataclass(slots=True)
class Landing:
    """What a flight brought: the link as it is now, and maybe an error.

    What went over the wire, what is told of a new token, and what is wrong with the answer, are there when this flight asked.
    """

    link: Link
    error: HomegraphError | None = None
    news: TokenRefreshed | None = None
    findings: tuple[Finding, ...] = ()
    transcript: Transcript = field(default_factory=Transcript)


@dataclass(slots=True)
class Refreshing:
    """The tokens of links, kept fresh."""

    transport: Transport
    store: Store
    vault: Vault
    clock: Clock
    ids: Ids
    events: Events
    _flights: dict[tuple[str, str], asyncio.Task[Landing]] = field(default_factory=dict)
    _unsaved: dict[tuple[str, str], Refreshed] = field(default_factory=dict)
    """Tokens that could not be stored, by link: a few, from the moments in which a database began to fail."""
    _saving: asyncio.Task[None] | None = None
    _closing: asyncio.Event = field(default_factory=asyncio.Event)

    async def ready(self, project: Project, link: Link, transcript: Transcript) -> Landing | None:
        """See to an access token that is worth sending. None: it is the link's; another one took a refresh, recorded in the transcript.

        Raises:
            TokenError: the token has expired, and there is no other one to be had.
        """
        urgency = need(link.tokens, self.clock.now())
        if urgency is Need.NONE or not project.oauth.token_url:
            return None
        try:
            return await self._shared(project, link, transcript)
        except TokenEndpointFailed:
            if urgency is Need.NOW:
                raise
            return None

    async def renewed(self, project: Project, link: Link, transcript: Transcript) -> Landing:
        """The link with another access token than the one it has, which was answered with 401.

        Raises:
            TokenRejected: there is nothing to get another token with.
            TokenError: none is to be had.
        """
        if not link.tokens.sealed_refresh or not project.oauth.token_url:
            raise TokenRejected(
                "The fulfillment answered 401, and there is no refresh token or token_url to get another token with.",
                hint="Give the link a valid access_token, or a refresh_token and the project a token_url.",
            )
        return await self._shared(project, link, transcript)

    async def insisted(self, project: Project, link: Link) -> Landing:
        """Refresh because somebody says so: now, and also if the link is broken. Errors are in the landing."""
        while flight := self._flights.get((link.project_id, link.user_id)):
            await asyncio.wait([flight])  # it ends, and it may not have asked
        return await asyncio.shield(self._start(project, link, insist=True))

    async def close(self) -> None:
        """Let flights land: each may bring the only valid tokens. They take ``TOKEN_SECONDS`` at most; none begins any more.

        Tokens that a database would not take are offered to it once more.
        """
        self._closing.set()
        await asyncio.gather(*self._flights.values(), return_exceptions=True)
        if self._saving is not None:
            await self._saving
        error = await self._offer()
        if error is not None:
            self.events.announce(DutyFailed("refresh", error.message))

    # --- flights ---------------------------------------------------------------------------------------------

    async def _shared(self, project: Project, link: Link, transcript: Transcript) -> Landing:
        """Take the flight that is under way, or start one. Who has started it has it in his transcript, and the findings."""
        flight = self._flights.get((link.project_id, link.user_id))
        is_ours = flight is None
        landing = await asyncio.shield(flight or self._start(project, link))
        transcript.join(landing.transcript, only_secrets=not is_ours)
        if landing.error is not None:
            raise landing.error
        return landing if is_ours else Landing(landing.link)

    def _start(
        self, project: Project, link: Link, *, insist: bool = False
    ) -> asyncio.Task[Landing]:
        async def flight() -> Landing:
            try:
                return await self._fly(project, link, insist=insist)
            finally:
                del self._flights[key]

        key = (link.project_id, link.user_id)
        self._flights[key] = asyncio.create_task(flight(), name=f"refresh {link.project_id}")
        return self._flights[key]

    async def _fly(self, project: Project, link: Link, *, insist: bool) -> Landing:
        landing = Landing(link)
        try:
            if event := self._unsaved.get((link.project_id, link.user_id)):
                await self._stored(link, event)
            turn, now = await self._turn(link, insist=insist)
            match turn:
                case Renewed():
                    landing.link = now
                case Broken():
                    raise LinkBroken
                case BackedOff(due_at, error):
                    failed = TokenEndpointFailed(f"{error} It is asked again at {rfc3339(due_at)}.")
                    failed.retry_at = due_at
                    raise failed
                case _:
                    landing.link = await self._refresh(project, now, landing)
        except HomegraphError as exc:
            landing.error = exc
        return landing

    async def _turn(self, link: Link, *, insist: bool) -> tuple[Turn, Link]:
        """Wait for our turn, or for news. It ends: a turn does, and then it is another's, with news, or ours.

        Raises:
            CallRefused: the server stops.
        """
        while not self._closing.is_set():
            turn, now = await self.store.begin_refresh(
                link.project_id,
                link.user_id,
                link.tokens,
                self.clock.now(),
                lease_seconds=REFRESH_LEASE_SECONDS,
                insist=insist,
            )
            if not isinstance(turn, Busy):
                return turn, now
            look_at = min(turn.until, self.clock.now() + LOOK_AGAIN_SECONDS)
            await self.clock.wait(self._closing, look_at)
        raise CallRefused("SERVER_STOPPING")

    # --- one refresh -----------------------------------------------------------------------------------------

    async def _refresh(self, project: Project, link: Link, landing: Landing) -> Link:
        """Ask the token endpoint, and store what it says before anybody learns of it."""
        try:
            event = await self._asked(project, link, landing)
        except TokenRefused as exc:
            return await self._failed(
                link, Refused(link.tokens), landing.transcript.masked_error(exc)
            )
        except TokenEndpointFailed as exc:
            error = landing.transcript.masked_error(exc)
            failed = Failed(link.tokens, error.message, self.ids.spread())
            return await self._failed(link, failed, error)
        after = await self._stored(link, event)
        if after.tokens != event.tokens:
            landing.news = None  # a grant came meanwhile
        elif landing.news is not None:
            self.events.announce(landing.news)
            if link.state is LinkState.BROKEN:
                self.events.announce(LinkChanged.of(after))
        return after

    async def _stored(self, link: Link, event: Refreshed) -> Link:
        """Store new tokens; if that fails, it is tried again soon, and the next flight begins with it."""
        key = (link.project_id, link.user_id)
        self._unsaved.pop(key, None)
        try:
            return await self._follow(link, event)
        except StoreUnavailable:
            self._unsaved[key] = event
            if self._saving is None or self._saving.done():
                self._saving = asyncio.create_task(self._save(), name="refresh: save")
            raise

    async def _save(self) -> None:
        """Offer what could not be stored until the database takes it."""
        while self._unsaved and not self._closing.is_set():
            await self.clock.wait(self._closing, self.clock.now() + OFFER_AGAIN_SECONDS)
            await self._offer()

    async def _offer(self) -> StoreError | None:
        """Offer what could not be stored to the database once more; why it was refused."""
        refusal = None
        for place, event in tuple(self._unsaved.items()):
            try:
                await self.store.follow_tokens(*place, event, self.clock.now())
            except NotFound:
                pass  # the link has ended
            except StoreError as exc:
                refusal = exc
                continue
            if self._unsaved.get(place) is event:
                del self._unsaved[place]
        return refusal

    async def _asked(self, project: Project, link: Link, landing: Landing) -> Refreshed:
        oauth, place = project.oauth, (link.project_id, link.user_id)
        access = self.vault.open(link.tokens.sealed_access, *place, "access")
        refresh = self.vault.open(link.tokens.sealed_refresh, *place, "refresh")
        secret = self.vault.open(oauth.sealed_secret, project.id, "client_secret")
        landing.transcript.hide(access, refresh, secret)
        headers, body = refresh_request(
            refresh, client_id=oauth.client_id, client_secret=secret, client_auth=oauth.client_auth
        )
        landing.transcript.hide_credentials(headers)
        post = Post(
            REFRESH,
            project,
            link.user_id,
            oauth.token_url,
            headers,
            body,
            TOKEN_SECONDS,
            TOKEN_REPLY_MAX_BYTES,
        )
        try:
            reply, _ = await recorded(self.transport, self.clock, landing.transcript, post)
        except FulfillmentError as exc:
            raise TokenEndpointFailed(f"The token endpoint gave no answer. {exc.message}") from exc
        landing.transcript.hide(*read_token_members(reply.body).tokens)
        answer = read_token_reply(reply.status, reply.body)
        before = msgspec.json.encode({"access_token": access})
        landing.findings = check_tokens(reply.body, previous=before)
        landing.news = TokenRefreshed(
            link.project_id,
            link.user_id,
            expires_in=answer.expires_in,
            rotated=answer.refresh_token not in {"", refresh},
            same=answer.access_token == access,
        )
        now = self.clock.now()
        tokens = Tokens(
            sealed_access=self.vault.seal(answer.access_token, *place, "access"),
            sealed_refresh=self.vault.seal(answer.refresh_token or refresh, *place, "refresh"),
            expires_at=now + answer.expires_in if answer.expires_in else None,
            issued_at=now,
        )
        return Refreshed(link.tokens, tokens)

    async def _failed(self, link: Link, event: Refused | Failed, error: TokenError) -> Link:
        """Note it. Whoever has stored other tokens meanwhile has the last word."""
        after = await self._follow(link, event)
        if after.tokens != link.tokens:
            return after
        self.events.announce(TokenLost(link.project_id, link.user_id, error.code, error.message))
        if after.state is LinkState.BROKEN and link.state is not LinkState.BROKEN:
            self.events.announce(LinkChanged.of(after))
        if isinstance(error, TokenEndpointFailed):
            error.retry_at = after.refresh.due_at
        raise error

    async def _follow(self, link: Link, event: TokenEvent) -> Link:
        return await self.store.follow_tokens(
            link.project_id, link.user_id, event, self.clock.now()
        )
