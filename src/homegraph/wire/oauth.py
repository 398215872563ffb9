"""OAuth 2.0 as the Home Graph speaks it towards a project's token endpoint: bytes <-> typed values.

The Home Graph is the client here. Requests are forms in the order Google sends them (observed); the client's credentials
stand in the body or, when the project says so, in HTTP Basic. Only ``invalid_grant`` means that the refresh token is
gone; every other failure may pass and is told apart by that.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import parse_qsl, quote, urlencode

import msgspec

from homegraph.errors import TokenEndpointFailed, TokenRefused
from homegraph.wire.json_faults import fault_of, misfit_told

TEXT_MAX: Final = 200
"""Characters of a foreign text that are quoted in our messages."""

FORM_FIELDS_MAX: Final = 50
"""Fields of an answer that is a form; five are defined."""

HARMLESS: Final = frozenset(
    {"token_type", "expires_in", "scope", "error", "error_description", "error_uri"}
)
"""Members of a token endpoint's answer that are shown as they came."""

_TEXT: Final = r'"((?:[^"\\]|\\.)*+)'
_TEXTS: Final = re.compile(rf'(?<!\\){_TEXT}"\s*+:\s*+{_TEXT}', re.DOTALL)
_NUMBERS: Final = re.compile(r'(?<!\\)"((?i:[a-z_]{0,20}token))"\s*+:\s*+([0-9]++)')
_FIELDS: Final = re.compile(r"(?<![^=&\s])([^=&\s]++)=([^&\s]++)")
"""Names and values in JSON, and in a form. What stands in front of a name is looked at so that no byte is read twice."""

HTTP_OK: Final = 200
_OTHER_SUCCESSES: Final = range(201, 300)
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
    return _request(form, client_id, client_secret, client_auth)


def code_request(  # the parameters of the request
    code: str,
    *,
    redirect_uri: str,
    verifier: str,
    client_id: str,
    client_secret: str,
    client_auth: str,
) -> tuple[tuple[tuple[str, str], ...], bytes]:
    """Headers and body of a code exchange (protocol.md 6.2), in Google's order; ``verifier`` is empty without PKCE.

    ``redirect_uri`` is the one of the authorization request, to the character (RFC 6749 section 4.1.3).
    """
    form = [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", redirect_uri)]
    proof = [("code_verifier", verifier)] if verifier else []
    return _request(form, client_id, client_secret, client_auth, proof)


def _request(
    form: list[tuple[str, str]],
    client_id: str,
    client_secret: str,
    client_auth: str,
    last: Sequence[tuple[str, str]] = (),
) -> tuple[tuple[tuple[str, str], ...], bytes]:
    headers = [
        ("content-type", "application/x-www-form-urlencoded"),
        ("accept", "application/json"),
    ]
    if client_auth == "basic":
        pair = f"{quote(client_id, safe='')}:{quote(client_secret, safe='')}"
        headers.append(("authorization", f"Basic {b64encode(pair.encode()).decode()}"))
    else:
        form += [("client_id", client_id), ("client_secret", client_secret)]
    return tuple(headers), urlencode([*form, *last]).encode()


def read_token_reply(status: int, body: bytes, *, grant: str = "refresh token") -> TokenReply:
    """Read a token endpoint's answer to ``grant``: JSON, or a form, as some servers still send it.

    Raises:
        TokenRefused: HTTP 400 with ``invalid_grant``: revoked; only a new linking helps.
        TokenEndpointFailed: anything else that is not a token.
    """
    if status != HTTP_OK:
        raise _failure(status, body, grant)
    try:
        answer = _form(body) or _success_decoder.decode(body)
    except (msgspec.DecodeError, ValueError, RecursionError) as exc:
        raise TokenEndpointFailed(
            f"The token endpoint answered 200, but not with a JSON object (or a form) that has an access_token: {_lack(body, str(exc))}."
        ) from exc
    if not answer.access_token:
        raise TokenEndpointFailed("The token endpoint answered with an empty access_token.")
    if not (answer.access_token.isascii() and answer.access_token.isprintable()):
        raise TokenEndpointFailed(
            "The token endpoint answered with an access_token that no header can carry: it has characters beyond printable ASCII."
        )
    return TokenReply(answer.access_token, answer.refresh_token or "", _seconds(answer.expires_in))


class TokenMembers(msgspec.Struct, frozen=True):
    """A token endpoint's answer as it stands: its members, and whether they came as a form, where every value is a text."""

    members: Mapping[str, Any]
    is_form: bool = False
    written: tuple[tuple[str, str], ...] = ()
    """Names and texts as they stand in it, escapes and all: at any depth, and also of an answer that is neither JSON nor a form."""

    @property
    def secrets(self) -> list[str]:
        """What may be secret in it: every text but those of members that are known to be harmless."""
        return [value for name, value in self._texts() if name not in HARMLESS]

    @property
    def tokens(self) -> list[str]:
        """What its name calls a token: such a text is a secret wherever else it occurs, too."""
        return [value for name, value in self._texts() if name.lower().endswith("token")]

    def _texts(self) -> Iterator[tuple[str, str]]:
        for name, value in self.members.items():
            if isinstance(value, str):
                yield name, value
        yield from self.written


def read_token_members(body: bytes) -> TokenMembers:
    """Read an answer to be looked at, whatever is in it; one that is neither object nor form has no members."""
    text = body.decode(errors="replace")
    # Some write a token as a number. It is none, and yet a secret; other numbers are harmless, and would mask half of the text.
    in_json = (*_TEXTS.findall(text), *_NUMBERS.findall(text))
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        try:
            given = parse_qsl(body.decode().strip(), max_num_fields=FORM_FIELDS_MAX)
        except ValueError:
            given = []
        return TokenMembers(dict(given), True, (*in_json, *_FIELDS.findall(text)))
    return TokenMembers(document if isinstance(document, dict) else {}, written=in_json)


def _lack(body: bytes, said: str) -> str:
    """What an answer lacks, as a clause without any of its values."""
    fault = fault_of(body)
    return misfit_told(said) if fault is None else fault.what


def _form(body: bytes) -> _Success | None:
    """An answer in the form of a query; None when it is none, or names no access_token."""
    if body.lstrip()[:1] in (b"{", b"[", b""):
        return None
    given = dict(parse_qsl(body.decode().strip(), max_num_fields=FORM_FIELDS_MAX))
    return msgspec.convert(given, _Success) if given.get("access_token") else None


def _failure(status: int, body: bytes, grant: str) -> TokenRefused | TokenEndpointFailed:
    try:
        failure = _failure_decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        failure = _Failure()
    told = f"The token endpoint answered HTTP {status}"
    if status in _OTHER_SUCCESSES:
        told += ", not 200"
    if not failure.error:
        return TokenEndpointFailed(f"{told}.")
    said = failure.error[:TEXT_MAX]
    if failure.error_description:
        said += f" ({failure.error_description[:TEXT_MAX]})"
    if status == HTTP_BAD_REQUEST and failure.error == "invalid_grant":
        return TokenRefused(f"The token endpoint refused the {grant}: {said}.")
    return TokenEndpointFailed(f"{told}: {said}.")


def _seconds(value: float | str | None) -> float:
    """``expires_in`` must be a number; some servers send it as text, which real clients forgive."""
    try:
        seconds = float(value or 0)
    except ValueError:
        return 0
    return seconds if 0 < seconds < float("inf") else 0
