"""Callers who wait for a run, and what they are told.

A caller listens to a target, asks for a sync, and hears of every run that is settled for that target; the generation tells him which
one answers him. Who executes the run, here or in another process, does not know who listens.

One future and one timer for each wait, and no task: in sync mode every call of the API comes through here.

The rule that is easily broken: listen before you ask. A run may be settled before the answer to the request is read.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from types import TracebackType
from typing import Final, Self

from homegraph.errors import HomegraphError
from homegraph.graph.model import Target

ANY_GENERATION: Final = 2**63
"""More than any request has: who waits for a run, whichever it is, is answered."""


class Listening:
    """A caller's ear on one target, while its context lasts."""

    __slots__ = ("_is_late", "_listeners", "_loop", "_news", "_settled", "target")

    def __init__(self, listeners: Listeners, target: Target) -> None:
        self.target = target
        self._listeners = listeners
        self._loop = asyncio.get_running_loop()
        self._settled: list[tuple[int, HomegraphError | None]] = []
        self._news: asyncio.Future[None] | None = None
        self._is_late = False

    def __enter__(self) -> Self:
        self._listeners.add(self)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._listeners.remove(self)

    def tell(self, taken: int, failure: HomegraphError | None) -> None:
        """A run that took generation ``taken`` is settled."""
        self._settled.append((taken, failure))
        self._wake()

    async def outcome_of(self, generation: int, seconds_max: float) -> HomegraphError | None:
        """Wait for the run that answers ``generation``; its failure, or None.

        Raises:
            TimeoutError: none was settled in that time.
        """
        timer = self._loop.call_later(seconds_max, self._late)
        try:
            while True:
                for taken, failure in self._settled:
                    if taken >= generation:
                        return failure
                if self._is_late:
                    raise TimeoutError
                self._settled.clear()
                self._news = self._loop.create_future()
                await self._news
        finally:
            timer.cancel()

    def _late(self) -> None:
        self._is_late = True
        self._wake()

    def _wake(self) -> None:
        if self._news is not None and not self._news.done():
            self._news.set_result(None)


class Listeners:
    """Who listens, by target. ``count`` is how many there are."""

    def __init__(self) -> None:
        self._by_target: dict[Target, list[Listening]] = {}
        self._gone: asyncio.Event | None = None  # while somebody wants to know
        self.count = 0

    def listen(self, target: Target) -> Listening:
        """Hear of every run that is settled for ``target`` while the context lasts."""
        return Listening(self, target)

    def tell(self, target: Target, taken: int, failure: HomegraphError | None) -> None:
        """Tell everybody who listens to a target that a run which took generation ``taken`` is settled."""
        for listening in self._by_target.get(target, ()):
            listening.tell(taken, failure)

    def hears(self, target: Target) -> bool:
        """Whether anybody listens to a target."""
        return target in self._by_target

    def dismiss(self, target: Target, failure: HomegraphError) -> None:
        """Tell everybody who listens to a target that no run will answer him."""
        self.tell(target, ANY_GENERATION, failure)

    async def leave(self, seconds_max: float, failure: HomegraphError) -> None:
        """Let everybody hear what he waits for, at most so long; tell the rest that no run will answer them."""
        self._gone = asyncio.Event()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds_max):
                while self.count:
                    self._gone.clear()
                    await self._gone.wait()
        for target in tuple(self._by_target):
            self.dismiss(target, failure)

    def add(self, listening: Listening) -> None:
        """Somebody begins to listen."""
        self._by_target.setdefault(listening.target, []).append(listening)
        self.count += 1

    def remove(self, listening: Listening) -> None:
        """Somebody has heard enough."""
        others = self._by_target[listening.target]
        others.remove(listening)
        if not others:
            del self._by_target[listening.target]
        self.count -= 1
        if self._gone is not None:
            self._gone.set()
