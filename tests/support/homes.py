"""A device cloud and a server that are acquainted: the start of most stories."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from homegraph.testing.fulfillment import ScriptedFulfillment
from support.server import Reply, Server, until

KEY: Final = "AIzaSyEXAMPLE"
NUMBER: Final = "123456789012"


def configuration(
    cloud: ScriptedFulfillment,
    *,
    links: Mapping[str, str] | None = None,
    project: Mapping[str, Any] | None = None,
    server: Mapping[str, Any] | None = None,
    others: Mapping[str, Mapping[str, Any]] | None = None,
) -> dict[str, Any]:
    """A file with the project ``acme``; ``links`` are users and their access tokens."""
    users = {"me": "token-1"} if links is None else links
    acme: dict[str, Any] = {
        "fulfillment_url": cloud.url,
        "number": NUMBER,
        "api_keys": [KEY],
        "oauth": {
            "client_id": "homegraph",
            "client_secret": "s3cret",
            "token_url": cloud.token_url,
        },
        "links": [{"user": user, "access_token": token} for user, token in users.items()],
        **(project or {}),
    }
    return {
        "server": {"log_level": "debug", **(server or {})},
        "projects": {"acme": acme, **(others or {})},
    }


@dataclass(frozen=True, slots=True)
class Setup:
    """A cloud and its server."""

    cloud: ScriptedFulfillment
    server: Server

    @classmethod
    def up(cls, cloud: ScriptedFulfillment, start: Callable[..., Server], **parts: Any) -> Self:
        """Start a server for the cloud, and wait until every link has had its first SYNC."""
        found = cls(cloud, start(configuration(cloud, **parts)))
        wait_for_links(found.server, "linked")
        return found

    def request_sync(
        self, agent_user_id: str = "user-1", *, is_async: bool = False, key: str = KEY
    ) -> Reply:
        """Call Request Sync as a client library would."""
        members: dict[str, Any] = {"agentUserId": agent_user_id}
        if is_async:
            members["async"] = True
        return self.server.call(json.dumps(members), key=key)

    def newest_run(self, agent_user_id: str = "user-1") -> Any:
        """The newest run of an agent user in full, as the admin API tells it."""
        listed = self.server.admin("runs", project="acme", agent_user=agent_user_id, limit="1")
        return self.server.admin("run", id=listed["runs"][0]["id"])


def wait_for_links(server: Server, state: str) -> None:
    """Wait until every link is in this state."""

    def all_are() -> bool:
        return {link["state"] for link in server.admin("links")["links"]} <= {state}

    until(all_are, f"every link is {state}")
