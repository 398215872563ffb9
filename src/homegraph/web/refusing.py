"""Refusals of the API as answers: which envelope, explained or not, as JSON or as Google's page.

Whatever is wrong with a call, the caller gets an answer that is ours. A bug becomes the row ``internal`` with an id; its text and
traceback go to the log and nowhere else.
"""

from __future__ import annotations

import logging
from typing import Final

from starlette.types import Scope, Send

from homegraph.errors import CallRefused, HomegraphError
from homegraph.service.explaining import bug_of, told_of
from homegraph.web.exchange import answer
from homegraph.web.head import Head, head_of
from homegraph.web.site import Site
from homegraph.wire.parameters import Envelope, choose_envelope, read_query
from homegraph.wire.status import Rendered, render, render_html_404

_log: Final = logging.getLogger("homegraph.web")


def refusal(site: Site, error: HomegraphError, envelope: Envelope) -> Rendered:
    """An error of ours as an answer of the API, explained unless the settings say otherwise."""
    code, facts, explain = told_of(site.house, error, site.help_base)
    return render(code, facts, envelope=envelope, explain=explain)


def internal_error(site: Site, error: Exception, envelope: Envelope) -> Rendered:
    """A bug as an answer: what happened goes to the log, the caller gets an id to ask for."""
    return refusal(site, bug_of(site.house, _log, error), envelope)


def envelope_of(head: Head) -> Envelope:
    """The format of an error for this caller. A query that cannot be read says nothing about it."""
    try:
        xgafv = read_query(head.query)[0].xgafv
    except CallRefused as exc:
        xgafv = exc.facts.get("xgafv", "")
    return choose_envelope(xgafv, head.format_version, head.api_client)


async def answer_unknown(site: Site, scope: Scope, send: Send, code: str) -> None:
    """Answer a path, or a method of a path, that does not exist: as JSON or as Google's page, by the setting ``json_404``."""
    if site.house.settings.json_404:
        rendered = refusal(site, CallRefused(code), envelope_of(head_of(scope)))
    else:
        rendered = render_html_404(scope["path"])
    await answer(send, rendered.http, rendered.headers, rendered.body)
