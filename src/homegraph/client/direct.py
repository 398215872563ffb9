"""Calls without a detour: connections of our own, in the caller's own event loop, to the address that the caller was told.

A library that has threads of its own hands every answer over to the loop, which costs more than the call (docs/decisions/0033). So the
asynchronous client does without where nothing of such a library is needed: where no proxy is in between.

A transport may be used from one event loop after the other (``asyncio.run`` for each job); connections belong to the loop that opened them
and do not outlive it here.

The rule that is easily broken: what goes wrong is told in the client's words (``transport``), and never quotes an address.
"""

from __future__ import annotations

import asyncio
import ssl
from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from homegraph.client.calls import Request, Response
from homegraph.errors import FulfillmentError, FulfillmentTimeout, ReplyTooLarge
from homegraph.http.connection import Connection, in_words
from homegraph.http.pool import Place, Pool
from homegraph.http.trust import tls_context

__all__ = ["Broken", "DirectTransport", "Late", "TooLarge", "Unsendable"]

ROUTES_REMEMBERED_MAX: Final = 1_024
"""Addresses that are taken apart once: a client has a handful, and one more for each agent user that it deletes."""

_PORTS: Final = {"http": 80, "https": 443}


class Unsendable(ValueError):
    """The request cannot be sent: its address or a header is none."""


class Late(Exception):
    """There was no whole answer in time."""


class TooLarge(Exception):
    """The answer is more than it may be."""


class Broken(Exception):
    """There is no connection, or it broke; the message is a part of a sentence and quotes nothing."""


class _Route(NamedTuple):
    """An address, taken apart."""

    place: Place
    host: str
    target: str


class DirectTransport:
    """Sends requests over connections that are kept. ``answer_max_bytes`` bounds an answer, decompressed too."""

    def __init__(self, user_agent: str, answer_max_bytes: int) -> None:
        self._user_agent = user_agent
        self._most = answer_max_bytes
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pool: Pool | None = None

    async def send(self, request: Request) -> Response:
        """The answer.

        Raises:
            Unsendable: nothing was sent.
            Late: the request's timeout passed.
            TooLarge: the answer has more than it may.
            Broken: everything else, an answer that is no HTTP included.
        """
        route = _route(request.url)
        content = _written(request, route, self._user_agent)
        loop = asyncio.get_running_loop()
        pool = self._pool_of(loop)
        deadline = loop.time() + request.timeout
        connection = pool.take(route.place) or await _connected(loop, pool, route.place, deadline)
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
            pool.keep(route.place, connection)
        return Response(reply.status, reply.headers, reply.body)

    async def close(self) -> None:
        """Close idle connections."""
        self._forget()

    def _pool_of(self, loop: asyncio.AbstractEventLoop) -> Pool:
        """The connections of this loop; those of another are of no use any more."""
        if self._pool is None or self._loop is not loop:
            self._forget()
            self._loop, self._pool = loop, Pool(loop)
        return self._pool

    def _forget(self) -> None:
        """Close what is kept, in its own loop; if that has ended, so have its connections."""
        if self._pool is not None and self._loop is not None and not self._loop.is_closed():
            self._pool.close()
        self._pool = None


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


@lru_cache(maxsize=ROUTES_REMEMBERED_MAX)
def _route(url: str) -> _Route:
    """Take an address apart. Raises Unsendable."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise Unsendable from None
    if parts.scheme not in _PORTS or not host:
        raise Unsendable
    target = parts.path or "/"
    if parts.query:
        target += f"?{parts.query}"
    usual = _PORTS[parts.scheme]
    shown = f"[{host}]" if ":" in host else host
    place = Place(parts.scheme, host, port or usual, "", "")
    return _Route(place, shown if place.port == usual else f"{shown}:{place.port}", target)


def _written(request: Request, route: _Route, user_agent: str) -> bytes:
    """The bytes of a request. Raises Unsendable when a part of it would break out of its line."""
    head = f"{request.method} {route.target} HTTP/1.1"
    lines = [f"host: {route.host}", f"user-agent: {user_agent}", "accept: */*"]
    lines += [f"{name}: {value}" for name, value in request.headers]
    text = "".join((head, *lines))
    if not text.isprintable() or not route.target.isascii() or " " in route.target:
        raise Unsendable
    start = "\r\n".join((head, *lines, f"content-length: {len(request.body)}", "", ""))
    # A header may have bytes beyond ASCII (RFC 9110 5.5), and what they mean is the other side's business.
    return start.encode() + request.body
