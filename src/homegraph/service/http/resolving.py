"""Names -> addresses: asked once, remembered for a while, bounded in time and number.

The system's resolver is asked, so that its hosts file and its search rules hold. It blocks, for as long as somebody's
name server likes; so every question has a thread of its own that nobody waits for at the end, a name is asked for only
once at a time, and there is a bound to how many are asked together.

Whether an address may be called is not decided here. What is handed out is a value: whoever judges it connects to the same one.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import ip_address
from typing import Final, TypeAlias

from homegraph.errors import FulfillmentUnreachable
from homegraph.graph.destinations import Address
from homegraph.graph.model import Instant
from homegraph.http.fifo import FifoCache

LookUp: TypeAlias = Callable[[str], Awaitable[Sequence[str]]]
"""Asks for the addresses of a name, in the order in which they should be tried; OSError when there are none."""

ANSWER_SECONDS: Final = 30.0
"""How long an answer is remembered. A fulfillment that moves is found again after that."""

ANSWERS_MAX: Final = 1_024
ADDRESSES_MAX: Final = 8
"""Of one name; the first ones are tried."""

LOOK_UP_SECONDS: Final = 5.0
LOOK_UPS_MAX: Final = 32
"""Names that are asked for at once; a name server that does not answer holds one of them."""


async def system_look_up(host: str) -> Sequence[str]:
    """Ask the system's resolver, in a thread that is left alone when it hangs."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[list[str]] = loop.create_future()

    def tell(found: list[str], problem: OSError | None) -> None:
        if answer.done():
            return
        if problem is None:
            answer.set_result(found)
        else:
            answer.set_exception(problem)

    def ask() -> None:
        found: list[str] = []
        problem: OSError | None = None
        try:
            rows = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
            found = [str(row[4][0]) for row in rows]
        except OSError as exc:
            problem = exc
        except UnicodeError as exc:
            problem = socket.gaierror(socket.EAI_NONAME, str(exc))
        if not loop.is_closed():
            loop.call_soon_threadsafe(tell, found, problem)

    threading.Thread(target=ask, name="resolver", daemon=True).start()
    return await answer


class Resolver:
    """Remembers what names stand for."""

    def __init__(self, now: Callable[[], Instant], look_up: LookUp = system_look_up) -> None:
        self._now = now
        self._look_up = look_up
        self._answers: FifoCache[str, tuple[Instant, tuple[Address, ...]]] = FifoCache(ANSWERS_MAX)
        self._under_way: dict[str, asyncio.Task[tuple[Address, ...]]] = {}

    def remembered(self, host: str) -> tuple[Address, ...]:
        """The addresses of a name, as far as they are known; () when it must be asked for."""
        answered_at, addresses = self._answers.get(host, (0.0, ()))
        # A clock that was set back makes an answer look as if it came from the future: that is not believed either.
        return addresses if 0.0 <= self._now() - answered_at < ANSWER_SECONDS else ()

    async def addresses(self, host: str, seconds_max: float) -> tuple[Address, ...]:
        """The addresses of a name, at least one.

        Raises:
            FulfillmentUnreachable: it has none, or nobody answers for it in time.
        """
        asking = self._under_way.get(host)
        if asking is None:
            if len(self._under_way) >= LOOK_UPS_MAX:
                raise FulfillmentUnreachable(
                    f"{LOOK_UPS_MAX} names are being asked for already, and nobody answers."
                )
            asking = asyncio.create_task(self._ask(host), name=f"resolve {host}")
            self._under_way[host] = asking
            asking.add_done_callback(lambda task: self._asked(host, task))
        # Whoever waits may be cancelled, or have no time left: the question is for everybody, and goes on.
        await asyncio.wait({asking}, timeout=min(LOOK_UP_SECONDS, seconds_max))
        if not asking.done():
            raise FulfillmentUnreachable(f"The name {host} was not resolved in time.")
        try:
            return asking.result()
        except asyncio.CancelledError:
            raise FulfillmentUnreachable("The server stops.") from None
        except OSError as exc:
            raise FulfillmentUnreachable(
                f"The name {host} cannot be resolved: {exc.strerror or exc}."
            ) from exc

    def close(self) -> None:
        """Stop waiting for answers."""
        for asking in self._under_way.values():
            asking.cancel()

    async def _ask(self, host: str) -> tuple[Address, ...]:
        found = await self._look_up(host)
        addresses = tuple(dict.fromkeys(ip_address(text) for text in found))[:ADDRESSES_MAX]
        if not addresses:
            raise OSError(0, "it has no address")
        return addresses

    def _asked(self, host: str, task: asyncio.Task[tuple[Address, ...]]) -> None:
        del self._under_way[host]
        if task.cancelled() or task.exception() is not None:
            return
        self._answers.pop(host, None)  # it is new from now on, and goes last
        self._answers[host] = (self._now(), task.result())
