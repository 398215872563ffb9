"""Connections that the blocking client keeps while nobody calls."""

import asyncio

from homegraph import Client
from homegraph.client import transport
from homegraph.http import pool
from support.raw_server import a_peer

WAIT_SECONDS = 20
"""Only a failing test waits that long."""

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"


def test_who_calls_closes_first(monkeypatch):
    """As the asynchronous client does: where the server closes a connection that rested, a call that goes out just then is lost."""
    assert transport.IDLE_SECONDS == pool.IDLE_SECONDS
    monkeypatch.setattr(transport, "IDLE_SECONDS", 0.001)

    async def call_and_rest():
        async with a_peer(ANSWER) as peer:
            with Client(api_key="AIza", base_url=f"http://127.0.0.1:{peer.port}") as home_graph:
                await asyncio.to_thread(home_graph.request_sync, "user-1")
                async with asyncio.timeout(WAIT_SECONDS):
                    await peer.closed.wait()

    asyncio.run(call_and_rest())
