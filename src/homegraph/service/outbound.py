"""Intents on their way out: sends SYNC, QUERY or EXECUTE for one link and says what came back.

Owns the order of things around one intent: open the token, send, refresh the token once on a 401 and send again, and
record every exchange. A rotated refresh token is durable before the new access token is used: a crash in between must not
leave us with a token that the other side has dropped.

Does not know why it is asked, whether it will be asked again, or what a reply means for the device list.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

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
from homegraph.wire.execute_intent import ExecuteReply, execute_request, read_execute_reply
from homegraph.wire.intents import REQUEST_HEADERS, SyncReply, read_sync_reply, sync_request
from homegraph.wire.oauth import read_token_reply, refresh_request
from homegraph.wire.query_intent import QueryDevice, QueryReply, query_request, read_query_reply

TOKEN_SECONDS: Final = 10.0
"""For one call of a token endpoint: it does no work worth waiting longer for."""

TOKEN_REPLY_MAX_BYTES: Final = 64 * 1024

REFRESH: Final = "token refresh"

_OK: Final = range(200, 300)
_UNAUTHORIZED: Final = 401
_SERVER_ERRORS: Final = range(500, 600)


@dataclass(frozen=True, slots=True)
class Bounds:
    """Seconds to wait for each intent, bytes to read of a reply."""

    sync_seconds: float
    query_seconds: float
    reply_max_bytes: int


@dataclass(slots=True)
class Heard:
    """What one link's intents brought: a reply or an error, after ``took`` seconds, and what went over the wire.

    ``link`` has the tokens as they are now: a refresh on the way is in it.
    """

    request_id: str
    link: Link
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
        heard = Heard(self.ids.intent(), link)
        try:
            body = sync_request(heard.request_id)
            reply = await self._authorized("SYNC", project, body, heard)
            heard.reply = read_sync_reply(_checked(reply))
        except HomegraphError as exc:
            heard.error = exc
        return heard

    async def query(
        self, project: Project, heard: Heard, devices: Sequence[QueryDevice]
    ) -> QueryReply:
        """Send QUERY after a SYNC of the same link; the exchange joins its transcript.

        Raises:
            FulfillmentError, TokenError: no usable answer.
        """
        body = query_request(self.ids.intent(), devices)
        reply = await self._authorized("QUERY", project, body, heard)
        return read_query_reply(_checked(reply))

    async def execute(  # an intent has these parts
        self,
        project: Project,
        heard: Heard,
        devices: Sequence[QueryDevice],
        command: str,
        params: Mapping[str, Any],
        challenge: Mapping[str, Any] | None,
    ) -> ExecuteReply:
        """Send EXECUTE with the link's token; the exchange joins the transcript, without the PIN.

        Raises:
            FulfillmentError, TokenError: no usable answer. What became of the command is not known then.
        """
        pin = None if challenge is None else challenge.get("pin")
        if isinstance(pin, str):
            heard.transcript.hide(pin)
        body = execute_request(self.ids.intent(), devices, command, params, challenge)
        reply = await self._authorized("EXECUTE", project, body, heard)
        return read_execute_reply(_checked(reply))

    async def _authorized(
        self, intent: str, project: Project, body: bytes, heard: Heard
    ) -> HttpReply:
        """Send an intent; on a 401 refresh the token once and send it again."""
        reply = await self._intent(intent, project, body, heard)
        if reply.status != _UNAUTHORIZED:
            return reply
        await self._refresh(project, heard)
        reply = await self._intent(intent, project, body, heard)
        if reply.status == _UNAUTHORIZED:
            raise TokenRejected
        return reply

    async def _intent(self, intent: str, project: Project, body: bytes, heard: Heard) -> HttpReply:
        link = heard.link
        access = self.vault.open(link.tokens.sealed_access, link.project_id, link.user_id, "access")
        heard.transcript.hide(access)
        headers = (*REQUEST_HEADERS, ("authorization", f"Bearer {access}"))
        started = self.clock.now()
        try:
            return await self._exchange(intent, project.fulfillment_url, headers, body, heard)
        finally:
            heard.took = self.clock.now() - started

    async def _refresh(self, project: Project, heard: Heard) -> None:
        """Get a new access token. It is stored, with its refresh token, before anybody uses it."""
        link, oauth = heard.link, project.oauth
        place = (link.project_id, link.user_id)
        refresh = self.vault.open(link.tokens.sealed_refresh, *place, "refresh")
        if not refresh or not oauth.token_url:
            raise TokenRejected(
                "The fulfillment answered 401, and there is no refresh token or token_url to get another token with.",
                hint="Give the link a valid access_token, or a refresh_token and the project a token_url.",
            )
        secret = self.vault.open(oauth.sealed_secret, project.id, "client_secret")
        heard.transcript.hide(refresh, secret)
        headers, body = refresh_request(
            refresh, client_id=oauth.client_id, client_secret=secret, client_auth=oauth.client_auth
        )
        try:
            reply = await self._exchange(REFRESH, oauth.token_url, headers, body, heard)
        except FulfillmentError as exc:
            raise TokenEndpointFailed(f"The token endpoint gave no answer. {exc.message}") from exc
        answer = read_token_reply(reply.status, reply.body)
        heard.transcript.hide(answer.access_token, answer.refresh_token)
        now = self.clock.now()
        tokens = Tokens(
            sealed_access=self.vault.seal(answer.access_token, *place, "access"),
            sealed_refresh=self.vault.seal(answer.refresh_token or refresh, *place, "refresh"),
            expires_at=now + answer.expires_in if answer.expires_in else None,
        )
        await self.store.save_tokens(*place, tokens, now)
        heard.link = replace(link, tokens=tokens)

    async def _exchange(
        self, intent: str, url: str, headers: Headers, body: bytes, heard: Heard
    ) -> HttpReply:
        """One POST, recorded whether it succeeds or not."""
        seconds_max, reply_max_bytes = self._bounds(intent)
        started = self.clock.now()
        reply, problem = HttpReply(0, (), b""), ""
        try:
            reply = await self.transport.post(
                url, headers, body, seconds_max=seconds_max, reply_max_bytes=reply_max_bytes
            )
        except HomegraphError as exc:
            problem = exc.message
            raise
        finally:
            heard.transcript.record(
                Exchange(
                    intent=intent,
                    user_id=heard.link.user_id,
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

    def _bounds(self, intent: str) -> tuple[float, int]:
        if intent == REFRESH:
            return TOKEN_SECONDS, TOKEN_REPLY_MAX_BYTES
        bounds = self.bounds
        seconds = bounds.sync_seconds if intent == "SYNC" else bounds.query_seconds
        return seconds, bounds.reply_max_bytes


def _checked(reply: HttpReply) -> bytes:
    """The body of an answer; a status that is none is an error."""
    if reply.status in _OK:
        return reply.body
    if reply.status in _SERVER_ERRORS:
        raise FulfillmentFailed(f"The fulfillment answered HTTP {reply.status}.")
    raise FulfillmentRefused(f"The fulfillment answered HTTP {reply.status}.")
