"""The way of one call: a place of the project, the addresses of the name, a connection, the answer.

Every address is judged (``graph.destinations``) with every call, and the connection is made to that address and no other; the
name in the URL is only what the other side is asked for (Host) and must prove to be (TLS). A name that means something
else a moment later changes nothing about a call that is under way.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from homegraph.errors import (
    AddressRefused,
    FulfillmentRefused,
    FulfillmentUnreachable,
    FulfillmentUntrusted,
)
from homegraph.graph.destinations import (
    LOCAL_ADDRESSES,
    PORTS,
    Address,
    Destination,
    Rules,
    read_destination,
    refusal,
)
from homegraph.graph.model import Instant, Project
from homegraph.http.connection import Connection, in_words
from homegraph.http.fifo import FifoCache
from homegraph.http.pool import Place, Pool
from homegraph.http.reply import HttpReply
from homegraph.http.trust import tls_context
from homegraph.service.http.places import Places
from homegraph.service.http.resolving import LookUp, Resolver, system_look_up
from homegraph.service.transport import Headers

CONNECT_SECONDS: Final = 10.0
"""A fulfillment that cannot be reached in this time is counted as unreachable, not as slow."""

ROUTES_REMEMBERED_MAX: Final = 1_024
"""URLs that are taken apart once; a project has two."""

_UNKNOWN_AUTHORITY: Final = frozenset({18, 19, 20, 21})
"""OpenSSL's numbers: self-signed, self-signed in the chain, issuer not to be found, first certificate not verified."""


@dataclass(slots=True)
class _Route:
    """A URL of a project, taken apart: what a request to it starts with, and where it leads as far as that is known.

    ``fixed`` are the addresses of a URL that says itself which machine is meant; of another the resolver knows them.
    ``judged`` are the addresses that ``places`` was made of; the one that took the last connection comes first.
    """

    destination: Destination
    start: bytes
    authorities: str
    fixed: tuple[Address, ...]
    judged: tuple[Address, ...] = ()
    places: tuple[Place, ...] = ()


