"""Doing what ``flow`` says, once by blocking and once by awaiting.

The two drivers stand side by side because they have to stay the same: three steps, and an ``ApiError`` goes back into the flow,
which may know what to do about it. Everything else that is raised ends the call.

``AsyncDriver`` asks for access tokens in a thread, because google-auth blocks. What google-auth sends goes through the client's own
transport nevertheless, in the event loop: one seam for everything that leaves. Tasks that need a token at the same time share
one renewal, and it goes on when the task that began it is cancelled. Those of another loop cannot await it: they begin one of their own,
whose thread waits for the credential's lock and finds the token there.

The rule that is easily broken: nothing in here may decide anything.
"""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Final, TypeVar

from homegraph.client import flow
from homegraph.client.auth import Credential, Grant
from homegraph.client.calls import Call, Request, Response
from homegraph.client.transport import SyncTransport, Transport
from homegraph.errors import ApiError, ServerUnreachable

__all__ = ["AsyncDriver", "BlockingDriver"]

LOOP_SLACK_SECONDS: Final = 5.0
"""Beyond a request's own timeout, for an event loop that is busy. A thread that waits for a loop that is gone gives up then."""

T = TypeVar("T")

Outcome = Grant | Response | ApiError | None


class BlockingDriver:
    """Carries calls out in the thread that makes them."""

    def __init__(
        self, transport: SyncTransport, credential: Credential, base_url: str, timeout: float | None
    ) -> None:
        self._transport = transport
        self._credential = credential
        self._base_url = base_url
        self._timeout = timeout
        self._stopped = threading.Event()

    def run(self, call: Call[T]) -> T:
        """The call's value. Raises ApiError."""
        steps = flow.carry_out(call, self._base_url, timeout=self._timeout, now=time.monotonic)
        done: Outcome = None
        try:
            while True:
                step = steps.throw(done) if isinstance(done, ApiError) else steps.send(done)
                done = self._do(step)
        except StopIteration as end:
            value: T = end.value
            return value

    def stop(self) -> None:
        """Let no call wait any longer."""
        self._stopped.set()

    def _do(self, step: flow.Step) -> Outcome:
        try:
            match step:
                case flow.Authorise(refused):
                    ready = self._credential.ready()
                    if ready is not None and ready != refused:
                        return ready
                    return self._credential.renew(refused, self._transport.send)
                case flow.Send(request):
                    return self._transport.send(request)
                case flow.Wait(seconds):
                    self._stopped.wait(seconds)
        except ApiError as exc:
            return exc
        return None


class AsyncDriver:
    """Carries calls out in the task that makes them."""

    def __init__(
        self, transport: Transport, credential: Credential, base_url: str, timeout: float | None
    ) -> None:
        self._transport = transport
        self._credential = credential
        self._base_url = base_url
        self._timeout = timeout
        self._renewals: dict[asyncio.AbstractEventLoop, asyncio.Task[Grant]] = {}

    async def run(self, call: Call[T]) -> T:
        """The call's value. Raises ApiError."""
        steps = flow.carry_out(call, self._base_url, timeout=self._timeout, now=time.monotonic)
        done: Outcome = None
        try:
            while True:
                step = steps.throw(done) if isinstance(done, ApiError) else steps.send(done)
                done = await self._do(step)
        except StopIteration as end:
            value: T = end.value
            return value

    async def _do(self, step: flow.Step) -> Outcome:
        try:
            match step:
                case flow.Authorise(refused):
                    ready = self._credential.ready()
                    if ready is not None and ready != refused:
                        return ready
                    return await self._renew(refused)
                case flow.Send(request):
                    return await self._transport.send(request)
                case flow.Wait(seconds):
                    await _pause(seconds)
        except ApiError as exc:
            return exc
        return None

    async def _renew(self, refused: Grant | None) -> Grant:
        """Join the renewal that is under way, or begin one."""
        loop = asyncio.get_running_loop()
        joined = self._renewals.get(loop)
        if joined is not None and not joined.done():
            grant = await asyncio.shield(joined)
            if grant != refused:
                return grant
        renewal = self._renewals[loop] = loop.create_task(self._renew_in_thread(refused))
        renewal.add_done_callback(self._look_at)
        return await asyncio.shield(renewal)

    def _look_at(self, renewal: asyncio.Task[Grant]) -> None:
        """Take note of the outcome, so that nobody complains about it in the end when all who wanted it are gone."""
        loop = renewal.get_loop()
        if self._renewals.get(loop) is renewal:
            del self._renewals[loop]
        if not renewal.cancelled():
            renewal.exception()

    async def _renew_in_thread(self, refused: Grant | None) -> Grant:
        loop = asyncio.get_running_loop()

        def send(request: Request) -> Response:
            answer = asyncio.run_coroutine_threadsafe(self._send(request), loop)
            try:
                return answer.result(request.timeout + LOOP_SLACK_SECONDS)
            except TimeoutError as exc:
                answer.cancel()
                raise ServerUnreachable("The event loop did not get to the request.") from exc

        return await asyncio.to_thread(self._credential.renew, refused, send)

    async def _send(self, request: Request) -> Response:
        return await self._transport.send(request)


async def _pause(seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await asyncio.Event().wait()
    except TimeoutError:
        return
