"""Where the browser comes back to when a user has signed in at the developer's login page: ``/r/{project_id}``.

Anybody may call it, because a browser brings no token of ours; the signed state that it must bring is the protection, and
who has none learns nothing. Whoever brings one that is good is shown what arrived: he has just signed in for it.
"""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from homegraph.errors import HomegraphError
from homegraph.service import authorizing
from homegraph.service.authorizing import Linked
from homegraph.web.pages import element, page
from homegraph.web.site import Site
from homegraph.wire.status import REASONS, row_of

DEVICES_SHOWN_MAX: Final = 200
"""Devices that are named on the page; the others are counted."""


def linking_routes(site: Site) -> list[Route]:
    """The callback."""

    async def callback(request: Request) -> Response:
        try:
            linked = await authorizing.finish(
                site.house, request.path_params["project_id"], request.url.query
            )
        except HomegraphError as exc:
            return _private(failed_page(exc))
        if linked.failure is not None:
            return _private(failed_page(linked.failure))
        return _private(await _linked_page(site, linked))

    return [Route("/r/{project_id}", callback, methods=["GET"])]


async def _linked_page(site: Site, linked: Linked) -> Response:
    link = linked.link
    devices = await site.house.store.devices(
        link.project_id, link.agent_user_id, limit=DEVICES_SHOWN_MAX
    )
    names = [element("li", device.placement.name or device.id) for device in devices]
    counted = f"{len(names)} device{'' if len(names) == 1 else 's'} arrived"
    return page(
        "Account linked",
        element("p", f"{link.user_id} is linked to {link.project_id}."),
        element("h2", counted),
        element("ul", *names),
        element("p", "You can close this page."),
    )


def failed_page(error: HomegraphError) -> Response:
    """Why the account was not linked, and what to do about it."""
    code = error.code if error.code in REASONS else "INTERNAL"
    reason = REASONS[code]
    return page(
        "Could not link the account",
        element("p", element("strong", error.message)),
        element("h2", "Why"),
        element("p", reason.why),
        element("h2", "What to do"),
        element("p", reason.fix),
        element("p", element("a", code, href=f"/errors/{code}")),
        http=row_of(code).http,
    )


def _private(response: Response) -> Response:
    """What is shown to one browser once is kept by nobody."""
    response.headers["cache-control"] = "no-store"
    return response
