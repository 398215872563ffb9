"""Idle connections, kept for the next call to the same place.

A place is everything that makes two connections interchangeable: scheme, name, port, the very address, and whose certificates
are believed. The newest is taken first, so that those nobody needs grow old and go.
"""

from __future__ import annotations

import asyncio
from typing import Final, NamedTuple

from homegraph.http.connection import Connection
from homegraph.http.deadlines import Deadlines
from homegraph.http.gathering import Gathering
from homegraph.http.reply import Heads

IDLE_SECONDS: Final = 4.0
"""Common servers close after 5 s; who closes first does not find a connection broken under a request."""

IDLE_PER_PLACE_MAX: Final = 64

RECEIVED_AT_ONCE_MAX_BYTES: Final = 256 * 1024
"""The buffer that all connections receive into. Loops ask for it right before they read and say right after what came, so one is enough;
without it asyncio allocates as much for each read, which can cost more than the rest of a call."""

IDLE_MAX: Final = 512
"""For all places together; each holds a file descriptor."""


class Place(NamedTuple):
    """Where a connection leads. It is looked up with every call; text is quick to hash."""

    scheme: str
    host: str
    port: int
    address: str
    authorities: str


class Pool:
    """The idle connections of a transport, and what all of its connections share."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, per_place_max: int = IDLE_PER_PLACE_MAX
    ) -> None:
        self._loop = loop
        self._per_place_max = per_place_max
        self._gathering = Gathering(loop)
        self._deadlines = Deadlines(loop)
        self._heads = Heads()
        self._buffer = memoryview(bytearray(RECEIVED_AT_ONCE_MAX_BYTES))
        self._idle: dict[Place, list[Connection]] = {}
        self._count = 0
        self._sweeper: asyncio.TimerHandle | None = None

    def connection(self) -> Connection:
        """A connection that is to be opened."""
        return Connection(self._loop, self._gathering, self._deadlines, self._heads, self._buffer)

    def take(self, place: Place) -> Connection | None:
        """An idle connection to this place, the newest; None when there is none that is good."""
        idle = self._idle.get(place)
        while idle:
            connection = idle.pop()
            self._count -= 1
            if connection.is_usable and not self._is_old(connection):
                return connection
            connection.abort()
        return None

    def keep(self, place: Place, connection: Connection) -> None:
        """Keep a connection that an exchange has left usable; one too many is closed."""
        idle = self._idle.setdefault(place, [])
        if len(idle) >= self._per_place_max or self._count >= IDLE_MAX:
            connection.abort()
            return
        connection.idle_since = self._loop.time()
        idle.append(connection)
        self._count += 1
        if self._sweeper is None:
            self._sweeper = self._loop.call_later(IDLE_SECONDS, self._sweep)

    def close(self) -> None:
        """Close all of them."""
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None
        for idle in self._idle.values():
            for connection in idle:
                connection.abort()
        self._idle.clear()
        self._count = 0

    def _is_old(self, connection: Connection) -> bool:
        return self._loop.time() - connection.idle_since >= IDLE_SECONDS

    def _sweep(self) -> None:
        """Close what has been idle for too long, and forget places without any."""
        for place, idle in list(self._idle.items()):
            good = [one for one in idle if one.is_usable and not self._is_old(one)]
            for connection in idle:
                if connection not in good:
                    connection.abort()
            self._count -= len(idle) - len(good)
            if good:
                self._idle[place] = good
            else:
                del self._idle[place]
        self._sweeper = self._loop.call_later(IDLE_SECONDS, self._sweep) if self._count else None
