"""``Client``: the Home Graph API for programs that block.

A shell: it holds what is the same for all calls and carries ``calls`` out over a transport. Behaviour belongs into
``calls``, where the asynchronous shell gets it as well.
"""

from __future__ import annotations

import os
from types import TracebackType
from typing import Self

from homegraph.client import calls
from homegraph.client.transport import BlockingTransport, SyncTransport

__all__ = ["Client"]


class Client:
    """Calls a Home Graph, ours or Google's, with an API key.

    One client is made for one project and kept: its connections are used again, and threads may share it. It is a context
    manager; ``close`` does the same by hand. Nothing is ever repeated by itself: a Request Sync that failed
    may have been carried out, so that repeating it is the caller's decision (see ``ApiError.retryable``).
    """

    def __init__(
        self,
        *,
        api_key: str,
        base_url: str | None = None,
        timeout: float = calls.TIMEOUT_DEFAULT_SECONDS,
        transport: SyncTransport | None = None,
    ) -> None:
        """Make a client; nothing is sent yet.

        Args:
            api_key: the project's key. It is sent as a header, never as a part of the address.
            base_url: without it HOMEGRAPH_BASE_URL, then HOMEGRAPH_EMULATOR_HOST, then http://127.0.0.1:4663.
            timeout: seconds until a call is given up.
            transport: something else than HTTP; it stays the caller's to close.

        Raises:
            SettingsError: ``base_url`` is not an address.
        """
        self.base_url = calls.base_url_from(base_url, os.environ)
        self._api_key = api_key
        self._timeout = timeout
        self._own: BlockingTransport | None = None
        self._transport: SyncTransport
        if transport is None:
            self._own = BlockingTransport(proxies=not calls.is_loopback(self.base_url))
            self._transport = self._own
        else:
            self._transport = transport

    def request_sync(self, agent_user_id: str, *, async_: bool = False) -> None:
        """Ask the Home Graph to send a SYNC for this agent user; returns when it says yes.

        Without ``async_`` that is when the SYNC is done. With it the call is queued, merged with others, and answered at
        once; how the SYNC ends is not told.

        Raises:
            ApiError: the Home Graph refused, or the SYNC failed. ``reason`` and ``hint`` tell why, where it is known.
            ServerUnreachable: no answer. The request may have arrived nevertheless.
        """
        request = calls.request_sync(
            self.base_url, self._api_key, agent_user_id, async_=async_, timeout=self._timeout
        )
        response = self._transport.send(request)
        calls.read_response(response.status, response.headers, response.body)

    def close(self) -> None:
        """Close the connections that this client has made."""
        if self._own is not None:
            self._own.close()

    def __repr__(self) -> str:
        return f"Client(base_url={self.base_url!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.close()
