"""The budget of a project: so many calls within any minute, counted in a window that slides.

Google gives a project 6,000 calls per 60 seconds and shares them among everything that is done in its name, except the
Request Sync that waits for its outcome: of those one per user is allowed at a time. Whether Google's window slides or jumps is
not known; one that slides is kinder, because a budget comes back as it was spent.

``Window`` counts per second: a call leaves the window with the sixtieth second after its own. ``Quota`` holds one window per
project, and of the projects only those that called last. A call that is refused is not counted, so that a caller who keeps
asking is served as soon as there is room again.

The rule that is easily broken: this is the one part of ``graph`` that remembers, because a value copied for every call would
cost more than the call. Time is handed in all the same, and counting costs the same whatever the numbers are.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from homegraph.graph.model import Instant

__all__ = ["PROJECTS_MAX", "WINDOW_SECONDS", "Quota", "Window"]

WINDOW_SECONDS: Final = 60

PROJECTS_MAX: Final = 10_000
"""Projects whose calls are counted at a time, at half a kilobyte each. The one that called least lately is forgotten first."""


class Window:
    """Calls of the last sixty seconds, in one bucket for each."""

    __slots__ = ("_buckets", "_second", "_total")

    def __init__(self) -> None:
        self._buckets = [0] * WINDOW_SECONDS
        self._second = 0
        self._total = 0

    def admit(self, now: Instant, limit: int) -> bool:
        """Count a call at ``now``, unless there are ``limit`` already: then it is refused, and not counted."""
        second = int(now)
        if second != self._second:
            self._slide(second)
        if self._total >= limit:
            return False
        self._buckets[self._second % WINDOW_SECONDS] += 1
        self._total += 1
        return True

    def _slide(self, second: int) -> None:
        """Empty the buckets of the seconds that have gone by."""
        passed = second - self._second
        # A clock that was set back a little counts on in the newest bucket; set back by a minute or more, it starts afresh.
        if passed >= WINDOW_SECONDS or passed <= -WINDOW_SECONDS:
            self._buckets = [0] * WINDOW_SECONDS
            self._total = 0
        elif passed < 0:
            return
        else:
            for gone in range(self._second + 1, second + 1):
                self._total -= self._buckets[gone % WINDOW_SECONDS]
                self._buckets[gone % WINDOW_SECONDS] = 0
        self._second = second


class Quota:
    """The windows of all projects; each may make ``limit`` calls a minute, any number when that is 0."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._windows: OrderedDict[str, Window] = OrderedDict()

    def admit(self, project_id: str, now: Instant) -> bool:
        """Count a call of the project, unless its budget is used up."""
        if not self._limit:
            return True
        window = self._windows.get(project_id)
        if window is None:
            window = self._windows[project_id] = Window()
            if len(self._windows) > PROJECTS_MAX:
                self._windows.popitem(last=False)
        else:
            self._windows.move_to_end(project_id)
        return window.admit(now, self._limit)
