"""What went over the wire for one intent, with every secret masked before anybody can read it.

Exchanges are recorded as they were and masked when they are taken out: a secret that becomes known only from a later reply
(a new access token) is masked in the earlier ones, too. Masking comes before cutting, so that no half of a secret survives
at the edge.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final, TypeAlias, TypeVar
from urllib.parse import parse_qsl, quote, quote_plus, urlencode, urlsplit

import msgspec
from msgspec.structs import replace

from homegraph.errors import HomegraphError
from homegraph.graph.model import Exchange, Finding

MASK: Final = "***"
"""What stands where something is not shown."""

SHORT: Final = 4
"""Secrets of fewer characters are not looked for in bodies: they would mask half of the text and hide nothing."""


_UNQUOTED: Final = re.compile(r"[A-Za-z0-9_.~-]*").fullmatch
"""Whether a text stands in a form, a query or JSON as it is; most tokens do."""

_HEX: Final = re.compile(r"%[0-9A-F]{2}")

_OF_GO: Final = re.compile("[<>&]")
_OF_DOTNET: Final = re.compile(r"""\\"|[<>&'`+]""")
"""What these write as a number in JSON, lest it be taken for HTML."""

ErrorT = TypeVar("ErrorT", bound=HomegraphError)

Secrets: TypeAlias = list[tuple[str, str]]
"""What is masked, and by what."""


class Transcript:
    """The exchanges of one intent, oldest first."""

    __slots__ = ("_exchanges", "_secrets")

    def __init__(self) -> None:
        self._exchanges: list[Exchange] = []
        self._secrets: dict[str, str] = {}  # and what is shown of them

    def hide(self, *secrets: str) -> None:
        """Mask these wherever they occur."""
        for secret in secrets:
            if len(secret) >= SHORT:
                self._secrets[secret] = MASK
                if not _UNQUOTED(secret):
                    self._secrets |= dict.fromkeys(_written(secret), MASK)

    def hide_credentials(self, headers: Iterable[tuple[str, str]]) -> None:
        """Mask what stands in an Authorization header wherever it is repeated: by Basic it is the secret in another form."""
        self.hide(*(value.partition(" ")[2] for name, value in headers if name == "authorization"))

    def hide_member(self, name: str, secret: str) -> None:
        """Mask a member of a JSON body that we have written, however short its value is, and whatever is in it."""
        written = msgspec.json.encode({name: secret}).decode()[1:-1]
        self._secrets[written] = msgspec.json.encode({name: MASK}).decode()[1:-1]

    def record(self, exchange: Exchange) -> None:
        """Keep an exchange as it was."""
        self._exchanges.append(exchange)

    def join(self, other: Transcript, *, only_secrets: bool) -> None:
        """Take over what another one has: its secrets, and its exchanges if they are not somebody else's already."""
        self._secrets |= other._secrets
        if not only_secrets:
            self._exchanges += other._exchanges

    def masked(self, text: str) -> str:
        """A text without the secrets."""
        return _body(text.encode(), self._longest_first()).decode()

    def masked_value(self, value: Any) -> Any:
        """A value of JSON without the secrets that its texts repeat. Names of members stay."""
        match value:
            case str():
                return self.masked(value)
            case Mapping():
                return {name: self.masked_value(member) for name, member in value.items()}
            case list() | tuple():
                return [self.masked_value(one) for one in value]
        return value

    def masked_error(self, error: ErrorT) -> ErrorT:
        """The same error without what the other side has repeated of a request."""
        error.message = self.masked(error.message)
        error.args = (error.message,)
        return error

    def masked_findings(self, findings: Iterable[Finding]) -> tuple[Finding, ...]:
        """Findings quote what they are about."""
        return tuple(replace(one, what=self.masked(one.what)) for one in findings)

    def exchanges(self, body_max_bytes: int) -> tuple[Exchange, ...]:
        """All of them, masked, bodies cut to ``body_max_bytes``."""
        secrets = self._longest_first()
        return tuple([_masked(exchange, secrets, body_max_bytes) for exchange in self._exchanges])

    def _longest_first(self) -> Secrets:
        """A secret that contains another one must go as a whole."""
        return sorted(self._secrets.items(), key=lambda pair: len(pair[0]), reverse=True)


def shown_query(query: str, names: Collection[str]) -> str:
    """A query of which only these parameters are shown; of the others it can be seen that they were there."""
    pairs = parse_qsl(query, keep_blank_values=True)
    shown = [(name, value if name in names or not value else MASK) for name, value in pairs]
    return urlencode(shown, safe=f"{MASK}:/ ", quote_via=quote)


def _written(secret: str) -> tuple[str, ...]:
    """How a text with special characters may stand in what somebody repeats: in a form; in JSON as most write it, as PHP, Go and .NET do."""
    quoted = quote_plus(secret)
    in_json = json.dumps(secret)[1:-1]
    return (
        quoted,
        _HEX.sub(_lower, quoted),
        in_json,
        in_json.replace("/", "\\/"),
        _OF_GO.sub(lambda found: f"\\u{ord(found[0]):04x}", in_json),
        _OF_DOTNET.sub(lambda found: f"\\u{ord(found[0][-1]):04X}", in_json),
    )


def _lower(found: re.Match[str]) -> str:
    return found[0].lower()


def _masked(exchange: Exchange, secrets: Secrets, body_max_bytes: int) -> Exchange:
    response_body = _body(exchange.response_body, secrets)
    return replace(
        exchange,
        url=_without_query(exchange.url),
        request_headers=_headers(exchange.request_headers, secrets),
        request_body=_body(exchange.request_body, secrets)[:body_max_bytes],
        response_headers=_headers(exchange.response_headers, secrets),
        response_body=response_body[:body_max_bytes],
        # As long as it is with its masks: who compares the two must not take a masked body for one that was cut.
        response_size=exchange.response_size + len(response_body) - len(exchange.response_body),
    )


def _headers(headers: Mapping[str, str], secrets: Secrets) -> dict[str, str]:
    shown = dict(headers)
    if "authorization" in shown:
        shown["authorization"] = f"{shown['authorization'].partition(' ')[0]} {MASK}"
    if "set-cookie" in shown:
        shown["set-cookie"] = MASK
    for secret, mask in secrets:
        for name, value in shown.items():
            if secret in value:
                shown[name] = value.replace(secret, mask)
    return shown


def _body(body: bytes, secrets: Secrets) -> bytes:
    for secret, mask in secrets:
        body = body.replace(secret.encode(), mask.encode())
    return body


def _without_query(url: str) -> str:
    """The query may hold a shared secret of the fulfillment's own making."""
    if "?" not in url:
        return url
    parts = urlsplit(url)
    return parts._replace(query=MASK if parts.query else "").geturl()
