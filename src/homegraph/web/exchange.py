"""Bodies in, answers out: the two ends of an ASGI call, bounded in size and time.

A body is read up to a limit and within a deadline, whoever sends it how slowly; one that comes packed is unpacked up to the same
limit. A body that is too large is not read to its
end: the answer is sent, what is on its way is thrown away for a moment (a caller that is still sending would otherwise
see a broken connection instead of the answer), and the connection is closed.

The rule that is easily broken: nothing here keeps what it read. No body and no header goes into a log line or a message.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final, TypeAlias

from starlette.types import Message, Receive, Send

from homegraph.errors import CallRefused, HomegraphError
from homegraph.http.coding import CODINGS, CodedTooLarge, NotDecodable, decoded
from homegraph.wire.status import Rendered

Headers: TypeAlias = Iterable[tuple[bytes, bytes]]

BODY_SECONDS_MAX: Final = 30.0
"""For the whole body of a call. A megabyte takes this long at 35 kB/s; longer holds a connection for nothing."""

LINGER_BYTES_MAX: Final = 8 * 1024 * 1024
LINGER_SECONDS_MAX: Final = 2.0
"""How much of a refused body is thrown away, and for how long, before the connection is closed on the caller."""

UNPACKED_AT_ONCE_MAX_BYTES: Final = 1024
"""Packed bodies up to this are unpacked where they arrive. They become at most a megabyte, in a millisecond; larger ones in a thread."""

UNREAD_CODINGS: Final = frozenset({"br", "zstd", "compress", "x-compress"})
"""What else Content-Encoding may name. Other words are no compression ("utf-8" is a common mistake) and say nothing here."""

_CLOSE: Final = (b"connection", b"close")


class CallerGone(HomegraphError):
    """The caller hung up before its request was complete. Nobody is left to be answered."""

    code = "CALLER_GONE"
    hint = ""


async def read_body(receive: Receive, announced: bytes | None, bytes_max: int) -> bytes:
    """The whole body. ``announced`` is the value of Content-Length, if there is one.

    Raises:
        CallRefused: BODY_TOO_LARGE, at the first byte too many or before the first one when that was announced; BODY_TOO_SLOW.
        CallerGone: the connection ended first.
    """
    if announced is not None and (not announced.isdigit() or int(announced) > bytes_max):
        raise CallRefused("BODY_TOO_LARGE", f"The body has more than {bytes_max} bytes.")
    try:
        async with asyncio.timeout(BODY_SECONDS_MAX):
            return await _read(receive, bytes_max)
    except TimeoutError as exc:
        raise CallRefused("BODY_TOO_SLOW") from exc


async def unpacked(body: bytes, content_encoding: bytes, bytes_max: int) -> bytes:
    """The body as it was before the caller packed it. Google's clients for Java and .NET pack by themselves.

    Raises:
        CallRefused: BODY_ENCODING, it is not what its header says, or packed in another way; BODY_TOO_LARGE.
    """
    said = content_encoding.decode("latin-1").strip().lower()
    if said in UNREAD_CODINGS:
        raise CallRefused(
            "BODY_ENCODING", f"Content-Encoding is {said}; gzip and deflate are read, or none."
        )
    if said not in CODINGS:
        return body
    try:
        if len(body) <= UNPACKED_AT_ONCE_MAX_BYTES:
            return decoded(CODINGS[said], body, bytes_max)
        return await asyncio.to_thread(decoded, CODINGS[said], body, bytes_max)
    except CodedTooLarge as exc:
        text = f"The body has more than {bytes_max} bytes when decompressed."
        raise CallRefused("BODY_TOO_LARGE", text) from exc
    except NotDecodable as exc:
        raise CallRefused("BODY_ENCODING", f"The body {exc}.") from exc


async def _read(receive: Receive, bytes_max: int) -> bytes:
    message = await _next(receive)
    body: bytes = message.get("body", b"")
    if message.get("more_body", False):
        chunks, size = [body], len(body)
        while size <= bytes_max and message.get("more_body", False):
            message = await _next(receive)
            chunks.append(message.get("body", b""))
            size += len(chunks[-1])
        body = b"".join(chunks)
    return checked(body, bytes_max)


def checked(body: bytes, bytes_max: int) -> bytes:
    """A body that is here. Raises CallRefused: BODY_TOO_LARGE."""
    if len(body) > bytes_max:
        raise CallRefused("BODY_TOO_LARGE", f"The body has more than {bytes_max} bytes.")
    return body


async def _next(receive: Receive) -> Message:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise CallerGone
    return message


async def answer(send: Send, http: int, headers: Headers, body: bytes) -> None:
    """Send an answer."""
    await send(
        {
            "type": "http.response.start",
            "status": http,
            "headers": [*headers, (b"content-length", b"%d" % len(body))],
        }
    )
    await send({"type": "http.response.body", "body": body})


async def answer_and_close(receive: Receive, send: Send, rendered: Rendered) -> None:
    """Send an answer to a caller who may be sending still, let it arrive, and close the connection."""
    length = (b"content-length", b"%d" % len(rendered.body))
    await send(
        {
            "type": "http.response.start",
            "status": rendered.http,
            "headers": [*rendered.headers, length, _CLOSE],
        }
    )
    # The answer is complete for the caller, who goes by its length; for the server it is open, so that reading goes on.
    await send({"type": "http.response.body", "body": rendered.body, "more_body": True})
    await _throw_away(receive)
    await send({"type": "http.response.body", "body": b""})


async def _throw_away(receive: Receive) -> None:
    """Read what is on its way, within bounds, until the request is complete or the caller gone."""
    thrown = 0
    try:
        async with asyncio.timeout(LINGER_SECONDS_MAX):
            while thrown < LINGER_BYTES_MAX:
                message = await _next(receive)
                if not message.get("more_body", False):
                    return
                thrown += len(message.get("body", b""))
    except (TimeoutError, CallerGone):
        return
