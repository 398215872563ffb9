"""A device cloud with hundreds of homes that answers SYNC fast: asyncio on a thread of its own.

Every answer lists other devices than the one before (a lamp is renamed, a second one comes and goes), so that a stored list
tells which answer it came from. The cloud remembers when each home was asked last and what it answered last, and whether it was asked
while it was about to answer. A QUERY is no such question: it is answered with no states.

It speaks just enough HTTP for requests with a Content-Length on a connection that is kept open.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Self

from homegraph.testing.fulfillment import lamp
from homegraph.wire.query_intent import QUERY

SECOND_LAMP_EVERY: Final = 3
"""Every third answer has a second lamp, so that devices are added and removed all the time."""


@dataclass(slots=True)
class ManyHome:
    """One home: how often and when it was asked last (``time.monotonic``), and the devices of its last answer."""

    agent_user_id: str
    asked: int = 0
    asked_at: float = 0.0
    devices: list[dict[str, Any]] = field(default_factory=list)
    answering: int = 0

    def answer(self, request_id: str) -> bytes:
        """Answer a SYNC that came in just now."""
        self.asked += 1
        self.asked_at = time.monotonic()
        self.devices = [lamp("lamp", f"answer {self.asked}")]
        if self.asked % SECOND_LAMP_EVERY == 0:
            self.devices.append(lamp("second"))
        payload = {"agentUserId": self.agent_user_id, "devices": self.devices}
        return json.dumps({"requestId": request_id, "payload": payload}).encode()


class ManyHomes:
    """The cloud. Home ``user-N`` is opened by the token ``token-N``. ``overlaps`` are those that were asked twice at once."""

    def __init__(self, count: int, *, takes_seconds: float = 0.0) -> None:
        self.overlaps: list[str] = []
        self._takes_seconds = takes_seconds
        self.homes = {f"token-{number}": ManyHome(f"user-{number}") for number in range(count)}
        self.url = ""
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._speaking: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._ready.wait(10):
            raise AssertionError("the cloud does not start")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def home_of(self, agent_user_id: str) -> ManyHome:
        """The home of an agent user."""
        return self.homes[agent_user_id.replace("user", "token", 1)]

    def _work(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._speak, "127.0.0.1", 0, backlog=1024)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/smarthome"
        self._ready.set()
        async with server:
            await self._stop.wait()
            for writer in self._speaking.values():
                writer.close()
            if self._speaking:
                await asyncio.wait(tuple(self._speaking))

    async def _speak(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task: asyncio.Task[None] = asyncio.current_task()  # type: ignore[assignment]
        self._speaking[task] = writer
        try:
            while True:
                writer.write(await self._answer(reader))
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            return  # the server was killed, or has closed an idle connection
        finally:
            del self._speaking[task]
            writer.close()

    async def _answer_sync(self, home: ManyHome, request_id: str) -> bytes:
        home.answering += 1
        if home.answering > 1:
            self.overlaps.append(home.agent_user_id)
        body = home.answer(request_id)
        if self._takes_seconds:
            done = self._loop.create_future()
            self._loop.call_later(self._takes_seconds, done.set_result, None)
            await done
        home.answering -= 1
        return body

    async def _answer(self, reader: asyncio.StreamReader) -> bytes:
        head = await reader.readuntil(b"\r\n\r\n")
        headers = dict(
            line.split(": ", 1) for line in head.decode("latin-1").lower().split("\r\n")[1:-2]
        )
        sent = json.loads(await reader.readexactly(int(headers["content-length"])))
        home = self.homes[headers["authorization"].removeprefix("bearer ")]
        if sent["inputs"][0]["intent"] == QUERY:
            body = json.dumps({"requestId": sent["requestId"], "payload": {"devices": {}}}).encode()
        else:
            body = await self._answer_sync(home, sent["requestId"])
        return (
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
            % len(body)
        ) + body
