"""Reading the errors of a Home Graph: from any bytes to an ``ApiError``.

A client meets more than one kind of error body. Google's two formats and ours are the same envelope; before the API stand
front ends that answer with HTML, lists or plain text; token endpoints answer as OAuth wants it; gRPC gateways answer with a
bare google.rpc.Status. Here all of them become one error with a message, a status, a reason, and a hint what to do.

It explains Google's answers, too: when a message is one of the catalogue's and nobody has explained it, the hint is ours.

The rule that is easily broken: nothing here may raise. A body is what a stranger sent, cut off anywhere, and whoever reads
it is in the middle of handling an error already.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import msgspec

from homegraph.errors import ApiError
from homegraph.wire.details import TYPE, Detail
from homegraph.wire.reasons import DOMAIN, REASONS, Reason
from homegraph.wire.rows import GRPC_CODES, ROWS, SERVER_ERRORS, status_of_http

__all__ = ["parse_error"]

BODY_BYTES_READ: Final = 65_536
"""Bytes of an error body that are looked at. The largest real ones have four thousand."""

DETAILS_MAX: Final = 32
"""Details that are kept of one error."""

SNIPPET_CHARS: Final = 200
"""Characters of a body without structure that become the message."""

RETRYABLE_HTTP: Final = frozenset((429,))

_GRPC_NAMES: Final = {number: name for name, number in GRPC_CODES.items() if name != "OK"}
_STATUSES: Final = frozenset(_GRPC_NAMES.values())
_GRPC_NAMED: Final = re.compile(r"\s*(?:\d{1,2} )?([A-Z_]{2,30}): (.*)", re.DOTALL)
_GRPC_NUMBERED: Final = re.compile(r"\s*(\d{1,2}): (.*)", re.DOTALL)
_TITLE: Final = re.compile(r"<title[^>]{0,99}>([^<]{1,200})", re.IGNORECASE)

_FIRST_REASON: Final[Mapping[tuple[int, str], Reason]] = MappingProxyType(
    {
        (ROWS[reason.row].http, ROWS[reason.row].message): reason
        for reason in reversed(tuple(REASONS.values()))
    }
)
"""What an answer of Google's most likely means, when its message is a row's without placeholders: the first reason of the row."""


@dataclass(slots=True)
class _Error:
    """What could be found in a body."""

    message: str
    status: str = ""
    details: tuple[Detail, ...] = ()
    reason: str = ""


def parse_error(http: int, body: bytes) -> ApiError:
    """Read an error answer of a Home Graph, or of whatever stands before it.

    Understands both formats of Google, a bare ``google.rpc.Status``, the errors of OAuth endpoints, the text of gRPC errors,
    HTML pages, and anything else as text. ``reason`` is ours when there is one, else Google's; ``hint`` is what to do, as
    far as somebody knows. Never raises.
    """
    text = body[:BODY_BYTES_READ].decode(errors="replace")
    found = _from_json(body[:BODY_BYTES_READ]) or _from_text(http, text)
    status = found.status if found.status in _STATUSES else status_of_http(http)
    reason = found.reason or _reason_in(found.details)
    known = REASONS.get(reason)
    retryable = (
        known.retryable if known is not None else http in RETRYABLE_HTTP or http in SERVER_ERRORS
    )
    return ApiError(
        found.message or f"HTTP {http}",
        http_status=http,
        status=status,
        reason=reason,
        details=found.details,
        hint=_hint(http, found, reason),
        retryable=retryable,
        body=text,
    )


def _from_json(body: bytes) -> _Error | None:
    try:
        value = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        return None
    if isinstance(value, list) and value:
        value = value[0]  # some front ends wrap the error into a list
    if not isinstance(value, dict):
        return None
    error = value.get("error")
    if isinstance(error, str):
        return _Error(_text(value.get("error_description")) or error, reason=error)
    if isinstance(error, dict):
        return _from_status(error)
    if isinstance(value.get("message"), str):
        return _from_status(value)
    return None


def _from_status(error: dict[str, Any]) -> _Error:
    """Read ``error.error`` of either format, or a bare google.rpc.Status, whose code is gRPC's."""
    code = error.get("code")
    status = _text(error.get("status")) or (_GRPC_NAMES.get(code, "") if type(code) is int else "")
    details = error.get("details")
    kept = [d for d in details if isinstance(d, dict)] if isinstance(details, list) else []
    return _Error(_text(error.get("message")), status, tuple(kept[:DETAILS_MAX]))


def _from_text(http: int, text: str) -> _Error:
    title = _TITLE.search(text)
    if title is not None:
        return _Error(f"HTTP {http} and a web page: {html.unescape(title[1]).strip()}")
    status, message = "", text
    if named := _GRPC_NAMED.fullmatch(text):
        status, message = named[1], named[2]
    elif numbered := _GRPC_NUMBERED.fullmatch(text):
        status, message = _GRPC_NAMES.get(int(numbered[1]), ""), numbered[2]
    if status in _STATUSES:
        return _Error(_snippet(message), status)
    shown = _snippet(text)
    return _Error(f"HTTP {http}: {shown}" if shown else "")


def _snippet(text: str) -> str:
    return " ".join(text[:SNIPPET_CHARS].split())


def _reason_in(details: tuple[Detail, ...]) -> str:
    """The most specific reason: ours before Google's."""
    reasons = {
        _text(detail.get("domain")): _text(detail.get("reason"))
        for detail in reversed(details)
        if detail.get("@type") == TYPE + "ErrorInfo"
    }
    return reasons.get(DOMAIN) or next(iter(reasons.values()), "")


def _hint(http: int, found: _Error, reason: str) -> str:
    """What to do: as the server says it, as we know it, or as the page says that Google names."""
    described = _described(found.details)
    if reason in REASONS:
        return described or REASONS[reason].fix
    likely = _FIRST_REASON.get((http, found.message))
    return likely.fix if likely is not None else described


def _described(details: tuple[Detail, ...]) -> str:
    """Return the first description of the last Help: ours comes after Google's."""
    for detail in reversed(details):
        links = detail.get("links")
        if detail.get("@type") == TYPE + "Help" and isinstance(links, list):
            for link in links:
                if isinstance(link, dict) and _text(link.get("description")):
                    return _text(link["description"])
    return ""


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
