"""The answers of the public API, and the door to the one table of codes.

``rows`` holds what Google answers, ``details`` what it puts beside the message, ``reasons`` what we explain. Here a reason and
its row become bytes; ``parse_error``, the way back, is in ``error_reading``. The rooms above import all of it from here.

The layout of bodies is Google's to the byte, because people compare them: members in a fixed order, indented by two spaces
whatever ``prettyPrint`` says for errors, one newline at the end, and 209 characters written as escapes, ``<`` and ``>`` among
them (observed and measured on Google's servers). Our explanation comes after Google's own details, as two more messages of
the standard types ErrorInfo and Help: a client that expects Google finds nothing changed, and with ``explain=None`` the bytes
are Google's alone. Where Google keeps silent about which fields are wrong, a BadRequest of ours stands between the two.

What this module does not do: it does not decide which reason applies, and it writes no Content-Length, which is added where
the answer is sent.

The rule that is easily broken: rendering may not fail, whatever the code, and however few facts there are. An exception here
would replace the error that somebody wanted to tell.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

import msgspec

from homegraph.errors import ApiError, HomegraphError
from homegraph.wire.details import TYPE, Detail, fill, wrong_fields
from homegraph.wire.error_reading import parse_error
from homegraph.wire.field_mask import FieldMask
from homegraph.wire.parameters import Envelope
from homegraph.wire.reasons import DOMAIN, REASONS, Reason
from homegraph.wire.rows import ROWS, Exit, Row

__all__ = [
    "OK_HEADERS",
    "REASONS",
    "ROWS",
    "Exit",
    "Explanation",
    "Reason",
    "Rendered",
    "Row",
    "Status",
    "exit_code",
    "parse_error",
    "render",
    "render_html_404",
    "render_success",
    "row_of",
    "status_of",
]

Headers = list[tuple[bytes, bytes]]

_COMMON_HEADERS: Final = (
    (b"vary", b"Origin, X-Origin, Referer"),
    (b"server", b"ESF"),
    (b"cache-control", b"private"),
    (b"x-xss-protection", b"0"),
    (b"x-frame-options", b"SAMEORIGIN"),
    (b"x-content-type-options", b"nosniff"),
)

OK_HEADERS: Final = ((b"content-type", b"application/json; charset=UTF-8"), *_COMMON_HEADERS)
"""Headers of every JSON answer of the API, names in lower case as ASGI wants them. Observed on Google's servers in 2020."""

OK_BYTES: Final = b"{}\n"
"""The usual success. Nothing may ever be added to it: a client in the field compares the text."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """What is known about the cause of an error, for the details that we add.

    ``reasons`` are codes, most likely first. ``facts`` become the metadata of the first one (``agentUserId``, ``run``, …); they
    are shown to the caller. ``help_base`` is what a reason's page has before its code, e.g. "http://127.0.0.1:4663/errors/".
    """

    reasons: tuple[str, ...]
    help_base: str
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rendered:
    """A finished answer, but for its Content-Length."""

    http: int
    body: bytes
    headers: Headers


@dataclass(frozen=True, slots=True)
class Status:
    """An error as a ``google.rpc.Status``: its row has the codes, ``details`` are google.rpc messages as JSON."""

    row: Row
    message: str
    details: list[Detail]


# --- writing ---------------------------------------------------------------------------------------------------------


def row_of(reason_code: str) -> Row:
    """Return the row that a reason is shown as. An unknown code is a bug of ours, and shown as one."""
    return ROWS[REASONS.get(reason_code, REASONS["INTERNAL"]).row]


def status_of(
    reason_code: str,
    facts: Mapping[str, Any] | None = None,
    *,
    explain: Explanation | None = None,
) -> Status:
    """Word the error for a reason of ``REASONS``: what ``render`` writes for HTTP, for a door that is not HTTP.

    ``facts`` fill the row's message and details, see ``details.FACTS``. With ``explain`` our messages are appended to Google's
    details; without, everything is Google's.
    """
    row = row_of(reason_code)
    full = fill(facts or {})
    message = row.message.format_map(full)
    details = list(row.details(full, message))
    if explain is not None:
        details += _explained(reason_code, full, explain)
    return Status(row, message, details)


def render(
    reason_code: str,
    facts: Mapping[str, Any] | None = None,
    *,
    envelope: Envelope = 2,
    explain: Explanation | None = None,
) -> Rendered:
    """Write the error answer for a reason of ``REASONS``; the arguments are those of ``status_of``."""
    status = status_of(reason_code, facts, explain=explain)
    row = status.row
    error: dict[str, Any] = {"code": row.http, "message": status.message}
    if envelope == 1:
        error["errors"] = [_v1_entry(row, status.message)]
    error["status"] = row.status
    if status.details:
        error["details"] = status.details
    body = _json({"error": error}, pretty=True)
    return Rendered(row.http, body, [*OK_HEADERS, *row.headers])


def _v1_entry(row: Row, message: str) -> dict[str, str]:
    entry = {"message": row.v1_message or message}
    if row.v1_domain is not None:
        entry["domain"] = row.v1_domain
    entry["reason"] = row.v1_reason
    if row.v1_location:
        entry["location"] = row.v1_location
        entry["locationType"] = "header"
    return entry


def _explained(reason_code: str, facts: Mapping[str, Any], explain: Explanation) -> list[Detail]:
    ranked = explain.reasons or (reason_code,)
    links = [
        {
            "description": f"{REASONS[code].title} {REASONS[code].fix}",
            "url": explain.help_base + code,
        }
        for code in ranked
        if code in REASONS
    ]
    return [
        {
            "@type": TYPE + "ErrorInfo",
            "reason": ranked[0],
            "domain": DOMAIN,
            "metadata": {name: str(value) for name, value in explain.facts.items()},
        },
        *wrong_fields(facts),
        {"@type": TYPE + "Help", "links": links},
    ]


def render_success(
    message: dict[str, Any], *, pretty: bool = True, fields: FieldMask | None = None
) -> bytes:
    """Write the body of a success: indented and with a newline, or compact and without one (measured)."""
    if fields is not None:
        message = fields.apply(message)
    if not message and pretty:
        return OK_BYTES
    return _json(message, pretty=pretty)


_ESCAPED: Final = re.compile(
    "[<>\x7f-\x9f\xad\u0600-\u0603\u06dd\u070f\u17b4\u17b5\u200b-\u200f\u2028-\u202e\u2060-\u2064\u206a-\u206f"
    "\ufeff\ufff9-\ufffb\U0001d173-\U0001d17a\U000e0001\U000e0020-\U000e007f]"
)
"""What Google writes as an escape although JSON does not ask for it: angle brackets, C1 controls and the invisible format
characters of Unicode 4. Measured by others, character by character."""


def _json(value: Any, *, pretty: bool) -> bytes:
    try:
        encoded = msgspec.json.encode(value)
    except UnicodeEncodeError:
        encoded = msgspec.json.encode(_without_surrogates(value))
    if pretty:
        encoded = msgspec.json.format(encoded, indent=2) + b"\n"
    # The usual answer is plain ASCII, and to see that costs a fiftieth of the search.
    if encoded.isascii() and not (b"<" in encoded or b">" in encoded or b"\x7f" in encoded):
        return encoded
    text = encoded.decode()
    # None of these characters belongs to JSON's own grammar, so wherever one is, it is inside a string.
    escaped = _ESCAPED.sub(_escape, text)
    return encoded if escaped is text else escaped.encode()


def _escape(found: re.Match[str]) -> str:
    r"""``\uhhhh``, twice for a character outside the basic plane."""
    units = found[0].encode("utf-16-be")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))


def _without_surrogates(value: Any) -> Any:
    """Replace half characters, which no UTF-8 can carry. They can only come in by a fact."""
    if isinstance(value, str):
        return value.encode(errors="replace").decode()
    if isinstance(value, dict):
        return {
            _without_surrogates(name): _without_surrogates(item) for name, item in value.items()
        }
    if isinstance(value, list):
        return [_without_surrogates(item) for item in value]
    return value


_HTML_404: Final = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Error 404 (Not Found)!!1</title>
<style>body {{ font: 15px/22px sans-serif; margin: 7% auto; max-width: 24rem; padding: 0 1rem }} ins {{ color: gray; text-decoration: none }}</style>
<p><b>404.</b> <ins>That\u2019s an error.</ins>
<p>The requested URL <code>{path}</code> was not found on this server.  <ins>That\u2019s all we know.</ins>
"""

