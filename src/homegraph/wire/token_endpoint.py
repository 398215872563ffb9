"""Our token endpoint on the wire (RFC 6749 and 7523): a request for an access token in, a token or a refusal out.

A service account posts what it has signed, as a form; some clients send the same parameters as JSON. Answers are compact
JSON, as Google's are, with ``error`` and ``error_description`` in a refusal. When errors are explained, ``error_uri`` (a member
that RFC 6749 has for it) leads to our page about the reason; libraries print the whole body, so the developer sees it.

What a token may be had for is none of this module's business, nor is the Authorization header: Home Assistant sends one
here, with the assertion in it once more, and it means nothing.

The rule that is easily broken: requests and answers hold secrets. No ``repr`` shows them, no refusal repeats more of a request
than the name of its grant type, and no answer may be kept by a cache (RFC 6749, 5.1).
"""

from __future__ import annotations

from typing import Final

import msgspec

from homegraph.errors import CallRefused, TokenRequestRefused
from homegraph.wire.parameters import read_pairs
from homegraph.wire.status import Rendered, row_of
from homegraph.wire.transcoding import is_form

__all__ = [
    "EXPIRES_IN_SECONDS",
    "JWT_BEARER",
    "TOKEN_PATHS",
    "TokenRequest",
    "read_token_request",
    "render_token",
    "render_token_refusal",
    "unreadable",
]

TOKEN_PATHS: Final = ("/token", "/o/oauth2/token", "/oauth2/v4/token")
"""Where Google has had its token endpoint over the years, on three hosts; clients have each of them built in."""

JWT_BEARER: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"

EXPIRES_IN_SECONDS: Final = 3_599
"""How long a token lives. Google says 3599, and clients compute with the number."""

GRANT_TYPE_CHARS_MAX: Final = 100
"""Characters of a wrong grant type that are repeated in the refusal."""


HEADERS: Final = (
    (b"content-type", b"application/json; charset=utf-8"),
    (b"cache-control", b"no-cache, no-store, max-age=0, must-revalidate"),
    (b"pragma", b"no-cache"),
    (b"vary", b"Origin, X-Origin, Referer"),
    (b"x-content-type-options", b"nosniff"),
)


class TokenRequest(msgspec.Struct, frozen=True):
    """What was asked for: the assertion of a service account."""

    assertion: str

    def __repr__(self) -> str:
        """Show nothing of the assertion."""
        return "TokenRequest(…)"


class _Json(msgspec.Struct):
    grant_type: str = ""
    assertion: str = ""


_read_json: Final = msgspec.json.Decoder(_Json).decode


def read_token_request(body: bytes, content_type: str | None) -> TokenRequest:
    """Read the body of a request. Of a repeated parameter the first one counts; without a content type a brace tells JSON.

    Raises:
        TokenRequestRefused: GRANT_TYPE_UNSUPPORTED or TOKEN_REQUEST_UNREADABLE. Nothing else, whatever the bytes are.
    """
    of_form = body.lstrip()[:1] != b"{" if content_type is None else is_form(content_type)
    asked = _read_form(body) if of_form else _decode(body)
    if asked.grant_type != JWT_BEARER:
        shown = asked.grant_type[:GRANT_TYPE_CHARS_MAX].encode(errors="replace").decode()
        raise TokenRequestRefused(
            "GRANT_TYPE_UNSUPPORTED", "unsupported_grant_type", f"Invalid grant_type: {shown}"
        )
    if not asked.assertion:
        raise unreadable("Missing required parameter: assertion")
    return TokenRequest(asked.assertion)


def _read_form(body: bytes) -> _Json:
    try:
        pairs = read_pairs(body)
    except CallRefused as exc:
        raise unreadable(exc.message) from exc
    given = dict(reversed(pairs))
    return _Json(given.get("grant_type", ""), given.get("assertion", ""))


def _decode(body: bytes) -> _Json:
    try:
        return _read_json(body)
    except (ValueError, RecursionError) as exc:
        raise unreadable("Bad Request") from exc


def unreadable(description: str) -> TokenRequestRefused:
    """The refusal of a request that is none."""
    return TokenRequestRefused("TOKEN_REQUEST_UNREADABLE", "invalid_request", description)


def render_token(access_token: str) -> Rendered:
    """Write the answer that brings a token."""
    members = {
        "access_token": access_token,
        "expires_in": EXPIRES_IN_SECONDS,
        "token_type": "Bearer",
    }
    return Rendered(200, msgspec.json.encode(members), list(HEADERS))


def render_token_refusal(
    reason: str, error: str, description: str, *, help_base: str = ""
) -> Rendered:
    """Write a refusal. ``reason`` is a code of ``REASONS``, whose row has the HTTP status; with ``help_base`` it is explained."""
    members = {"error": error, "error_description": description}
    if help_base:
        members["error_uri"] = help_base + reason
    row = row_of(reason)
    return Rendered(row.http, msgspec.json.encode(members), [*HEADERS, *row.headers])
