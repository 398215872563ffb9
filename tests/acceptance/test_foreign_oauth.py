"""An OAuth server that was written by others, as a process: oidc-provider, certified, with a fulfillment that asks it about every token.

PKCE is demanded there, refresh tokens are rotated, and its clock is moved where something is to end. Where node and npm are missing
this is skipped, and says so; never in CI.
"""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import pytest

from acceptance.conftest import Start
from support.node import environment_with, installed, tool
from support.plain_browser import PlainBrowser
from support.server import WAIT_SECONDS, Server, ask

pytestmark = pytest.mark.node

HERE: Final = Path(__file__).parent / "node/oidc"
KEY: Final = "AIzaSyEXAMPLE"
SECRET: Final = "a/+=%& secret"
PAST_ACCESS_SECONDS: Final = 601
"""Access tokens are good for ten minutes there."""


class Foreign:
    """The process. It answers once it is told whom to send codes to."""

    def __init__(self, packages: Path, folder: Path) -> None:
        self._errors = folder / "oidc.log"
        with self._errors.open("w") as errors:
            self.process = subprocess.Popen(
                [tool("node"), str(HERE / "server.mjs")],
                env=environment_with(packages),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        self.url = self._line("http://")

    def begin(self, redirect_uri: str, auth: str) -> None:
        """Tell it about its client."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"redirect_uri": redirect_uri, "auth": auth}) + "\n")
        self.process.stdin.flush()
        self._line("ready")

    def later(self, seconds: int) -> None:
        """Move its clock."""
        self._ask("GET", f"/later?seconds={seconds}")

    @property
    def held(self) -> dict[str, Any]:
        """The newest refresh token, and what the token endpoint has done."""
        return dict(self._ask("GET", "/held").json)

    def revoke(self, token: str) -> int:
        """RFC 7009, as anybody with the client's secret can ask for it."""
        form = {"client_id": "homegraph", "client_secret": SECRET, "token": token}
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return self._ask("POST", "/token/revocation", urlencode(form).encode(), kind).status

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()

    def _ask(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> Any:
        port = urlsplit(self.url).port
        assert port
        return ask(port, method, path, body, headers or {})

    def _line(self, beginning: str) -> str:
        """The next line that it prints, which must begin like this."""
        heard: list[str] = []
        stdout = self.process.stdout
        assert stdout is not None
        reader = threading.Thread(
            target=lambda: heard.append(stdout.readline().strip()), daemon=True
        )
        reader.start()
        reader.join(WAIT_SECONDS)
        if not heard or not heard[0].startswith(beginning):
            raise AssertionError(f"not {beginning}, but {heard}\n{self._errors.read_text()}")
        return heard[0]


@pytest.fixture(scope="module")
def packages() -> Path:
    """The folder with the program's packages."""
    return installed(HERE)


@pytest.fixture
def foreign(packages: Path, tmp_path: Path) -> Iterator[Foreign]:
    """A server of others."""
    server = Foreign(packages, tmp_path)
    yield server
    server.end()


def acquainted(foreign: Foreign, start: Start, auth: str, *, pkce: bool = True) -> Server:
    """Our server, configured for theirs, and theirs for ours."""
    project = {
        "fulfillment_url": f"{foreign.url}/smarthome",
        "api_keys": [KEY],
        "oauth": {
            "client_id": "homegraph",
            "client_secret": SECRET,
            "authorization_url": f"{foreign.url}/auth",
            "token_url": f"{foreign.url}/token",
            "scopes": ["home"],
            "client_auth": auth,
            "pkce": pkce,
        },
    }
    server = start({"projects": {"acme": project}})
    foreign.begin(
        f"{server.url}/r/acme", {"body": "client_secret_post"}.get(auth, "client_secret_basic")
    )
    return server


def link(server: Server) -> PlainBrowser:
    """A person links an account: signs in there as bea, and says yes."""
    begun = server.admin_post("links/start", project="acme", user="me")
    browser = PlainBrowser()
    browser.open(begun["authorization_url"])
    browser.submit(login="bea", password="anything")
    browser.submit()
    return browser


@pytest.mark.parametrize("auth", ["body", "basic"])
def test_an_account_is_linked_refreshed_and_broken(
    foreign: Foreign, start: Start, auth: str
) -> None:
    """Code and PKCE, a refresh with rotation when a token has ended, again with the rotated one, and the end by revocation."""
    server = acquainted(foreign, start, auth)
    page = link(server).page
    assert (page.status, "Lamp" in page.text) == (200, True), page.text
    (linked,) = server.admin("links")["links"]
    assert (linked["state"], linked["agent_user_id"]) == ("linked", "bea")
    first = foreign.held
    assert first["events"] == [f"authorization_code by {auth}"]

    for _ in range(2):
        foreign.later(PAST_ACCESS_SECONDS)
        assert server.call('{"agentUserId": "bea"}', key=KEY).status == 200
    second = foreign.held
    assert second["events"][1:] == [f"refresh_token by {auth}"] * 2
    assert second["token"] != first["token"]

    assert foreign.revoke(second["token"]) == 200
    refused = server.call('{"agentUserId": "bea"}', key=KEY)
    assert (refused.status, refused.reasons[0]) == (403, "TOKEN_REFUSED")
    (broken,) = server.admin("links")["links"]
    assert broken["state"] == "broken"
    shown = server.cli("links", "show", "me", "--project", "acme").out
    assert "TOKEN_REFUSED" in shown
    assert "Link the account again." in shown

    page = link(server).page
    assert page.status == 200, page.text
    assert server.call('{"agentUserId": "bea"}', key=KEY).status == 200


def test_a_server_that_demands_pkce_says_so(foreign: Foreign, start: Start) -> None:
    """Its error comes back to our page, in its own words."""
    server = acquainted(foreign, start, "body", pkce=False)
    begun = server.admin_post("links/start", project="acme", user="me")
    page = PlainBrowser().open(begun["authorization_url"])

    assert urlsplit(page.url).path == "/r/acme"
    assert "PKCE" in page.text
    assert "LINKING_DENIED" in page.text
