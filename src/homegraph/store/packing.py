"""Bodies of the journal, packed: what devices say of themselves repeats, so a long body needs a third or a twelfth of its size.

Owns when a body is packed and how, not where it stands. LZ4, because packing must cost less than the pages that it saves
(docs/decisions/0054).
"""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from lz4.block import LZ4BlockError, compress, decompress  # type: ignore[import-untyped]

from homegraph.errors import StoreUnavailable

PACKED_FROM_BYTES: Final = 1_024
"""A shorter body stands beside its row in one page anyway, and can be read there by a person with a shell."""

_GROWTH_MAX: Final = 255
"""LZ4 packs no tighter; a block that says it would be longer is damaged, and no memory is taken for what it says."""

_SIZE_BYTES: Final = 4
"""A block begins with the length of what is in it, little endian."""


def packed(body: bytes) -> tuple[bytes, bytes]:
    """A body for its two columns: as it is, or packed. The other one is empty."""
    if len(body) < PACKED_FROM_BYTES:
        return body, b""
    return b"", compress(body)


def unpacked(body: bytes, block: bytes) -> bytes:
    """The opposite of ``packed``. Raises StoreUnavailable for a block that is damaged."""
    if not block:
        return body
    if int.from_bytes(block[:_SIZE_BYTES], "little") <= _GROWTH_MAX * len(block):
        with suppress(LZ4BlockError, ValueError):
            return bytes(decompress(block))
    raise StoreUnavailable(
        "The body of an exchange cannot be read: the database is damaged.",
        hint="`homegraph db check` tells what else is.",
    )
