"""The page that links an account: ``/link/{project_id}`` asks whose account it is and sends the browser to the login page.

It asks for no token, because a person with a browser has none: it is there while the server listens on this machine only, or when
``link_page`` says so; it answers to the server's own names only, and takes its own form only (``guard``). A linking that begins here is
bound to this browser by a cookie, so that its state is no use to somebody who has read it.

The rule that is easily broken: a cookie belongs to a host name. The page must be under the same one as the redirect URI, so that
the browser has the cookie when it comes back; for loopback names, which people mix, the page sees to it.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import parse_qs, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from homegraph.errors import AdminRefused, HomegraphError, SettingsError
from homegraph.graph.model import Project
from homegraph.service import authorizing
from homegraph.service.authorizing import Begun
from homegraph.service.linkings import USER_CHARS_MAX
from homegraph.settings.server import LOOPBACK_NAMES
from homegraph.web.exchange import CallerGone, read_body
from homegraph.web.guard import admit_form, admit_host, host_of, is_ours
from homegraph.web.linking import failed_page, page_of, private
from homegraph.web.pages import FORM_HEADERS, Html, element, page
from homegraph.web.site import Site
from homegraph.wire.authorization import LOCALE, STATE_SECONDS
from homegraph.wire.status import REASONS

FORM_BYTES_MAX: Final = 4_096
"""A form with one name, each of whose characters may take twelve bytes."""

FIELDS_MAX: Final = 10

SEE_OTHER: Final = 303

_LANGUAGE: Final = re.compile(r"\s*([A-Za-z0-9]{1,8}(?:-[A-Za-z0-9]{1,8}){0,3})\s*(?:[,;]|\Z)")
_COOKIE_PATH: Final = re.compile(r"/[A-Za-z0-9._~/%-]*")


class PageClosed(AdminRefused):
    """The page that links accounts is not shown on this server."""

    code, hint = "LINK_PAGE_CLOSED", REASONS["LINK_PAGE_CLOSED"].fix


def page_routes(site: Site) -> list[Route]:
    """The page and its form."""

    async def link_page(request: Request) -> Response:
        project_id = request.path_params["project_id"]
        try:
            project = await _admitted(site, request, project_id)
        except HomegraphError as exc:
            return private(failed_page(exc))
        if elsewhere := _same_name(request, project, site.url):
            return private(RedirectResponse(elsewhere, SEE_OTHER))
        user_id = request.query_params.get("user", "")
        return private(_form_page(project_id, user_id, _elsewhere(site, project)))

    async def start(request: Request) -> Response:
        project_id = request.path_params["project_id"]
        try:
            await _admitted(site, request, project_id)
            admit_form(request.headers)
            user_id = await _user_of(request)
            begun = await authorizing.begin(
                site.house,
                project_id,
                user_id,
                site_url=site.url,
                locale=_language(request.headers.get("accept-language", "")),
                bound=True,
            )
        except CallerGone:
            return Response()
        except HomegraphError as exc:
            return private(failed_page(exc, again=page_of(site, project_id)))
        return private(_to_login(begun))

    return [
        Route("/link/{project_id}", link_page, methods=["GET"]),
        Route("/link/{project_id}", start, methods=["POST"]),
    ]


async def _admitted(site: Site, request: Request, project_id: str) -> Project:
    """The project whose accounts may be linked from here. Raises what its page is refused with."""
    admit_host(site, request.headers.get("host", "").encode("latin-1"))
    if not site.house.settings.has_link_page:
        raise PageClosed(REASONS[PageClosed.code].title)
    return await authorizing.linkable(site.house, project_id)


def _same_name(request: Request, project: Project, site_url: str) -> str:
    """The page's address under the loopback name that the browser will come back to; empty when it has that already."""
    parts = urlsplit(authorizing.redirect_uri(project.oauth, project.id, site_url))
    host = host_of(request.headers.get("host", "").encode("latin-1"))
    if host == parts.hostname or not {host, parts.hostname} <= LOOPBACK_NAMES:
        return ""
    path = urlsplit(site_url).path + request.url.path
    return parts._replace(path=path, query=request.url.query, fragment="").geturl()


def _elsewhere(site: Site, project: Project) -> str:
    """Where the login page sends the browser, if that is not a name of this server; else empty."""
    uri = authorizing.redirect_uri(project.oauth, project.id, site.url)
    return "" if is_ours(site, urlsplit(uri).hostname or "") else uri


def _form_page(project_id: str, user_id: str, elsewhere: str) -> Response:
    name = element(
        "input",
        name="user",
        value=user_id,
        maxlength=str(USER_CHARS_MAX),
        required="",
        autofocus="",
    )
    return page(
        f"Link an account of {project_id}",
        element(
            "p",
            f"You are sent to the login page of {project_id}. When you have signed in there, your devices arrive here.",
        ),
        element(
            "form",
            element("p", element("label", "Your name here ", name)),
            element("p", element("button", "Go to the login page")),
            method="post",
        ),
        *([_by_hand(project_id, elsewhere)] if elsewhere else []),
        headers=FORM_HEADERS,
    )


def _by_hand(project_id: str, elsewhere: str) -> Html:
    """What to do when the browser does not come back here."""
    return element(
        "p",
        "This project's login page sends you to ",
        element("code", elsewhere),
        ", which is not this server. When you have ended there, copy the address from the browser and give it to ",
        element("code", f"homegraph link {project_id} --paste -"),
        ".",
    )


async def _user_of(request: Request) -> str:
    """The name in the form.

    Raises:
        SettingsError: it has none, or one that cannot be.
        CallRefused: the form is too large, or too slow.
    """
    body = await read_body(request.receive, None, FORM_BYTES_MAX)
    try:
        fields = parse_qs(body.decode("ascii"), max_num_fields=FIELDS_MAX, errors="strict")
    except ValueError as exc:
        raise SettingsError("is not a form", place="body", hint="") from exc
    user_id = " ".join(fields.get("user", [""])[0].split())
    if not 0 < len(user_id) <= USER_CHARS_MAX or not user_id.isprintable():
        what = f"expected a name of 1 to {USER_CHARS_MAX} characters"
        raise SettingsError(what, place="user", hint="Go back, and say who you are.")
    return user_id


def _to_login(begun: Begun) -> Response:
    """Send the browser off, with the proof that it is the one. It shows the proof where it comes back, and nowhere else."""
    linking = begun.linking
    parts = urlsplit(linking.redirect_uri)
    response = RedirectResponse(begun.authorization_url, SEE_OTHER)
    response.set_cookie(
        authorizing.cookie_name(linking.id),
        begun.proof,
        max_age=int(STATE_SECONDS),
        path=parts.path if _COOKIE_PATH.fullmatch(parts.path) else "/",
        secure=parts.scheme == "https",
        httponly=True,
        samesite="lax",
    )
    return response


def _language(accepted: str) -> str:
    """The browser's first language, for the login page."""
    match = _LANGUAGE.match(accepted)
    return match[1] if match else LOCALE
