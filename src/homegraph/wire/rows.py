"""The rows: every error answer of the public API, as Google words it.

A row is one entry of Google's catalogue: HTTP status, name and number of the ``google.rpc.Code``, message, details, what
the older error format calls it, and the exit code of a command that meets it. What *our* explanation of an error is stands
in ``reasons``; several reasons share a row, because Google gives one text to many causes. ``status`` renders both.

Nothing here is invented where Google's words are known. ``evidence`` says how well they are:

    S stated by Google in a document · O observed on Google's servers and published · M measured by others on Google APIs
    behind the same front end · C read in the source of a real client · I our inference · R recollection only

The rule that is easily broken: numbers live here and nowhere else. A room above that needs a status code, a gRPC code or an
exit code asks for a row, so that HTTP, gRPC, client and command line cannot come to disagree.

Messages are templates for ``str.format_map`` over the facts of ``details``, which are always complete.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from types import MappingProxyType
from typing import Any, Final

from homegraph.wire.details import (
    SCOPE,
    Details,
    bad_request,
    bad_token,
    credentials_missing,
    key_blocked,
    key_invalid,
    key_ip,
    no_details,
    quota,
    scope_missing,
    service_disabled,
    suspended,
)

__all__ = ["GRPC_CODES", "ROWS", "Exit", "Row", "status_of_http"]

GRPC_CODES: Final[Mapping[str, int]] = MappingProxyType(
    {
        "OK": 0,
        "CANCELLED": 1,
        "UNKNOWN": 2,
        "INVALID_ARGUMENT": 3,
        "DEADLINE_EXCEEDED": 4,
        "NOT_FOUND": 5,
        "ALREADY_EXISTS": 6,
        "PERMISSION_DENIED": 7,
        "RESOURCE_EXHAUSTED": 8,
        "FAILED_PRECONDITION": 9,
        "ABORTED": 10,
        "OUT_OF_RANGE": 11,
        "UNIMPLEMENTED": 12,
        "INTERNAL": 13,
        "UNAVAILABLE": 14,
        "DATA_LOSS": 15,
        "UNAUTHENTICATED": 16,
    }
)
"""google.rpc.Code by name. Fixed by gRPC."""

_STATUS_OF_HTTP: Final[Mapping[int, str]] = MappingProxyType(
    {
        400: "INVALID_ARGUMENT",
        401: "UNAUTHENTICATED",
        403: "PERMISSION_DENIED",
        404: "NOT_FOUND",
        409: "ABORTED",
        429: "RESOURCE_EXHAUSTED",
        499: "CANCELLED",
        500: "INTERNAL",
        501: "UNIMPLEMENTED",
        503: "UNAVAILABLE",
        504: "DEADLINE_EXCEEDED",
    }
)

CLIENT_ERRORS: Final = range(400, 500)
SERVER_ERRORS: Final = range(500, 600)


def status_of_http(http: int) -> str:
    """Name the ``google.rpc.Code`` that an answer without one stands for, as Google's own libraries guess it."""
    known = _STATUS_OF_HTTP.get(http)
    if known is not None:
        return known
    if http in CLIENT_ERRORS:
        return "FAILED_PRECONDITION"
    return "INTERNAL" if http in SERVER_ERRORS else "UNKNOWN"


# --- the table -------------------------------------------------------------------------------------------------------


class Exit(IntEnum):
    """How a command ends that meets an error."""

    FAILED = 1  # it ran, and failed
    USAGE = 2
    UNREACHABLE = 3  # server or fulfillment
    NOT_ALLOWED = 4
    NOT_FOUND = 5
    BUSY = 6  # or limited, or in conflict
    TIMED_OUT = 7
    BUG = 70  # in homegraph; asks for a report


