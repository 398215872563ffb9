"""A clock that stands still until a test moves it."""

from __future__ import annotations

import asyncio

from homegraph.graph.model import Instant


class ManualClock:
    """Time is what the test says. Waiters whose time has come are woken by ``advance``."""

    def __init__(self, now: Instant = 1_000_000.0) -> None:
        self._now = now
        self._moved = asyncio.Event()

    def now(self) -> Instant:
        return self._now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._now += seconds
        self._moved.set()
        self._moved = asyncio.Event()

    async def wait(self, wake: asyncio.Event, until: Instant | None) -> None:
        while not wake.is_set() and (until is None or self._now < until):
            first = {
                asyncio.ensure_future(wake.wait()),
                asyncio.ensure_future(self._moved.wait()),
            }
            try:
                await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for waiting in first:
                    waiting.cancel()
