"""What was read from the store a moment ago, and is believed for a moment longer.

The same few credentials call again and again, so what was found is kept for a second. That second is a promise: it is the
longest that one process goes on to believe what another has withdrawn. Within a process ``forget`` is called after each
change, so there a withdrawal counts from the next call on.

What was not found is not kept: no flood of guesses can push out what is in use.

The rule that is easily broken: a reading that was under way during ``forget`` may have seen the old row. What it found is used
once and not kept.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

from homegraph.graph.model import Instant

T = TypeVar("T")

REMEMBERED_SECONDS: Final = 1.0
"""How long something is believed: the longest that another process's revocation goes unnoticed."""


class Remembered(Generic[T]):
    """Values by the digest that they were found under, at most ``places_max`` of them."""

    def __init__(self, places_max: int) -> None:
        self._places_max = places_max
        self._kept: OrderedDict[bytes, tuple[Instant, T]] = OrderedDict()
        self._changes = 0

    def forget(self) -> None:
        """Believe nothing that was read before now."""
        self._kept.clear()
        self._changes += 1

    def recall(self, digest: bytes, now: Instant) -> T | None:
        """What is remembered and believed, if anything is."""
        kept = self._kept.get(digest)
        # A clock that was set back makes entries look as if they came from the future: those are not believed either.
        if kept is not None and 0.0 <= now - kept[0] < REMEMBERED_SECONDS:
            self._kept.move_to_end(digest)
            return kept[1]
        return None

    async def find(
        self, digest: bytes, now: Instant, read: Callable[[], Awaitable[T | None]]
    ) -> T | None:
        """What ``read`` finds now; it is remembered. What ``read`` raises is raised."""
        changes = self._changes
        found = await read()
        if found is not None and changes == self._changes:
            self._kept[digest] = (now, found)
            self._kept.move_to_end(digest)
            if len(self._kept) > self._places_max:
                self._kept.popitem(last=False)
        return found
