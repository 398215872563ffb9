"""Work that goes on whatever becomes of whoever waits for it.

Callers hang up, and servers then cancel what waits for them; what a caller has asked for is carried out all the same. Each piece of
work has a task of its own, which is held here, because the loop itself holds tasks weakly.

The rule that is easily broken: nobody is left to be told of a bug once the caller has left. The loop's exception handler is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from homegraph.errors import HomegraphError
from homegraph.service.events import tell_of_bug

T = TypeVar("T")


class Kept:
    """Work under way. To be used on one event loop."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    async def carry_out(self, work: Coroutine[Any, Any, T], name: str) -> T:
        """Carry work out in a task of its own, and wait for it as long as somebody waits for us."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(_look_at)
            raise

    async def end(self, seconds: float) -> None:
        """Wait for what is under way, at most so long."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)


def _look_at(task: asyncio.Task[Any]) -> None:
    """See how work ended that nobody waits for any more. A refusal is of no interest; a bug is."""
    error = None if task.cancelled() else task.exception()
    if error is not None and not isinstance(error, HomegraphError):
        tell_of_bug("work failed whose caller had left", error)
