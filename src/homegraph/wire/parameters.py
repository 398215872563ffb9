"""The query string of a call: system parameters, and the rest.

Google's front end takes the system parameters out of the query before the method sees it: they say how to answer
(``$.xgafv``, ``alt``, ``prettyPrint``, ``fields``), who calls (``key``, ``access_token``, ``quotaUser``), or nothing that matters here
(``callback``, which a POST ignores, and the upload parameters). What is left over is bound to the request message by
``proto_json``, which refuses what it does not know.

The rules were measured on Google's servers, and they are not uniform. Of a repeated parameter the first one counts; of
``$.xgafv`` alone it is the last. A wrong ``$.xgafv`` is refused before anything else, a wrong ``alt`` before the credential; a
wrong ``prettyPrint`` is not refused at all. ``alt`` is read in any letter case and may be empty.

The usual query is ``key=…`` alone. It is recognised by one pattern; everything else takes the slow path, which begins at
``read_pairs``.

The rule that is easily broken: this module sees secrets. ``SystemParameters`` hides them from ``repr``, and no complaint may
contain more of the query than the value it complains about.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal
from urllib.parse import unquote_to_bytes

import msgspec

from homegraph.errors import CallRefused

__all__ = [
    "PARAMETERS_MAX",
    "QUERY_BYTES_MAX",
    "SYSTEM_PARAMETERS",
    "Envelope",
    "SystemParameters",
    "choose_envelope",
    "read_pairs",
    "read_query",
    "require_json_answer",
]

QUERY_BYTES_MAX: Final = 16_384
"""Bytes of one query string, or of one form body. A self-signed token in the URL takes about one thousand."""

PARAMETERS_MAX: Final = 100
"""Parameters in one query string. The longest list of a real client has six."""

SHOWN_CHARS_MAX: Final = 1_024
"""Characters of a wrong value that are repeated in the refusal."""

Envelope = Literal[1, 2]
"""Format of error bodies: 1 has the member ``errors`` besides."""

XGAFV: Final = "$.xgafv"
_ALTS: Final = frozenset(("", "json", "media", "proto"))
_FALSE: Final = frozenset(("false", "f", "no", "n", "0"))

_ONLY_KEY: Final = re.compile(rb"key=([A-Za-z0-9_-]{1,256})")


class SystemParameters(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """The system parameters of one call that mean something here; "" where there is none.

    ``alt`` is in lower case, ``access_token`` is also taken from ``oauth_token``. ``fields`` is the mask as it was sent:
    ``field_mask`` reads it, after the credential was looked at.
    """

    xgafv: Literal["", "1", "2"] = ""
    alt: str = "json"
    pretty_print: bool = True
    fields: str = ""
    key: str = ""
    access_token: str = ""

    def __repr__(self) -> str:
        """Show everything but the credentials."""
        return (
            f"SystemParameters(xgafv={self.xgafv!r}, alt={self.alt!r}, pretty_print={self.pretty_print}, "
            f"fields={self.fields!r}, key={'…' if self.key else ''!r}, access_token={'…' if self.access_token else ''!r})"
        )


_NONE: Final = SystemParameters()


def read_query(raw: bytes) -> tuple[SystemParameters, list[tuple[str, str]]]:
    """Read a query string, as it stands in the request line without its question mark.

    Returns the system parameters, and the others in their order: names and values, decoded. Broken percent escapes stay as
    they are, broken UTF-8 becomes U+FFFD.

    Raises:
        CallRefused: SYSTEM_PARAMETER_INVALID or ALT_INVALID, with the facts ``name``, ``value`` and ``xgafv`` (which decides
            how the refusal is formatted); QUERY_TOO_LARGE.
    """
    if not raw:
        return _NONE, []
    only_key = _ONLY_KEY.fullmatch(raw)
    if only_key is not None:
        return SystemParameters(key=only_key[1].decode()), []
    return _sort_out(read_pairs(raw))


def read_pairs(raw: bytes) -> list[tuple[str, str]]:
    """Take a query string, or a body that is a form, apart.

    Raises:
        CallRefused: QUERY_TOO_LARGE.
    """
    if len(raw) > QUERY_BYTES_MAX or raw.count(b"&") >= PARAMETERS_MAX:
        raise CallRefused("QUERY_TOO_LARGE", "The parameters are too long, or too many.")
    pairs = []
    for piece in raw.split(b"&"):
        if piece:
            name, _, value = piece.partition(b"=")
            pairs.append((_text(name), _text(value)))
    return pairs


def _text(raw: bytes) -> str:
    if b"%" in raw or b"+" in raw:
        raw = unquote_to_bytes(raw.replace(b"+", b" "))
    # Measured: a NUL is the one escape that the front end hands on undecoded.
    return raw.decode(errors="replace").replace("\0", "%00")


def _sort_out(pairs: list[tuple[str, str]]) -> tuple[SystemParameters, list[tuple[str, str]]]:
    found: dict[str, str] = {}
    rest = []
    for name, value in pairs:
        if name == XGAFV:
            found[name] = value
        elif name in _SYSTEM_NAMES:
            found.setdefault(name, value)
        else:
            rest.append((name, value))
    xgafv = found.get(XGAFV, "")
    if xgafv not in ("1", "2") and XGAFV in found:
        raise _refused("SYSTEM_PARAMETER_INVALID", XGAFV, xgafv, xgafv="")
    alt = found.get("alt", "").lower()
    if alt not in _ALTS:
        raise _refused("ALT_INVALID", "alt", found["alt"], xgafv=xgafv)
    parameters = SystemParameters(
        xgafv=xgafv,  # type: ignore[arg-type]  # one of the three, as was just seen
        alt=alt or "json",
        pretty_print=found.get("prettyPrint", "").lower() not in _FALSE,
        fields=found.get("fields", ""),
        key=found.get("key", ""),
        access_token=found.get("access_token", "") or found.get("oauth_token", ""),
    )
    return parameters, rest


SYSTEM_PARAMETERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        XGAFV: "Format of errors: 1 has a list of errors besides.",
        "access_token": "An access token, for callers that cannot send headers.",
        "alt": "Format of answers.",
        "callback": "Ignored: it belongs to answers as JavaScript, which no POST has.",
        "fields": "Which parts of the answer are wanted, as payload/devices or payload(devices).",
        "key": "An API key. It tells the project, and is taken by Request Sync only.",
        "oauth_token": "The same as access_token.",
        "prettyPrint": "Whether the answer is indented. Errors always are.",
        "quotaUser": "Any word of at most 40 characters for who causes the call. Ignored.",
        "uploadType": "Ignored: no method takes an upload.",
        "upload_protocol": "Ignored: no method takes an upload.",
    }
)
"""What every call may have in its query, and what for."""

_SYSTEM_NAMES: Final = frozenset(SYSTEM_PARAMETERS) - {XGAFV}


def _refused(code: str, name: str, value: str, *, xgafv: str) -> CallRefused:
    shown = value if len(value) <= SHOWN_CHARS_MAX else value[:SHOWN_CHARS_MAX] + "…"
    return CallRefused(code, f"{name} has no value {shown!r}", name=name, value=shown, xgafv=xgafv)


def require_json_answer(parameters: SystemParameters) -> None:
    """Refuse ``alt=media`` and ``alt=proto``. Google does so after the credential.

    Raises:
        CallRefused: ALT_UNSUPPORTED, with the facts ``value`` (in lower case, as at Google) and ``xgafv``.
    """
    if parameters.alt != "json":
        raise _refused("ALT_UNSUPPORTED", "alt", parameters.alt, xgafv=parameters.xgafv)


def choose_envelope(
    xgafv: str, format_version: bytes | None = None, api_client: bytes | None = None
) -> Envelope:
    """Choose the format of an error.

    ``$.xgafv`` decides; then the header X-Goog-Api-Format-Version; then the header X-Goog-Api-Client, since Google's
    discovery-based libraries (they say "gdcl" there) see the older format and nobody else does.
    """
    if xgafv:
        return 1 if xgafv == "1" else 2
    if format_version:
        return 1 if format_version.strip() == b"1" else 2
    return 1 if api_client is not None and b"gdcl" in api_client else 2
