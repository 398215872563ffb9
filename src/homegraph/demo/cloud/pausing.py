"""Letting time go by, where a device moves or a call is made again later."""

from __future__ import annotations

import asyncio
from contextlib import suppress


async def pause(seconds: float) -> None:
    """Return after so many seconds."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await asyncio.Event().wait()
