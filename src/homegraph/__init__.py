"""homegraph: an open Home Graph with Request Sync at its heart. Not affiliated with Google.

::

    from homegraph import Client

    with Client(api_key="AIza…") as home_graph:
        home_graph.request_sync("user-1")

The public door. Only what is in ``__all__`` is promised; everything else is a private room. The clients are fetched when
they are first asked for, so that ``import homegraph`` costs next to nothing and never loads a server.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from homegraph.errors import ApiError, HomegraphError, ServerUnreachable

if TYPE_CHECKING:
    from homegraph.client import AsyncClient, Client

__version__ = "0.1.0.dev0"

__all__ = ["ApiError", "AsyncClient", "Client", "HomegraphError", "ServerUnreachable"]


def __getattr__(name: str) -> object:
    if name in {"AsyncClient", "Client"}:
        from homegraph import client  # noqa: PLC0415  # the point of this function

        return getattr(client, name)
    raise AttributeError(f"module 'homegraph' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
