"""What stands before the body of an API call: the request line, and the headers that mean something."""

from __future__ import annotations

from urllib.parse import quote

import msgspec
from starlette.types import Scope


class Head(msgspec.Struct, frozen=True, gc=False):
    """The head of a call, nothing of it looked at yet.

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


def text(value: bytes | None) -> str | None:
    """A header's value as text; None stays None."""
    return None if value is None else value.decode("latin-1").strip()
