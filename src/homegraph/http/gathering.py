"""What is written in one turn of the loop leaves at its end, all of it in one go.

A transport of uvloop sends at once, and whoever waits for it on another core is woken for each message. Where many calls are
answered or made in one turn, that is a fifth of their cost: the other side reads one, sleeps, and has to be woken for the next. Written one
after the other, the first wakes it and the others find it at work (docs/decisions/0039).

Knows nothing of HTTP. What waits is bounded by who writes: one message for each connection.

The rule that is easily broken: whoever closes a transport, or writes to it directly, flushes first. Otherwise the last message is lost,
or comes second.
"""

from __future__ import annotations

import asyncio


class Gathering:
    """The writes of one loop."""

    __slots__ = ("_loop", "_waiting", "flushes")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: list[tuple[asyncio.WriteTransport, bytes]] = []
        self.flushes = 0
        """How often it was flushed. While it is what it was when a message was written, the message has not left."""

    def write(self, transport: asyncio.WriteTransport, message: bytes) -> None:
        """Send a message before the loop's next turn is over. Messages keep their order."""
        if not self._waiting:
            self._loop.call_soon(self.flush)
        self._waiting.append((transport, message))

    def flush(self) -> None:
        """Send what waits. A transport that was closed meanwhile is passed over: nobody is there any more."""
        waiting, self._waiting = self._waiting, []
        self.flushes += 1
        for transport, message in waiting:
            if not transport.is_closing():
                transport.write(message)
