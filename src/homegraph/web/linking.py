"""Where the browser comes back to when a user has signed in at the developer's login page: ``/r/{project_id}``, and what it is shown.

Anybody may call it, because a browser brings no token of ours; the signed state that it must bring is the protection, and
who has none learns nothing. Whoever brings one that is good is shown what arrived: he has just signed in for it.

In the implicit flow the token stands in the fragment of the address, which no browser sends: a page with a few lines of script
posts it here. Where scripts are switched off, the address can be carried here by hand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from homegraph.errors import HomegraphError, LinkingRefused, StoreUnavailable
from homegraph.graph.checks.rule import SEVERITIES
from homegraph.graph.model import Finding
from homegraph.service import authorizing, linkings
from homegraph.service.authorizing import Came, Linked
from homegraph.service.linkings import WAIT_SECONDS_MAX, WhichLinking
from homegraph.web.exchange import CallerGone, read_body
from homegraph.web.guard import admit_form
from homegraph.web.pages import HEADERS, Html, element, headers_of, page, prose, texts
from homegraph.web.site import Site
from homegraph.wire.authorization import IMPLICIT_FLOW
from homegraph.wire.status import REASONS, row_of

REMARKS_MAX: Final = 20
"""Findings that are told on the page; the run has all of them."""

FRAGMENT_BYTES_MAX: Final = 16_384
"""Of what a login page of the implicit flow gives: a state, a token and its kind."""

FRAGMENT_SCRIPT: Final = """
const sent = location.hash.slice(1);
history.replaceState(null, "", location.pathname);
const form = document.createElement("form");
form.method = "post";
for (const [name, value] of new URLSearchParams(sent)) {
  const field = document.createElement("input");
  field.type = "hidden"; field.name = name; field.value = value;
  form.append(field);
}
document.body.append(form);
form.submit();
"""
"""Sends the fragment as a form, and takes the token out of the address and the browser's history."""

_SHOWS: Final = element("code", "homegraph links show")


def callback_routes(site: Site) -> list[Route]:
    """The callback, and its fragment."""

    async def callback(request: Request) -> Response:
        if request.method == "HEAD":
            # Somebody looks whether there is a page; a state is good for more than that.
            return private(Response())
        query = request.url.query
        if not query and (shown := await _without_query(site, request.path_params["project_id"])):
            return private(shown)
        return await _finished(request, query)

    async def fragment(request: Request) -> Response:
        try:
            admit_form(request.headers)
            body = await read_body(request.receive, None, FRAGMENT_BYTES_MAX)
        except CallerGone:
            return Response()
        except HomegraphError as exc:
            return private(failed_page(exc))
        return await _finished(request, body.decode("latin-1"))

    async def _finished(request: Request, query: str) -> Response:
        project_id = request.path_params["project_id"]
        try:
            came = Came(query, request.cookies)
            linked = await authorizing.finish(site.house, project_id, came)
        except HomegraphError as exc:
            return private(failed_page(exc, again=page_of(site, project_id)))
        if linked.failure is not None:
            again = page_of(site, project_id, linked.link.user_id)
            return private(failed_page(linked.failure, again=again))
        return private(await _linked_page(site, linked))

    return [
        Route("/r/{project_id}", callback, methods=["GET"]),
        Route("/r/{project_id}", fragment, methods=["POST"]),
    ]


# --- the implicit flow -------------------------------------------------------------------------------------------------


async def _without_query(site: Site, project_id: str) -> Response | None:
    """What is shown to who brings nothing that a server gets to see; None where that is a mistake."""
    try:
        project = await site.house.store.find_project(project_id)
    except StoreUnavailable as exc:
        return failed_page(exc)
    is_implicit = project is not None and project.policy.oauth_flow == IMPLICIT_FLOW
    return _fragment_page() if is_implicit else None


def _fragment_page() -> Response:
    """What the login page gives stands in the fragment, which browsers keep to themselves: a script has to send it."""
    return page(
        "One moment",
        element(
            "noscript",
            element(
                "p",
                "This login page hands out a token that only a script could send on, and scripts are switched off here. Copy the "
                "address of this page and give it to ",
                element("code", "homegraph link PROJECT --paste -"),
                ".",
            ),
        ),
        element("script", Html(FRAGMENT_SCRIPT)),
        headers=headers_of("'self'", "same-origin", script=FRAGMENT_SCRIPT),
    )


# --- the end -----------------------------------------------------------------------------------------------------------


async def _linked_page(site: Site, linked: Linked) -> Response:
    """What arrived. An account that turns out to be another one than before is asked again, which is waited for."""
    link = linked.link
    which = WhichLinking(link.project_id, linked.linking_id, WAIT_SECONDS_MAX)
    done = element("p", f"{link.user_id} is linked to {link.project_id}.")
    try:
        found = await linkings.show(site.house, which)
    except StoreUnavailable:
        later = "The database does not answer just now. What has arrived is told by "
        return page("Account linked", done, element("p", later, _SHOWS, "."))
    if found.reason:
        again = page_of(site, link.project_id, link.user_id)
        return failed_page(LinkingRefused(found.reason, found.message), again=again)
    names = [element("li", device.name) for device in found.devices]
    counted = f"{len(names)} device{'' if len(names) == 1 else 's'} arrived"
    return page(
        "Account linked",
        done,
        element("h2", counted),
        element("ul", *names),
        *_remarks(found.findings, {one.id: one.name for one in found.devices}),
        element("p", "You can close this page."),
    )


def _remarks(findings: Sequence[Finding], names: Mapping[str, str]) -> list[Html]:
    """What Google would not take, or what will not go well for long; of which device, by its name where it has arrived."""
    if not findings:
        return []
    gravest = sorted(findings, key=lambda one: SEVERITIES.index(one.severity))
    items = [
        element(
            "li",
            element("strong", f"{one.severity}: "),
            f"{names.get(one.device_id, one.device_id)}: " if one.device_id else "",
            f"{one.what} {one.fix}",
        )
        for one in gravest[:REMARKS_MAX]
    ]
    if len(findings) > REMARKS_MAX:
        items.append(element("li", f"and {len(findings) - REMARKS_MAX} more, in the run."))
    return [element("h2", "What the developer should mend"), element("ul", *items)]


def failed_page(error: HomegraphError, *, again: str = "") -> Response:
    """Why the account was not linked, and what to do about it; ``again`` is where it can be tried again."""
    code = error.code if error.code in REASONS else "INTERNAL"
    reason, row = REASONS[code], row_of(code)
    retry: list[Html] = [element("p", element("a", "Start again", href=again))] if again else []
    return page(
        "Could not link the account",
        element("p", element("strong", error.message)),
        element("h2", "Why"),
        prose(reason.why),
        element("h2", "What to do"),
        prose(error.hint or reason.fix),
        *retry,
        element("p", element("a", "About ", element("code", code), href=f"../errors/{code}")),
        http=row.http,
        headers={**HEADERS, **texts(row.headers)},
    )


def private(response: Response) -> Response:
    """What is shown to one browser once is kept by nobody."""
    response.headers["cache-control"] = "no-store"
    return response


def page_of(site: Site, project_id: str, user_id: str = "") -> str:
    """Where a linking can be started again, as seen from ``/link/…`` and ``/r/…``; empty when there is no page for it."""
    if not site.house.settings.has_link_page:
        return ""
    query = f"?user={quote(user_id, safe='')}" if user_id else ""
    return f"../link/{quote(project_id, safe='')}{query}"
