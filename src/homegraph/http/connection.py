"""One connection: an exchange at a time, each with its own end in time.

Knows neither where it leads nor whether it is encrypted; who calls opens it, and ``pool`` keeps it while it is idle.

The rule that is easily broken: after anything but a whole reply that says "keep alive", the connection is closed. What is left
on it would be taken for the answer to the next request.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from typing import Final, cast

from homegraph.errors import (
    FulfillmentTimeout,
    FulfillmentUnreachable,
    HomegraphError,
)
from homegraph.http.deadlines import NEVER, Deadlines
from homegraph.http.gathering import Gathering
from homegraph.http.reading import ReplyReader
from homegraph.http.reply import Heads, HttpReply


class Connection(asyncio.BufferedProtocol):
    """A connection that is open or was. ``idle_since`` is the pool's, in the loop's time."""

    __slots__ = (
        "_buffer",
        "_deadlines",
        "_gathering",
        "_is_open",
        "_loop",
        "_reader",
        "_seconds_max",
        "_transport",
        "_waiter",
        "_written_at",
        "deadline",
        "has_heard",
        "idle_since",
    )

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        gathering: Gathering,
        deadlines: Deadlines,
        heads: Heads,
        buffer: memoryview,
    ) -> None:
        self._loop = loop
        self._gathering = gathering
        self._deadlines = deadlines
        self._buffer = buffer
        self._reader = ReplyReader(heads)
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[HttpReply] | None = None
        self._is_open = False
        self._seconds_max = 0.0
        self._written_at = -1
        self.deadline = NEVER
        """When the exchange is over, in the loop's time."""
        self.has_heard = False
        """Whether any byte has come in answer to the last request."""
        self.idle_since = 0.0

    @property
    def is_usable(self) -> bool:
        """Whether another request may be sent on it."""
        return self._is_open and self._waiter is None

    async def exchange(
        self, request: bytes, *, reply_max_bytes: int, seconds_max: float, deadline: float
    ) -> HttpReply:
        """Send a request and bring the reply. ``deadline`` is in the loop's time; ``seconds_max`` is for the message.

        Raises:
            FulfillmentUnreachable, FulfillmentTimeout, ReplyTooLarge, ReplyGarbled.
        """
        if self._transport is None or not self._is_open:
            raise FulfillmentUnreachable("The connection was closed by the other side.")
        waiter: asyncio.Future[HttpReply] = self._loop.create_future()
        self._waiter = waiter
        self.has_heard = False
        self._reader.begin(reply_max_bytes)
        self._seconds_max = seconds_max
        self.deadline = deadline
        self._deadlines.watch(deadline)
        self._written_at = self._gathering.flushes
        self._gathering.write(self._transport, request)
        try:
            reply = await waiter
        except BaseException:
            self.abort()
            raise
        finally:
            self._waiter = None
            self.deadline = NEVER
        if not (self._reader.keeps_alive and self._has_sent_all()):
            self.abort()
        return reply

    def late(self) -> None:
        """End the exchange: its deadline has passed."""
        self.deadline = NEVER
        part = " A part of it had come." if self.has_heard else ""
        self._fail(FulfillmentTimeout(f"No complete answer within {self._seconds_max:g} s.{part}"))

    def abort(self) -> None:
        """Close at once."""
        self._is_open = False
        if self._transport is not None:
            self._transport.abort()

    def _has_sent_all(self) -> bool:
        """Whether nothing of the request is left to be sent: an answer may come before it was read."""
        return self._transport is not None and self._transport.get_write_buffer_size() == 0

    def _fail(self, error: HomegraphError) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(error)

    # --- what the loop tells ---------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own class
        self._is_open = True
        self._deadlines.add(self)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002  # it is the loop's guess, not what will come
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        waiter = self._waiter
        if waiter is None or waiter.done():
            self.abort()  # nothing was asked, so this is no answer
            return
        if self._gathering.flushes == self._written_at:  # nor is it now: the request has not left
            self._fail(FulfillmentUnreachable("The other side spoke before it was asked."))
            self.abort()
            return
        self.has_heard = True
        try:
            reply = self._reader.feed(bytes(self._buffer[:nbytes]))
        except HomegraphError as exc:
            self._fail(exc)
            self.abort()
            return
        if reply is not None:
            waiter.set_result(reply)

    def eof_received(self) -> None:
        self._closed(self._cut())

    def connection_lost(self, exc: Exception | None) -> None:
        self._deadlines.remove(self)
        self._closed(f"The connection failed: {in_words(exc)}." if exc else self._cut())

    def _cut(self) -> str:
        how = "before the answer was whole" if self.has_heard else "without an answer"
        return f"The connection was closed {how}."

    def _closed(self, sentence: str) -> None:
        self._is_open = False
        waiter = self._waiter
        if waiter is None or waiter.done():
            return
        try:
            reply = self._reader.end()
        except HomegraphError as exc:
            self._fail(exc)
            return
        if reply is not None:
            waiter.set_result(reply)
        else:
            self._fail(FulfillmentUnreachable(sentence))


_NO_TLS: Final = "what answers there does not speak TLS, so its address begins with http"
_ANOTHER_TLS: Final = "the other side speaks no version of TLS that is taken, 1.2 or newer"
_TLS_IN_WORDS: Final = {
    "WRONG_VERSION_NUMBER": _NO_TLS,
    "RECORD_LAYER_FAILURE": _NO_TLS,
    "TLSV1_ALERT_PROTOCOL_VERSION": _ANOTHER_TLS,
    "UNSUPPORTED_PROTOCOL": _ANOTHER_TLS,
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "the other side wants a certificate of its callers, and this one has none",
}
"""What OpenSSL calls the mistakes that are made most."""


def in_words(exc: BaseException) -> str:
    """What an error of the system is called, without the address that some loops put into it."""
    if isinstance(exc, ssl.SSLError):
        reason = exc.reason or type(exc).__name__
        return _TLS_IN_WORDS.get(reason) or f"TLS: {reason.replace('_', ' ').lower()}"
    if isinstance(exc, OSError) and exc.errno is not None and exc.errno > 0:
        return os.strerror(exc.errno)
    return type(exc).__name__
