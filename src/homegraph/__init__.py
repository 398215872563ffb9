"""homegraph: an open Home Graph with Request Sync at its heart. Not affiliated with Google.

::

    from homegraph import Client

    with Client(api_key="AIza…") as home_graph:
        home_graph.request_sync("user-1")

The public door. Only what is in ``__all__`` is promised; everything else is a private room. Most of it is fetched when it is
first asked for, so that ``import homegraph`` costs next to nothing and never loads a server.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from homegraph.errors import ApiError, HomegraphError, ServerUnreachable

if TYPE_CHECKING:
    from homegraph.client import AsyncClient, Client
    from homegraph.graph.linting import lint
    from homegraph.graph.model import Finding

__version__ = "0.1.0.dev0"

__all__ = [
    "ApiError",
    "AsyncClient",
    "Client",
    "Finding",
    "HomegraphError",
    "ServerUnreachable",
    "lint",
]

_WHERE = {
    "AsyncClient": "homegraph.client",
    "Client": "homegraph.client",
    "Finding": "homegraph.graph.model",
    "lint": "homegraph.graph.linting",
}


def __getattr__(name: str) -> object:
    if name in _WHERE:
        return getattr(import_module(_WHERE[name]), name)
    raise AttributeError(f"module 'homegraph' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
