"""``Client``: the Home Graph API for programs that block.

A shell: the names, arguments and defaults. Behaviour belongs into ``calls`` and ``flow``, where the asynchronous shell gets it as
well. What is said of arguments and errors here holds there, too.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from types import TracebackType
from typing import Any, Self

from homegraph.client import calls
from homegraph.client.address import base_url_from, is_loopback
from homegraph.client.auth import CredentialSource
from homegraph.client.calls import States
from homegraph.client.credentials import credential_from
from homegraph.client.driving import BlockingDriver
from homegraph.client.flow import allowed_seconds
from homegraph.client.transport import BlockingTransport, SyncTransport

__all__ = ["Client"]


class Client:
    """Calls a Home Graph, ours or Google's.

    One client is made for one project and kept: its connections and access tokens are used again, and threads may share it. It
    is a context manager; ``close`` does the same by hand.

    Every call raises ``ApiError`` when the Home Graph refuses (``reason`` and ``hint`` tell why, where it is known) or gives no
    access token, and ``ServerUnreachable`` when there is no answer; then the call may have been carried out nevertheless.
    Request Sync and Report State are never repeated by themselves; the others are, as Google's policy has it (``flow``).
    """

    def __init__(
        self,
        *,
        api_key: str | None = None,
        credentials: CredentialSource = None,
        base_url: str | None = None,
        timeout: float | None = None,
        transport: SyncTransport | None = None,
    ) -> None:
        """Make a client; nothing is sent yet.

        Args:
            api_key: the project's key, for Request Sync alone. It is sent as a header, never as a part of the address.
            credentials: in place of a key, for all calls: a service account's key file (its path, or its content), ``ADC``,
                or an object of google-auth.
            base_url: without it HOMEGRAPH_BASE_URL, then HOMEGRAPH_EMULATOR_HOST, then http://127.0.0.1:4663.
            timeout: seconds until a call is given up; without it 70 for a Request Sync that waits, and 10 for the others.
            transport: something else than HTTP; it stays the caller's to close.

        Raises:
            SettingsError: ``base_url`` is not an address, ``timeout`` is no time, or the credential cannot be used.
        """
        self.base_url = base_url_from(base_url, os.environ)
        credential = credential_from(api_key, credentials)
        allowed = allowed_seconds(timeout)
        self._own: BlockingTransport | None = None
        if transport is None:
            self._own = transport = BlockingTransport(proxies=not is_loopback(self.base_url))
        self._driver = BlockingDriver(transport, credential, self.base_url, allowed)

    def request_sync(self, agent_user_id: str, *, async_: bool = False) -> None:
        """Ask for a SYNC of this agent user; returns when it is done, and with ``async_`` when it is queued."""
        self._driver.run(calls.request_sync(agent_user_id, async_=async_))

    def report_state(
        self,
        agent_user_id: str,
        states: States,
        *,
        notifications: States | None = None,
        request_id: str = "",
        event_id: str = "",
    ) -> None:
        """Tell states, by device id, all of each trait that is mentioned; and what the traits notify."""
        self._driver.run(
            calls.report_state(
                agent_user_id,
                states,
                notifications=notifications,
                request_id=request_id,
                event_id=event_id,
            )
        )

    def query(
        self, agent_user_id: str, device_ids: Iterable[str], *, request_id: str = ""
    ) -> dict[str, dict[str, Any]]:
        """The states that the Home Graph has of these devices, by device id."""
        return self._driver.run(calls.query(agent_user_id, device_ids, request_id=request_id))

    def sync(self, agent_user_id: str, *, request_id: str = "") -> list[dict[str, Any]]:
        """The devices that the Home Graph has of this agent user, in the form of SYNC."""
        return self._driver.run(calls.sync(agent_user_id, request_id=request_id))

    def delete_agent_user(self, agent_user_id: str, *, request_id: str = "") -> None:
        """Have the Home Graph forget this agent user: links, devices and states."""
        self._driver.run(calls.delete_agent_user(agent_user_id, request_id=request_id))

    def close(self) -> None:
        """Close the connections that this client has made. A call that waits to be repeated does not wait on."""
        self._driver.stop()
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
