"""Real input: a fulfillment that others' library answers for, the npm package actions-on-google on express.

Where node and npm are missing this is skipped, and says so; never in CI.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from homegraph import lint
from support.curl import shell
from support.homes import KEY, wait_for_links
from support.node import installed, tool
from support.server import Reply, Server, ask, until
from support.users import link_of

pytestmark = pytest.mark.node

HERE: Final = Path(__file__).parent / "node"
TOKEN: Final = "token-for-node"
AGENT_USER: Final = "user-from-node"


@dataclass(frozen=True, slots=True)
class NodeCloud:
    """The app, as a user of it sees it."""

    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/smarthome"

    def devices(self) -> Any:
        """The devices, as the app would send them."""
        return ask(self.port, "GET", "/control/devices", b"", {}).json

    def control(self, what: str, **members: str) -> None:
        """Buy or rename a device."""
        headers = {"Content-Type": "application/json"}
        body = json.dumps(members).encode()
        assert ask(self.port, "POST", f"/control/{what}", body, headers).status == 200


@pytest.fixture(scope="module")
def packages() -> Path:
    """The folder with the app's packages."""
    return installed(HERE)


@pytest.fixture
def node_cloud(packages: Path, tmp_path: Path) -> Iterator[NodeCloud]:
    """The app as a process."""
    variables = {**os.environ, "NODE_PATH": str(packages), "ACCESS_TOKEN": TOKEN}
    errors = tmp_path / "node-stderr.log"
    with errors.open("wb") as log:
        process = subprocess.Popen(
            [tool("node"), str(HERE / "app.js")],
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
        )
    try:
        assert process.stdout is not None
        line = process.stdout.readline().decode()
        assert line.startswith("listening on "), errors.read_text(encoding="utf-8")
        yield NodeCloud(int(line.split()[-1]))
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        sys.stderr.write(errors.read_text(encoding="utf-8"))


def _configuration(cloud: NodeCloud, token: str) -> dict[str, Any]:
    link = {"user": "me", "access_token": token}
    project = {"fulfillment_url": cloud.url, "api_keys": [KEY], "links": [link]}
    return {"server": {}, "projects": {"acme": project}}


def _documented_curl(server: Server) -> Reply:
    return shell(
        'curl -i -s -k -X POST -H "Content-Type: application/json" '
        f"-d '{{agentUserId: \"{AGENT_USER}\"}}' "
        f'"{server.url}/v1/devices:requestSync?key={KEY}"'
    )


def _listed(server: Server) -> dict[str, Any]:
    found = server.admin("devices", project="acme", agent_user=AGENT_USER)["devices"]
    return {device["id"]: device for device in found}


def _definitions(server: Server) -> list[Any]:
    members = _listed(server).values()
    return [{name: one[name] for name in one if name != "placement"} for one in members]


def test_devices_of_an_app_that_others_wrote(node_cloud: NodeCloud, start: Any) -> None:
    """Ten devices of ten types arrive whole; one that is bought and one that is renamed arrive by the documented line."""
    server = start(_configuration(node_cloud, TOKEN))
    wait_for_links(server, "linked")
    first = node_cloud.devices()
    assert len({device["type"] for device in first}) == len(first) == 10
    assert _definitions(server) == sorted(first, key=lambda one: one["id"])
    server.show("devices", "place", "--agent-user", AGENT_USER, "lamp", "--room", "Kitchen")
    node_cloud.control("add", id="switch", name="new switch")

    added = _documented_curl(server)

    assert (added.status, added.text) == (200, "{}\n")
    assert _listed(server)["switch"]["name"]["name"] == "new switch"
    node_cloud.control("rename", id="lamp", name="reading lamp")

    renamed = _documented_curl(server)

    assert (renamed.status, renamed.text) == (200, "{}\n")
    lamp = _listed(server)["lamp"]
    assert lamp["name"]["name"] == "reading lamp"
    # The user has seen this lamp already: its name and room here are his.
    assert (lamp["placement"]["name"], lamp["placement"]["room"]) == ("desk lamp", "Kitchen")
    assert _definitions(server) == sorted(node_cloud.devices(), key=lambda one: one["id"])
    assert link_of(server, "me")["state"] == "linked"

    second, first_run, link = server.admin("runs")["runs"]
    assert (link["cause"], link["added"]) == ("link", 10)
    assert (first_run["added"], first_run["changed"], first_run["removed"]) == (1, 0, 0)
    assert (second["added"], second["changed"], second["removed"]) == (0, 1, 0)
    # Every device of this set keeps to the published rules, so nothing may be held against it.
    answer = {
        "requestId": "1",
        "payload": {"agentUserId": AGENT_USER, "devices": node_cloud.devices()},
    }
    assert [one for one in lint(answer) if one.severity != "advice"] == []
    shown = server.admin("run", id=second["id"])
    assert shown["changes"]["changed"] == [{"device_id": "lamp", "fields": ["name"]}]
    assert [one["rule"] for one in shown["findings"]] == ["change-without-effect"]


def test_the_app_checks_the_bearer(node_cloud: NodeCloud, start: Any) -> None:
    """A grant that the app does not know brings no device, and the link says that the token was refused."""
    server = start(_configuration(node_cloud, "another-token"))

    until(lambda: server.admin("links")["links"][0]["problem"], "the link has a problem")

    link = link_of(server, "me")
    assert (link["state"], link["problem"]) == ("linking", "TOKEN_REJECTED")
    reply = _documented_curl(server)
    assert (reply.status, reply.reasons[0]) == (404, "FIRST_SYNC_FAILED")