_REALM: Final = 'Bearer realm="https://accounts.google.com/"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One error answer.

    ``message`` is a template over ``FACTS``. The ``v1_`` members are the entry of ``errors[]`` that the older format has
    besides; its message is ``v1_message`` where that differs from the row's, and its domain is left out when None.
    ``www_authenticate`` is the value of that header, "" for none; ``retry_after_seconds`` that of Retry-After, 0 for none.
    """

    id: str
    http: int
    status: str
    exit: Exit
    message: str
    evidence: str
    details: Details = no_details
    v1_reason: str = "badRequest"
    v1_domain: str | None = "global"
    v1_message: str = ""
    v1_location: str = ""
    www_authenticate: str = ""
    retry_after_seconds: int = 0

    @property
    def grpc(self) -> int:
        """The number of ``status`` in gRPC."""
        return GRPC_CODES[self.status]

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """The headers that an answer of this row has besides those of its door."""
        found = []
        if self.www_authenticate:
            found.append((b"www-authenticate", self.www_authenticate.encode()))
        if self.retry_after_seconds:
            found.append((b"retry-after", str(self.retry_after_seconds).encode()))
        return found


_SEE_DEVCONSOLE: Final = (
    "Expected OAuth 2 access token, login cookie or other valid authentication credential. "
    "See https://developers.google.com/identity/sign-in/web/devconsole-project."
)

_INVALID: Final[dict[str, Any]] = {"http": 400, "status": "INVALID_ARGUMENT", "exit": Exit.USAGE}
_FORBIDDEN: Final[dict[str, Any]] = {
    "http": 403,
    "status": "PERMISSION_DENIED",
    "exit": Exit.NOT_ALLOWED,
    "v1_reason": "forbidden",
}
_UNAUTHENTICATED: Final[dict[str, Any]] = {
    "http": 401,
    "status": "UNAUTHENTICATED",
    "exit": Exit.NOT_ALLOWED,
    "v1_location": "Authorization",
}
_LOGIN_REQUIRED: Final[dict[str, Any]] = {
    **_UNAUTHENTICATED,
    "v1_reason": "required",
    "v1_message": "Login Required.",
    "www_authenticate": _REALM,
    "details": credentials_missing,
}
_ABSENT: Final[dict[str, Any]] = {
    "http": 404,
    "status": "NOT_FOUND",
    "exit": Exit.NOT_FOUND,
    "v1_reason": "notFound",
}
_EXHAUSTED: Final[dict[str, Any]] = {
    "http": 429,
    "status": "RESOURCE_EXHAUSTED",
    "exit": Exit.BUSY,
    "v1_reason": "rateLimitExceeded",
}
# Messages of the proto layer: the older format gives them no domain.
_UNTYPED: Final[dict[str, Any]] = {
    **_INVALID,
    "message": "{descriptions}",
    "details": bad_request,
    "v1_reason": "invalid",
    "v1_domain": None,
}

_ALL: Final = (
    # The request cannot be read.
    Row(
        id="bad-sysparam",
        message="Invalid query parameters. Invalid value '{value}' for system query parameter : {name}",
        evidence="M",
        **_INVALID,
    ),
    Row(
        id="bad-alt",
        message="Invalid value \"{value}\" for query parameter 'alt'",
        evidence="M",
        **_INVALID,
    ),
    Row(
        id="alt-unsupported",
        message='Unsupported alt type "{value}" for non byte stream request.',
        evidence="M",
        **_INVALID,
    ),
    Row(id="json-syntax", message="{text}", evidence="O", **_INVALID),
    Row(id="json-unknown", evidence="O", **_UNTYPED),
    Row(id="json-type", evidence="M", **_UNTYPED),
    Row(id="json-root", evidence="O", **_UNTYPED),
    Row(
        id="invalid-arg",
        message="Request contains an invalid argument.",
        evidence="O",
        details=bad_request,
        **_INVALID,
    ),
    Row(
        id="precondition",
        http=400,
        status="FAILED_PRECONDITION",
        exit=Exit.FAILED,
        message="Precondition check failed.",
        evidence="O",
        v1_reason="failedPrecondition",
    ),
    # The caller is not known, or not allowed.
    Row(
        id="key-invalid",
        message="API key not valid. Please pass a valid API key.",
        evidence="O",
        details=key_invalid,
        **{**_INVALID, "exit": Exit.NOT_ALLOWED},
    ),
    Row(
        id="key-expired",
        message="API key expired. Please renew the API key.",
        evidence="O",
        details=key_invalid,
        **{**_INVALID, "exit": Exit.NOT_ALLOWED},
    ),
    Row(
        id="unregistered",
        message="Method doesn't allow unregistered callers (callers without established identity). "
        "Please use API Key or other form of API consumer identity to call this API.",
        evidence="M",
        **_FORBIDDEN,
    ),
    Row(
        id="no-cred",
        message=f"Request is missing required authentication credential. {_SEE_DEVCONSOLE}",
        evidence="O",
        **_LOGIN_REQUIRED,
    ),
    Row(
        id="key-only",
        message="API keys are not supported by this API. Expected OAuth2 access token or other authentication "
        "credentials that assert a principal. See https://cloud.google.com/docs/authentication",
        evidence="R",
        **_LOGIN_REQUIRED,
    ),
    Row(
        id="bad-token",
        message=f"Request had invalid authentication credentials. {_SEE_DEVCONSOLE}",
        evidence="O",
        details=bad_token,
        v1_reason="authError",
        v1_message="Invalid Credentials",
        www_authenticate=f'{_REALM}, error="invalid_token"',
        **_UNAUTHENTICATED,
    ),
    Row(
        id="cred-mismatch",
        message="The API Key and the authentication credential are from different projects.",
        evidence="R",
        **{**_INVALID, "exit": Exit.NOT_ALLOWED},
    ),
    Row(
        id="scope",
        message="Request had insufficient authentication scopes.",
        evidence="O",
        details=scope_missing,
        www_authenticate=f'{_REALM}, error="insufficient_scope", scope="{SCOPE}"',
        **_FORBIDDEN,
    ),
    Row(
        id="api-disabled",
        message="HomeGraph API has not been used in project {project_number} before or it is disabled. Enable it by "
        "visiting {activation_url} then retry. If you enabled this API recently, wait a few minutes for the action to "
        "propagate to our systems and retry.",
        evidence="O",
        details=service_disabled,
        **{**_FORBIDDEN, "v1_reason": "accessNotConfigured", "v1_domain": "usageLimits"},
    ),
    Row(
        id="key-blocked",
        message="Requests to this API {service} method {method} are blocked.",
        evidence="O",
        details=key_blocked,
        **_FORBIDDEN,
    ),
    Row(
        id="key-ip",
        message="The provided API key has an IP address restriction. "
        "The originating IP address of the call ({ip}) violates this restriction.",
        evidence="O",
        details=key_ip,
        **_FORBIDDEN,
    ),
    Row(
        id="suspended",
        message="Permission denied: Consumer '{consumer}' has been suspended.",
        evidence="O",
        details=suspended,
        **_FORBIDDEN,
    ),
    Row(
        id="token-refresh",
        message="The caller does not have permission",
        evidence="O",
        **_FORBIDDEN,
    ),
    # What the request is about is not there, or busy.
    Row(id="not-found", message="Requested entity was not found.", evidence="O", **_ABSENT),
    Row(
        id="device-not-found",
        message="Device ID cannot be found. This is usually an indication that the device may have been removed. "
        "Send a Request Sync to re-sync the device in Google.",
        evidence="O",
        **_ABSENT,
    ),
    Row(id="html-404", message="Method not found.", evidence="R", **_ABSENT),
    Row(
        id="concurrent",
        message="Resource has been exhausted (e.g. check quota).",
        evidence="O",
        **_EXHAUSTED,
    ),
    Row(
        id="quota",
        message="Quota exceeded for quota metric 'Quota units' and limit 'Quota units per minute' of service "
        "'{service}' for consumer 'project_number:{project_number}'.",
        evidence="O",
        details=quota,
        **_EXHAUSTED,
    ),
    # The work went wrong.
    Row(
        id="internal",
        http=500,
        status="INTERNAL",
        exit=Exit.FAILED,
        message="Internal error encountered.",
        evidence="O",
        v1_reason="backendError",
    ),
    Row(
        id="unavailable",
        http=503,
        status="UNAVAILABLE",
        exit=Exit.UNREACHABLE,
        message="The service is currently unavailable.",
        evidence="R",
        v1_reason="backendError",
        retry_after_seconds=5,  # about what a server needs to find a database that is back
    ),
    Row(
        id="deadline",
        http=504,
        status="DEADLINE_EXCEEDED",
        exit=Exit.TIMED_OUT,
        message="Deadline expired before operation could complete.",
        evidence="R",
        v1_reason="backendError",
    ),
    # The token endpoint, which speaks OAuth: {"error": …, "error_description": …}, see token_endpoint.
    Row(
        id="token-request",
        message="{text}",
        evidence="O",
        **{**_INVALID, "exit": Exit.NOT_ALLOWED},
    ),
    Row(
        id="token-limit",
        message="{text}",
        evidence="I",
        retry_after_seconds=60,  # then the window has gone by, whatever was asked for in it
        **_EXHAUSTED,
    ),
    # The admin API, which is ours: Google has nothing like it, so it speaks with the error's own message.
    Row(id="admin-invalid", message="{text}", evidence="I", **_INVALID),
    Row(
        id="admin-unauthenticated",
        message="{text}",
        evidence="I",
        v1_reason="required",
        www_authenticate='Bearer realm="homegraph"',
        **_UNAUTHENTICATED,
    ),
    Row(id="admin-linking", message="{text}", evidence="I", **_INVALID),
    Row(id="admin-refused", message="{text}", evidence="I", **_FORBIDDEN),
    Row(id="admin-not-found", message="{text}", evidence="I", **_ABSENT),
)

ROWS: Final[Mapping[str, Row]] = MappingProxyType({row.id: row for row in _ALL})
"""Every row by its id."""
