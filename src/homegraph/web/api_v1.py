"""The public API: one call of a method, from its bytes to its answer.

The order of checks is Google's, as far as it is known, and it is visible: two mistakes in one call are answered with the one
that Google finds first. ``MethodDoor.answer_call`` is that order, step by step:

    1  path and HTTP method        a miss looks like an unknown path, never like 405 (observed)
    2  system parameters           $.xgafv before anything else, alt before the credential (measured)
    3  credential                  before the body: garbage from a stranger is 403, not 400 (observed)
    4  what the credential may do  restrictions of the key, scopes of the token, then API enabled, then suspended
    5  the project's quota         of requestSync only in async mode, which only the body tells: there it comes after step 8
    6  the form of the answer      alt=media, fields
    7  body, content type, JSON    read within bounds, then transcoded
    8  fields
    9  the use-case                is the server stopping, is the user known, is another call in flight, and the work itself

Where the credentials stand is told in ``identity``, which of them a method takes in ``service.identity``; steps 7 to 9 of each
method are in ``methods``, refusals in ``refusing``.

The caller may hang up at any time. A waiting call goes on without him: it runs in a task of its own, because some ASGI servers
cancel the handler of a connection that is gone. What was accepted asynchronously is durable before anybody is answered.

The rule that is easily broken: this is the hot path. One pass over the headers, no request object, no pattern, no await that
is not needed; whatever is worth doing per call is worth measuring first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Final
from urllib.parse import quote

from starlette.types import Receive, Scope, Send

from homegraph.errors import HomegraphError
from homegraph.graph.model import Project
from homegraph.service.events import Refused
from homegraph.web.exchange import CallerGone, answer, answer_and_close, read_body
from homegraph.web.head import Head, read_head, text
from homegraph.web.identity import identify_caller
from homegraph.web.methods import ANSWERING, Call
from homegraph.web.refusing import answer_unknown, envelope_of, internal_error, refusal
from homegraph.web.site import Site
from homegraph.wire.api_v1 import Method
from homegraph.wire.field_mask import FieldMask, parse_field_mask
from homegraph.wire.parameters import SystemParameters, read_query, require_json_answer
from homegraph.wire.status import OK_HEADERS

CLOSING: Final = frozenset({"BODY_TOO_LARGE", "BODY_TOO_SLOW"})
"""Refusals after which the caller may be sending still."""


class MethodDoor:
    """One method of the API."""

    def __init__(self, site: Site, method: Method) -> None:
        self._site = site
        self._house = site.house
        self._settings = site.house.settings
        self._method = method
        self._answering = ANSWERING[method.id]
        self._kept: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != self._method.http:
            await answer_unknown(self._site, scope, send, "METHOD_NOT_ALLOWED_HERE")
            return
        head = read_head(scope["headers"])
        try:
            body = await self.answer_call(scope, head, receive)
        except CallerGone:
            return
        except HomegraphError as exc:
            rendered = refusal(self._site, exc, envelope_of(scope, head))
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
            project = await identify_caller(
                self._site,
                self._method,
                parameters,
                scope,
                authorization=head.authorization,
                api_key=head.api_key,
            )
            if self._method.counts == "always":
                self._house.budgets.spend_call(project, self._house.clock.now())
            mask = self._answer_form(parameters)
            body = await read_body(receive, head.content_length, self._settings.body_max_bytes)
            call = Call(
                project=project,
                path=scope.get("raw_path") or quote(scope["path"]).encode(),
                body=body,
                content_type=text(head.content_type),
                parameters=rest,
                lenient_form=self._settings.lenient_form,
                pretty=parameters.pretty_print,
                mask=mask,
                keep=self._keep,
            )
            return await self._answering(self._house, call)
        except CallerGone:
            raise
        except HomegraphError as exc:
            project_id = project.id if project is not None else ""
            self._house.events.announce(Refused(self._method.id, project_id, exc.code))
            raise

    def _answer_form(self, parameters: SystemParameters) -> FieldMask | None:
        """How the answer is to be written. Raises CallRefused: ALT_UNSUPPORTED, FIELD_MASK_INVALID."""
        require_json_answer(parameters)
        if not parameters.fields:
            return None
        mask = parse_field_mask(parameters.fields)
        mask.check(self._method.response)
        return mask

    async def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        """Carry work out in a task of its own, and wait for it as long as somebody waits for us."""
        task = asyncio.create_task(work, name=self._method.id)
        self._kept.add(task)  # the loop itself holds tasks weakly
        task.add_done_callback(self._ended)
        await asyncio.shield(task)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._kept.discard(task)
        if not task.cancelled():
            task.exception()  # of a caller who left, nobody else asks for it
