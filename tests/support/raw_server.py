"""A peer on a bare socket, in the test's own loop: it says the bytes that a test writes, and nothing that a server would add."""

import asyncio
import re
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.IGNORECASE)


@dataclass
class Peer:
    """What has happened at a listening socket. ``requests`` are whole, head and body."""

    port: int = 0
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    """A connection was closed by the other side, or broke."""


async def request_of(reader):
    """The next request of a connection; b"" when it is closed."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        return head + await reader.readexactly(int(LENGTH.search(head)[1]))
    except (asyncio.IncompleteReadError, ConnectionError):
        return b""


@asynccontextmanager
async def a_peer(*answers, host="127.0.0.1", port=0, ssl=None):
    """Listen on a free port, or on that one. ``answers`` are given in turn, the last one again and again.

    An answer is bytes; or None, which closes; or a coroutine function of (reader, writer) that does what it likes.
    """
    peer = Peer()
    left = list(answers)

    async def answer(reader, writer):
        said = left.pop(0) if len(left) > 1 else left[0]
        if callable(said):
            await said(reader, writer)
        elif said is not None:
            writer.write(said)
        return said is not None

    async def serve(reader, writer):
        peer.connections += 1
        try:
            while request := await request_of(reader):
                peer.requests.append(request)
                if not await answer(reader, writer):
                    break
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            peer.closed.set()
            writer.close()

    server = await asyncio.start_server(serve, host, port, ssl=ssl)
    peer.port = server.sockets[0].getsockname()[1]
    try:
        yield peer
    finally:
        server.close()
