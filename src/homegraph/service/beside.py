"""What a fulfillment has answered is looked into on the loop when it is short, and in a thread beside it when it is long.

A fulfillment is a stranger, and how long it takes to say what is wrong with its answer is its choice: eight megabytes of states that nobody
has heard of take seconds, in which nobody else would be answered. The threads are few, and nobody else's: whoever keeps them busy keeps
only long answers waiting.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Concatenate, Final, ParamSpec, TypeVar

AT_ONCE_MAX_BYTES: Final = 64 * 1024
"""Devices, states and results up to this are looked into on the loop, those of a hundred devices or two: some milliseconds, a second at the very worst.

The worst are devices each of which lists other traits than any before, or none that exist: some ten milliseconds for one of a kilobyte.
"""

THREADS_MAX: Final = 2
"""Of a process. What they do is Python, so more would not be faster."""

Ts = ParamSpec("Ts")
T = TypeVar("T")

# It starts a thread when it needs one, so after a process that forks has done so.
_threads: Final = ThreadPoolExecutor(THREADS_MAX, "homegraph-beside")


async def looked_into(
    look: Callable[Concatenate[bytes, Ts], T], answer: bytes, *asked: Ts.args, **named: Ts.kwargs
) -> T:
    """What ``look`` finds in an answer. Raises what it raises."""
    if len(answer) <= AT_ONCE_MAX_BYTES:
        return look(answer, *asked, **named)
    return await in_thread(look, answer, *asked, **named)


async def in_thread(look: Callable[Ts, T], *asked: Ts.args, **named: Ts.kwargs) -> T:
    """The same of an answer that is known to be long. One that has not begun when its run is cancelled never does."""
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_threads, partial(look, *asked, **named))
