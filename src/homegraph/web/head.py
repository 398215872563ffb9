"""The headers of an API call that mean something, picked in one pass."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec


class Head(msgspec.Struct, frozen=True, gc=False):
    """The headers that mean something to the API, as they came; None where there is none."""

    content_type: bytes | None = None
    content_length: bytes | None = None
    authorization: bytes | None = None
    api_key: bytes | None = None
    api_client: bytes | None = None
    format_version: bytes | None = None


_MEANT: Final[Mapping[bytes, str]] = {
    b"content-type": "content_type",
    b"content-length": "content_length",
    b"authorization": "authorization",
    b"x-goog-api-key": "api_key",
    b"x-goog-api-client": "api_client",
    b"x-goog-api-format-version": "format_version",
}


def read_head(headers: list[tuple[bytes, bytes]]) -> Head:
    """Pick the headers that matter; of a repeated one the first counts."""
    found: dict[str, bytes] = {}
    for name, value in headers:
        member = _MEANT.get(name)
        if member is not None and member not in found:
            found[member] = value
    return Head(**found)


def text(value: bytes | None) -> str | None:
    """A header's value as text; None stays None."""
    return None if value is None else value.decode("latin-1").strip()
