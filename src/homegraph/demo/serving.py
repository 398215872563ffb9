"""The device cloud on a port, in the process of the demo; and a curtain before it, for the moment that the story needs.

A SYNC takes milliseconds here, and what happens *while* one is under way could not be told. The curtain holds the answers of the
fulfillment back: the cloud has given them already, and the Home Graph still waits.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from homegraph.demo.cloud.app import DeviceCloud
from homegraph.server.doors import answering, listen
from homegraph.settings.addresses import ListenAddress

GRACE_SECONDS: Final = 1
"""For answers that are being written when the cloud closes."""


FULFILLMENT: Final = "/smarthome"


class Curtain:
    """A cloud's application, whose fulfillment can be made to answer late. ``kept_waiting`` is set when somebody waits."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._open = asyncio.Event()
        self._open.set()
        self.kept_waiting = asyncio.Event()

    @contextmanager
    def closed(self) -> Iterator[None]:
        """The time in which nothing comes through."""
        self.kept_waiting.clear()
        self._open.clear()
        try:
            yield
        finally:
            self._open.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def late(message: Message) -> None:
            if not self._open.is_set():
                self.kept_waiting.set()
                await self._open.wait()
            await send(message)

        await self._app(scope, receive, late if scope["path"] == FULFILLMENT else send)


def taken() -> socket.socket:
    """A free port of this machine, taken: whoever calls before the cloud answers waits in its queue."""
    return listen(ListenAddress("127.0.0.1"), "the device cloud")


def address(listening: socket.socket) -> str:
    """The address of what answers there, without a slash at its end."""
    return f"http://127.0.0.1:{listening.getsockname()[1]}"


@asynccontextmanager
async def opened(
    cloud: DeviceCloud, listening: socket.socket | None = None, *, app: ASGIApp | None = None
) -> AsyncIterator[str]:
    """Serve the cloud, on a free port when none was taken; gives its address. ``app`` is what answers in front of it."""
    with listening or taken() as door:
        front = app or cloud.app
        async with cloud.working(), answering(front, door, grace_seconds=GRACE_SECONDS):
            yield address(door)
