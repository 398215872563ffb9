"""Calls without a detour: connections of our own, in the caller's own event loop, to the address that the caller was told.

A library that has threads of its own hands every answer over to the loop, which costs more than the call (docs/decisions/0033). So the
asynchronous client does without where nothing of such a library is needed: where no proxy is in between.

A transport may be used from several event loops, one after the other (``asyncio.run`` for each job) or at once (one in each thread).
Connections belong to the loop that opened them, so each loop has its own, and they do not outlive it here.

The rule that is easily broken: what goes wrong is told in the client's words (``transport``), and never quotes an address.
"""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from homegraph.client.calls import Request, Response
from homegraph.errors import FulfillmentError, FulfillmentTimeout, ReplyTooLarge
from homegraph.http.connection import Connection, in_words
from homegraph.http.fifo import FifoCache
from homegraph.http.pool import IDLE_MAX, Place, Pool
from homegraph.http.trust import tls_context

__all__ = ["Broken", "DirectTransport", "Late", "TooLarge", "Unsendable"]

STARTS_KEPT_MAX: Final = 64
"""Beginnings of requests; a client has one for each call, and one more for each agent user that it deletes."""

_PORTS: Final = {"http": 80, "https": 443}


class Unsendable(ValueError):
    """The request cannot be sent: its address or a header is none."""


class Late(Exception):
    """There was no whole answer in time."""


class TooLarge(Exception):
    """The answer is more than it may be."""


class Broken(Exception):
    """There is no connection, or it broke; the message is a part of a sentence and quotes nothing."""


class _Start(NamedTuple):
    """Where requests to one address go, and everything in front of their length, credential included."""

    place: Place
    lines: bytes


_Starts = FifoCache[tuple[str, str, tuple[tuple[str, str], ...]], _Start]


class _Kept(NamedTuple):
    """What one loop has, and nobody else touches."""

    pool: Pool
    starts: _Starts


class DirectTransport:
    """Sends requests over connections that are kept. ``answer_max_bytes`` bounds an answer, decompressed too."""

    def __init__(self, user_agent: str, answer_max_bytes: int) -> None:
        self._user_agent = user_agent
        self._most = answer_max_bytes
        self._loops: dict[asyncio.AbstractEventLoop, _Kept] = {}

    async def send(self, request: Request) -> Response:
        """The answer.

        Raises:
            Unsendable: nothing was sent.
            Late: the request's timeout passed.
            TooLarge: the answer has more than it may.
            Broken: everything else, an answer that is no HTTP included.
        """
        loop = asyncio.get_running_loop()
        pool, starts = self._loops.get(loop) or self._kept_for(loop)
        place, lines = self._start(request, starts)
        body = request.body
        content = b"%bcontent-length: %d\r\n\r\n%b" % (lines, len(body), body)
        deadline = loop.time() + request.timeout
        connection = pool.take(place) or await _connected(loop, pool, place, deadline)
        try:
            reply = await connection.exchange(
                content,
                reply_max_bytes=self._most,
                seconds_max=request.timeout,
                deadline=deadline,
            )
        except FulfillmentTimeout:
            raise Late from None
        except ReplyTooLarge:
            raise TooLarge from None
        except FulfillmentError as exc:
            raise Broken(exc.message.rstrip(".")) from None
        if connection.is_usable:
            pool.keep(place, connection)
        return Response(reply.status, reply.headers, reply.body)

    async def close(self) -> None:
        """Close idle connections, of all loops."""
        here = asyncio.get_running_loop()
        while self._loops:
            loop, (pool, _) = self._loops.popitem()
            if loop.is_running() and loop is not here:
                with suppress(RuntimeError):  # it has ended just now, and its connections with it
                    loop.call_soon_threadsafe(pool.close)
            elif not loop.is_closed():
                pool.close()

    def _start(self, request: Request, starts: _Starts) -> _Start:
        """What a request begins with, from memory if one began alike. Raises Unsendable."""
        key = (request.method, request.url, request.headers)
        start = starts.get(key)
        if start is None:
            start = _started(request, self._user_agent)
            starts[key] = start
        return start

    def _kept_for(self, loop: asyncio.AbstractEventLoop) -> _Kept:
        """Make room for another loop; what belongs to those that have ended goes."""
        # A client has one address, which may have all the idle connections that are kept.
        for ended in [one for one in tuple(self._loops) if one.is_closed()]:
            self._loops.pop(ended, None)
        kept = self._loops[loop] = _Kept(Pool(loop, IDLE_MAX), FifoCache(STARTS_KEPT_MAX))
        return kept


async def _connected(
    loop: asyncio.AbstractEventLoop, pool: Pool, place: Place, deadline: float
) -> Connection:
    is_secure = place.scheme == "https"
    try:
        async with asyncio.timeout_at(deadline):
            _, connection = await loop.create_connection(
                pool.connection,
                place.host,
                place.port,
                ssl=tls_context("") if is_secure else None,
            )
    except TimeoutError:
        raise Late from None
    except ssl.SSLCertVerificationError as exc:
        raise Broken(f"its certificate is not trusted: {exc.verify_message}") from None
    except (OSError, UnicodeError) as exc:
        raise Broken(in_words(exc)) from None
    return connection


def _started(request: Request, user_agent: str) -> _Start:
    """Take an address apart, and write what goes there. Raises Unsendable when a part of it would break out of its line."""
    try:
        parts = urlsplit(request.url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise Unsendable from None
    if parts.scheme not in _PORTS or not host:
        raise Unsendable
    target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    usual = _PORTS[parts.scheme]
    place = Place(parts.scheme, host, port or usual, "", "")
    shown = f"[{host}]" if ":" in host else host
    lines = [
        f"{request.method} {target} HTTP/1.1",
        f"host: {shown if place.port == usual else f'{shown}:{place.port}'}",
        f"user-agent: {user_agent}",
        "accept: */*",
        *(f"{name}: {value}" for name, value in request.headers),
    ]
    if not "".join(lines).isprintable() or not target.isascii() or " " in target:
        raise Unsendable
    # A header may have bytes beyond ASCII (RFC 9110 5.5), and what they mean is the other side's business.
    return _Start(place, "\r\n".join((*lines, "")).encode())
