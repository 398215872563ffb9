"""Real HTTP for asyncio: ``direct`` where nothing is in between, the library where a proxy is.

What goes wrong is told by ``transport``, in the words that the blocking client has. It stands apart because only here asyncio is
needed: a command that asks a server one thing would load it for nothing.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from pyreqwest.client import Client as AsyncHttp
from pyreqwest.client import ClientBuilder
from pyreqwest.exceptions import PyreqwestError

from homegraph.client.calls import Request, Response
from homegraph.client.direct import Broken, DirectTransport, Late, TooLarge, Unsendable
from homegraph.client.transport import (
    ANSWER_MAX_BYTES,
    USER_AGENT,
    Opened,
    bounded,
    broken,
    configured,
    filled,
    late,
    response_of,
    too_large,
    unreachable,
    unsendable,
)

__all__ = ["AsyncTransport"]

ADDRESSES_REMEMBERED_MAX: Final = 1_024
"""Addresses of which it is known whether there is a proxy for them: a handful, and one for each agent user that is deleted."""


class AsyncTransport:
    """Real HTTP for asyncio; one for many tasks. Close it in the end."""

    def __init__(self, *, proxies: bool = True) -> None:
        """``proxies``: whether HTTP_PROXY and the like are honoured."""
        self._is_proxied = lru_cache(ADDRESSES_REMEMBERED_MAX)(_is_proxied if proxies else _never)
        self._direct = DirectTransport(USER_AGENT, ANSWER_MAX_BYTES)
        self._by_library = Opened(lambda: configured(ClientBuilder(), proxies=True).build())

    async def send(self, request: Request) -> Response:
        if self._is_proxied(request.url):
            return await self._send_by_library(request)
        try:
            return await self._direct.send(request)
        except Late:
            problem = late(request)
        except Unsendable:
            problem = unsendable(request)
        except TooLarge:
            problem = too_large(request)
        except Broken as exc:
            problem = broken(request, str(exc))
        raise problem  # outside of the handler, so that the error has no __context__

    async def _send_by_library(self, request: Request) -> Response:
        http: AsyncHttp = self._by_library.here()
        try:
            call = filled(http.request(request.method, request.url), request)
            async with call.build_streamed() as answer:
                body = bytearray()
                while chunk := await answer.body_reader.read_chunk():
                    body += memoryview(chunk)
                    if len(body) > ANSWER_MAX_BYTES:
                        break
                response = response_of(answer.status, answer.headers.items(), body)
        except (PyreqwestError, ValueError) as exc:
            problem = unreachable(request, exc)
        else:
            return bounded(request, response)
        raise problem  # outside of the handler, so that the error has no __context__

    async def close(self) -> None:
        """Close all connections."""
        await self._direct.close()
        if (http := self._by_library.if_here()) is not None:
            await http.close()


def _never(_url: str) -> bool:
    return False


def _is_proxied(url: str) -> bool:
    """Whether this machine has a proxy for an address, by the variables and rules that everybody follows."""
    found = getproxies()
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    has_one = parts.scheme in found or "all" in found
    return has_one and not proxy_bypass(parts.netloc.rpartition("@")[2])
