"""The floor: the least that an answer to a POST costs with the server and settings that homegraph runs on.

It reads the body, checks a key and answers ``{}``: what every call of the API has to do, and nothing else. Run by
``python -m bench.floor``; prints its port, and ends with its standard input.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import socket
import sys
from typing import Any

import uvicorn
import uvloop

from bench.homes import API_KEY

CONNECTIONS_WAITING_MAX = 2_048
KEEP_ALIVE_SECONDS = 75
# Both as in homegraph.server.doors, which is not imported: it would count as memory of the floor.

_KEY = b"key=" + API_KEY.encode()
_OK = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"application/json; charset=UTF-8"), (b"content-length", b"2")],
}
_FORBIDDEN = {"type": "http.response.start", "status": 403, "headers": [(b"content-length", b"2")]}
_BODY = {"type": "http.response.body", "body": b"{}"}


async def app(scope: Any, receive: Any, send: Any) -> None:
    """The whole application."""
    more, body = True, b""
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    allowed = body and hmac.compare_digest(scope["query_string"], _KEY)
    await send(_OK if allowed else _FORBIDDEN)
    await send(_BODY)


async def _serve() -> None:
    config = uvicorn.Config(  # as homegraph.server.doors has it
        app,
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=CONNECTIONS_WAITING_MAX,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
    )
    server = uvicorn.Server(config)
    listening = socket.create_server(("127.0.0.1", 0), backlog=CONNECTIONS_WAITING_MAX)
    print(listening.getsockname()[1], flush=True)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    await asyncio.to_thread(sys.stdin.read)
    server.should_exit = True
    with contextlib.suppress(asyncio.CancelledError):
        await serving


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve())
