"""The cloud as a whole: its parts, introduced to each other, and the addresses that they answer at."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

from starlette.applications import Starlette
from starlette.routing import Route

from homegraph import AsyncClient
from homegraph.demo.cloud.accounts import Accounts
from homegraph.demo.cloud.config import Config
from homegraph.demo.cloud.fulfillment import Fulfillment
from homegraph.demo.cloud.grants import Grants
from homegraph.demo.cloud.homes import first_homes
from homegraph.demo.cloud.login import Login
from homegraph.demo.cloud.motors import Motors
from homegraph.demo.cloud.pausing import pause
from homegraph.demo.cloud.playground import Playground
from homegraph.demo.cloud.reporting import Reporter
from homegraph.demo.cloud.tokens import TokenEndpoint


class DeviceCloud:
    """A device cloud. ``app`` is the ASGI application; ``working`` is around the time in which it answers."""

    def __init__(
        self,
        config: Config,
        *,
        secret: Callable[[], str],
        now: Callable[[], float],
        arrival: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """Chance and time are handed in: ``secret`` makes a fresh secret, ``now`` is a clock that never goes back.

        ``arrival`` waits until a slow device has arrived; without it, as long as the settings say.
        """
        self.homes = first_homes()
        self.grants = Grants(secret, now, token_seconds=config.token_seconds)
        self.reporter = Reporter(self.grants.is_linked)
        self.playground = Playground(self.homes, self.reporter, self.grants.is_linked)
        self.motors = Motors(self.reporter, arrival or partial(pause, config.slow_seconds))
        accounts = Accounts(config.passwords)
        login = Login(config, accounts, self.grants, now)
        tokens = TokenEndpoint(config, self.grants)
        self.fulfillment = Fulfillment(self.homes, self.grants, self.motors, self.reporter, now)
        self.app = Starlette(
            routes=[
                Route("/authorize", login.authorize, methods=["GET", "POST"]),
                Route("/token", tokens.token, methods=["POST"]),
                Route("/revoke", tokens.revoke, methods=["POST"]),
                Route("/smarthome", self.fulfillment.smarthome, methods=["POST"]),
                Route("/", self.playground.page),
                Route("/devices", self.playground.add, methods=["POST"]),
                Route("/devices/{device_id}/toggle", self.playground.toggle, methods=["POST"]),
            ]
        )

    def introduce(self, client: AsyncClient, *, reports_states: bool = True) -> None:
        """From now on the Home Graph is told what is new. An API key does for Request Sync, but not for states."""
        self.reporter.client = client
        self.reporter.reports_states = reports_states

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """The time in which devices move and are reported."""
        telling = asyncio.create_task(self.reporter.work())
        try:
            yield
        finally:
            telling.cancel()
            await asyncio.gather(telling, return_exceptions=True)
            await self.motors.close()
