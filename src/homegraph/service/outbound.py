"""Intents on their way out: sends SYNC for one link and says what came back.

Owns the order of things around one intent: open the token, send, refresh the token once on a 401 and send again, and
record every exchange. A rotated refresh token is durable before the new access token is used: a crash in between must not
leave us with a token that the other side has dropped.

Does not know why it is asked, whether it will be asked again, or what a reply means for the device list.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from homegraph.errors import (
    FulfillmentError,
    FulfillmentFailed,
    FulfillmentRefused,
    HomegraphError,
    TokenEndpointFailed,
    TokenRejected,
)
from homegraph.graph.model import Exchange, Link, Project, Tokens
from homegraph.service.clock import Clock, Ids
from homegraph.service.transcript import Transcript
from homegraph.service.transport import Headers, HttpReply, Transport
from homegraph.service.vault import Vault
from homegraph.store.port import Store
from homegraph.wire.intents import REQUEST_HEADERS, SyncReply, read_sync_reply, sync_request
from homegraph.wire.oauth import TokenReply, read_token_reply, refresh_request

TOKEN_SECONDS: Final = 10.0
"""For one call of a token endpoint: it does no work worth waiting longer for."""

TOKEN_REPLY_MAX_BYTES: Final = 64 * 1024

_OK: Final = range(200, 300)
_UNAUTHORIZED: Final = 401
_SERVER_ERRORS: Final = range(500, 600)


@dataclass(frozen=True, slots=True)
class Bounds:
    """Seconds to wait for an intent, bytes to read of its reply."""

    intent_seconds: float
    reply_max_bytes: int


@dataclass(slots=True)
class Heard:
    """What one link's SYNC brought: a reply or an error, after ``took`` seconds, and what went over the wire."""

    request_id: str
    reply: SyncReply | None = None
    error: HomegraphError | None = None
    took: float = 0.0
    transcript: Transcript = field(default_factory=Transcript)


@dataclass(frozen=True, slots=True)
class Outbound:
    """Speaks with fulfillments and token endpoints."""

    transport: Transport
    store: Store
    vault: Vault
    clock: Clock
    ids: Ids
    bounds: Bounds

    async def sync(self, project: Project, link: Link) -> Heard:
        """Send SYNC with the link's token. Errors of the family are an outcome (``Heard.error``), not raised."""
        heard = Heard(self.ids.intent())
        try:
            reply = await self._authorized(project, link, sync_request(heard.request_id), heard)
            heard.reply = read_sync_reply(_checked(reply))
        except HomegraphError as exc:
            heard.error = exc
        return heard

    async def _authorized(
        self, project: Project, link: Link, body: bytes, heard: Heard
    ) -> HttpReply:
        """Send an intent; on a 401 refresh the token once and send it again."""
        place = (project.id, link.user_id)
        access = self.vault.open(link.tokens.sealed_access, *place, "access")
        reply = await self._intent(project, link, access, body, heard)
        if reply.status != _UNAUTHORIZED:
            return reply
        refresh = self.vault.open(link.tokens.sealed_refresh, *place, "refresh")
        if not refresh or not project.oauth.token_url:
            raise TokenRejected(
                "The fulfillment answered 401, and there is no refresh token or token_url to get another token with.",
                hint="Give the link a valid access_token, or a refresh_token and the project a token_url.",
            )
        access = await self._refreshed(project, link, refresh, heard)
        reply = await self._intent(project, link, access, body, heard)
        if reply.status == _UNAUTHORIZED:
            raise TokenRejected
        return reply

    async def _intent(
        self, project: Project, link: Link, access: str, body: bytes, heard: Heard
    ) -> HttpReply:
        heard.transcript.hide(access)
        headers = (*REQUEST_HEADERS, ("authorization", f"Bearer {access}"))
        started = self.clock.now()
        try:
            return await self._exchange(
                "SYNC", link, project.fulfillment_url, headers, body, heard.transcript
            )
        finally:
            heard.took = self.clock.now() - started

    async def _refreshed(self, project: Project, link: Link, refresh: str, heard: Heard) -> str:
        """A new access token, its refresh token stored already."""
        oauth = project.oauth
        secret = self.vault.open(oauth.sealed_secret, project.id, "client_secret")
        heard.transcript.hide(refresh, secret)
        headers, body = refresh_request(
            refresh, client_id=oauth.client_id, client_secret=secret, client_auth=oauth.client_auth
        )
        try:
            reply = await self._exchange(
                "token refresh", link, oauth.token_url, headers, body, heard.transcript
            )
        except FulfillmentError as exc:
            raise TokenEndpointFailed(f"The token endpoint gave no answer. {exc.message}") from exc
        tokens = read_token_reply(reply.status, reply.body)
        heard.transcript.hide(tokens.access_token, tokens.refresh_token)
        await self._keep(link, tokens, refresh)
        return tokens.access_token

    async def _keep(self, link: Link, tokens: TokenReply, old_refresh: str) -> None:
        place = (link.project_id, link.user_id)
        refresh = tokens.refresh_token or old_refresh
        now = self.clock.now()
        sealed = Tokens(
            sealed_access=self.vault.seal(tokens.access_token, *place, "access"),
            sealed_refresh=self.vault.seal(refresh, *place, "refresh"),
            expires_at=now + tokens.expires_in if tokens.expires_in else None,
        )
        await self.store.save_tokens(*place, sealed, now)

    async def _exchange(
        self,
        intent: str,
        link: Link,
        url: str,
        headers: Headers,
        body: bytes,
        transcript: Transcript,
    ) -> HttpReply:
        """One POST, recorded whether it succeeds or not."""
        is_intent = intent == "SYNC"
        started = self.clock.now()
        reply, problem = HttpReply(0, (), b""), ""
        try:
            reply = await self.transport.post(
                url,
                headers,
                body,
                seconds_max=self.bounds.intent_seconds if is_intent else TOKEN_SECONDS,
                reply_max_bytes=self.bounds.reply_max_bytes if is_intent else TOKEN_REPLY_MAX_BYTES,
            )
        except HomegraphError as exc:
            problem = exc.message
            raise
        finally:
            transcript.record(
                Exchange(
                    intent=intent,
                    user_id=link.user_id,
                    url=url,
                    started_at=started,
                    took=self.clock.now() - started,
                    request_headers=dict(headers),
                    request_body=body,
                    status=reply.status,
                    response_headers=dict(reply.headers),
                    response_body=reply.body,
                    response_size=len(reply.body),
                    error=problem,
                )
            )
        return reply


def _checked(reply: HttpReply) -> bytes:
    """The body of an answer; a status that is none is an error."""
    if reply.status in _OK:
        return reply.body
    if reply.status in _SERVER_ERRORS:
        raise FulfillmentFailed(f"The fulfillment answered HTTP {reply.status}.")
    raise FulfillmentRefused(f"The fulfillment answered HTTP {reply.status}.")
