"""The caller's side of the Home Graph API.

``Client`` and ``AsyncClient`` are what most programs need, and ``homegraph`` itself offers them. ``calls`` has the same
calls as values, for programs with an HTTP stack of their own; ``Transport`` and ``SyncTransport`` are the seam between the
two. ``ADC`` stands for Application Default Credentials. Nothing here imports the server.

Each is fetched when it is first asked for: who wants an address, or a transport that blocks, does without asyncio.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from homegraph.client.asynchronous import AsyncClient
    from homegraph.client.auth import ADC
    from homegraph.client.blocking import Client
    from homegraph.client.calls import Request, Response
    from homegraph.client.transport import SyncTransport, Transport

__all__ = ["ADC", "AsyncClient", "Client", "Request", "Response", "SyncTransport", "Transport"]

_WHERE = {
    "ADC": "auth",
    "AsyncClient": "asynchronous",
    "Client": "blocking",
    "Request": "calls",
    "Response": "calls",
    "SyncTransport": "transport",
    "Transport": "transport",
}


def __getattr__(name: str) -> object:
    if name in _WHERE:
        return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
