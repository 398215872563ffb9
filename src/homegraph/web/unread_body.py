"""Callers who leave right after sending: their request counts, so their body must still be read.

Devices in the field call and close the socket at once ("fire and forget", with timeouts below a millisecond). uvicorn then
tells the application that the caller is gone and keeps the complete body that it has received: between "here is the
body" and "nobody is there any more" the latter wins. For a page that is right; for Request Sync it loses the request.

``deliver_unread`` gives the body first (``whole.Receiving``). It looks at the state of uvicorn's own request; under another ASGI server it
changes nothing, so that the application stays an ordinary one.

The rule that is easily broken: a body that has not arrived completely is not delivered. Half a request is none.
"""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from homegraph.web.whole import Receiving, Sending


def deliver_unread(app: ASGIApp) -> ASGIApp:
    """``app``, told of a caller's leaving only after it has got what the caller had sent."""

    async def outer(scope: Scope, receive: Receive, send: Send) -> None:
        cycle = getattr(receive, "__self__", None)
        if isinstance(cycle, RequestResponseCycle):
            receive, send = Receiving(cycle, receive), Sending(cycle, send)
        await app(scope, receive, send)

    return outer
