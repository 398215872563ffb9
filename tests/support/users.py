"""Users who link accounts at a server that is a process of its own, without a browser."""

from __future__ import annotations

import json
from typing import Any, Final
from urllib.parse import parse_qs, urlencode, urlsplit

from homegraph.testing.fulfillment import Answer, ScriptedFulfillment
from support.homes import configuration
from support.server import Reply, Server, ask

TOKENS: Final = {
    "token_type": "bearer",
    "access_token": "token-2",
    "refresh_token": "r",
    "expires_in": 3600,
}


def linking_configuration(
    cloud: ScriptedFulfillment, *, project: dict[str, Any] | None = None, **oauth: Any
) -> dict[str, Any]:
    """A file whose only project can send users to a login page; nobody is linked yet."""
    client = {
        "client_id": "homegraph",
        "client_secret": "s3cret",
        "authorization_url": "http://127.0.0.1:9/auth",
        "token_url": cloud.token_url,
        **oauth,
    }
    return configuration(cloud, links={}, project={"oauth": client, **(project or {})})


def answer_tokens(cloud: ScriptedFulfillment, **members: Any) -> None:
    """What the token endpoint answers next; None leaves a member out."""
    given = {name: value for name, value in {**TOKENS, **members}.items() if value is not None}
    cloud.answer_token_next(Answer(body=json.dumps(given).encode()))


def begin(server: Server, user: str) -> dict[str, str]:
    """Start a linking, as ``homegraph link --no-wait`` does; what the answer says, and the state in ``state``."""
    begun: dict[str, str] = server.admin_post("links/start", project="acme", user=user)
    asked = parse_qs(urlsplit(begun["authorization_url"]).query)
    return {**begun, "state": asked["state"][0]}


def come_back(server: Server, state: str, **parameters: str) -> Reply:
    """What the login page has the browser do."""
    target = f"/r/acme?{urlencode({'state': state, **parameters})}"
    return ask(server.port, "GET", target, b"", {})


def link(server: Server, user: str, code: str = "c") -> Reply:
    """A linking from its start to the page at its end."""
    return come_back(server, begin(server, user)["state"], code=code)


def linking_of(server: Server, user: str) -> Any:
    """The user's newest linking, step by step."""
    return server.admin("links/trace", project="acme", user=user, limit="1")["linkings"][0]


def link_of(server: Server, user: str) -> Any:
    """The user's link."""
    return server.admin("link", project="acme", user=user)
