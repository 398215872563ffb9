"""Devices that take their time: they answer PENDING, and are reported when they have arrived.

A command that comes while a device moves replaces the one before: it moves on to the new place, and only that is told. The Home
Graph may have sent a token along, by which it will recognize the outcome of its command (a *follow-up response*).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from homegraph.demo.cloud.commands import State
from homegraph.demo.cloud.devices import Device
from homegraph.demo.cloud.homes import Home
from homegraph.demo.cloud.reporting import Reporter

FOLLOWED_TRAIT: Final = "OpenClose"
"""The only trait of slow devices here."""


class Motors:
    """Everything that moves at the moment."""

    def __init__(self, reporter: Reporter, arrival: Callable[[], Awaitable[None]]) -> None:
        """``arrival``: waits as long as a device needs."""
        self._reporter = reporter
        self._arrival = arrival
        self._moving: dict[tuple[str, str], asyncio.Task[None]] = {}

    def start(self, home: Home, device: Device, states: State, token: str) -> None:
        """Set a device in motion. ``token`` is what the Home Graph recognizes the outcome by; maybe empty."""
        place = (home.agent_user_id, device.id)
        if place in self._moving:
            self._moving[place].cancel()
        task = asyncio.create_task(self._move(home, device, states, token))
        self._moving[place] = task
        task.add_done_callback(lambda done: self._stopped(place, done))

    async def close(self) -> None:
        """Everything stops where it is."""
        tasks = list(self._moving.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _stopped(self, place: tuple[str, str], task: asyncio.Task[None]) -> None:
        if self._moving.get(place) is task:
            del self._moving[place]

    async def _move(self, home: Home, device: Device, states: State, token: str) -> None:
        await self._arrival()
        device.state |= states
        told = {"status": "SUCCESS", "followUpToken": token, **states}
        follow_up = {FOLLOWED_TRAIT: {"priority": 0, "followUpResponse": told}} if token else None
        self._reporter.states_changed(home, device.id, follow_up)
