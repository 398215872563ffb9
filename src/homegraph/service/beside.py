"""What a fulfillment has answered is looked into on the loop when it is short, and in a thread beside it when it is long.

A fulfillment is a stranger, and how long it takes to say what is wrong with its answer is its choice: eight megabytes of states that nobody
has heard of take seconds, in which nobody else would be answered.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, ParamSpec, TypeVar

AT_ONCE_MAX_BYTES: Final = 64 * 1024
"""Devices, states and results up to this are looked into on the loop, those of a hundred devices or two: some milliseconds, a second at the very worst.

The worst are devices each of which lists other traits than any before, or none that exist: some ten milliseconds for one of a kilobyte.
"""

Ts = ParamSpec("Ts")
T = TypeVar("T")


async def looked_into(
    answer: bytes, look: Callable[Ts, T], *asked: Ts.args, **named: Ts.kwargs
) -> T:
    """What ``look`` finds in an answer. Raises what it raises."""
    if len(answer) <= AT_ONCE_MAX_BYTES:
        return look(*asked, **named)
    return await asyncio.to_thread(look, *asked, **named)
