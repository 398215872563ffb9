"""OAuth 2.0 as the Home Graph speaks it towards a project's token endpoint: bytes <-> typed values.

The Home Graph is the client here. Requests are forms in the order Google sends them (observed); the client's credentials
stand in the body or, when the project says so, in HTTP Basic. Only ``invalid_grant`` means that the refresh token is
gone; every other failure may pass and is told apart by that.
"""

from __future__ import annotations

from base64 import b64encode
from typing import Final
from urllib.parse import quote, urlencode

import msgspec

from homegraph.errors import TokenEndpointFailed, TokenRefused

TEXT_MAX: Final = 200
"""Characters of a foreign text that are quoted in our messages."""

HTTP_OK: Final = 200
HTTP_BAD_REQUEST: Final = 400


class TokenReply(msgspec.Struct, frozen=True):
    """A successful answer. ``refresh_token`` is empty when it is not rotated, ``expires_in`` (seconds) 0 when unknown."""

    access_token: str
    refresh_token: str = ""
    expires_in: float = 0


class _Success(msgspec.Struct):
    access_token: str
    refresh_token: str | None = None
    expires_in: float | str | None = None


class _Failure(msgspec.Struct):
    error: str = ""
    error_description: str | None = None


_success_decoder: Final = msgspec.json.Decoder(_Success)
_failure_decoder: Final = msgspec.json.Decoder(_Failure)


def refresh_request(
    refresh_token: str, *, client_id: str, client_secret: str, client_auth: str
) -> tuple[tuple[tuple[str, str], ...], bytes]:
    """Headers and body of a refresh (RFC 6749 section 6); ``client_auth`` is ``body`` or ``basic`` (section 2.3.1)."""
    form = [("grant_type", "refresh_token"), ("refresh_token", refresh_token)]
    headers = [
        ("content-type", "application/x-www-form-urlencoded"),
        ("accept", "application/json"),
    ]
    if client_auth == "basic":
        pair = f"{quote(client_id, safe='')}:{quote(client_secret, safe='')}"
        headers.append(("authorization", f"Basic {b64encode(pair.encode()).decode()}"))
    else:
        form += [("client_id", client_id), ("client_secret", client_secret)]
    return tuple(headers), urlencode(form).encode()


def read_token_reply(status: int, body: bytes) -> TokenReply:
    """Read a token endpoint's answer.

    Raises:
        TokenRefused: HTTP 400 with ``invalid_grant``: revoked; only a new linking helps.
        TokenEndpointFailed: anything else that is not a token.
    """
    if status != HTTP_OK:
        raise _failure(status, body)
    try:
        answer = _success_decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise TokenEndpointFailed(
            "The token endpoint answered 200, but not with a JSON object that has an access_token."
        ) from exc
    if not answer.access_token:
        raise TokenEndpointFailed("The token endpoint answered with an empty access_token.")
    return TokenReply(answer.access_token, answer.refresh_token or "", _seconds(answer.expires_in))


def _failure(status: int, body: bytes) -> TokenRefused | TokenEndpointFailed:
    try:
        failure = _failure_decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return TokenEndpointFailed(f"The token endpoint answered HTTP {status}.")
    said = failure.error[:TEXT_MAX]
    if failure.error_description:
        said += f" ({failure.error_description[:TEXT_MAX]})"
    if status == HTTP_BAD_REQUEST and failure.error == "invalid_grant":
        return TokenRefused(f"The token endpoint refused the refresh token: {said}.")
    return TokenEndpointFailed(f"The token endpoint answered HTTP {status}: {said}.")


def _seconds(value: float | str | None) -> float:
    """``expires_in`` must be a number; some servers send it as text, which real clients forgive."""
    try:
        seconds = float(value or 0)
    except ValueError:
        return 0
    return seconds if 0 < seconds < float("inf") else 0
