"""Hints between processes: what became due, what is remembered and may have changed.

A hint is sent by NOTIFY after the transaction that it is about, on a connection of its own: inside a transaction it would make all
commits wait for each other. It is sent at once, and then not again for a moment, however much happens. It may be lost (the
connection broke, a pooler is in between); whoever hears nothing looks by himself every few seconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

import asyncpg

from homegraph.store.port import Hint
from homegraph.store.postgres.database import Database
from homegraph.store.postgres.pool import FURTHER_SECONDS
from homegraph.store.postgres.trouble import grants_no_more, translated

CHANNEL: Final = "homegraph"

QUIET_SECONDS: Final = 0.05
"""The shortest time between two hints of one process."""

AGAIN_SECONDS: Final = 2.0
"""How long to wait before another connection is tried in place of one that broke."""


class Hints:
    """The connection that listens, and tells."""

    def __init__(self, connect: Callable[[], Awaitable[asyncpg.Connection[Any]]]) -> None:
        self._connect = connect
        self._connection: asyncpg.Connection[Any] | None = None
        self._heard: list[Callable[[Hint], None]] = []
        self._waiting: set[Hint] = set()
        self._news = asyncio.Event()
        self._stopped = asyncio.Event()
        self._tasks = [
            asyncio.create_task(self._listen(), name="hints: listen"),
            asyncio.create_task(self._send(), name="hints: tell"),
        ]

    def hear(self, told: Callable[[Hint], None]) -> None:
        """Call ``told`` with what other processes tell."""
        self._heard.append(told)

    def tell(self, *hints: Hint) -> None:
        """Tell other processes, soon."""
        self._waiting.update(hints)
        self._news.set()

    async def close(self) -> None:
        """Stop. Again is no error."""
        self._stopped.set()
        self._news.set()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _listen(self) -> None:
        while not self._stopped.is_set():
            try:
                await self._listen_once()
            except Exception as exc:
                if translated(exc) is exc:
                    raise
                full = grants_no_more(exc)
                await _wait(self._stopped, FURTHER_SECONDS if full else AGAIN_SECONDS)

    async def _listen_once(self) -> None:
        """Listen until the connection breaks."""
        broken = asyncio.Event()
        connection = await self._connect()
        try:
            connection.add_termination_listener(lambda _: broken.set())
            await connection.add_listener(CHANNEL, self._notified)
            self._connection = connection
            for hint in Hint:  # whatever was told before is missed
                self._announce(hint)
            await broken.wait()
        finally:
            self._connection = None
            connection.terminate()

    async def _send(self) -> None:
        while not self._stopped.is_set():
            await self._news.wait()
            self._news.clear()
            hints, self._waiting = self._waiting, set()
            connection = self._connection  # another one, or none, as soon as somebody waits
            if connection is not None:
                try:
                    for hint in hints:
                        await Database(connection).rows("tell", hint.value)
                except Exception as exc:
                    if translated(exc) is exc:
                        raise
            await _wait(self._stopped, QUIET_SECONDS)

    def _notified(self, _connection: Any, pid: int, _channel: str, payload: object) -> None:
        ours = self._connection is not None and pid == self._connection.get_server_pid()
        if not ours and payload in set(Hint):
            self._announce(Hint(str(payload)))

    def _announce(self, hint: Hint) -> None:
        for told in self._heard:
            told(hint)


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
