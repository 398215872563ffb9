"""Which Home Graph is meant: addresses, and where they come from.

An address is scheme, host, port and perhaps a path, and nothing else. Whoever pastes one from a browser or a script pastes
``?key=…`` along with it, so that an address with a query is refused, and never quoted in the refusal: it would carry the key
into logs.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from homegraph.errors import SettingsError

__all__ = [
    "BASE_URL_VARIABLES",
    "DEFAULT_BASE_URL",
    "GOOGLE_BASE_URL",
    "base_url_from",
    "checked_base_url",
    "is_loopback",
]

DEFAULT_BASE_URL: Final = "http://127.0.0.1:4663"
"""A server of one's own on its default port."""

GOOGLE_BASE_URL: Final = "https://homegraph.googleapis.com"

BASE_URL_VARIABLE: Final = "HOMEGRAPH_BASE_URL"
EMULATOR_HOST_VARIABLE: Final = "HOMEGRAPH_EMULATOR_HOST"
"""host:port, as Google's own emulators are pointed at: set it, and an application needs no other change."""

BASE_URL_VARIABLES: Final = (BASE_URL_VARIABLE, EMULATOR_HOST_VARIABLE)
"""What decides about the base URL where the caller does not, in this order."""

_ADDRESS_HINT: Final = f"Give scheme, host and port, e.g. {DEFAULT_BASE_URL}"


def base_url_from(base_url: str | None, environment: Mapping[str, str]) -> str:
    """Decide which Home Graph is meant: the argument, else the environment, else a local server.

    Raises:
        SettingsError: it is not an address that calls can be sent to; names the argument or variable.
    """
    if base_url is not None:
        return checked_base_url(base_url, "base_url")
    if environment.get(BASE_URL_VARIABLE):
        return checked_base_url(environment[BASE_URL_VARIABLE], BASE_URL_VARIABLE)
    host = environment.get(EMULATOR_HOST_VARIABLE)
    if host:
        return checked_base_url(host if "://" in host else f"http://{host}", EMULATOR_HOST_VARIABLE)
    return DEFAULT_BASE_URL


def checked_base_url(url: str, place: str) -> str:
    """The address without a slash at its end; ``place`` says where it was written.

    Raises:
        SettingsError: it is not an address of a Home Graph. It is not quoted: keys are pasted along with addresses.
    """
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError as exc:
        raise SettingsError("This is not an address.", place=place, hint=_ADDRESS_HINT) from exc
    if parts.scheme not in {"http", "https"} or not host:
        raise SettingsError(
            "An address begins with http:// or https:// and names a host.",
            place=place,
            hint=_ADDRESS_HINT,
        )
    if parts.query or parts.fragment or parts.username is not None:
        raise SettingsError(
            "The address must not carry a key, password, query or fragment.",
            place=place,
            hint=_ADDRESS_HINT,
        )
    return url.rstrip("/")


def is_loopback(url: str) -> bool:
    """Whether an address is on this machine; such calls are never sent through a proxy."""
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
