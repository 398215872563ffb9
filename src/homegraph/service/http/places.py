"""How many calls a project may have under way: a bound for each, so that a slow one keeps only its own waiting.

It holds for whatever is sent on behalf of a project: runs of either mode, QUERY, EXECUTE, DISCONNECT and the token endpoint.
"""

from __future__ import annotations

import asyncio
from collections import deque

from homegraph.errors import FulfillmentTimeout


class Places:
    """``each_max`` places for every project."""

    def __init__(self, each_max: int) -> None:
        self._each_max = each_max
        self._taken: dict[str, int] = {}
        self._queues: dict[str, deque[asyncio.Future[None]]] = {}

    def take_now(self, project_id: str) -> bool:
        """Take a place if there is one and nobody waits for it."""
        taken = self._taken.get(project_id, 0)
        if taken >= self._each_max:
            return False
        self._taken[project_id] = taken + 1
        return True

    async def take(self, project_id: str, seconds_max: float) -> None:
        """Take a place, in the order of asking.

        Raises:
            FulfillmentTimeout: none became free in time.
        """
        if self.take_now(project_id):
            return
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue = self._queues.setdefault(project_id, deque())
        queue.append(place)
        try:
            async with asyncio.timeout(seconds_max):
                await place
        except (TimeoutError, asyncio.CancelledError) as exc:
            if not place.cancelled():
                self.leave(project_id)  # it came at the very last moment
            elif place in queue:
                queue.remove(place)
            if isinstance(exc, asyncio.CancelledError):
                raise
            raise FulfillmentTimeout(
                f"Nothing was sent: {self._each_max} calls for this project were under way for {seconds_max:g} s.",
                hint="Make the fulfillment answer faster, or raise project_exchanges.",
            ) from exc
        finally:
            if not queue and self._queues.get(project_id) is queue:
                del self._queues[project_id]

    def leave(self, project_id: str) -> None:
        """Give a place back, to whoever waits longest."""
        queue = self._queues.get(project_id)
        while queue:
            place = queue.popleft()
            if not place.done():
                place.set_result(None)
                return
        left = self._taken[project_id] - 1
        if left:
            self._taken[project_id] = left
        else:
            del self._taken[project_id]
