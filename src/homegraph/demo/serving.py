"""The device cloud on a port, in the process of the demo."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from homegraph.demo.cloud.app import DeviceCloud
from homegraph.server.doors import answering, listen
from homegraph.settings.addresses import ListenAddress

GRACE_SECONDS: Final = 1
"""For answers that are being written when the cloud closes."""


def taken() -> socket.socket:
    """A free port of this machine, taken: whoever calls before the cloud answers waits in its queue."""
    return listen(ListenAddress("127.0.0.1"), "the device cloud")


def address(listening: socket.socket) -> str:
    """The address of what answers there, without a slash at its end."""
    return f"http://127.0.0.1:{listening.getsockname()[1]}"


@asynccontextmanager
async def opened(cloud: DeviceCloud, listening: socket.socket | None = None) -> AsyncIterator[str]:
    """Serve the cloud, on a free port when none was taken; gives its address."""
    with listening or taken() as door:
        async with cloud.working(), answering(cloud.app, door, grace_seconds=GRACE_SECONDS):
            yield address(door)
