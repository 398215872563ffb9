"""The connections that a process holds: made when they are needed, lent to one caller at a time, and as many as the server grants.

Who finds none idle has one made, while there are fewer than this process may ask for; after that callers stand in line for those that come
back. A server may grant fewer: because of its ``max_connections``, of a role's limit, or of a pooler's, and what others hold
counts as well. So one that refuses is no reason to refuse a caller. He stands in line for the connections that are there, and for
a while nobody asks for more; then one caller does. Only when nothing is held that could come back, any other trouble is told at once.

Transactions, and what is tried again, are not its business (``connections``). The rule that is easily broken: whoever takes a
connection gives it back, whatever has become of it and of him.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

import asyncpg

from homegraph.errors import StoreUnavailable
from homegraph.store.postgres.trouble import DRIVERS, FULL, grants_no_more, translated

ACQUIRE_SECONDS: Final = 10.0
"""How long a call waits for a connection that is free."""

FIRST_SECONDS: Final = 1.0
"""How long nobody asks the server again that has granted none."""

FURTHER_SECONDS: Final = 10.0
"""How long nobody asks for a further connection when it was refused and there are others. Each attempt costs PostgreSQL a process."""

CLEAR_SECONDS: Final = 10.0
"""How long a connection may take to end what its caller has left."""

IDLE_SECONDS: Final = 60.0
"""How long a connection that nobody needs is kept: others may be short of it."""

AGE_SECONDS_MAX: Final = 3_600.0
"""How old a connection becomes. The memory of PostgreSQL's process behind it grows with what it has seen."""

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


@dataclass(frozen=True, slots=True)
class _Birth:
    """When a connection was made, by the loop's clock, and in which generation."""

    at: float
    generation: int


