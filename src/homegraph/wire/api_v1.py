"""The methods of HomeGraph API v1, and the reading of their requests.

``METHODS`` says which method stands at which path; routing, discovery and the check of a ``fields`` mask ask it. For each
method there is one reader from the bytes of a body to a frozen value. So far that is ``read_request_sync``.

A body is read twice at most. First by msgspec, strictly: this is what nearly every client sends, and takes about a
microsecond. Whatever msgspec does not take as it stands, and every call with parameters to bind, goes the slow path that
begins at ``_read_slowly``: forms, Google's lenient JSON, and the binding that knows Google's complaints. The slow path accepts
all that the fast one does; the fast one must never accept more.

The content type decides little. Only ``application/x-www-form-urlencoded`` is something else than JSON: Google reads such a body
as parameters, so that curl without a Content-Type header cannot send JSON, while ``agentUserId=…`` works. No Content-Type
at all means JSON, since real clients send none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import msgspec

from homegraph.errors import CallRefused
from homegraph.wire.details import SCOPE
from homegraph.wire.lenient_json import BODY_BYTES_MAX, JsonSyntaxError, parse
from homegraph.wire.parameters import read_pairs
from homegraph.wire.proto_json import Field, Message, bind

__all__ = [
    "AGENT_USER_ID_BYTES_MAX",
    "BODY_BYTES_MAX",
    "METHODS",
    "Method",
    "RequestSync",
    "read_request_sync",
]

AGENT_USER_ID_BYTES_MAX: Final = 1_024
"""UTF-8 bytes of an agentUserId. Google's older documentation says 256; longer ones are taken with a wide margin."""

_PACKAGE: Final = "google.home.graph.v1"
_FORM: Final = "application/x-www-form-urlencoded"
_JSON: Final = "application/json"
_UTF8_BYTES_MAX: Final = 4
"""Bytes of one character."""


class RequestSync(msgspec.Struct, frozen=True):
    """A call of Request Sync: for whom, and whether the caller waits for the outcome."""

    agent_user_id: str
    async_: bool = False


_REQUEST_SYNC: Final = Message(
    f"{_PACKAGE}.RequestSyncDevicesRequest",
    (Field("agent_user_id", "string"), Field("async", "bool")),
)


@dataclass(frozen=True, slots=True)
class Method:
    """One method of the API. ``path`` is that of REST, ``rpc`` the full name in gRPC and in Google's error details."""

    path: str
    http: str
    rpc: str
    request: Message
    response: Message
    scope: str = SCOPE


METHODS: Final[Mapping[str, Method]] = MappingProxyType(
    {
        method.path: method
        for method in (
            Method(
                path="/v1/devices:requestSync",
                http="POST",
                rpc=f"{_PACKAGE}.HomeGraphApiService.RequestSyncDevices",
                request=_REQUEST_SYNC,
                response=Message(f"{_PACKAGE}.RequestSyncDevicesResponse", ()),
            ),
        )
    }
)
"""Every method by its path."""


class _StrictRequestSync(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """What msgspec reads: both spellings, and nothing besides."""

    camel: str = msgspec.field(name="agentUserId", default="")
    snake: str = msgspec.field(name="agent_user_id", default="")
    async_: bool = msgspec.field(name="async", default=False)


_decode: Final = msgspec.json.Decoder(_StrictRequestSync).decode


def read_request_sync(
    body: bytes,
    content_type: str | None,
    parameters: Sequence[tuple[str, str]] = (),
    *,
    lenient_form: bool = False,
) -> RequestSync:
    """Read a call of Request Sync.

    ``content_type`` is the header's value, None without one; ``parameters`` are those of the query string that are no system
    parameters. With ``lenient_form`` JSON is understood under the form type, too, which Google does not do.

    Raises:
        CallRefused: JSON_SYNTAX, JSON_ROOT, JSON_UNKNOWN_NAME, JSON_TYPE, BODY_TOO_LARGE, QUERY_TOO_LARGE, FIELD_REQUIRED or
            FIELD_TOO_LONG. Nothing else, whatever the bytes are.
    """
    if len(body) > BODY_BYTES_MAX:
        raise CallRefused("BODY_TOO_LARGE", f"The body has more than {BODY_BYTES_MAX} bytes.")
    if not parameters and (content_type is None or content_type.startswith(_JSON)):
        try:
            strict = _decode(body)
        except (ValueError, RecursionError):
            pass  # lenient JSON perhaps, or else the slow path finds the words for what is wrong
        else:
            agent_user_id = strict.camel or strict.snake
            in_one_spelling = not (strict.camel and strict.snake)
            if in_one_spelling and 0 < len(agent_user_id) <= _SURELY_SHORT_ENOUGH:
                return RequestSync(agent_user_id, strict.async_)
    return _read_slowly(body, content_type, parameters, lenient_form=lenient_form)


_SURELY_SHORT_ENOUGH: Final = AGENT_USER_ID_BYTES_MAX // _UTF8_BYTES_MAX
"""Characters."""


def _read_slowly(
    body: bytes,
    content_type: str | None,
    parameters: Sequence[tuple[str, str]],
    *,
    lenient_form: bool,
) -> RequestSync:
    value: object = {}
    pairs = list(parameters)
    if _is_form(content_type) and not (lenient_form and _looks_like_json(body)):
        pairs += read_pairs(body)
    elif body:
        value = _parse(body)
    return _checked(bind(_REQUEST_SYNC, value, pairs))


def _is_form(content_type: str | None) -> bool:
    if content_type is None:
        return False
    return content_type.partition(";")[0].strip().lower() == _FORM


def _looks_like_json(body: bytes) -> bool:
    return body.lstrip()[:1] == b"{"


def _parse(body: bytes) -> object:
    try:
        return parse(body)
    except JsonSyntaxError as exc:
        raise CallRefused("JSON_SYNTAX", exc.message, text=exc.message) from exc


def _checked(bound: dict[str, Any]) -> RequestSync:
    agent_user_id: str = bound.get("agent_user_id", "")
    if not agent_user_id:
        raise CallRefused("FIELD_REQUIRED", "agentUserId is missing.", field="agent_user_id")
    if len(agent_user_id.encode()) > AGENT_USER_ID_BYTES_MAX:
        raise CallRefused(
            "FIELD_TOO_LONG",
            f"agentUserId has more than {AGENT_USER_ID_BYTES_MAX} bytes.",
            field="agent_user_id",
        )
    return RequestSync(agent_user_id, bound.get("async", False))
