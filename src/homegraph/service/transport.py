"""HTTP towards fulfillments and token endpoints: one method, everything bounded.

The seam between the house and its HTTP client: use-cases know ``Transport`` only; ``service.http`` is the one that is used.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeAlias

from homegraph.graph.model import Project
from homegraph.http.reply import HttpReply

Headers: TypeAlias = Sequence[tuple[str, str]]


class Transport(Protocol):
    """Sends one POST and brings the reply."""

    async def post(  # a call has these parts
        self,
        project: Project,
        url: str,
        headers: Headers,
        body: bytes,
        *,
        seconds_max: float,
        reply_max_bytes: int,
        repeatable: bool = False,
    ) -> HttpReply:
        """Send ``body`` on behalf of ``project`` and read the whole reply within ``seconds_max`` seconds.

        A project has a number of places for its calls; without a free one the call waits for it, within the same time.
        ``repeatable`` says that it does no harm when the other side gets the same request twice: it is then sent again, once,
        when a connection that had been idle breaks before anything of an answer came.

        Raises:
            AddressRefused: the address may not be called; nothing was sent.
            FulfillmentUnreachable: no connection, or it broke.
            FulfillmentUntrusted: its certificate is not one that the project trusts; nothing was sent.
            FulfillmentTimeout: connected, but no whole reply in time.
            FulfillmentRefused: a header cannot be sent.
            ReplyTooLarge: the reply has more than ``reply_max_bytes``, or a head that is too large.
            ReplyGarbled: what came is not HTTP.
        """

    async def close(self) -> None:
        """Close idle connections. Nothing may be under way."""
