"""What this cloud tells the Home Graph by itself: states that have changed (Report State), and lists that have (Request Sync).

What waits here is *which* devices have changed, never how. The states are read when they are sent, so that a device that changes three
times while the Home Graph is away is told once, as it is by then. A device tells the states of all its traits: a report replaces
a trait's states as a whole. Devices that nobody has linked are not reported.

A call that failed for a reason that passes is made again, a bounded number of times; any other failure is logged and dropped, for
repeating would change nothing.

Report State needs a service account; with an API key alone there is Request Sync only.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from homegraph import AsyncClient, HomegraphError
from homegraph.demo.cloud.homes import Home
from homegraph.demo.cloud.pausing import pause

ATTEMPTS_MAX: Final = 5
AGAIN_SECONDS: Final = 2.0
"""Between two attempts. The news of all homes wait meanwhile, and join."""

_log: Final = logging.getLogger("device-cloud")


@dataclass(slots=True)
class _News:
    """What is new about a home. ``states``: device ids, each with what its traits notify."""

    home: Home
    states: dict[str, dict[str, Any]] = field(default_factory=dict)
    is_list_new: bool = False
    attempts: int = 0


class Reporter:
    """Tells the Home Graph what is new. ``client`` is set when there is one to be told."""

    def __init__(self, is_linked: Callable[[str], bool]) -> None:
        self._is_linked = is_linked
        self.client: AsyncClient | None = None
        self.reports_states = False
        self._news: dict[str, _News] = {}
        self._wake = asyncio.Event()

    def states_changed(
        self, home: Home, device_id: str, notifications: dict[str, Any] | None = None
    ) -> None:
        """A device is not as it was."""
        self._of(home).states.setdefault(device_id, {}).update(notifications or {})
        self._wake.set()

    def list_changed(self, home: Home) -> None:
        """Devices have come, gone, or are defined otherwise."""
        self._of(home).is_list_new = True
        self._wake.set()

    async def work(self) -> None:
        """Tell what is new, for ever."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            news, self._news = self._news, {}
            failed = [one for one in news.values() if not await self._told(one)]
            if failed:
                self._keep(failed)
                await pause(AGAIN_SECONDS)
                self._wake.set()

    def _of(self, home: Home) -> _News:
        return self._news.setdefault(home.agent_user_id, _News(home))

    def _keep(self, failed: list[_News]) -> None:
        """What could not be told waits with what is new since."""
        for old in failed:
            new = self._of(old.home)
            new.attempts = old.attempts
            new.is_list_new |= old.is_list_new
            new.states = old.states | new.states

    async def _told(self, news: _News) -> bool:
        """Whether there is nothing left to be told about a home."""
        user = news.home.agent_user_id
        if self.client is None or not self._is_linked(user):
            return True
        news.attempts += 1
        try:
            if news.is_list_new:
                await self.client.request_sync(user, async_=True)
                news.is_list_new = False
            await self._report(self.client, news)
        except HomegraphError as exc:
            _log.warning("telling about %s failed: %s", user, exc.code)
            return not exc.retryable or news.attempts >= ATTEMPTS_MAX
        return True

    async def _report(self, client: AsyncClient, news: _News) -> None:
        devices = news.home.devices
        states = {one: devices[one].states() for one in news.states if one in devices}
        if states and self.reports_states:
            notes = {one: noted for one, noted in news.states.items() if noted and one in states}
            await client.report_state(news.home.agent_user_id, states, notifications=notes or None)