class HttpTransport:
    """``Transport`` over connections of our own. To be made inside the loop that uses it."""

    def __init__(
        self,
        now: Callable[[], Instant],
        *,
        rules: Rules,
        project_exchanges: int,
        look_up: LookUp = system_look_up,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._rules = rules
        self._places = Places(project_exchanges)
        self._resolver = Resolver(now, look_up)
        self._pool = Pool(self._loop)
        self._routes: FifoCache[tuple[str, str], _Route] = FifoCache(ROUTES_REMEMBERED_MAX)

    async def post(  # a call has these parts
        self,
        project: Project,
        url: str,
        headers: Headers,
        body: bytes,
        *,
        seconds_max: float,
        reply_max_bytes: int,
        repeatable: bool = False,
    ) -> HttpReply:
        deadline = self._loop.time() + seconds_max
        route = self._route(url, project.policy.authorities)
        request = _request(route.start, headers, body)
        if not self._places.take_now(project.id):
            await self._places.take(project.id, seconds_max)
        try:
            addresses = route.fixed or self._resolver.remembered(route.destination.host)
            if not addresses:
                addresses = await self._resolver.addresses(
                    route.destination.host, deadline - self._loop.time()
                )
            if addresses is not route.judged:
                self._judge(route, addresses)
            place, connection = self._idle(route.places)
            was_idle = connection is not None
            if connection is None:
                place, connection = await self._connected(route, deadline, seconds_max)
            try:
                reply = await connection.exchange(
                    request,
                    reply_max_bytes=reply_max_bytes,
                    seconds_max=seconds_max,
                    deadline=deadline,
                )
            except FulfillmentUnreachable:
                if connection.has_heard or not (was_idle and repeatable):
                    raise
                # It was closed while the request was on its way, which nobody has read; or if, then to no harm.
                place, connection = await self._connected(route, deadline, seconds_max)
                reply = await connection.exchange(
                    request,
                    reply_max_bytes=reply_max_bytes,
                    seconds_max=seconds_max,
                    deadline=deadline,
                )
            if connection.is_usable:
                self._pool.keep(place, connection)
            return reply
        finally:
            self._places.leave(project.id)

    async def close(self) -> None:
        self._pool.close()
        self._resolver.close()

    def _route(self, url: str, authorities: str) -> _Route:
        """The URL taken apart, from memory if it was seen before."""
        route = self._routes.get((url, authorities))
        if route is None:
            destination = read_destination(url)
            if destination.literal is not None:
                fixed: tuple[Address, ...] = (destination.literal,)
            else:
                fixed = LOCAL_ADDRESSES if destination.is_exact else ()
            route = _Route(destination, _start(destination), authorities, fixed)
            self._routes[url, authorities] = route
        return route

    def _judge(self, route: _Route, addresses: tuple[Address, ...]) -> None:
        """Keep those of the addresses that may be called.

        Raises:
            AddressRefused: none may.
        """
        destination = route.destination
        refusals = {address: refusal(destination, address, self._rules) for address in addresses}
        good = [address for address in addresses if not refusals[address]]
        if not good:
            raise AddressRefused(refusals[addresses[0]])
        route.places = tuple(
            Place(
                destination.scheme,
                destination.host,
                destination.port,
                str(address),
                route.authorities,
            )
            for address in good
        )
        route.judged = addresses

    def _idle(self, places: Sequence[Place]) -> tuple[Place, Connection | None]:
        for place in places:
            connection = self._pool.take(place)
            if connection is not None:
                return place, connection
        return places[0], None

    async def _connected(
        self, route: _Route, deadline: float, seconds_max: float
    ) -> tuple[Place, Connection]:
        """A new connection to the first place that takes one. Each has its share of the time that is left.

        That one is tried first from now on, until the name is asked for again: an address that takes packets and answers none
        would otherwise cost every new connection its share.

        Raises:
            FulfillmentUnreachable, FulfillmentUntrusted.
        """
        problem: FulfillmentUnreachable | None = None
        until = min(deadline, self._loop.time() + CONNECT_SECONDS)
        places = route.places
        for index, place in enumerate(places):
            now = self._loop.time()
            try:
                async with asyncio.timeout_at(now + (until - now) / (len(places) - index)):
                    connection = await self._connect(place)
            except TimeoutError as exc:
                late = FulfillmentUnreachable(
                    f"No connection within {min(CONNECT_SECONDS, seconds_max):g} s."
                )
                late.__cause__ = exc
                problem = problem or late
            except ssl.SSLCertVerificationError as exc:
                raise _untrusted(place, exc) from exc
            except OSError as exc:
                failed = FulfillmentUnreachable(f"The connection failed: {in_words(exc)}.")
                failed.__cause__ = exc
                problem = problem or failed
            else:
                if index and route.places is places:  # nobody has judged others meanwhile
                    route.places = (*places[index:], *places[:index])
                return place, connection
        raise problem or FulfillmentUnreachable

    async def _connect(self, place: Place) -> Connection:
        is_secure = place.scheme == "https"
        _, connection = await self._loop.create_connection(
            self._pool.connection,
            place.address,
            place.port,
            ssl=tls_context(place.authorities) if is_secure else None,
            server_hostname=place.host if is_secure else None,
            flags=socket.AI_NUMERICHOST,  # whatever the loop does, it must not ask a resolver
        )
        return connection


def _start(destination: Destination) -> bytes:
    """What every request to a destination begins with."""
    host = f"[{destination.host}]" if ":" in destination.host else destination.host
    if destination.port != PORTS[destination.scheme]:
        host += f":{destination.port}"
    return f"POST {destination.target} HTTP/1.1\r\nhost: {host}\r\n".encode("ascii")


def _request(start: bytes, headers: Headers, body: bytes) -> bytes:
    """The bytes of a request.

    Raises:
        FulfillmentRefused: a value would break out of its header; it came from outside, as tokens do.
    """
    values = "".join([value for _, value in headers])
    if not (values.isascii() and values.isprintable()):
        name = next(
            name for name, value in headers if not (value.isascii() and value.isprintable())
        )
        raise FulfillmentRefused(
            f"Nothing was sent: the header {name} would have characters that no header may have."
        )
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers])
    return b"".join((start, f"{lines}content-length: {len(body)}\r\n\r\n".encode("ascii"), body))


def _untrusted(place: Place, exc: ssl.SSLCertVerificationError) -> FulfillmentUntrusted:
    sentence = f"The certificate of {place.host} is not trusted: {exc.verify_message.rstrip('.')}."
    if exc.verify_code in _UNKNOWN_AUTHORITY:
        return FulfillmentUntrusted(
            f"{sentence} If it is signed by an authority of your own, name that with ca_file."
        )
    return FulfillmentUntrusted(
        sentence, hint="Have a certificate made that is valid now and for the name in the URL."
    )
