"""One timer for all exchanges of a loop: it looks who is late.

A timer for each exchange costs as much as reading its answer, and next to none of them ever goes off. So there is one, for the nearest
deadline that was seen; it is left alone when that exchange ends, and finds out when it goes off.

A deadline is told ``LOOK_SECONDS`` late at most. Knows nothing of HTTP.
"""

from __future__ import annotations

import asyncio
from typing import Final, Protocol

NEVER: Final = float("inf")
"""The deadline of who is not under way."""

LOOK_SECONDS: Final = 0.02
"""Between two looks, so that many exchanges that are late one after the other cost one look together."""


class Timed(Protocol):
    """Who has a deadline, in the loop's time."""

    deadline: float

    def late(self) -> None:
        """The deadline has passed; it is another one, or none, afterwards."""


class Deadlines:
    """The deadlines of a loop's connections."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._all: set[Timed] = set()
        self._next = NEVER
        self._timer: asyncio.TimerHandle | None = None

    def add(self, one: Timed) -> None:
        """Look at its deadline from now on."""
        self._all.add(one)

    def remove(self, one: Timed) -> None:
        """Forget it."""
        self._all.discard(one)
        if not self._all:
            self._look_at(NEVER)

    def watch(self, deadline: float) -> None:
        """Somebody who was added has this deadline now."""
        if deadline < self._next:
            self._look_at(deadline)

    def _look_at(self, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._next = when
        if when != NEVER:
            self._timer = self._loop.call_at(when, self._look)

    def _look(self) -> None:
        self._timer = None
        now, nearest = self._loop.time(), NEVER
        soon = now + LOOK_SECONDS
        for one in self._all:
            if one.deadline <= now:
                one.late()
            nearest = min(nearest, one.deadline)
        self._look_at(max(nearest, soon))
