"""From the bytes of a call to the fields of its request message.

A body is read twice at most. First by msgspec, strictly: this is what nearly every client sends, and takes a few
microseconds. Whatever msgspec does not take as it stands, and every call with parameters to bind, goes the slow way that
``transcode`` is: forms, Google's lenient JSON, and the binding that knows Google's complaints. The slow way accepts all that the
fast one does; the fast one must never accept more.

The content type decides little. Only ``application/x-www-form-urlencoded`` is something else than JSON: Google reads such a body
as parameters, so that curl without a Content-Type header cannot send JSON, while ``agentUserId=…`` works. No Content-Type
at all means JSON, since real clients send none.

What this module does not do: it does not know any message. The readers, in ``api_v1`` and ``reports``, bring the table and the
strict decoder of theirs, and say what a call must have. The checks that several of them need stand at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

from homegraph.errors import CallRefused
from homegraph.wire.lenient_json import BODY_BYTES_MAX, JsonSyntaxError, parse
from homegraph.wire.parameters import read_pairs
from homegraph.wire.proto_json import Message, bind

__all__ = [
    "AGENT_USER_ID_BYTES_MAX",
    "SURELY_SHORT_ENOUGH",
    "Parameters",
    "agent_user_in",
    "field_missing",
    "is_form",
    "read_strictly",
    "transcode",
]

AGENT_USER_ID_BYTES_MAX: Final = 1_024
"""UTF-8 bytes of an agentUserId. Google's older documentation says 256; longer ones are taken with a wide margin."""

UTF8_BYTES_MAX: Final = 4
"""Bytes of one character."""

SURELY_SHORT_ENOUGH: Final = AGENT_USER_ID_BYTES_MAX // UTF8_BYTES_MAX
"""Characters of an agentUserId whose bytes need not be counted."""

_FORM: Final = "application/x-www-form-urlencoded"
_JSON: Final = "application/json"

Parameters = Sequence[tuple[str, str]]
"""Names and values of the query string, without the system parameters."""

T = TypeVar("T")


def read_strictly(
    decode: Callable[[bytes], T], body: bytes, content_type: str | None, parameters: Parameters
) -> T | None:
    """Read a body as nearly every client sends it, or return None: then ``transcode`` reads it, or tells what is wrong.

    Raises:
        CallRefused: BODY_TOO_LARGE.
    """
    if len(body) > BODY_BYTES_MAX:
        raise CallRefused("BODY_TOO_LARGE", f"The body has more than {BODY_BYTES_MAX} bytes.")
    if parameters or not (content_type is None or content_type.startswith(_JSON)):
        return None
    try:
        return decode(body)
    except (ValueError, RecursionError):
        return None


def transcode(
    message: Message,
    body: bytes,
    content_type: str | None,
    parameters: Parameters,
    *,
    lenient_form: bool = False,
) -> dict[str, Any]:
    """Return the fields of ``message`` that a call has, under proto names.

    With ``lenient_form`` JSON is understood under the form type, too, which Google does not do.

    Raises:
        CallRefused: JSON_SYNTAX, JSON_ROOT, JSON_UNKNOWN_NAME, JSON_TYPE or QUERY_TOO_LARGE.
    """
    value: object = {}
    pairs = list(parameters)
    if is_form(content_type) and not (lenient_form and _looks_like_json(body)):
        pairs += read_pairs(body)
    elif body:
        value = _parse(body)
    return bind(message, value, pairs)


def is_form(content_type: str | None) -> bool:
    """Whether a body is a form by its Content-Type."""
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


# --- what several calls must have ------------------------------------------------------------------------------------


def field_missing(path: str, json_path: str) -> CallRefused:
    """Say that a field is missing; ``path`` has proto names, as in Google's own complaints."""
    text = f"{json_path} is missing."
    return CallRefused("FIELD_REQUIRED", text, field=path, wrong_fields=((path, text),))


def agent_user_in(bound: Mapping[str, Any]) -> str:
    """Return the agentUserId of a bound request.

    Raises:
        CallRefused: FIELD_REQUIRED or FIELD_TOO_LONG.
    """
    agent_user_id: str = bound.get("agent_user_id", "")
    if not agent_user_id:
        raise field_missing("agent_user_id", "agentUserId")
    if len(agent_user_id.encode(errors="replace")) > AGENT_USER_ID_BYTES_MAX:
        description = f"agentUserId has more than {AGENT_USER_ID_BYTES_MAX} bytes."
        raise CallRefused(
            "FIELD_TOO_LONG",
            description,
            field="agent_user_id",
            wrong_fields=(("agent_user_id", description),),
        )
    return agent_user_id
