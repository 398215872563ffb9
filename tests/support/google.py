"""What a program has that uses Google's libraries: a key file from the command, and credentials made of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import google.auth.transport.urllib3
import urllib3
from google.oauth2 import service_account

from support.server import Server

SCOPE: Final = "https://www.googleapis.com/auth/homegraph"


def key_file(server: Server, *, name: str = "home-graph", project: str = "acme") -> Path:
    """A new key of the service account ``name``, made by the command beside the server."""
    path = server.folder / f"{name}-{len(list(server.folder.glob('*.json')))}.json"
    done = server.cli(
        "service-accounts", "create", "--project", project, "--name", name, "--out", str(path)
    )
    if done.code != 0:
        raise AssertionError(f"service-accounts create ended with {done.code}: {done.err}")
    return path


def credentials(path: Path, *scopes: str) -> Any:
    """Google's credentials, as a program makes them of a key file."""
    return service_account.Credentials.from_service_account_file(path, scopes=scopes or (SCOPE,))


def access_token(path: Path, *scopes: str) -> str:
    """An access token for a key file, fetched as Google's libraries do."""
    return _fetched(credentials(path, *scopes))


def access_token_for(key_file: dict[str, Any]) -> str:
    """The same for what is in a key file."""
    return _fetched(
        service_account.Credentials.from_service_account_info(key_file, scopes=(SCOPE,))
    )


def _fetched(made: Any) -> str:
    with urllib3.PoolManager() as pool:
        made.refresh(google.auth.transport.urllib3.Request(pool))
    return str(made.token)
