"""A reply, and how one is known at one look: by a head that was read before.

A server begins its answers with the same bytes again and again, at least within a second. Once the parser has read such a head
(``reading``), a reply that begins with it and has exactly the body that must follow need not be parsed. Everything else is: heads that
come in parts or were not seen yet, chunks, compression, interim answers.

The rule that is easily broken: only the parser says what a head means. What is kept is its word, and only about replies that came in
one piece, were whole, and left the connection good for another one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from homegraph.http.fifo import FifoCache

HEADS_KEPT_MAX: Final = 1_024
"""For all connections of a pool; a server that dates its answers brings a new one each second."""

HEAD_KEPT_MAX_BYTES: Final = 1_024
"""A longer head is parsed each time; 100 to 500 bytes are usual."""

_END: Final = b"\r\n\r\n"


class HttpReply(msgspec.Struct, frozen=True):
    """A reply, decompressed. Header names are in lower case; of repeated ones the last counts."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class _Head(msgspec.Struct, frozen=True):
    """What a head says. Many replies share ``headers``, so nobody may change them."""

    status: int
    headers: Mapping[str, str]
    length: int


class Heads:
    """Heads of replies that were whole, framed by their length, not compressed, and kept the connection alive."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: FifoCache[bytes, _Head] = FifoCache(HEADS_KEPT_MAX)

    def reply(self, data: bytes, most: int) -> HttpReply | None:
        """The reply that these bytes are, exactly, if that can be said without parsing them."""
        end = data.find(_END) + len(_END)
        head = self._known.get(data[:end])
        if head is None or len(data) != end + head.length or head.length > most:
            return None
        return HttpReply(head.status, head.headers, data[end:])

    def learn(self, data: bytes, reply: HttpReply) -> None:
        """Keep the head of a reply that was read from these bytes alone, without decompression."""
        end = data.find(_END) + len(_END)
        # The first blank line ends the head, unless something else comes before it: then the body is not all that follows.
        if end > HEAD_KEPT_MAX_BYTES or end + len(reply.body) != len(data):
            return
        self._known[data[:end]] = _Head(reply.status, reply.headers, len(reply.body))
