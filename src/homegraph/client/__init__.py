"""The caller's side of the Home Graph API.

``Client`` and ``AsyncClient`` are what most programs need, and ``homegraph`` itself offers them. ``calls`` has the same
calls as values, for programs with an HTTP stack of their own; ``Transport`` and ``SyncTransport`` are the seam between the
two. ``ADC`` stands for Application Default Credentials. Nothing here imports the server.
"""

from __future__ import annotations

from homegraph.client.asynchronous import AsyncClient
from homegraph.client.auth import ADC
from homegraph.client.blocking import Client
from homegraph.client.calls import Request, Response
from homegraph.client.transport import SyncTransport, Transport

__all__ = ["ADC", "AsyncClient", "Client", "Request", "Response", "SyncTransport", "Transport"]
