"""Callers who leave right after sending: their request counts, so their body must still be read.

Devices in the field call and close the socket at once ("fire and forget", with timeouts below a millisecond). uvicorn then
tells the application that the caller is gone and keeps the complete body that it has received: between "here is the
body" and "nobody is there any more" the latter wins. For a page that is right; for Request Sync it loses the request.

``deliver_unread`` gives the body first. It looks at the state of uvicorn's own request; under another ASGI server it
changes nothing, so that the application stays an ordinary one.

The rule that is easily broken: a body that has not arrived completely is not delivered. Half a request is none.
"""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle


def deliver_unread(app: ASGIApp) -> ASGIApp:
    """``app``, told of a caller's leaving only after it has got what the caller had sent."""

    async def outer(scope: Scope, receive: Receive, send: Send) -> None:
        cycle = getattr(receive, "__self__", None)
        if isinstance(cycle, RequestResponseCycle):
            receive = _Receiving(cycle, receive)
        await app(scope, receive, send)

    return outer


class _Receiving:
    """``receive`` of a call."""

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
