"""The fulfillment of the benchmark: answers SYNC and QUERY from prepared bytes, for thousands of homes, told apart by their token.

A protocol on bare sockets, because a server framework would cost more than what is measured. It can hold its replies back,
so that requests pile up while a run is under way, and it says when something has happened instead of being asked again
and again. The last LARGE homes are large ones. Run by ``python -m bench.stub USERS DEVICES [LARGE]``; prints its port, and ends with its
standard input.

``/token`` gives tokens for codes; the home of a code is there from then on, whatever its number.

Below ``/-/`` it is told what to do, by POSTs that are answered with ``{"served": …, "held": …}``::

    /-/changes/none|one|all   what changes in a home with each reply from now on
    /-/hold                   hold replies back from now on
    /-/release                send what was held, and hold nothing any more
    /-/held/N                 answered when N replies are held
    /-/served/N               answered when N replies have been sent since the start
"""

from __future__ import annotations

import asyncio
import json
import re
import socket
import sys
from collections.abc import Callable
from typing import Final, cast

import uvloop

from bench.homes import LARGE_DEVICES, Home, number_of, number_of_code, token

CONNECTIONS_WAITING_MAX: Final = 1_024

_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_TOKEN: Final = re.compile(rb"\r\nauthorization: Bearer ([^\r]+)", re.IGNORECASE)
_QUERY: Final = b'"intent":"action.devices.QUERY"'
_REQUEST_ID: Final = re.compile(rb'"requestId":"([^"]*)"')

_OK: Final = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
_DONE: Final = _OK % 2 + b"{}"
_UNAUTHORIZED: Final = b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n"


class Cloud:
    """All homes, what changes in them, and who waits for what."""

    def __init__(self, users: int, devices: int, large: int) -> None:
        self._users, self._devices, self._large = users, devices, large
        self._homes: dict[bytes, Home] = {}
        self._change: Callable[[Home], None] | None = None
        self._held: list[Callable[[], None]] = []
        self._holding = False
        self._served = 0
        self._waiting: list[tuple[Callable[[], bool], Callable[[], None]]] = []

    def sync(self, access_token: bytes, request_id: bytes, write: Callable[[bytes], None]) -> None:
        """Answer a SYNC, now or when it is released."""
        home = self._home(access_token)
        if home is None:
            write(_UNAUTHORIZED)
            return
        if self._change is not None:
            self._change(home)

        def reply() -> None:
            start = b'{"requestId":"%b"' % request_id
            head = _OK % (len(start) + len(home.rest))
            write(b"".join((head, start, home.rest)))
            self._served += 1

        if self._holding:
            self._held.append(reply)
        else:
            reply()
        if self._waiting:
            self._tell()

    def query(self, access_token: bytes, request_id: bytes, write: Callable[[bytes], None]) -> None:
        """Answer a QUERY: of all devices, because nobody asks for fewer."""
        home = self._home(access_token)
        if home is None:
            write(_UNAUTHORIZED)
            return
        start = b'{"requestId":"%b"' % request_id
        write(b"".join((_OK % (len(start) + len(home.states)), start, home.states)))

    def exchange(self, form: bytes, write: Callable[[bytes], None]) -> None:
        """Answer the exchange of a code for tokens."""
        number = number_of_code(form)
        if number is None:
            write(_UNAUTHORIZED)
            return
        access_token = token(number)
        self._homes[access_token.encode()] = Home(number, self._devices)
        tokens = {"token_type": "Bearer", "access_token": access_token, "expires_in": 3600}
        body = json.dumps({**tokens, "refresh_token": f"{access_token}-refresh"}).encode()
        write(_OK % len(body) + body)

    def _home(self, access_token: bytes) -> Home | None:
        """The home of a token, made when it is asked for: of a million users a few thousand are."""
        home = self._homes.get(access_token)
        number = number_of(access_token) if home is None else None
        if number is not None and number < self._users + self._large:
            size = self._devices if number < self._users else LARGE_DEVICES
            home = self._homes[access_token] = Home(number, size)
        return home

    def control(self, path: str, write: Callable[[bytes], None]) -> None:
        """Do as told; see the module."""
        _, _, command, *rest = path.split("/")

        def answer() -> None:
            body = json.dumps({"served": self._served, "held": len(self._held)}).encode()
            write(_OK % len(body) + body)

        if command == "changes":
            self._change = {"none": None, "one": Home.change_one, "all": Home.change_all}[rest[0]]
        elif command == "hold":
            self._holding = True
        elif command == "release":
            self._release()
        wanted = int(rest[0]) if command in ("held", "served") else 0

        def is_met() -> bool:
            return (len(self._held) if command == "held" else self._served) >= wanted

        self._waiting.append((is_met, answer))
        self._tell()

    def _release(self) -> None:
        self._holding = False
        held, self._held = self._held, []
        for reply in held:
            reply()

    def _tell(self) -> None:
        """Answer those whose condition is met."""
        waiting, self._waiting = self._waiting, []
        for is_met, answer in waiting:
            if is_met():
                answer()
            else:
                self._waiting.append((is_met, answer))


class Connection(asyncio.Protocol):
    """One connection: whole requests in, replies in the order in which they are ready.

    A caller has one request under way at a time; pipelining is not expected.
    """

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own class

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (blank := self._buffer.find(b"\r\n\r\n")) >= 0:
            head, body_at = self._buffer[: blank + 2], blank + 4
            length = _LENGTH.search(head)
            end = body_at + (int(length[1]) if length else 0)
            if len(self._buffer) < end:
                return
            body, self._buffer = self._buffer[body_at:end], self._buffer[end:]
            self._answer(head, body)

    def _answer(self, head: bytes, body: bytes) -> None:
        path = head.split(b" ", 2)[1]
        if path.startswith(b"/-/"):
            self._cloud.control(path.decode(), self._write)
            return
        if path == b"/token":
            self._cloud.exchange(body, self._write)
            return
        if path.startswith(b"/v1/"):  # callers that are measured themselves (``bench.callers``)
            self._write(_DONE)
            return
        access, request_id = _TOKEN.search(head), _REQUEST_ID.search(body)
        answer = self._cloud.query if _QUERY in body else self._cloud.sync
        answer(access[1] if access else b"", request_id[1] if request_id else b"", self._write)

    def _write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)


async def _serve(users: int, devices: int, large: int = 0) -> None:
    cloud = Cloud(users, devices, large)
    listening = socket.create_server(("127.0.0.1", 0), backlog=CONNECTIONS_WAITING_MAX)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(cloud), sock=listening)
    print(listening.getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    server.close()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(*map(int, sys.argv[1:4])))
