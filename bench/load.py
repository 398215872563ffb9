"""The generator: prepared requests over connections that stay open, each sending the next one when the last is answered.

Bare sockets and epoll: a client library would be busier than the server, and an event loop that gathers its writes would make
generator and server take turns instead of working at the same time. Every answer is looked at, and anything but 200 with
what the call must bring is an error of the round.
"""

from __future__ import annotations

import gc
import select
import socket
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Final

SILENCE_SECONDS_MAX: Final = 60.0
"""Longer than any call may take: when nothing at all was answered in this time, something hangs."""

WRONG_BYTES_SHOWN: Final = 300
READ_BYTES: Final = 65_536

_LENGTH: Final = b"content-length: "


@dataclass(slots=True)
class Tally:
    """What came of one round. ``latencies`` are seconds, in the order of the answers."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    errors: int = 0
    wrong: str = ""
    """The first answer that was an error, in short."""


@dataclass(frozen=True, slots=True)
class Right:
    """What is no error: 200 with ``wanted`` in it, or what begins with ``tolerated``."""

    wanted: bytes
    tolerated: bytes | None = None

    def is_it(self, answer: bytes) -> bool:
        """Whether an answer is right."""
        if answer.startswith(b"HTTP/1.1 200 ") and self.wanted in answer:
            return True
        return self.tolerated is not None and answer.startswith(self.tolerated)


@dataclass(slots=True)
class Caller:
    """One connection, with one request under way."""

    socket: socket.socket
    sent_at: float = 0.0
    answer: bytes = b""

    def send(self, request: bytes) -> None:
        """Send a request; it is smaller than any send buffer."""
        self.sent_at = time.perf_counter()
        self.socket.send(request)


def drive(
    port: int,
    requests: Sequence[bytes],
    connections: int,
    wanted: bytes,
    tolerated: bytes | None = None,
) -> Tally:
    """Send all requests over so many connections, as fast as they are answered; ``wanted`` is in every right answer.

    An answer that begins with ``tolerated`` is no error either.

    Raises:
        OSError: nothing was answered for long, or the server closed a connection.
    """
    with ExitStack() as stack:
        poll = stack.enter_context(select.epoll())
        callers: dict[int, Caller] = {}
        for _ in range(min(connections, len(requests))):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            poll.register(connection, select.EPOLLIN)
            callers[connection.fileno()] = Caller(connection)
        gc.collect()
        gc.disable()
        try:
            return _drive(poll, callers, requests, Right(wanted, tolerated))
        finally:
            gc.enable()


def _drive(
    poll: select.epoll, callers: dict[int, Caller], requests: Sequence[bytes], right: Right
) -> Tally:
    tally, queue = Tally(), iter(requests)
    started = time.perf_counter()
    for caller in callers.values():
        caller.send(next(queue))
    while len(tally.latencies) < len(requests):
        ready = poll.poll(SILENCE_SECONDS_MAX)
        if not ready:
            raise TimeoutError(f"{len(tally.latencies)} of {len(requests)} calls were answered")
        for number, _ in ready:
            caller = callers[number]
            if _receive(caller, tally, right) and (following := next(queue, None)) is not None:
                caller.send(following)
    tally.seconds = time.perf_counter() - started
    return tally


def _receive(caller: Caller, tally: Tally, right: Right) -> bool:
    """Read what is there; whether the answer is whole now, and then it is counted."""
    data = caller.socket.recv(READ_BYTES)
    if not data:
        raise ConnectionError("the server closed a connection")
    answer = caller.answer = caller.answer + data
    if not is_whole(answer):
        return False
    tally.latencies.append(time.perf_counter() - caller.sent_at)
    if not right.is_it(answer):
        tally.errors += 1
        tally.wrong = tally.wrong or in_short(answer)
    caller.answer = b""
    return True


def is_whole(answer: bytes) -> bool:
    """Whether head and body are there. Answers of both servers have a Content-Length."""
    end = answer.find(b"\r\n\r\n")
    if end < 0:
        return False
    at = answer.find(_LENGTH, 0, end)
    length = int(answer[at + len(_LENGTH) : answer.index(b"\r\n", at)]) if at >= 0 else 0
    return len(answer) >= end + 4 + length


def in_short(answer: bytes) -> str:
    """The status line and the beginning of the body, for a message."""
    head, _, body = answer.partition(b"\r\n\r\n")
    status, _, _ = head.partition(b"\r\n")
    return f"{status.decode('latin-1')} {body[:WRONG_BYTES_SHOWN].decode('utf-8', 'replace')}"
