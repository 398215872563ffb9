"""Pages and probes that anybody may ask for: is the server alive, is it ready, and what does an error mean.

``/livez`` tells that the process and its loop are alive and looks at nothing else, so that a slow database does not get a
healthy process killed. ``/readyz`` tells whether calls can be served; its first line is for people who read it in a log.
``/errors/CODE`` is where the Help link of an error leads: the same texts as in ``wire.reasons``, as a page and, with
``.json`` behind the code, for programs.

The rules that are easily broken: these pages need no token, so they tell nothing about projects, users or devices. And links from page
to page are relative, because a proxy may show all of this below a path of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router
from starlette.types import Receive, Scope, Send

from homegraph import __version__
from homegraph.service.doctor import readiness
from homegraph.service.views.server import Check
from homegraph.web.discovery import discovery_routes
from homegraph.web.exchange import answer
from homegraph.web.link_page import page_routes
from homegraph.web.linking import callback_routes
from homegraph.web.pages import HEADERS, NAME, Html, element, page, prose, texts
from homegraph.web.site import Site
from homegraph.wire.status import REASONS, Reason, render_html_404, row_of

NOT_READY: Final = row_of("SERVER_STOPPING")
ABSENT: Final = row_of("NOT_FOUND").http

_PROBE_HEADERS: Final = {"cache-control": "no-store", "x-content-type-options": "nosniff"}


def ops_router(site: Site) -> Router:
    """The routes; every other path is answered with Google's page for it."""

    async def readyz(request: Request) -> Response:
        checks = await readiness(site.house)
        verbose = "verbose" in request.query_params
        ready = all(check.ok for check in checks)
        return Response(
            ready_text(checks, verbose=verbose),
            200 if ready else NOT_READY.http,
            _PROBE_HEADERS if ready else {**_PROBE_HEADERS, **texts(NOT_READY.headers)},
            media_type="text/plain",
        )

    async def root(_request: Request) -> Response:
        return root_page(site)

    return Router(
        [
            Route("/", root),
            Route("/livez", livez),
            Route("/readyz", readyz),
            Route("/errors/", error_index),
            Route("/errors/{code}", error_page),
            *discovery_routes(site),
            *page_routes(site),
            *callback_routes(site),
        ],
        redirect_slashes=False,
        default=_unknown,
    )


async def livez(_request: Request) -> Response:
    """Answer at all."""
    return Response("ok\n", headers=_PROBE_HEADERS, media_type="text/plain")


def ready_text(checks: Sequence[Check], *, verbose: bool) -> str:
    """What ``/readyz`` says: one line, and with ``verbose`` one more for each check."""
    failed = [check.name for check in checks if not check.ok]
    lines = [f"not ready: {', '.join(failed)}" if failed else "ok"]
    if verbose:
        lines += [f"[{'+' if check.ok else '-'}] {check.name}: {check.detail}" for check in checks]
    return "\n".join(lines) + "\n"


def root_page(site: Site) -> Response:
    """What this is, for somebody who opens the address in a browser."""
    call = (
        f"curl -X POST '{site.url}/v1/devices:requestSync?key=API_KEY' \\\n"
        "  -H 'Content-Type: application/json' -d '{\"agentUserId\": \"USER\"}'"
    )
    return page(
        NAME,
        element(
            "p",
            "This is a Home Graph: it keeps the devices of linked accounts, and asks their fulfillments again when "
            "Request Sync is called.",
        ),
        element("h2", "Request Sync"),
        element("pre", element("code", call)),
        element("h2", "See also"),
        element(
            "ul",
            element("li", element("a", "Is it ready?", href="readyz?verbose")),
            element("li", element("a", "What every error means", href="errors/")),
        ),
        element("p", "On this machine: ", element("code", "homegraph status"), "."),
        element("p", f"Version {__version__}"),
    )


async def error_index(_request: Request) -> Response:
    """All reasons, in the order of the table."""
    items = [
        element("li", element("a", code, href=code), f" {reason.title}")
        for code, reason in REASONS.items()
    ]
    return page("What every error means", element("ul", *items))


async def error_page(request: Request) -> Response:
    """One reason: what happened, why, and what to do; for programs with ``.json`` behind the code."""
    asked: str = request.path_params["code"]
    code = asked.removesuffix(".json")
    reason = REASONS.get(code)
    if asked != code:
        document = (
            {"error": f"There is no reason {code!r}."} if reason is None else described(reason)
        )
        return Response(
            msgspec.json.encode(document) + b"\n",
            ABSENT if reason is None else 200,
            HEADERS,
            media_type="application/json",
        )
    if reason is None:
        index = element("a", "all of them", href="./")
        return page(
            "No such error",
            element("p", f"There is no reason {code!r}. See ", index, "."),
            http=ABSENT,
        )
    return page(code, *_explained(reason))


def described(reason: Reason) -> dict[str, Any]:
    """A reason for programs."""
    row = row_of(reason.code)
    return {
        "code": reason.code,
        "title": reason.title,
        "why": reason.why,
        "fix": reason.fix,
        "retryable": reason.retryable,
        "http": row.http,
        "status": row.status,
        "google_log": list(reason.google_log),
    }


def _explained(reason: Reason) -> list[Html]:
    row = row_of(reason.code)
    again = (
        "The same call may succeed later by itself."
        if reason.retryable
        else "The same call will fail again until something is changed."
    )
    return [
        element("p", element("strong", reason.title)),
        element("h2", "Why"),
        prose(reason.why),
        element("h2", "What to do"),
        prose(reason.fix),
        element("h2", "Answered with"),
        element("p", element("code", f"{row.http} {row.status}"), f" {again}"),
        *_logged(reason),
        element("p", element("a", "All errors", href="./")),
    ]


def _logged(reason: Reason) -> Iterator[Html]:
    if reason.google_log:
        words = " or ".join(reason.google_log)
        yield element("p", "Google's own log says ", element("code", words), ".")


async def _unknown(scope: Scope, _receive: Receive, send: Send) -> None:
    rendered = render_html_404(scope["path"])
    await answer(send, rendered.http, rendered.headers, rendered.body)
