"""Calls at the level of bytes and sockets: for callers that leave early, and for many callers at once.

The storm is asyncio on one thread, so that a thousand callers cost less than the server they call. It speaks just enough
HTTP for answers with a Content-Length, which is what the API sends.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

HOST: Final = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Raw:
    """The status and the body of an answer."""

    status: int
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Answered:
    """One call of a storm: for whom, when it was sent and answered (``time.monotonic``), and with what."""

    agent_user_id: str
    sent_at: float
    answered_at: float
    status: int
    body: bytes


def request_bytes(
    body: bytes, *, key: str, headers: Sequence[str] = ("Content-Type: application/json",)
) -> bytes:
    """One POST of Request Sync as it stands on the wire."""
    lines = [f"POST /v1/devices:requestSync?key={key} HTTP/1.1", f"Host: {HOST}", *headers]
    head = "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""])
    return head.encode("latin-1") + body


def raw_request(
    method: str, target: str, *, headers: Sequence[str] = (), body: bytes = b""
) -> bytes:
    """One request with exactly these header lines, and those that HTTP cannot do without."""
    lines = [f"{method} {target} HTTP/1.1", f"Host: {HOST}", *headers, "Connection: close"]
    head = "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""])
    return head.encode("latin-1") + body


def exchange(port: int, request: bytes) -> Raw:
    """Send bytes on a connection of their own, and read what comes until the server closes it."""
    with connect(port) as caller:
        caller.sendall(request)
        answer = b"".join(iter(lambda: caller.recv(65_536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    return Raw(int(head.split(maxsplit=2)[1]), body)


def connect(port: int) -> socket.socket:
    """A connection to a server."""
    return socket.create_connection((HOST, port), timeout=20)


def is_listening(port: int) -> bool:
    """Whether somebody takes connections there."""
    try:
        connect(port).close()
    except OSError:
        return False
    return True


class Caller:
    """One connection that is used again and again, as a pooling HTTP client does."""

    def __init__(self, port: int, key: str) -> None:
        self._port = port
        self._key = key
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def request_sync(self, agent_user_id: str, *, is_async: bool = True) -> Answered:
        """One call. Raises OSError or asyncio.IncompleteReadError when the server is gone."""
        body = json.dumps({"agentUserId": agent_user_id, "async": is_async}).encode()
        sent_at = time.monotonic()
        if self._streams is None:
            self._streams = await asyncio.open_connection(HOST, self._port)
        reader, writer = self._streams
        writer.write(request_bytes(body, key=self._key))
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line.partition(b":")[2])
            for line in head.lower().split(b"\r\n")
            if line.startswith(b"content-length:")
        )
        answer = await reader.readexactly(length)
        status = int(head.split(maxsplit=2)[1])
        return Answered(agent_user_id, sent_at, time.monotonic(), status, answer)

    async def close(self) -> None:
        """Close the connection, whatever state it is in."""
        if self._streams is not None:
            self._streams[1].close()
            with contextlib.suppress(OSError):
                await self._streams[1].wait_closed()
