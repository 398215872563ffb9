"""What went over the wire for one intent, with every secret masked before anybody can read it.

Exchanges are recorded as they were and masked when they are taken out: a secret that becomes known only from a later reply
(a new access token) is masked in the earlier ones, too. Masking comes before cutting, so that no half of a secret survives
at the edge.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import quote_plus, urlsplit

from homegraph.graph.model import Exchange

MASK: Final = "***"

SHORT: Final = 4
"""Secrets of fewer characters are not looked for in bodies: they would mask half of the text and hide nothing."""


@dataclass(slots=True)
class Transcript:
    """The exchanges of one intent, oldest first."""

    _exchanges: list[Exchange] = field(default_factory=list)
    _secrets: set[str] = field(default_factory=set, repr=False)

    def hide(self, *secrets: str) -> None:
        """Mask these wherever they occur."""
        for secret in secrets:
            self._secrets.update({secret, quote_plus(secret)} if len(secret) >= SHORT else ())

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
        return _body(text.encode(), sorted(self._secrets, key=len, reverse=True)).decode()

    def exchanges(self, body_max_bytes: int) -> tuple[Exchange, ...]:
        """All of them, masked, bodies cut to ``body_max_bytes``."""
        # Longest first: a secret that contains another one must go as a whole.
        secrets = sorted(self._secrets, key=len, reverse=True)
        return tuple(_masked(exchange, secrets, body_max_bytes) for exchange in self._exchanges)


def _masked(exchange: Exchange, secrets: list[str], body_max_bytes: int) -> Exchange:
    return replace(
        exchange,
        url=_without_query(exchange.url),
        request_headers=_headers(exchange.request_headers, secrets),
        request_body=_body(exchange.request_body, secrets)[:body_max_bytes],
        response_headers=_headers(exchange.response_headers, secrets),
        response_body=_body(exchange.response_body, secrets)[:body_max_bytes],
    )


def _headers(headers: Mapping[str, str], secrets: list[str]) -> dict[str, str]:
    return {name: _header(name, value, secrets) for name, value in headers.items()}


def _header(name: str, value: str, secrets: list[str]) -> str:
    if name == "authorization":
        return f"{value.partition(' ')[0]} {MASK}"
    if name == "set-cookie":
        return MASK
    for secret in secrets:
        value = value.replace(secret, MASK)
    return value


def _body(body: bytes, secrets: list[str]) -> bytes:
    for secret in secrets:
        body = body.replace(secret.encode(), MASK.encode())
    return body


def _without_query(url: str) -> str:
    """The query may hold a shared secret of the fulfillment's own making."""
    parts = urlsplit(url)
    return parts._replace(query=MASK if parts.query else "").geturl()
