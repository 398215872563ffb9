"""``AsyncClient``: the Home Graph API for asyncio.

A shell: the names, arguments and defaults. Behaviour belongs into ``calls`` and ``flow``, where the blocking shell gets it as
well. What ``Client`` says of arguments and errors holds here, too.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from types import TracebackType
from typing import Any, Self

from homegraph.client import calls
from homegraph.client.address import base_url_from, is_loopback
from homegraph.client.auth import CredentialSource
from homegraph.client.awaiting import AsyncTransport
from homegraph.client.calls import States
from homegraph.client.credentials import credential_from
from homegraph.client.driving import AsyncDriver
from homegraph.client.flow import allowed_seconds
from homegraph.client.transport import Transport

__all__ = ["AsyncClient"]


class AsyncClient:
    """``Client`` for asyncio: the same calls, awaited.

    Tasks may share one. It is an asynchronous context manager; ``close`` does the same by hand. A call that is cancelled may have been
    carried out.
    """

    def __init__(
        self,
        *,
        api_key: str | None = None,
        credentials: CredentialSource = None,
        base_url: str | None = None,
        timeout: float | None = None,
        transport: Transport | None = None,
    ) -> None:
        """Make a client; nothing is sent yet. Arguments and errors are those of ``Client``."""
        self.base_url = base_url_from(base_url, os.environ)
        credential = credential_from(api_key, credentials)
        allowed = allowed_seconds(timeout)
        self._own: AsyncTransport | None = None
        if transport is None:
            self._own = transport = AsyncTransport(proxies=not is_loopback(self.base_url))
        self._driver = AsyncDriver(transport, credential, self.base_url, allowed)

    async def request_sync(self, agent_user_id: str, *, async_: bool = False) -> None:
        """Ask for a SYNC of this agent user; returns when it is done, and with ``async_`` when it is queued."""
        await self._driver.run(calls.request_sync(agent_user_id, async_=async_))

    async def report_state(
        self,
        agent_user_id: str,
        states: States,
        *,
        notifications: States | None = None,
        request_id: str = "",
        event_id: str = "",
    ) -> None:
        """Tell states, by device id, all of each trait that is mentioned; and what the traits notify."""
        await self._driver.run(
            calls.report_state(
                agent_user_id,
                states,
                notifications=notifications,
                request_id=request_id,
                event_id=event_id,
            )
        )

    async def query(
        self, agent_user_id: str, device_ids: Iterable[str], *, request_id: str = ""
    ) -> dict[str, dict[str, Any]]:
        """The states that the Home Graph has of these devices, by device id."""
        return await self._driver.run(calls.query(agent_user_id, device_ids, request_id=request_id))

    async def sync(self, agent_user_id: str, *, request_id: str = "") -> list[dict[str, Any]]:
        """The devices that the Home Graph has of this agent user, in the form of SYNC."""
        return await self._driver.run(calls.sync(agent_user_id, request_id=request_id))

    async def delete_agent_user(self, agent_user_id: str, *, request_id: str = "") -> None:
        """Have the Home Graph forget this agent user: links, devices and states."""
        await self._driver.run(calls.delete_agent_user(agent_user_id, request_id=request_id))

    async def close(self) -> None:
        """Close the connections that this client has made."""
        if self._own is not None:
            await self._own.close()

    def __repr__(self) -> str:
        return f"AsyncClient(base_url={self.base_url!r})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self.close()
