"""The public API: one call of a method, from its bytes to its answer.

The order of checks is Google's, as far as it is known, and it is visible: two mistakes in one call are answered with the one
that Google finds first. ``RequestSyncDoor.answer_call`` is that order, step by step:

    1  path and HTTP method        a miss looks like an unknown path, never like 405 (observed)
    2  system parameters           $.xgafv before anything else, alt before the credential (measured)
    3  credential                  before the body: garbage from a stranger is 403, not 400 (observed)
    4  what the credential may do  restrictions of the key, then API enabled, then suspended
    5  the form of the answer      alt=media, fields
    6  body, content type, JSON    read within bounds, then transcoded
    7  fields
    8  the use-case                is the server stopping, is the user known, is another call in flight, and the work itself

Credentials: an access token decides when there is one, whether it comes in the Authorization header or in the URL; else the
key in the URL, else the key in X-Goog-Api-Key. The URL wins over the header because what a developer pasted there is what
he looks at. No access token is issued by this server yet, so every token is unknown.

The caller may hang up at any time. A waiting call goes on without him: it runs in a task of its own, because some ASGI servers
cancel the handler of a connection that is gone. What was accepted asynchronously is durable before anybody is answered.

The rule that is easily broken: this is the hot path. One pass over the headers, no request object, no pattern, no await that
is not needed; whatever is worth doing per call is worth measuring first.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Mapping
from typing import Any, Final

import msgspec
from starlette.types import Receive, Scope, Send

from homegraph.errors import CallRefused, HomegraphError
from homegraph.graph.model import Project
from homegraph.service.events import SyncRefused
from homegraph.service.requesting import request_sync
from homegraph.web.exchange import CallerGone, answer, answer_and_close, read_body
from homegraph.web.site import Site
from homegraph.wire.api_v1 import METHODS, RequestSync, read_request_sync
from homegraph.wire.field_mask import FieldMask, parse_field_mask
from homegraph.wire.parameters import (
    Envelope,
    SystemParameters,
    choose_envelope,
    read_query,
    require_json_answer,
)
from homegraph.wire.status import (
    OK_HEADERS,
    REASONS,
    Explanation,
    Rendered,
    render,
    render_html_404,
    render_success,
)

REQUEST_SYNC: Final = METHODS["/v1/devices:requestSync"]
KEY_METHOD: Final = "devices.requestSync"
"""The method's name in the restrictions of an API key."""

CLOSING: Final = frozenset({"BODY_TOO_LARGE", "BODY_TOO_SLOW"})
"""Refusals after which the caller may be sending still."""

_EMPTY: Final[dict[str, Any]] = {}

_log: Final = logging.getLogger("homegraph.web")


class Head(msgspec.Struct, frozen=True, gc=False):
    """The headers that mean something to the API, as they came; None where there is none."""

    content_type: bytes | None = None
    content_length: bytes | None = None
    authorization: bytes | None = None
    api_key: bytes | None = None
    api_client: bytes | None = None
    format_version: bytes | None = None


_MEANT: Final[Mapping[bytes, str]] = {
    b"content-type": "content_type",
    b"content-length": "content_length",
    b"authorization": "authorization",
    b"x-goog-api-key": "api_key",
    b"x-goog-api-client": "api_client",
    b"x-goog-api-format-version": "format_version",
}


def read_head(headers: list[tuple[bytes, bytes]]) -> Head:
    """Pick the headers that matter; of a repeated one the first counts."""
    found: dict[str, bytes] = {}
    for name, value in headers:
        member = _MEANT.get(name)
        if member is not None and member not in found:
            found[member] = value
    return Head(**found)


