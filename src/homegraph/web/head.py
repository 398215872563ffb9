"""What stands before the body of an API call: the request line, the headers that mean something, and the credentials in both.

An access token stands in the Authorization header or, for callers that cannot send headers, in the URL as ``access_token`` or
``oauth_token``; the header goes before the URL (RFC 6750 wants only one of them). An API key stands in the URL as ``key`` or in
X-Goog-Api-Key; the URL goes before the header, because what a developer pasted there is what he looks at.
"""

from __future__ import annotations

from urllib.parse import quote

import msgspec
from starlette.types import Scope

from homegraph.service.identity import Presented, token_in
from homegraph.wire.parameters import SystemParameters, read_query


class Said(msgspec.Struct, frozen=True):
    """What a head says: system parameters, the others, the credentials, and the type of the body."""

    parameters: SystemParameters
    others: list[tuple[str, str]]
    presented: Presented
    content_type: str | None


class Head(msgspec.Struct):
    """The head of a call as it came.

    ``path`` and ``query`` are as in the request line, ``address`` is the caller's IP address ("" on a Unix socket). The headers are as
    they came, None where there is none.
    """

    path: bytes
    query: bytes
    address: str
    content_type: bytes | None = None
    content_length: bytes | None = None
    authorization: bytes | None = None
    api_key: bytes | None = None
    api_client: bytes | None = None
    format_version: bytes | None = None
    content_encoding: bytes | None = None
    _said: Said | None = None

    def said(self) -> Said:
        """What it says. A head that comes again (``web.caller``) is read once.

        Raises CallRefused: what ``read_query`` refuses.
        """
        if self._said is None:
            parameters, others = read_query(self.query)
            self._said = Said(
                parameters, others, self._presented(parameters), _text(self.content_type)
            )
        return self._said

    def _presented(self, parameters: SystemParameters) -> Presented:
        token = token_in(self.authorization.decode("latin-1")) if self.authorization else ""
        return Presented(
            key=parameters.key or _text(self.api_key) or "",
            token=token or parameters.access_token,
            address=self.address,
        )

    def __repr__(self) -> str:
        """Show no credential, wherever it may stand."""
        return f"Head(path={self.path!r}, address={self.address!r})"


def read_head(path: bytes, query: bytes, address: str, headers: list[tuple[bytes, bytes]]) -> Head:
    """Pick the headers that matter, whose names are in lower case; of a repeated one the first counts."""
    found = dict(reversed(headers)).get
    return Head(
        path,
        query,
        address,
        found(b"content-type"),
        found(b"content-length"),
        found(b"authorization"),
        found(b"x-goog-api-key"),
        found(b"x-goog-api-client"),
        found(b"x-goog-api-format-version"),
        found(b"content-encoding"),
    )


def head_of(scope: Scope) -> Head:
    """The head of a call that came by ASGI."""
    client = scope.get("client")
    return read_head(
        scope.get("raw_path") or quote(scope["path"]).encode(),
        scope["query_string"],
        client[0] if client else "",
        scope["headers"],
    )


def _text(value: bytes | None) -> str | None:
    """A header's value as text; None stays None."""
    return None if value is None else value.decode("latin-1").strip()
