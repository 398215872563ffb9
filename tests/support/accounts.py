"""Service accounts from outside: a key file by the command, a token by Google's own library, and calls with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import google.auth.transport.urllib3
import urllib3
from google.oauth2 import service_account

from support.homes import Setup
from support.server import Reply, Server

SCOPE: Final = "https://www.googleapis.com/auth/homegraph"
REPORT: Final = "/v1/devices:reportStateAndNotification"


def fetch(path: Path) -> str:
    """Have Google's library fetch a token with the key file."""
    credentials: Any = service_account.Credentials.from_service_account_file(path, scopes=[SCOPE])
    with urllib3.PoolManager() as pool:
        credentials.refresh(google.auth.transport.urllib3.Request(pool))
    return str(credentials.token)


def call(server: Server, token: str, **more: Any) -> Reply:
    """Call Request Sync with a token, two spaces after the colon as one of Google's libraries writes it."""
    headers = {"Content-Type": "application/json", "Authorization": f" Bearer {token}"}
    return server.call('{"agentUserId": "user-1", "async": true}', headers=headers, **more)


def create(setup: Setup, name: str = "key.json") -> Path:
    """Make a key file by the command."""
    path = setup.server.folder / name
    done = setup.server.cli("service-accounts", "create", "--project", "acme", "--out", str(path))
    assert done.code == 0, done.err
    assert "PRIVATE" not in done.out + done.err
    return path
