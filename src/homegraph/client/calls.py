"""The calls of the Home Graph API as values: what is sent, and what an answer means. Nothing is sent in here.

``request_sync`` makes a ``Request``; a transport turns it into a ``Response``; ``read_response`` says whether that is
success. The two clients are thin shells around these three steps, so that blocking and asynchronous callers cannot come to
behave differently, and whoever has an HTTP stack of their own can use the functions alone.

The rule that is easily broken: an API key must not get into anything that is printed. It travels as a header, because
addresses end up in logs; headers are left out of ``repr``; an address with a query is refused, because people paste
``?key=…`` along with it.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from homegraph.errors import ApiError, SettingsError
from homegraph.wire.status import parse_error

__all__ = [
    "BASE_URL_VARIABLES",
    "DEFAULT_BASE_URL",
    "TIMEOUT_DEFAULT_SECONDS",
    "Request",
    "Response",
    "base_url_from",
    "checked_base_url",
    "is_loopback",
    "read_response",
    "request_sync",
]

DEFAULT_BASE_URL: Final = "http://127.0.0.1:4663"
"""A server of one's own on its default port."""

TIMEOUT_DEFAULT_SECONDS: Final = 70.0
"""The Home Graph gives up after 60 s and says so; ten more let that answer arrive."""

BASE_URL_VARIABLE: Final = "HOMEGRAPH_BASE_URL"
EMULATOR_HOST_VARIABLE: Final = "HOMEGRAPH_EMULATOR_HOST"
"""host:port, as Google's own emulators are pointed at: set it, and an application needs no other change."""

BASE_URL_VARIABLES: Final = (BASE_URL_VARIABLE, EMULATOR_HOST_VARIABLE)
"""What decides about the base URL where the caller does not, in this order."""

_ADDRESS_HINT: Final = f"Give scheme, host and port, e.g. {DEFAULT_BASE_URL}"

OK: Final = 200
REDIRECTS: Final = range(300, 400)


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request. ``timeout`` is in seconds, for everything from connecting to the last byte of the answer."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    body: bytes = field(repr=False)
    timeout: float


@dataclass(frozen=True, slots=True)
class Response:
    """One HTTP answer, read to its end. Names of headers are in lower case; of repeated ones the last counts."""

    status: int
    headers: Mapping[str, str]
    body: bytes


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
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def request_sync(
    base_url: str,
    api_key: str,
    agent_user_id: str,
    *,
    async_: bool,
    timeout: float = TIMEOUT_DEFAULT_SECONDS,
) -> Request:
    """Ask for a SYNC of this agent user.

    ``async_`` false: the call lasts until the SYNC is done and tells its outcome. True: it is queued and merged with
    others, and answered at once.

    Raises:
        SettingsError: the key cannot be sent as a header; the key itself is not in the message.
    """
    if not api_key or not api_key.isascii() or not api_key.isprintable() or " " in api_key:
        raise SettingsError(
            "The API key is empty, or has characters that no API key has.",
            place="api_key",
            hint="Was a variable empty, or copied with a line break? A key is ASCII without blanks.",
        )
    message: dict[str, str | bool] = {"agentUserId": agent_user_id}
    if async_:
        message["async"] = True
    headers = (("content-type", "application/json"), ("x-goog-api-key", api_key))
    # json, not msgspec: a lone surrogate in an id is the server's business to refuse, not ours to trip over.
    body = json.dumps(message).encode()
    return Request("POST", f"{base_url}/v1/devices:requestSync", headers, body, timeout)


def read_response(status: int, headers: Mapping[str, str], body: bytes) -> None:
    """Return when the answer is success.

    Raises:
        ApiError: it is not; carries all that the answer says.
    """
    if status == OK:
        if _is_object(body):
            return
        raise _not_a_home_graph(status, "answered 200 with something else than a JSON object", body)
    if status in REDIRECTS:
        # The address may quote what was sent, so that only its host is shown.
        host = urlsplit(headers.get("location", "")).hostname or "another address"
        raise _not_a_home_graph(
            status, f"redirects to {host}, and redirects are not followed", body
        )
    raise parse_error(status, body)


def _is_object(body: bytes) -> bool:
    try:
        return isinstance(json.loads(body), dict)
    except (ValueError, RecursionError):
        return False


def _not_a_home_graph(status: int, what: str, body: bytes) -> ApiError:
    return ApiError(
        f"The server {what}.",
        http_status=status,
        status="UNKNOWN",
        reason="NOT_A_HOME_GRAPH",
        hint="Check the base URL: something other than a Home Graph answers there.",
        body=body.decode(errors="replace"),
    )