class RequestSyncDoor:
    """``POST /v1/devices:requestSync``."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._house = site.house
        self._settings = site.house.settings
        self._waiting: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != REQUEST_SYNC.http:
            await answer_unknown(self._site, scope, send, "METHOD_NOT_ALLOWED_HERE")
            return
        head = read_head(scope["headers"])
        try:
            body = await self.answer_call(scope, head, receive)
        except CallerGone:
            return
        except HomegraphError as exc:
            rendered = self._refusal(exc, scope, head)
            if exc.code in CLOSING:
                await answer_and_close(receive, send, rendered)
                return
        except Exception as exc:  # noqa: BLE001  # the boundary: a bug is answered, and told in the log only
            rendered = internal_error(self._site, exc, envelope_of(scope, head))
        else:
            await answer(send, 200, OK_HEADERS, body)
            return
        await answer(send, rendered.http, rendered.headers, rendered.body)

    async def answer_call(self, scope: Scope, head: Head, receive: Receive) -> bytes:
        """Take the call through all checks to its work; returns the body of the answer.

        Raises:
            CallRefused: the first check that failed, or what came of the work.
            CallerGone: nobody is left to be answered.
        """
        project: Project | None = None
        try:
            parameters, rest = read_query(scope["query_string"])
            project = await self._identify(parameters, head, scope)
            mask = _answer_form(parameters)
            body = await read_body(receive, head.content_length, self._settings.body_max_bytes)
            message = read_request_sync(
                body, _text(head.content_type), rest, lenient_form=self._settings.lenient_form
            )
        except HomegraphError as exc:
            if not isinstance(exc, CallerGone):
                project_id = project.id if project is not None else ""
                self._house.events.announce(SyncRefused(project_id, "", exc.code))
            raise
        await self._carry_out(project, message)
        return render_success(_EMPTY, pretty=parameters.pretty_print, fields=mask)

    async def _identify(self, parameters: SystemParameters, head: Head, scope: Scope) -> Project:
        """The project that calls, by whatever credential there is."""
        if parameters.access_token or (head.authorization and head.authorization.strip()):
            raise CallRefused("ACCESS_TOKEN_UNKNOWN")
        key = parameters.key or _text(head.api_key) or ""
        if not key:
            raise CallRefused("CREDENTIAL_MISSING")
        if not self._settings.accept_api_keys:
            raise CallRefused("API_KEY_NOT_ACCEPTED")
        client = scope.get("client")
        return await self._house.credentials.identify_key(
            key, method=KEY_METHOD, address=client[0] if client else ""
        )

    async def _carry_out(self, project: Project, message: RequestSync) -> None:
        """Ask for the sync; a caller who waits for it may leave, the work goes on."""
        call = request_sync(self._house, project, message)
        if message.async_:
            await call
        else:
            await asyncio.shield(self._keep(call))

    def _keep(self, call: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(call, name="requestSync")
        self._waiting.add(task)  # the loop itself holds tasks weakly
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._waiting.discard(task)
        if not task.cancelled():
            task.exception()  # of a caller who left, nobody else asks for it

    def _refusal(self, error: HomegraphError, scope: Scope, head: Head) -> Rendered:
        """The answer to a call that failed in a way that we can explain."""
        facts: dict[str, Any] = error.facts if isinstance(error, CallRefused) else {}
        return refusal(self._site, error, facts, envelope_of(scope, head))


def _answer_form(parameters: SystemParameters) -> FieldMask | None:
    """How the answer is to be written. Raises CallRefused: ALT_UNSUPPORTED, FIELD_MASK_INVALID."""
    require_json_answer(parameters)
    if not parameters.fields:
        return None
    mask = parse_field_mask(parameters.fields)
    mask.check(REQUEST_SYNC.response)
    return mask


def refusal(
    site: Site, error: HomegraphError, facts: Mapping[str, Any], envelope: Envelope
) -> Rendered:
    """An error of ours as an answer of the API, explained unless the settings say otherwise."""
    code = error.code if error.code in REASONS else "INTERNAL"
    explain = None
    if site.house.settings.explain:
        reasons = (code, *facts.get("also", ()))
        explain = Explanation(reasons, site.help_base, facts.get("metadata", {}))
    return render(code, facts, envelope=envelope, explain=explain)


def internal_error(site: Site, error: Exception, envelope: Envelope) -> Rendered:
    """A bug as an answer: what happened goes to the log, the caller gets an id to ask for."""
    request_id = site.house.ids.short()
    _log.error("internal error, request %s", request_id, exc_info=error)
    facts = {"metadata": {"requestId": request_id}}
    return refusal(site, HomegraphError(), facts, envelope)


def envelope_of(scope: Scope, head: Head) -> Envelope:
    """The format of an error for this caller. A query that cannot be read says nothing about it."""
    try:
        xgafv = read_query(scope["query_string"])[0].xgafv
    except CallRefused as exc:
        xgafv = exc.facts.get("xgafv", "")
    return choose_envelope(xgafv, head.format_version, head.api_client)


async def answer_unknown(site: Site, scope: Scope, send: Send, code: str) -> None:
    """Answer a path, or a method of a path, that does not exist: as JSON or as Google's page, by the setting ``json_404``."""
    if site.house.settings.json_404:
        head = read_head(scope["headers"])
        rendered = refusal(site, CallRefused(code), {}, envelope_of(scope, head))
    else:
        rendered = render_html_404(scope["path"])
    await answer(send, rendered.http, rendered.headers, rendered.body)


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("latin-1").strip()
