"""The door: one ASGI application for everything that is served.

The paths of the API are looked up in a dictionary, because they are most of the traffic and few; what is below ``/-/`` goes
to the admin API, everything else to the pages. Any ASGI server can run it. It has no lifespan: ``server`` runs the duties
beside it, so that they live and end in one place whatever the ASGI server does.

The rule that is easily broken: whatever happens behind the door, the caller gets an answer that is ours. A bug becomes the row
``internal`` with an id; its text and traceback go to the log and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from homegraph.graph.model import Instant
from homegraph.service.house import House
from homegraph.settings.secret import Secret
from homegraph.web.admin import Admin
from homegraph.web.api_v1 import MethodDoor
from homegraph.web.exchange import answer
from homegraph.web.ops import ops_router
from homegraph.web.refusing import answer_unknown, internal_error
from homegraph.web.site import Site
from homegraph.web.tokens import TokenDoor
from homegraph.wire.api_v1 import DELETE_PATH, METHODS
from homegraph.wire.token_endpoint import TOKEN_PATHS

NAMELESS: Final = "http://localhost"
"""What links start with when there is no address to name: a server on a Unix socket."""

POLICY_VIOLATION: Final = 1008
"""Close code of a WebSocket that is not wanted (RFC 6455, 7.4.1)."""


def build_app(house: House, *, admin_token: str, url: str = "", started_at: Instant = 0.0) -> App:
    """The application of one house.

    ``url`` is where callers reach it, without a slash at the end; without it, links start with ``http://localhost``.
    """
    return App(Site(house, url or NAMELESS, started_at, Secret(admin_token)))


class App:
    """Sends each call to the part that answers it."""

    def __init__(self, site: Site) -> None:
        self._site = site
        methods = {path: MethodDoor(site, method) for path, method in METHODS.items()}
        self._api: dict[str, ASGIApp] = {**methods, **dict.fromkeys(TOKEN_PATHS, TokenDoor(site))}
        self.posted: Mapping[bytes, MethodDoor] = {
            path.encode(): door for path, door in methods.items() if door.http == "POST"
        }
        """By path, who answers a call that came whole (``web.caller``)."""
        self._admin = Admin(site)
        self._pages = ops_router(site)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            door = self._api.get(scope["path"])
            if door is not None:
                await door(scope, receive, send)
            else:
                await self._others(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": POLICY_VIOLATION})
        else:
            # How ASGI says "not supported"; servers go on without.
            raise NotImplementedError(f"no {scope['type']} here")

    async def _others(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        if path.startswith(DELETE_PATH):
            await self._api[DELETE_PATH](scope, receive, send)
        elif path.startswith("/v1/"):
            await answer_unknown(self._site, scope, send, "ROUTE_UNKNOWN")
        elif path.startswith("/-/"):
            await self._admin(scope, receive, send)
        else:
            await self._page(scope, receive, send)

    async def _page(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def tell(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._pages(scope, receive, tell)
        except Exception as exc:
            rendered = internal_error(self._site, exc, 2)
            if started:
                raise  # too late for an answer: the server breaks the connection off
            await answer(send, rendered.http, rendered.headers, rendered.body)
