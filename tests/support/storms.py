"""A storm of async requests on several servers, which may die, refuse and come back while it lasts.

Every caller goes from server to server. What was accepted is remembered with the time at which it was sent, so that it can be asked
afterwards whether a SYNC has followed; what was refused is kept, for whoever expects refusals of one kind only.
"""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Final, Self

from support.homes import KEY
from support.many_homes import ManyHomes
from support.server import Server, until
from support.wire import Answered, Caller

CALLERS: Final = 8
PAUSE_SECONDS: Final = 0.02
"""Between two calls of a caller, so that servers which start again get their share of the machine."""


class Storm:
    """Requests for ``users`` on ``servers``, from ``with`` to its end, or until ``calm``."""

    def __init__(self, servers: Sequence[Server], users: Sequence[str]) -> None:
        self._servers = servers
        self._users = users
        self._chance = random.Random(4_663)
        self._over = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._rage()))
        self.accepted: dict[str, float] = {}
        self.answers = 0
        self.refused: list[Answered] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.calm()

    def calm(self) -> None:
        """End it; every call is answered by then."""
        self._over.set()
        self._thread.join()

    def wait_for(self, more: int) -> None:
        """Wait until so many more requests were accepted."""
        goal = self.answers + more
        until(lambda: self.answers >= goal, f"{more} more requests are accepted", 60)

    def lost(self, cloud: ManyHomes) -> list[str]:
        """Users with an accepted request after which no SYNC has come."""
        return [
            user
            for user, sent_at in self.accepted.items()
            if cloud.home_of(user).asked_at < sent_at
        ]

    async def _rage(self) -> None:
        await asyncio.gather(*(self._call(number) for number in range(CALLERS)))

    async def _call(self, number: int) -> None:
        caller: Caller | None = None
        never = asyncio.Event()
        while not self._over.is_set():
            if caller is None:
                number += 1
                caller = Caller(self._servers[number % len(self._servers)].port, KEY)
            try:
                answered = await caller.request_sync(self._chance.choice(self._users))
            except (OSError, asyncio.IncompleteReadError):
                answered = None
            if answered is not None and answered.status == 200:
                self.answers += 1
                user = answered.agent_user_id
                self.accepted[user] = max(self.accepted.get(user, 0.0), answered.sent_at)
            else:
                if answered is not None:
                    self.refused.append(answered)
                await caller.close()
                caller = None
            await _pause(never, PAUSE_SECONDS)
        if caller is not None:
            await caller.close()


async def _pause(never: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await never.wait()
    except TimeoutError:
        return


def since(started_at: float) -> float:
    """Seconds since then."""
    return time.monotonic() - started_at
