"""The public API: one call of a method, from its bytes to its answer.

The order of checks is Google's, as far as it is known, and it is visible: two mistakes in one call are answered with the one
that Google finds first. ``MethodDoor.answer_call`` is that order, step by step:

    1  path and HTTP method        a miss looks like an unknown path, never like 405 (observed)
    2  system parameters           $.xgafv before anything else, alt before the credential (measured)
    3  credential                  before the body: garbage from a stranger is 403, not 400 (observed)
    4  what the credential may do  restrictions of the key, scopes of the token, then API enabled, then suspended
    5  the project's quota         of requestSync only in async mode, which only the body tells: there it comes after step 8
    6  the form of the answer      alt=media, fields
    7  body, content type, JSON    read and unpacked within bounds, then transcoded
    8  fields
    9  the use-case                is the server stopping, is the user known, is another call in flight, and the work itself

Where the credentials stand is told in ``head``, which of them a method takes in ``service.identity``; steps 7 to 9 of each
method are in ``methods``, refusals in ``refusing``.

A call comes whole (``caller``), or by ASGI with a body that is on its way; the steps are the same.

The caller may hang up at any time. A waiting call goes on without him: one that came by ASGI runs in a task of its own, because
some servers cancel the handler of a connection that is gone. What was accepted asynchronously is durable before anybody is answered.

The rule that is easily broken: this is the hot path. One pass over the headers, no request object, no pattern, no await that
is not needed; whatever is worth doing per call is worth measuring first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

from starlette.types import Receive, Scope, Send

from homegraph.errors import HomegraphError
from homegraph.graph.model import Project
from homegraph.service.events import Refused
from homegraph.service.identity import identify, recall
from homegraph.service.keeping import Kept
from homegraph.web.exchange import (
    CallerGone,
    Headers,
    answer,
    answer_and_close,
    checked,
    read_body,
    unpacked,
)
from homegraph.web.head import Head, head_of
from homegraph.web.methods import ANSWERING, Call
from homegraph.web.refusing import answer_unknown, envelope_of, internal_error, refusal
from homegraph.web.site import Site
from homegraph.wire.api_v1 import Method
from homegraph.wire.field_mask import FieldMask, parse_field_mask
from homegraph.wire.parameters import SystemParameters, require_json_answer
from homegraph.wire.status import OK_HEADERS, Rendered

READ_AT_ONCE_MAX_BYTES: Final = 64 * 1024
"""Bodies up to this are read where they arrive: a tenth of a second at the very worst, microseconds usually. Larger ones in a thread.

The lenient parser takes a second for the worst mebibyte; who sends it has a credential, but should not have the loop.
"""

CLOSING: Final = frozenset({"BODY_TOO_LARGE", "BODY_TOO_SLOW"})
"""Refusals after which the caller may be sending still."""


class MethodDoor:
    """One method of the API."""

    def __init__(self, site: Site, method: Method) -> None:
        self._site = site
        self._house = site.house
        self._settings = site.house.settings
        self._method = method
        self._key_method = method.id if method.accepts_api_key else ""
        self._read, self._answer = ANSWERING[method.id]
        self._kept = Kept()

    @property
    def http(self) -> str:
        """The HTTP method."""
        return self._method.http

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != self._method.http:
            await answer_unknown(self._site, scope, send, "METHOD_NOT_ALLOWED_HERE")
            return
        head = head_of(scope)
        try:
            body = await self.answer_call(head, receive)
        except CallerGone:
            return
        except Exception as exc:  # noqa: BLE001  # the boundary, see _refused
            rendered = self._refused(exc, head)
            if isinstance(exc, HomegraphError) and exc.code in CLOSING:
                await answer_and_close(receive, send, rendered)
            else:
                await answer(send, rendered.http, rendered.headers, rendered.body)
        else:
            await answer(send, 200, OK_HEADERS, body)

    async def answer_whole(
        self, head: Head, body: bytes, tell: Callable[[int, Headers, bytes, bool], None]
    ) -> None:
        """Answer a call of the right HTTP method whose body is all here.

        ``tell`` takes the answer, once: status, headers, body, and whether it is the last on its connection.
        """
        try:
            answered = await self.answer_call(head, body)
        except Exception as exc:  # noqa: BLE001  # the boundary, see _refused
            rendered = self._refused(exc, head)
            is_last = isinstance(exc, HomegraphError) and exc.code in CLOSING
            tell(rendered.http, rendered.headers, rendered.body, is_last)
        else:
            tell(200, OK_HEADERS, answered, False)  # by place: this is the hot path

    async def answer_call(self, head: Head, body: bytes | Receive) -> bytes:
        """Take the call through all checks to its work; returns the body of the answer.

        Raises:
            CallRefused: the first check that failed, or what came of the work.
            CallerGone: nobody is left to be answered.
        """
        project: Project | None = None
        method = self._method
        try:
            said = head.said()
            parameters = said.parameters
            now = self._house.clock.now()
            project = recall(self._house, said.presented, now, self._key_method)
            if project is None:
                project = await identify(
                    self._house, said.presented, rpc=method.rpc, key_method=self._key_method
                )
            if method.counts == "always":
                self._house.budgets.spend_call(project, now)
            mask = None
            if parameters.fields or parameters.alt != "json":
                mask = self._answer_form(parameters)
            bytes_max = self._settings.body_max_bytes
            if isinstance(body, bytes):
                keep, body = _as_it_is, checked(body, bytes_max)
            else:
                keep, body = self._keep, await read_body(body, head.content_length, bytes_max)
            if head.content_encoding is not None:
                body = await unpacked(body, head.content_encoding, bytes_max)
            call = Call(  # by place: this is the hot path
                project,
                head.path,
                body,
                said.content_type,
                said.others,
                self._settings.lenient_form,
                parameters.pretty_print,
                mask,
                keep,
            )
            if len(body) <= READ_AT_ONCE_MAX_BYTES:
                message = self._read(call)
            else:
                message = await asyncio.to_thread(self._read, call)
            return await self._answer(self._house, call, message)
        except CallerGone:
            raise
        except HomegraphError as exc:
            project_id = project.id if project is not None else ""
            self._house.events.announce(Refused(method.id, project_id, exc.code))
            raise

    def _refused(self, error: Exception, head: Head) -> Rendered:
        """What came of a call, as its answer. A bug is answered, too, and told in the log only."""
        if isinstance(error, HomegraphError):
            return refusal(self._site, error, envelope_of(head))
        return internal_error(self._site, error, envelope_of(head))

    def _answer_form(self, parameters: SystemParameters) -> FieldMask | None:
        """How the answer is to be written. Raises CallRefused: ALT_UNSUPPORTED, FIELD_MASK_INVALID."""
        require_json_answer(parameters)
        if not parameters.fields:
            return None
        mask = parse_field_mask(parameters.fields)
        mask.check(self._method.response)
        return mask

    async def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        """Carry work out that outlives its caller."""
        await self._kept.carry_out(work, self._method.id)


def _as_it_is(work: Coroutine[Any, Any, None]) -> Coroutine[Any, Any, None]:
    """The work of a call that came whole: nobody cancels that."""
    return work
