"""Service accounts from outside: the command makes a key file, Google's own library reads it, and calls are made with its tokens."""

from __future__ import annotations

import json
import stat
from typing import Any

import pytest
from google.auth.exceptions import RefreshError

from homegraph.testing.fulfillment import ScriptedFulfillment
from support.accounts import REPORT, call, create, fetch
from support.homes import Setup, configuration, wait_for_links
from support.server import Server


def test_from_the_command_to_a_call(setup: Setup) -> None:
    """A private file in Google's format, a token, and a call with it; a report needs one, too."""
    path = create(setup)
    token = fetch(path)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads(path.read_text())["token_uri"] == f"{setup.server.url}/token"
    assert (call(setup.server, token).status, call(setup.server, token).text) == (200, "{}\n")
    state = '{"agentUserId": "user-1", "payload": {"devices": {"states": {"lamp": {"on": true}}}}}'
    assert setup.server.call(state, path=REPORT).status == 401


def test_a_token_survives_the_death_of_the_server(setup: Setup) -> None:
    """It was on disk before it was handed out."""
    path = create(setup)
    token = fetch(path)

    setup.server.kill()
    setup.server.start()

    assert call(setup.server, token).status == 200


def test_a_key_is_exchanged_without_a_gap_and_then_ended(setup: Setup) -> None:
    """The first key is revoked while the second one works; then the whole account."""
    first, second = create(setup), create(setup, "second.json")
    of_first, of_second = fetch(first), fetch(second)
    listed = setup.server.show("service-accounts", "list")["keys"]
    assert [one["state"] for one in listed] == ["active", "active"]

    setup.server.show("service-accounts", "revoke", json.loads(first.read_text())["private_key_id"])

    assert call(setup.server, of_first).reasons == ["ACCESS_TOKEN_UNKNOWN"]
    assert call(setup.server, of_second).status == 200
    with pytest.raises(RefreshError, match="Invalid JWT Signature"):
        fetch(first)

    setup.server.show("service-accounts", "revoke", listed[0]["email"])

    assert call(setup.server, of_second).status == 401
    with pytest.raises(RefreshError, match="account not found"):
        fetch(second)


def test_a_file_that_is_there_stays_as_it_is(setup: Setup) -> None:
    """Exit code 2, and no key was made."""
    path = setup.server.folder / "key.json"
    path.write_text("precious")

    done = setup.server.cli("service-accounts", "create", "--out", str(path))

    assert (done.code, path.read_text()) == (2, "precious")
    assert setup.server.show("service-accounts", "list")["keys"] == []


def test_a_key_file_listed_in_the_configuration_is_known(
    cloud: ScriptedFulfillment, start: Any, setup: Setup
) -> None:
    """A second server knows the same key by its file; a file that is not there keeps it from starting."""
    path = create(setup)
    members = json.loads(path.read_text())
    listed = configuration(cloud, project={"service_accounts": [str(path)]})
    other: Server = start(listed, name="other")
    wait_for_links(other, "linked")
    copy = path.with_name("copy.json")
    copy.write_text(json.dumps({**members, "token_uri": f"{other.url}/token"}))

    assert call(other, fetch(copy)).status == 200
    assert call(setup.server, fetch(copy)).reasons == ["ACCESS_TOKEN_UNKNOWN"]
    path.unlink()
    other.stop()
    other.spawn()
    assert other.wait() == 2
    assert "key.json: cannot be read" in other.errors
