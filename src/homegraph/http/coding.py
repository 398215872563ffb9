"""gzip and deflate -> the bytes that were meant, within a bound. No I/O.

Replies that the server reads come packed, and so do calls that it answers; who is told what of a fault is theirs (``reading``,
``web.exchange``).
"""

from __future__ import annotations

import zlib
from typing import Final

CODINGS: Final = {"gzip": "gzip", "x-gzip": "gzip", "deflate": "deflate"}
"""What is read, by the names that Content-Encoding has for it."""

GZIP_MEMBERS_MAX: Final = 16
"""Streams that one gzip body is put together from; one is usual."""


class NotDecodable(Exception):
    """The bytes are not what their header says. The text says it of them, as a clause."""


class CodedTooLarge(Exception):
    """They become more than is allowed."""


def decoded(coding: str, body: bytes, most: int) -> bytes:
    """The body without its gzip or deflate; ``coding`` is one of the values of ``CODINGS``.

    Raises:
        CodedTooLarge: it becomes more than ``most`` bytes. No more than one byte beyond them was made.
        NotDecodable: it is not what its header says.
    """
    parts: list[bytes] = []
    size, rest = 0, body
    while rest:
        if len(parts) >= GZIP_MEMBERS_MAX:
            raise NotDecodable(f"has more than {GZIP_MEMBERS_MAX} streams of gzip")
        stream = zlib.decompressobj(_window(coding, rest))
        try:
            part = stream.decompress(rest, most - size + 1)
        except zlib.error as exc:
            raise NotDecodable(f"is not {coding}, as its header says") from exc
        size += len(part)
        if size > most:
            raise CodedTooLarge
        if not stream.eof:
            raise NotDecodable(f"has {coding} that ends too early")
        parts.append(part)
        rest = stream.unused_data if coding == "gzip" else b""
    return b"".join(parts)


def _window(coding: str, data: bytes) -> int:
    """What zlib is told. "deflate" is zlib's format (RFC 9110 8.4.1.2), but some send it without zlib's head."""
    if coding == "gzip":
        return zlib.MAX_WBITS | 16
    has_head = data[0] & 0x0F == zlib.DEFLATED and int.from_bytes(data[:2], "big") % 31 == 0
    return zlib.MAX_WBITS if has_head else -zlib.MAX_WBITS
