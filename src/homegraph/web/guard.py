"""Who may come in below ``/-/``: callers that hold the admin token, and speak to this server by a name of its own.

The token is the protection. The Host header is looked at besides, because a browser can be brought here by a strange page
whose name was made to point at this machine (DNS rebinding): such a page is refused before anything is compared or read.
No cookie is looked at and there are no CORS headers, so a page elsewhere can neither send the token nor read an answer.

The page that links accounts has no token to ask for. Its Host is looked at in the same way, and its form must come from
itself: a page elsewhere could otherwise begin a linking in a visitor's browser.

An IP address as Host is no name that somebody else could own, so a server that listens everywhere answers to any of them.

The rule that is easily broken: the token is compared in constant time (``Secret``), and a refusal says nothing about it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from homegraph.errors import AdminRefused
from homegraph.settings.secret import Secret
from homegraph.web.site import Site
from homegraph.wire.status import REASONS


class HostRefused(AdminRefused):
    """The Host header names a machine that this is not."""

    code, hint = "HOST_REFUSED", REASONS["HOST_REFUSED"].fix


class TokenWrong(AdminRefused):
    """The call carries no admin token, or a wrong one."""

    code, hint = "ADMIN_TOKEN_WRONG", REASONS["ADMIN_TOKEN_WRONG"].fix


class FormForeign(AdminRefused):
    """A form was sent by another site's page."""

    code, hint = "LINKING_FORM_FOREIGN", REASONS["LINKING_FORM_FOREIGN"].fix


def admit(site: Site, headers: Iterable[tuple[bytes, bytes]]) -> None:
    """Let the caller in, or raise HostRefused or TokenWrong."""
    host, authorization = b"", b""
    for name, value in headers:
        if name == b"host":
            host = value
        elif name == b"authorization":
            authorization = value
    admit_host(site, host)
    if not site.admin_token or bearer_of(authorization) != site.admin_token:
        raise TokenWrong


def admit_host(site: Site, host: bytes) -> None:
    """Raise HostRefused unless the Host header is a name of this server."""
    if not is_ours(site, host_of(host)):
        raise HostRefused(f"This server does not answer to the Host {host.decode('latin-1')!r}.")


def admit_form(headers: Mapping[str, str]) -> None:
    """Raise FormForeign when a browser says that a form comes from a page that is not ours.

    Browsers say it in ``Sec-Fetch-Site`` where the connection is safe from strangers, and in ``Origin`` in any case. A caller
    that says nothing is no browser, and nobody's cookies go along with it.
    """
    came_from = headers.get("sec-fetch-site")
    if came_from is not None:
        is_ours = came_from in ("same-origin", "none")
    else:
        origin = headers.get("origin")
        is_ours = origin is None or _is_at(origin, headers.get("host", ""))
    if not is_ours:
        raise FormForeign


def _is_at(origin: str, host: str) -> bool:
    """Whether an origin is this host; anything may stand in the header."""
    try:
        return urlsplit(origin).netloc == host
    except ValueError:
        return False


def host_of(header: bytes) -> str:
    """The host in a Host header: lower case, without port and brackets; empty when there is none."""
    text = header.decode("latin-1").strip().lower()
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0]


def bearer_of(header: bytes) -> Secret:
    """The token in an Authorization header; the scheme in any case, blanks as they come, as clients send them."""
    scheme, _, token = header.decode("latin-1").strip().partition(" ")
    return Secret(token.strip() if scheme.lower() == "bearer" else "")


def is_ours(site: Site, host: str) -> bool:
    """Whether a host name, in lower case and without a port, is one of this server's."""
    settings = site.house.settings
    if host in settings.hosts:
        return True
    return settings.listen.is_everywhere and _is_address(host)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
