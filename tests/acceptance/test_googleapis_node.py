"""Google's library for Node against the command as a process: the npm package @googleapis/homegraph, sent here by rootUrl.

The library has two ways to a bearer from a key file, and both must do: an access token that it fetches, and a JWT that it signs
itself. Where node and npm are missing this is skipped, and says so; never in CI.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest

from homegraph.testing.fulfillment import ScriptedFulfillment
from support.google import key_file
from support.homes import Setup
from support.node import installed, tool
from support.server import WAIT_SECONDS, Server

pytestmark = pytest.mark.node

HERE: Final = Path(__file__).parent / "node/homegraph"

TOKEN: Final = "token"
SIGNED: Final = "signed"

STATES: Final = {"lamp": {"online": True, "on": True}}


@pytest.fixture(scope="module")
def packages() -> Path:
    """The folder with the program's packages."""
    return installed(HERE)


def call(method: str, **body: Any) -> dict[str, Any]:
    """A call of ``devices`` as the library takes it."""
    return {"resource": "devices", "method": method, "parameters": {"requestBody": body}}


def delete(agent_user_id: str, **parameters: str) -> dict[str, Any]:
    """A call of ``agentUsers.delete``."""
    named = {"agentUserId": f"agentUsers/{agent_user_id}", **parameters}
    return {"resource": "agentUsers", "method": "delete", "parameters": named}


def carry_out(
    packages: Path, server: Server, path: Path, way: str, *calls: dict[str, Any]
) -> list[dict[str, Any]]:
    """Run the program with these calls; returns what became of each."""
    ran = subprocess.run(
        [tool("node"), str(HERE / "calls.js"), server.url, str(path), way],
        env={**os.environ, "NODE_PATH": str(packages)},
        input=json.dumps(calls),
        capture_output=True,
        text=True,
        timeout=3 * WAIT_SECONDS,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    outcomes: list[dict[str, Any]] = json.loads(ran.stdout)
    return outcomes


@pytest.mark.parametrize("way", [TOKEN, SIGNED])
def test_all_five_methods(packages: Path, setup: Setup, way: str) -> None:
    """With the key file that the command made, by either way to a bearer."""
    before = len(setup.cloud.intents())
    asked = [{"payload": {"devices": [{"id": "lamp"}]}}]

    outcomes = carry_out(
        packages,
        setup.server,
        key_file(setup.server),
        way,
        call("requestSync", agentUserId="user-1"),
        call(
            "reportStateAndNotification",
            requestId="r1",
            agentUserId="user-1",
            payload={"devices": {"states": STATES}},
        ),
        call("query", requestId="r2", agentUserId="user-1", inputs=asked),
        call("sync", requestId="r3", agentUserId="user-1"),
        delete("user-1", requestId="r4"),
        call("sync", agentUserId="user-1"),
    )

    assert [outcome["status"] for outcome in outcomes] == [200, 200, 200, 200, 200, 404]
    synced, reported, queried, stored, deleted, _ = (one["data"] for one in outcomes)
    assert len(setup.cloud.intents()) == before + 1
    assert synced == deleted == {}
    assert reported == {"requestId": "r1"}
    assert queried == {"requestId": "r2", "payload": {"devices": STATES}}
    assert stored["payload"]["agentUserId"] == "user-1"
    assert [device["id"] for device in stored["payload"]["devices"]] == ["lamp"]


@pytest.fixture(scope="module")
def house(shared_cloud: ScriptedFulfillment, shared_start: Any) -> Setup:
    """One server for the tests that leave it as it was."""
    return Setup.up(shared_cloud, shared_start)


def test_errors_are_the_librarys_own(packages: Path, house: Setup) -> None:
    """Code and message where the library has them; status, the older list and our reason in what it hands on."""
    unknown = {"fridge": {"online": True}}
    nothing = {"lamp": {"on": None}}

    outcomes = carry_out(
        packages,
        house.server,
        key_file(house.server),
        TOKEN,
        delete("a/b"),
        delete("a b%2Fc"),
        call(
            "reportStateAndNotification",
            agentUserId="user-1",
            payload={"devices": {"states": unknown}},
        ),
        call(
            "reportStateAndNotification",
            agentUserId="user-1",
            payload={"devices": {"states": nothing}},
        ),
        call("sync", agentUserId="user-1", colour="red"),
        call("requestSync"),
    )

    errors = [outcome["data"]["error"] for outcome in outcomes]
    told = [(e["code"], e["status"], e["errors"][0]["reason"]) for e in errors]
    assert told == [
        (404, "NOT_FOUND", "notFound"),
        (404, "NOT_FOUND", "notFound"),
        (404, "NOT_FOUND", "notFound"),
        (400, "INVALID_ARGUMENT", "badRequest"),
        (400, "INVALID_ARGUMENT", "invalid"),
        (400, "INVALID_ARGUMENT", "badRequest"),
    ]
    assert [(one["code"], one["status"]) for one in outcomes] == [(e["code"],) * 2 for e in errors]
    assert [one["message"] for one in outcomes] == [e["message"] for e in errors]
    infos = [[d for d in e["details"] if d.get("domain") == "homegraph"] for e in errors]
    assert [info["reason"] for (info,) in infos] == [
        "AGENT_USER_NEVER_LINKED",
        "AGENT_USER_NEVER_LINKED",
        "DEVICE_UNKNOWN",
        "STATE_NULL",
        "JSON_UNKNOWN_NAME",
        "FIELD_REQUIRED",
    ]
    assert [info["metadata"]["agentUserId"] for (info,) in infos[:2]] == ["a/b", "a b/c"]


def test_a_key_that_was_revoked(packages: Path, house: Setup) -> None:
    """Neither way leads in any more: no token is given, and no signature is believed."""
    path = key_file(house.server, name="leaver")
    sync = call("sync", agentUserId="user-1")
    before = [
        carry_out(packages, house.server, path, way, sync)[0]["status"] for way in (TOKEN, SIGNED)
    ]
    email = json.loads(path.read_text())["client_email"]
    done = house.server.cli("service-accounts", "revoke", "--project", "acme", email)
    assert done.code == 0, done.err

    (no_token,) = carry_out(packages, house.server, path, TOKEN, sync)
    (not_believed,) = carry_out(packages, house.server, path, SIGNED, sync)

    assert before == [200, 200]
    assert no_token["data"]["error"] == "invalid_grant"
    assert not_believed["data"]["error"]["status"] == "UNAUTHENTICATED"
