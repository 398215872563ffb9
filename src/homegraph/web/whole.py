"""A call and its answer in one piece each, where uvicorn has them so.

ASGI hands a body over in parts and takes an answer in two messages, and uvicorn writes each of these to the socket by itself: two
system calls and two packets for an answer of a few hundred bytes, and the names and values of nine constant headers checked
anew every time. That was a third of what the event loop spent on a call. Nearly every body arrives together with its head,
and nearly every answer is made before any of it is sent. ``Receiving`` and ``Sending`` are uvicorn's ``receive`` and ``send`` with
one method more for just that case; each says no whenever anything is out of the ordinary, and then the usual way is taken.

They look into uvicorn's own request (``RequestResponseCycle``), whose version is pinned; a test of ours fails when it changes.
Under another ASGI server they are not there.

The rule that is easily broken: what ``Sending.whole`` does not check is not left unchecked. Headers that could end early, answers
to HEAD, connections that are to be closed, and callers who do not read are uvicorn's business.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from starlette.types import Message, Receive, Send
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

HEADS_KEPT_MAX = 64
"""Heads of answers that are kept ready: there are two or three constant ones, errors have a few more."""


class Receiving:
    """``receive`` of a call. A caller's leaving is told only after what the caller had sent (see ``unread_body``)."""

    __slots__ = ("_cycle", "_receive")

    def __init__(self, cycle: RequestResponseCycle, receive: Receive) -> None:
        self._cycle = cycle
        self._receive = receive

    async def __call__(self) -> Message:
        message: Message = await self._receive()
        cycle = self._cycle
        if message["type"] == "http.disconnect" and cycle.body and not cycle.more_body:
            message = {"type": "http.request", "body": bytes(cycle.body), "more_body": False}
            cycle.body = bytearray()
        return message

    def arrived(self) -> bytes | None:
        """The whole body, if all of it is here and none of it was read; then it is read. Otherwise None."""
        cycle = self._cycle
        if cycle.more_body or not cycle.body or cycle.response_complete:
            return None
        body = bytes(cycle.body)
        cycle.body = bytearray()
        cycle.message_event.clear()  # whoever receives next waits for the caller's leaving
        cycle.flow.resume_reading()
        return body


class Sending:
    """``send`` of a call."""

    __slots__ = ("_cycle", "_send")

    def __init__(self, cycle: RequestResponseCycle, send: Send) -> None:
        self._cycle = cycle
        self._send = send

    async def __call__(self, message: Message) -> None:
        await self._send(message)

    def whole(self, http: int, headers: Iterable[tuple[bytes, bytes]], body: bytes) -> bool:
        """Send an answer at once; False when it must go the usual way, and then nothing was sent."""
        cycle = self._cycle
        if (
            cycle.response_started
            or cycle.disconnected
            or cycle.flow.write_paused
            or not cycle.keep_alive
            or cycle.access_log
            or cycle.scope["method"] == "HEAD"
        ):
            return False
        head = _head(http, tuple(headers))
        if not head:
            return False
        cycle.response_started = True
        cycle.waiting_for_100_continue = False
        cycle.transport.write(
            b"%b%bcontent-length: %d\r\n\r\n%b"
            % (head, _lines(tuple(cycle.default_headers)), len(body), body)
        )
        cycle.response_complete = True
        cycle.message_event.set()
        cycle.on_response()
        return True


@lru_cache(HEADS_KEPT_MAX)
def _lines(headers: tuple[tuple[bytes, bytes], ...]) -> bytes:
    return b"".join([b"%b: %b\r\n" % header for header in headers])


@lru_cache(HEADS_KEPT_MAX)
def _head(http: int, headers: tuple[tuple[bytes, bytes], ...]) -> bytes:
    """The status line and the headers; b"" when they are not plainly one line each."""
    lines = _lines(headers)
    plain = lines.count(b"\r") == lines.count(b"\n") == len(headers) and b"\0" not in lines
    status: bytes = STATUS_LINE[http]
    return status + lines if plain else b""