PATH_CHARS_MAX: Final = 1_024
"""Characters of a path that are repeated in the page."""


def render_html_404(path: str) -> Rendered:
    """Write the page that Google answers to an unknown path or method. Its JSON twin is ``render("ROUTE_UNKNOWN")``."""
    shown = path if len(path) <= PATH_CHARS_MAX else path[:PATH_CHARS_MAX] + "…"
    body = _HTML_404.format(path=html.escape(shown)).encode(errors="replace")
    headers = [
        (b"content-type", b"text/html; charset=UTF-8"),
        (b"referrer-policy", b"no-referrer"),
    ]
    return Rendered(404, body, headers)


# --- exit codes ------------------------------------------------------------------------------------------------------

_EXITS: Final[Mapping[str, Exit]] = MappingProxyType(
    {
        # Errors that end a command and are never an answer of the API.
        "DATABASE_IN_USE": Exit.BUSY,
        "SERVER_UNREACHABLE": Exit.UNREACHABLE,
        "STORE": Exit.FAILED,
        "WIRE": Exit.FAILED,
        # Statuses, for answers without a reason of ours. Those that are missing here have failed.
        "ABORTED": Exit.BUSY,
        "ALREADY_EXISTS": Exit.BUSY,
        "DEADLINE_EXCEEDED": Exit.TIMED_OUT,
        "INVALID_ARGUMENT": Exit.USAGE,
        "NOT_FOUND": Exit.NOT_FOUND,
        "OUT_OF_RANGE": Exit.USAGE,
        "PERMISSION_DENIED": Exit.NOT_ALLOWED,
        "RESOURCE_EXHAUSTED": Exit.BUSY,
        "UNAUTHENTICATED": Exit.NOT_ALLOWED,
        "UNAVAILABLE": Exit.UNREACHABLE,
    }
)


def exit_code(error: HomegraphError) -> int:
    """Return the exit code of a command that ends with ``error``, see ``Exit``."""
    if isinstance(error, ApiError) and error.reason not in REASONS:
        # By its status. The reason INTERNAL is a bug of ours; the status INTERNAL of somebody else is not.
        return _EXITS.get(error.reason) or _EXITS.get(error.status, Exit.FAILED)
    # The code itself, else that of the family; HomegraphError's own is always known.
    codes = (error.code, *(getattr(kind, "code", "") for kind in type(error).__mro__))
    code = next(code for code in codes if code in REASONS or code in _EXITS)
    reason = REASONS.get(code)
    if reason is None:
        return _EXITS[code]
    return ROWS[reason.row].exit if reason.exit is None else reason.exit
