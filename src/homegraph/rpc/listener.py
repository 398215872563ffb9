"""The gRPC listener: where it listens, what it bears, how it opens and closes.

gRPC binds an address itself and lets go of it only when it was served. So a socket of ours holds the address while the server
starts, as that of HTTP does, and gRPC takes it over when there is something to serve. There is no TLS here, as there is none
for HTTP: whoever needs it puts a proxy in front.

The rule that is easily broken: gRPC's defaults are for callers who know each other. Every bound that a stranger could
lean on is set here, with its reason.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Final

import grpc

from homegraph.errors import SettingsError
from homegraph.rpc.calls import Calls
from homegraph.rpc.probes import Probes
from homegraph.service.house import House
from homegraph.settings.addresses import ListenAddress
from homegraph.settings.server import Settings
from homegraph.wire.details import API

__all__ = ["RpcListener"]

CALLS_MAX: Final = 2_048
"""Calls under way at a time, over all connections; twice as many as may wait for a SYNC."""

CALLS_PER_CONNECTION_MAX: Final = 1_024
"""One busy device cloud with one channel; further calls wait in its own channel."""

METADATA_BYTES_MAX: Final = 16 * 2**10
"""Of one call. The largest that is meant is a self-signed token, which has about one KiB."""

DRAIN_SECONDS_MAX: Final = 24 * 3_600.0
"""Longer than any grace: while the house drains, how long calls have is its business."""

_MS: Final = 1_000
HANDSHAKE_SECONDS: Final = 20
"""For the first bytes of a connection."""
IDLE_SECONDS: Final = 900
"""After which a connection without calls is closed. A channel opens the next one by itself."""
PING_AFTER_SECONDS: Final = 60
"""Of silence: then the server asks whether the caller is still there, so that calls of dead machines end."""
PING_ANSWER_SECONDS: Final = 20
CLIENT_PING_SECONDS_MIN: Final = 10
"""A client may ask this often whether we are there. One that does it more often is sent away."""


class RpcListener:
    """The listener of one house."""

    def __init__(self, house: House, held: socket.socket, help_base: str) -> None:
        """``held`` has the address that is to be listened on. ``help_base`` is what a reason's page has before its code."""
        self._settings = house.settings
        self._held = held
        self._calls = Calls(house, help_base)
        self._probes = Probes(house, help_base)
        self._server: grpc.aio.Server | None = None

    async def open(self) -> str:
        """Answer calls; returns where channels are opened to.

        Raises:
            SettingsError: somebody took the address in the very moment in which it was handed over.
        """
        address = self._settings.grpc_listen
        if not address.path:
            address = ListenAddress(address.host, self._held.getsockname()[1])
        server = grpc.aio.server(
            options=_options(self._settings), maximum_concurrent_rpcs=CALLS_MAX
        )
        services = {API: self._calls.handlers(), **self._probes.services()}
        server.add_generic_rpc_handlers(
            [
                grpc.method_handlers_generic_handler(name, handlers)
                for name, handlers in services.items()
            ]
        )
        self._held.close()
        try:
            with _for_us_alone() if address.path else nullcontext():
                server.add_insecure_port(str(address))
        except RuntimeError as exc:
            raise SettingsError(f"cannot listen on {address}", place="grpc_listen") from exc
        await server.start()
        self._server = server
        return str(address)

    async def close(self, drained: Awaitable[None], seconds: float) -> None:
        """Take no new call; once ``drained`` is over, those that are under way have ``seconds`` to be answered."""
        self._probes.stop()
        if self._server is None:
            return
        closing = asyncio.create_task(self._server.stop(DRAIN_SECONDS_MAX), name="rpc")
        await drained
        await self._server.stop(seconds)
        await closing
        await self._calls.end(seconds)


@contextmanager
def _for_us_alone() -> Iterator[None]:
    """What is made meanwhile is its user's. A mode that is set afterwards is too late: whoever is connected by then stays."""
    usual = os.umask(0o177)
    try:
        yield
    finally:
        os.umask(usual)


def _options(settings: Settings) -> list[tuple[str, int]]:
    return [
        # Workers share a port; two servers would not notice that they do.
        ("grpc.so_reuseport", int(settings.workers > 1)),
        ("grpc.max_receive_message_length", settings.body_max_bytes),
        ("grpc.max_send_message_length", -1),  # what we answer is bounded by what we store
        ("grpc.max_metadata_size", METADATA_BYTES_MAX),
        ("grpc.absolute_max_metadata_size", METADATA_BYTES_MAX),
        ("grpc.max_concurrent_streams", CALLS_PER_CONNECTION_MAX),
        ("grpc.server_handshake_timeout_ms", HANDSHAKE_SECONDS * _MS),
        ("grpc.max_connection_idle_ms", IDLE_SECONDS * _MS),
        ("grpc.keepalive_time_ms", PING_AFTER_SECONDS * _MS),
        ("grpc.keepalive_timeout_ms", PING_ANSWER_SECONDS * _MS),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.min_ping_interval_without_data_ms", CLIENT_PING_SECONDS_MIN * _MS),
    ]