class Pool:
    """The connections of one process. Used from one event loop."""

    def __init__(self, connect: Callable[[], Awaitable[Connection]], size_max: int) -> None:
        self._connect = connect
        self._size_max = size_max
        self._loop = asyncio.get_running_loop()
        self._held: dict[Connection, _Birth] = {}
        self._making = 0
        # With the times since when. Whichever was given back last is taken first, so those that are not needed grow old.
        self._idle: deque[tuple[Connection, float]] = deque()
        # Who waits, for a connection or to be told (None) to look again.
        self._line: deque[asyncio.Future[Connection | None]] = deque()
        self._generation = 0
        self._refusal: Exception | None = None
        self._ask_again_at = 0.0
        self._asking: asyncio.TimerHandle | None = None
        self._clearing: set[asyncio.Future[None]] = set()
        self._back = asyncio.Event()
        self._is_closed = False

    @property
    def shortage(self) -> StoreUnavailable | None:
        """That the server grants fewer connections than are asked for; None when that is not so, as far as is known."""
        refusal = self._refusal
        if refusal is None or not grants_no_more(refusal):
            return None
        held = (
            f"This process has {len(self._held)} of {self._size_max} connections, and gets no more."
        )
        return StoreUnavailable(f"{held} {translated(refusal)}", hint=FULL)

    async def take(self) -> Connection:
        """A connection that nobody else has. Give it back.

        Raises what the driver raises when none can be made, TimeoutError, and StoreUnavailable when the pool is closed or the server
        grants none in time.
        """
        connection = self._free()
        if connection is not None:
            return connection
        waiting = asyncio.timeout(ACQUIRE_SECONDS)
        try:
            async with waiting:
                return await self._made_or_given()
        except TimeoutError:
            if self._refusal is None or not waiting.expired():
                raise
            raise translated(self._refusal) from self._refusal

    def give_back(self, connection: Connection, *, in_doubt: bool = False) -> None:
        """Let the next one have a connection, or end it when it should not be used again.

        ``in_doubt``: it may be in the middle of something, such as a statement that was cancelled. It is cleared first.
        """
        if connection.is_closed() or self._is_spent(connection):
            self._drop(connection)
        elif in_doubt:
            clearing = asyncio.ensure_future(self._clear(connection))
            self._clearing.add(clearing)
            clearing.add_done_callback(self._clearing.discard)
        elif (first := self._first()) is not None:
            first.set_result(connection)
        else:
            self._idle.append((connection, self._loop.time()))
            self._end_idle()
        self._back.set()

    def expire(self) -> None:
        """Use none again of the connections that there are: the next ones may lead elsewhere."""
        self._generation += 1
        while self._idle:
            self._drop(self._idle.pop()[0])

    async def close(self) -> None:
        """Lend no more, and end all connections when they are back."""
        self._is_closed = True
        self._invite()
        while self._making or self._is_any_lent:
            self._back.clear()
            await self._back.wait()
        await asyncio.gather(*(connection.close() for connection in self._held))
        self.terminate()

    def terminate(self) -> None:
        """Lend no more, and end all connections now, whoever has them."""
        self._is_closed = True
        if self._asking is not None:
            self._asking.cancel()
        self._idle.clear()
        for connection in list(self._held):
            self._drop(connection)

    # --- who gets one ----------------------------------------------------------------------------------------

    async def _made_or_given(self) -> Connection:
        is_first = False
        while not self._is_closed:
            connection = await self._made() if self._may_ask() else None
            # One may have come back since, when nobody was in line.
            connection = connection or self._free()
            connection = connection or await self._given(is_first=is_first)
            if connection is not None:
                return connection
            is_first = True
        self._invite()
        raise closed()

    def _free(self) -> Connection | None:
        """A connection that nobody has, if there is one."""
        while self._idle:
            connection, _ = self._idle.pop()
            if not connection.is_closed():
                return connection
            self._drop(connection)
        return None

    def _may_ask(self) -> bool:
        """Whether the server may be asked for one more. After a refusal it is asked for one at a time."""
        if len(self._held) + self._making >= self._size_max:
            return False
        if self._refusal is None:
            return True
        return not self._making and self._loop.time() >= self._ask_again_at

    async def _made(self) -> Connection | None:
        """Another connection; None when there are some to wait for, or may be soon."""
        birth = _Birth(self._loop.time(), self._generation)
        self._making += 1
        try:
            connection = await self._connect()
        except Exception as exc:
            if grants_no_more(exc) or self._is_any_lent:
                self._note(exc)
                return None
            self._refusal = None
            raise
        else:
            self._held[connection] = birth
            self._refusal = None
            return connection
        finally:
            self._making -= 1
            self._back.set()
            self._invite()  # who could ask for another now

    async def _given(self, *, is_first: bool) -> Connection | None:
        """Stand in line; what comes back, or None when it is time to look again."""
        future: asyncio.Future[Connection | None] = self._loop.create_future()
        if is_first:
            self._line.appendleft(future)
        else:
            self._line.append(future)
        try:
            return await future
        except asyncio.CancelledError:
            if not future.cancelled():  # he got it in the same turn; then it is for the next one
                connection = future.result()
                if connection is None:
                    self._invite()
                else:
                    self.give_back(connection)
            raise

    def _first(self) -> asyncio.Future[Connection | None] | None:
        """Take the first out of the line who still waits."""
        while self._line:
            first = self._line.popleft()
            if not first.done():
                return first
        return None

    def _invite(self) -> None:
        """Let the first in line look again."""
        first = self._first()
        if first is not None:
            first.set_result(None)

    def _note(self, exc: Exception) -> None:
        """A connection was refused: leave the server alone for a while."""
        seconds = FURTHER_SECONDS if self._held else FIRST_SECONDS
        self._refusal = exc
        self._ask_again_at = self._loop.time() + seconds
        if self._asking is not None:
            self._asking.cancel()
        self._asking = self._loop.call_later(seconds, self._invite)

    # --- what becomes of them --------------------------------------------------------------------------------

    @property
    def _is_any_lent(self) -> bool:
        return len(self._held) > len(self._idle)

    async def _clear(self, connection: Connection) -> None:
        """End whatever a connection is in the middle of, and let the next one have it. One that does not obey is ended."""
        try:
            await connection.reset(timeout=CLEAR_SECONDS)
        except DRIVERS:
            connection.terminate()
        finally:
            self.give_back(connection)

    def _is_spent(self, connection: Connection) -> bool:
        birth = self._held.get(connection)
        return (
            birth is None  # ended while it was lent
            or birth.generation != self._generation
            or self._loop.time() - birth.at > AGE_SECONDS_MAX
        )

    def _drop(self, connection: Connection) -> None:
        """End a connection. Its place at the server is free then."""
        self._held.pop(connection, None)
        connection.terminate()
        self._ask_again_at = 0.0
        self._invite()

    def _end_idle(self) -> None:
        """End those that nobody has needed for long; this process gives some back every few seconds, so it needs no timer."""
        long_ago = self._loop.time() - IDLE_SECONDS
        while self._idle and self._idle[0][1] < long_ago:
            self._drop(self._idle.popleft()[0])


def closed() -> StoreUnavailable:
    """What is told to whoever comes after the end."""
    return StoreUnavailable("The database is closed.")
