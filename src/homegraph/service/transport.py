"""HTTP towards fulfillments and token endpoints: one method, everything bounded.

The seam between the house and the HTTP library: use-cases know ``Transport`` only. Redirects are not followed, proxies of
the environment are not used, replies are read in chunks and dropped the moment they outgrow their bound, before and
after decompression.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Protocol, TypeAlias

from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import (
    ConnectTimeoutError,
    PoolTimeoutError,
    PyreqwestError,
    ReadTimeoutError,
    RequestTimeoutError,
    WriteTimeoutError,
)
from pyreqwest.response import Response

from homegraph.errors import FulfillmentTimeout, FulfillmentUnreachable, ReplyTooLarge

Headers: TypeAlias = Sequence[tuple[str, str]]

CONNECT_SECONDS: Final = 10.0
"""A fulfillment that cannot be reached in this time is counted as unreachable, not as slow."""

IDLE_PER_HOST_MAX: Final = 64
IDLE_SECONDS: Final = 30.0
"""Shorter than common servers keep an idle connection, so that few are closed under a request."""


@dataclass(frozen=True, slots=True)
class HttpReply:
    """A reply, decompressed. Header names are in lower case."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


class Transport(Protocol):
    """Sends one POST and brings the reply."""

    async def post(
        self, url: str, headers: Headers, body: bytes, *, seconds_max: float, reply_max_bytes: int
    ) -> HttpReply:
        """Send ``body`` and read the whole reply within ``seconds_max`` seconds.

        Raises:
            FulfillmentUnreachable: no connection, or it broke.
            FulfillmentTimeout: connected, but no whole reply in time.
            ReplyTooLarge: the reply has more than ``reply_max_bytes``.
        """

    async def close(self) -> None:
        """Close idle connections. Nothing may be under way."""


class PyreqwestTransport:
    """``Transport`` over pyreqwest."""

    def __init__(self) -> None:
        self._client: Client = (
            ClientBuilder()
            .no_proxy()
            .follow_redirects(False)
            .referer(False)
            .gzip(True)
            .deflate(True)
            .brotli(False)
            .zstd(False)
            .connect_timeout(timedelta(seconds=CONNECT_SECONDS))
            .pool_max_idle_per_host(IDLE_PER_HOST_MAX)
            .pool_idle_timeout(timedelta(seconds=IDLE_SECONDS))
            .build()
        )

    async def post(
        self, url: str, headers: Headers, body: bytes, *, seconds_max: float, reply_max_bytes: int
    ) -> HttpReply:
        request = (
            self._client.post(url)
            .headers(list(headers))
            .body_bytes(body)
            .timeout(timedelta(seconds=seconds_max))
            .build_streamed()
        )
        try:
            async with request as response:
                content = await _read_bounded(response, reply_max_bytes)
                return HttpReply(response.status, tuple(response.headers.items()), content)
        except (ReadTimeoutError, RequestTimeoutError, WriteTimeoutError, PoolTimeoutError) as exc:
            raise _late(seconds_max) from exc
        except ConnectTimeoutError as exc:
            # Also raised when the deadline passes before the first byte of a reply.
            if _while_connecting(exc):
                raise FulfillmentUnreachable(
                    f"No connection within {CONNECT_SECONDS:.0f} s."
                ) from exc
            raise _late(seconds_max) from exc
        except PyreqwestError as exc:
            raise FulfillmentUnreachable(f"The connection failed: {_innermost(exc)}.") from exc

    async def close(self) -> None:
        await self._client.close()


async def _read_bounded(response: Response, most: int) -> bytes:
    announced = response.get_header("content-length")
    if announced is not None and announced.isdigit() and int(announced) > most:
        raise ReplyTooLarge(f"The reply announces {announced} bytes; {most} are allowed.")
    chunks: list[bytes] = []
    size = 0
    while (chunk := await response.body_reader.read_chunk()) is not None:
        size += len(chunk)
        if size > most:
            raise ReplyTooLarge(f"The reply has more than {most} bytes.")
        chunks.append(bytes(chunk))
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _late(seconds_max: float) -> FulfillmentTimeout:
    return FulfillmentTimeout(f"No complete answer within {seconds_max:g} s.")


def _while_connecting(exc: ConnectTimeoutError) -> bool:
    return any("(Connect)" in cause["message"] for cause in exc.details["causes"] or ())


def _innermost(exc: PyreqwestError) -> str:
    """The last cause, in words such as "Connection refused"; the outer ones repeat the URL, which may hold secrets."""
    details = getattr(exc, "details", None) or {}
    causes = details.get("causes") or []
    return str(causes[-1].get("message", "")) if causes else type(exc).__name__
