"""Intents on their way out: sends SYNC, QUERY or EXECUTE for one link and says what came back.

Owns the order of things around one intent: have a token that is good, open it, send, have another one on a 401 and send again
once, and record every exchange. Where tokens come from is ``service.refreshing``'s.

Does not know why it is asked, whether it will be asked again, or what a reply means for the device list.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from homegraph.errors import (
    FulfillmentFailed,
    FulfillmentRefused,
    HomegraphError,
    TokenRejected,
)
from homegraph.graph.model import Finding, Link, Project
from homegraph.http.reply import HttpReply
from homegraph.service.clock import Clock, Ids
from homegraph.service.recording import Post, recorded
from homegraph.service.refreshing import Landing, Refreshing
from homegraph.service.transcript import Transcript
from homegraph.service.transport import Transport
from homegraph.service.vault import Vault
from homegraph.wire.execute_intent import CommandGroup, execute_request
from homegraph.wire.intents import (
    PASSING_STATUSES,
    REQUEST_HEADERS,
    disconnect_request,
    refusal_told,
    retry_at,
    sync_request,
)
from homegraph.wire.query_intent import QueryDevice, query_request

_REPEATABLE: Final = frozenset({"SYNC", "QUERY", "DISCONNECT"})
"""Intents that may arrive twice: they only ask, or say goodbye. A command that arrives twice may do something twice."""

_OK: Final = range(200, 300)
_UNAUTHORIZED: Final = 401


@dataclass(frozen=True, slots=True)
class Bounds:
    """Seconds to wait for each intent, bytes to read of a reply."""

    sync_seconds: float
    query_seconds: float
    execute_seconds: float
    reply_max_bytes: int

    def seconds(self, intent: str) -> float:
        """How long an answer may take. What is not listed here is small talk, and has as long as QUERY."""
        match intent:
            case "SYNC":
                return self.sync_seconds
            case "EXECUTE":
                return self.execute_seconds
        return self.query_seconds


class Heard(msgspec.Struct):
    """What one link's intents brought: the body of a reply or an error, after ``took`` seconds, and what went over the wire.

    ``link`` has the tokens as they are now: a refresh on the way is in it. ``findings`` are about what the token endpoint answered.
    """

    request_id: str
    link: Link
    body: bytes | None = None
    error: HomegraphError | None = None
    took: float = 0.0
    findings: tuple[Finding, ...] = ()
    transcript: Transcript = msgspec.field(default_factory=Transcript)

    def take(self, landing: Landing) -> None:
        """Go on with the tokens that a refresh has brought."""
        self.link = landing.link
        self.findings += landing.findings


@dataclass(frozen=True, slots=True)
class Said:
    """An answer to QUERY or EXECUTE as it came, after ``took`` seconds, to the intent with this ``request_id``."""

    body: bytes
    request_id: str
    took: float


@dataclass(frozen=True, slots=True)
class Outbound:
    """Speaks with fulfillments."""

    transport: Transport
    refreshing: Refreshing
    vault: Vault
    clock: Clock
    ids: Ids
    bounds: Bounds

    async def sync(self, project: Project, heard: Heard) -> None:
        """Send SYNC with the link's token. Errors of the family are an outcome (``Heard.error``), not raised."""
        heard.request_id = self.ids.intent()
        try:
            body = sync_request(heard.request_id)
            reply = await self._authorized("SYNC", project, body, heard)
            heard.body = _checked(reply, self.clock)
        except HomegraphError as exc:
            heard.error = exc

    async def query(self, project: Project, heard: Heard, devices: Sequence[QueryDevice]) -> Said:
        """Send QUERY with the link's token; the exchange joins the transcript.

        Raises:
            FulfillmentError, TokenError: no answer.
        """
        request_id = self.ids.intent()
        body = query_request(request_id, devices)
        reply = await self._authorized("QUERY", project, body, heard)
        return Said(_checked(reply, self.clock), request_id, heard.took)

    async def execute(
        self,
        project: Project,
        heard: Heard,
        groups: Sequence[CommandGroup],
        command: str,
        challenge: Mapping[str, Any] | None,
    ) -> Said:
        """Send EXECUTE with the link's token; the exchange joins the transcript, without the PIN.

        Raises:
            FulfillmentError, TokenError: no answer. What became of the command is not known then.
        """
        pin = None if challenge is None else challenge.get("pin")
        if isinstance(pin, str):
            heard.transcript.hide(pin)
            heard.transcript.hide_member("pin", pin)
        request_id = self.ids.intent()
        body = execute_request(request_id, groups, command, challenge)
        reply = await self._authorized("EXECUTE", project, body, heard)
        return Said(_checked(reply, self.clock), request_id, heard.took)

    async def disconnect(self, project: Project, heard: Heard) -> None:
        """Send DISCONNECT with the link's token; the exchange joins the transcript. What is answered is not looked at.

        Raises:
            FulfillmentError, TokenError: no answer.
        """
        body = disconnect_request(self.ids.intent())
        _checked(await self._authorized("DISCONNECT", project, body, heard), self.clock)

    async def _authorized(
        self, intent: str, project: Project, body: bytes, heard: Heard
    ) -> HttpReply:
        """Send an intent; on a 401 send it again, once, with another token."""
        if landing := await self.refreshing.ready(project, heard.link, heard.transcript):
            heard.take(landing)
        reply = await self._intent(intent, project, body, heard)
        if reply.status != _UNAUTHORIZED:
            return reply
        heard.take(await self.refreshing.renewed(project, heard.link, heard.transcript))
        reply = await self._intent(intent, project, body, heard)
        if reply.status == _UNAUTHORIZED:
            raise TokenRejected
        return reply

    async def _intent(self, intent: str, project: Project, body: bytes, heard: Heard) -> HttpReply:
        link = heard.link
        access = self.vault.open(link.tokens.sealed_access, link.project_id, link.user_id, "access")
        heard.transcript.hide(access)
        headers = (*REQUEST_HEADERS, ("authorization", f"Bearer {access}"))
        bounds = self.bounds
        post = Post(
            intent,
            project,
            link.user_id,
            project.fulfillment_url,
            headers,
            body,
            bounds.seconds(intent),
            bounds.reply_max_bytes,
            repeatable=intent in _REPEATABLE,
        )
        reply, heard.took = await recorded(self.transport, self.clock, heard.transcript, post)
        return reply


def _checked(reply: HttpReply, clock: Clock) -> bytes:
    """The body of an answer; a status that is none is an error."""
    if reply.status in _OK:
        return reply.body
    told = refusal_told(reply.status, reply.headers)
    if reply.status in PASSING_STATUSES:
        failed = FulfillmentFailed(told)
        failed.retry_at = retry_at(reply.headers, clock.now())
        raise failed
    raise FulfillmentRefused(told)
