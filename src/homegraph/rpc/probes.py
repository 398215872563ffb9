"""What anybody may ask without a credential: is the server well (health), and what does it speak (reflection).

Health is what ``/readyz`` says, asked anew by every check. A watcher is told when it changes: at once when the server stops,
otherwise by looking again now and then. Reflection is grpcio's own, over our pool; it tells what the .proto files tell.

Both have calls that stay open as long as the caller likes, and the caller may be anybody. So there are few seats for them, and
nobody keeps one of reflection for long, or comes without a message (``calls.only_message``).

The rule that is easily broken: these calls end when the server stops, or every stop would take as long as it may.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import grpc
from grpc_health.v1 import health_pb2  # type: ignore[import-untyped]
from grpc_reflection.v1alpha import reflection, reflection_pb2  # type: ignore[import-untyped]

from homegraph.errors import CallRefused
from homegraph.rpc.calls import only_message
from homegraph.rpc.descriptors import POOL
from homegraph.rpc.refusals import refusal_of
from homegraph.service.doctor import readiness
from homegraph.service.house import House
from homegraph.wire.details import API

__all__ = ["Probes"]

SEATS_MAX: Final = 64
"""Watches of health and conversations of reflection at a time, and as many calls whose question is not here yet; some balancers and a
curious developer need fewer."""

LOOK_AGAIN_SECONDS: Final = 5.0
"""Between two looks for a watcher; balancers that ask by themselves do so about as often."""

REFLECTION_SECONDS_MAX: Final = 30.0
"""For a whole conversation of reflection. Tools ask a few questions and leave."""

HEALTH: Final = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name
REFLECTION: Final = reflection_pb2.DESCRIPTOR.services_by_name["ServerReflection"].full_name

EVERYTHING: Final = ""
"""The server as a whole, in the health service."""

_SERVICES: Final = (EVERYTHING, API)

Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]


@dataclass(slots=True)
class _Seats:
    """How many may stay; nobody waits for one."""

    free: int


class Probes:
    """The health and reflection services of one house."""

    def __init__(self, house: House, help_base: str) -> None:
        self._house = house
        self._help_base = help_base
        self._stopping = asyncio.Event()
        self._asking, self._staying = _Seats(SEATS_MAX), _Seats(SEATS_MAX)
        self._reflection = reflection.aio.ReflectionServicer((API, HEALTH, REFLECTION), pool=POOL)

    def stop(self) -> None:
        """Tell every watcher, and end what is open. Called once the server is no longer ready."""
        self._stopping.set()

    def services(self) -> Mapping[str, dict[str, grpc.RpcMethodHandler[Any, Any]]]:
        """Handlers by the full names of services and the names of their methods."""
        return {
            HEALTH: {
                "Check": grpc.stream_unary_rpc_method_handler(
                    self._check,
                    health_pb2.HealthCheckRequest.FromString,
                    health_pb2.HealthCheckResponse.SerializeToString,
                ),
                "List": grpc.stream_unary_rpc_method_handler(
                    self._list,
                    health_pb2.HealthListRequest.FromString,
                    health_pb2.HealthListResponse.SerializeToString,
                ),
                "Watch": grpc.stream_stream_rpc_method_handler(
                    self._watch,
                    health_pb2.HealthCheckRequest.FromString,
                    health_pb2.HealthCheckResponse.SerializeToString,
                ),
            },
            REFLECTION: {
                "ServerReflectionInfo": grpc.stream_stream_rpc_method_handler(
                    self._reflect,
                    reflection_pb2.ServerReflectionRequest.FromString,
                    reflection_pb2.ServerReflectionResponse.SerializeToString,
                )
            },
        }

    # --- health --------------------------------------------------------------------------------------------------

    async def _check(
        self, requests: AsyncIterator[health_pb2.HealthCheckRequest], context: Context
    ) -> health_pb2.HealthCheckResponse:
        request = await self._asked(requests, context)
        if request.service not in _SERVICES:
            await context.abort(grpc.StatusCode.NOT_FOUND, "There is no such service here.")
        return health_pb2.HealthCheckResponse(status=await self._health())

    async def _list(
        self, _requests: AsyncIterator[health_pb2.HealthListRequest], _context: Context
    ) -> health_pb2.HealthListResponse:
        answer = health_pb2.HealthCheckResponse(status=await self._health())
        return health_pb2.HealthListResponse(statuses=dict.fromkeys(_SERVICES, answer))

    async def _watch(
        self, requests: AsyncIterator[health_pb2.HealthCheckRequest], context: Context
    ) -> AsyncIterator[health_pb2.HealthCheckResponse]:
        request = await self._asked(requests, context)
        told: int | None = None
        async with self._seat(context, self._staying):
            while True:
                last = self._stopping.is_set()  # before the look, or the end could go untold
                known = request.service in _SERVICES
                now = (
                    await self._health()
                    if known
                    else health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
                )
                if now != told:
                    yield health_pb2.HealthCheckResponse(status=now)
                told = now
                if last:
                    return
                clock = self._house.clock
                await clock.wait(self._stopping, clock.now() + LOOK_AGAIN_SECONDS)

    async def _asked(  # noqa: RET503  # abort raises
        self, requests: AsyncIterator[health_pb2.HealthCheckRequest], context: Context
    ) -> health_pb2.HealthCheckRequest:
        """The question, which comes with the call; whoever keeps it back sits on one of few seats, and not for long."""
        async with self._seat(context, self._asking):
            try:
                return await only_message(requests, health_pb2.HealthCheckRequest())
            except CallRefused as exc:
                refusal = refusal_of(self._house, exc, self._help_base)
            await context.abort(*refusal)

    async def _health(self) -> int:
        ready = all(check.ok for check in await readiness(self._house))
        status: int = (
            health_pb2.HealthCheckResponse.SERVING
            if ready
            else health_pb2.HealthCheckResponse.NOT_SERVING
        )
        return status

    # --- reflection ----------------------------------------------------------------------------------------------

    async def _reflect(
        self, requests: AsyncIterator[reflection_pb2.ServerReflectionRequest], context: Context
    ) -> AsyncIterator[reflection_pb2.ServerReflectionResponse]:
        try:
            async with self._seat(context, self._staying), asyncio.timeout(REFLECTION_SECONDS_MAX):
                async for answer in self._reflection.ServerReflectionInfo(requests, context):
                    yield answer
        except TimeoutError:
            await context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, "Ask what you need, and leave.")

    @asynccontextmanager
    async def _seat(self, context: Context, seats: _Seats) -> AsyncIterator[None]:
        """One of the seats; without a free one the call ends as when the server is busy."""
        if not seats.free:
            await context.abort(
                *refusal_of(self._house, CallRefused("SERVER_BUSY"), self._help_base)
            )
        seats.free -= 1
        try:
            yield
        finally:
            seats.free += 1
