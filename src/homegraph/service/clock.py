"""Time, ids and chance: the only place where they come from.

Everybody else gets a ``Clock`` and an ``Ids`` handed in, so that a test can hold time still and know every id. Times are
seconds since 1970 (UTC); an aware ``datetime`` is made only where a person or a document reads it (``rfc3339``).
"""

from __future__ import annotations

import asyncio
import math
import random
import secrets
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Final, Protocol

from homegraph.graph.model import Instant

_KEY_ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
_KEY_RANDOM_CHARACTERS: Final = 35
"""With the prefix "AIza" this is the form of a Google API key: 39 characters."""

_TAIL_BITS: Final = 24
"""Of an id of a run; what stands before them is a time."""

_ELAPSED: Final[int] = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)

READINGS: Final = 3
"""Readings of another clock that it is set by; one of them is hardly ever held up."""


class Clock(Protocol):
    """What time it is, and how to wait for a time."""

    def now(self) -> Instant:
        """Seconds since 1970, UTC."""

    async def wait(self, wake: asyncio.Event, until: Instant | None) -> None:
        """Return when ``wake`` is set or ``until`` is reached, whichever is first. Never later."""


class Ids(Protocol):
    """Fresh names, and chance."""

    def run(self) -> str:
        """Id of a run; ids made later sort later."""

    def intent(self) -> str:
        """``requestId`` of an intent: a decimal uint64, as Google sends it."""

    def api_key(self) -> str:
        """A new API key in Google's form."""

    def secret(self) -> str:
        """A new URL-safe secret of 256 bits."""

    def short(self) -> str:
        """A short name for something that is listed for people (8 hex digits)."""

    def spread(self) -> float:
        """A number in [0, 1)."""


class SystemClock:
    """The machine's clock; or that of another machine, once it was set by it. Then nothing that is done to the machine's matters."""

    def __init__(self) -> None:
        self._read: Callable[[], float] = time.time  # noqa: TID251  # this is the one place
        self._ahead = 0.0

    def now(self) -> Instant:
        return self._read() + self._ahead

    async def set_by(self, read: Callable[[], Awaitable[Instant | None]]) -> bool:
        """Go on from the time that ``read`` tells; whether it told one.

        That is wrong by half of the time that a reading takes, so the quickest of several counts.
        """
        quickest, ahead = math.inf, 0.0
        for _ in range(READINGS):
            asked_at = _elapsed()
            at = await read()
            took = _elapsed() - asked_at
            if at is None:
                return False
            if took < quickest:
                quickest, ahead = took, at - (asked_at + took / 2)
        self._read, self._ahead = _elapsed, ahead
        return True

    async def wait(self, wake: asyncio.Event, until: Instant | None) -> None:
        seconds = None if until is None else max(0.0, until - self.now())
        try:
            async with asyncio.timeout(seconds):
                await wake.wait()
        except TimeoutError:
            return


def _elapsed() -> float:
    """Seconds since the machine was started, whatever its clock is set to; those in which it slept count where it knows them."""
    return time.clock_gettime(_ELAPSED)


class SystemIds:
    """Ids from the machine's clock and its source of randomness."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = 0
        # Names and spread need to be different, not secret: asking the kernel each time would cost more than the rest.
        self._chance = random.Random(secrets.randbits(128))  # noqa: S311

    def follow(self, known: str) -> None:
        """Make no more ids of runs that sort before this one: it may be of a time at which the clock was ahead."""
        self._last = max(self._last, int(known, 16) >> _TAIL_BITS)

    def run(self) -> str:
        # Microseconds, never twice the same in one process; the random tail keeps two processes apart.
        self._last = max(self._last + 1, int(self._clock.now() * 1_000_000))
        return f"{self._last << _TAIL_BITS | self._chance.getrandbits(_TAIL_BITS):020x}"

    def intent(self) -> str:
        return str(self._chance.getrandbits(64))

    def api_key(self) -> str:
        return "AIza" + "".join(
            secrets.choice(_KEY_ALPHABET) for _ in range(_KEY_RANDOM_CHARACTERS)
        )

    def secret(self) -> str:
        return secrets.token_urlsafe(32)

    def short(self) -> str:
        return secrets.token_hex(4)

    def spread(self) -> float:
        return self._chance.random()


_FIRST: Final = datetime.min.replace(tzinfo=UTC).timestamp()
_LAST: Final = datetime.max.replace(tzinfo=UTC, microsecond=0).timestamp()
"""Text has years of four digits. Strangers name times beyond them: a token that is good for ever, a key that ends never."""


def rfc3339(instant: Instant | None) -> str | None:
    """An instant as documents carry it, in UTC with milliseconds: ``2026-11-22T10:42:07.123Z``. Beyond what can be written: its end."""
    if instant is None:
        return None
    moment = datetime.fromtimestamp(min(max(instant, _FIRST), _LAST), UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
