"""What real clouds do when an account is linked: each of these links, or is refused with the reason that is true."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote, urlencode, urlsplit

import pytest

from homegraph.testing.fulfillment import DISCONNECT, Answer, Home, ScriptedFulfillment, lamp
from support.server import Server
from support.users import (
    TOKENS,
    answer_tokens,
    begin,
    come_back,
    link,
    link_of,
    linking_configuration,
    linking_of,
)

ODD = "s/+=%&;é t"
CLIENT = "https://home.example/app?x=1&y=a%2Fb"
REDIRECT = "https://oauth-redirect.example/r/acme?tenant=a%2Fb&c=%C3%A9"


@pytest.fixture(scope="module")
def server(shared_cloud: ScriptedFulfillment, shared_start: Any) -> Server:
    """A server with an odd OAuth client."""
    shared_cloud.homes = {"token-2": Home("user-2", [lamp("lamp"), lamp("fan")])}
    started: Server = shared_start(
        linking_configuration(
            shared_cloud, client_id=CLIENT, client_secret=ODD, redirect_uri=REDIRECT
        )
    )
    return started


def exchanged(cloud: ScriptedFulfillment) -> dict[str, list[str]]:
    """The form of the newest exchange of a code."""
    sent = [call for call in cloud.calls if call.path == "/token"][-1]
    return parse_qs(sent.raw.decode(), strict_parsing=True)


@pytest.mark.parametrize("code", ["4/0AX4XfWh", "a+b=c%2F&d;e", "ü ñ"])
def test_nothing_is_lost_on_the_way(
    server: Server, shared_cloud: ScriptedFulfillment, code: str
) -> None:
    """The code, the secret, a client id that is a URL and the redirect URI arrive to the character, each exactly once."""
    answer_tokens(shared_cloud)
    begun = begin(server, "odd")
    asked = dict(parse_qsl(urlsplit(begun["authorization_url"]).query))
    assert come_back(server, begun["state"], code=code).status == 200
    sent = exchanged(shared_cloud)

    assert (asked["client_id"], asked["redirect_uri"]) == (CLIENT, REDIRECT)
    assert sent == {
        "grant_type": ["authorization_code"],
        "code": [code],
        "redirect_uri": [REDIRECT],
        "client_id": [CLIENT],
        "client_secret": [ODD],
    }


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (json.dumps(TOKENS), "application/json"),
        (json.dumps({**TOKENS, "token_type": "bearer"}), "text/html; charset=utf-8"),
        (json.dumps({**TOKENS, "token_type": "BEARER", "expires_in": "3600"}), "text/plain"),
        (urlencode(TOKENS), "application/x-www-form-urlencoded"),
        (urlencode(TOKENS) + "\n", "text/plain"),
        (json.dumps({"access_token": "token-2"}), "application/json"),
        (json.dumps({**TOKENS, "refresh_token": None, "scope": ["a"]}), "application/json"),
    ],
)
def test_token_answers_of_many_kinds(
    server: Server, shared_cloud: ScriptedFulfillment, body: str, content_type: str
) -> None:
    """JSON and form under any type, ``bearer`` in any case, numbers as texts: the token is found and used as Bearer."""
    shared_cloud.answer_token_next(
        Answer(body=body.encode(), headers=(("Content-Type", content_type),))
    )
    page = link(server, "many")

    assert page.status == 200
    assert shared_cloud.intents()[-1].headers["authorization"] == "Bearer token-2"
    assert link_of(server, "many")["state"] == "linked"


@pytest.mark.parametrize("agent_user_id", ["0", "ä/b c", "x" * 256])
def test_agent_users_of_odd_names(
    server: Server, shared_cloud: ScriptedFulfillment, agent_user_id: str
) -> None:
    """Zero is a name like any other."""
    shared_cloud.homes["token-3"] = Home(agent_user_id, [lamp("lamp")])
    answer_tokens(shared_cloud, access_token="token-3")
    page = link(server, f"of {agent_user_id[:9]}")

    assert page.status == 200
    assert link_of(server, f"of {agent_user_id[:9]}")["agent_user_id"] == agent_user_id
    assert server.device_ids(agent_user_id) == ["lamp"]


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        ({"devices": []}, "REPLY_UNUSABLE"),
        ({"agentUserId": "", "devices": [lamp("lamp")]}, "REPLY_UNUSABLE"),
        ({"agentUserId": "7", "errorCode": "authExpired", "devices": []}, "REPLY_ERROR_PAYLOAD"),
    ],
)
def test_first_syncs_that_link_nothing(
    server: Server, shared_cloud: ScriptedFulfillment, payload: dict[str, Any], reason: str
) -> None:
    """Without a name for the agent user, or with an error and an empty list in a 200: the linking fails and says why."""
    answer_tokens(shared_cloud)
    body = json.dumps({"requestId": "1", "payload": payload}).encode()
    shared_cloud.answer_next(Answer(body=body))
    page = link(server, "nobody")
    trace = linking_of(server, "nobody")

    assert reason in page.text
    assert (trace["stage"], trace["reason"]) == ("failed", reason)
    assert trace["steps"][3]["verdict"] == reason
    assert link_of(server, "nobody")["state"] == "unlinked"


def test_a_disconnect_answered_null(server: Server, shared_cloud: ScriptedFulfillment) -> None:
    """It is an answer."""
    answer_tokens(shared_cloud)
    link(server, "gone")
    before = len(shared_cloud.intents(DISCONNECT))
    shared_cloud.answer_disconnect_next(Answer(body=b"null"))
    done = server.cli("links", "unlink", "gone", "--yes", "--json")

    assert (done.code, done.json["state"]) == (0, "unlinked")
    assert len(shared_cloud.intents(DISCONNECT)) == before + 1
    (errand, *_) = server.admin("errands")["errands"]
    assert (errand["intent"], errand["ok"]) == ("DISCONNECT", True)


# --- whose devices these are ---------------------------------------------------------------------------------------------


def test_two_users_behind_one_agent_user(server: Server, shared_cloud: ScriptedFulfillment) -> None:
    """A household that shares an account: one list, a link each; SYNC goes out for both."""
    shared_cloud.homes["token-a"] = shared_cloud.homes["token-b"] = Home("shared", [lamp("lamp")])
    for user, token in (("ada", "token-a"), ("bob", "token-b")):
        answer_tokens(shared_cloud, access_token=token)
        assert link(server, user).status == 200
    before = len(shared_cloud.intents())
    body = '{"agentUserId": "shared"}'
    assert server.call(body, key="AIzaSyEXAMPLE").status == 200

    tokens = {call.token for call in shared_cloud.intents()[before:]}
    assert tokens == {"token-a", "token-b"}
    assert server.device_ids("shared") == ["lamp"]


def test_one_user_with_another_agent_user_over_time(
    server: Server, shared_cloud: ScriptedFulfillment
) -> None:
    """Who signs in with another account is moved there and asked again; the old devices go, and the old id is unknown."""
    for token in ("first", "second"):
        shared_cloud.homes[f"token-{token}"] = Home(token, [lamp(f"lamp-{token}")])
        answer_tokens(shared_cloud, access_token=f"token-{token}")
        page = link(server, "mover")
        assert page.status == 200
    assert "<li>lamp-second</li>" in page.text
    trace = linking_of(server, "mover")

    assert link_of(server, "mover")["agent_user_id"] == "second"
    assert server.device_ids("second") == ["lamp-second"]
    assert server.call('{"agentUserId": "first"}', key="AIzaSyEXAMPLE").status == 404
    assert trace["stage"] == "linked"
    assert "lamp-second" in trace["steps"][3]["exchange"]["response"]["body"]


def test_a_link_that_names_nobody_later(server: Server, shared_cloud: ScriptedFulfillment) -> None:
    """A later SYNC without agentUserId is that of the agent user who is known, with a finding."""
    shared_cloud.homes["token-4"] = Home("later", [lamp("lamp")])
    answer_tokens(shared_cloud, access_token="token-4")
    link(server, "later")
    reply = {"requestId": "1", "payload": {"devices": [lamp("lamp"), lamp("new")]}}
    shared_cloud.answer_next(Answer(body=json.dumps(reply).encode()))
    server.call('{"agentUserId": "later"}', key="AIzaSyEXAMPLE")
    (run,) = server.admin("runs", project="acme", agent_user="later", limit="1")["runs"]
    rules = [one["rule"] for one in server.admin("run", id=run["id"])["findings"]]

    assert server.device_ids("later") == ["lamp", "new"]
    assert "agent-user-id-missing" in rules


def test_linking_again_keeps_rooms_and_names(
    server: Server, shared_cloud: ScriptedFulfillment
) -> None:
    """As at Google: what a user has chosen here is his."""
    shared_cloud.homes["token-5"] = Home("placed", [lamp("lamp")])
    answer_tokens(shared_cloud, access_token="token-5")
    link(server, "placer")
    server.show("devices", "place", "lamp", "--agent-user", "placed", "--room", "Attic")
    answer_tokens(shared_cloud, access_token="token-5")
    assert link(server, "placer").status == 200
    (device,) = server.admin("devices", project="acme", agent_user="placed")["devices"]

    assert device["placement"]["room"] == "Attic"


def test_basic_authentication_of_odd_clients(
    shared_cloud: ScriptedFulfillment, shared_start: Any
) -> None:
    """Id and secret are escaped before they are joined (RFC 6749 2.3.1), and stand nowhere else."""
    server = shared_start(
        linking_configuration(
            shared_cloud, client_id=CLIENT, client_secret=ODD, client_auth="basic", pkce=True
        ),
        name="basic",
    )
    answer_tokens(shared_cloud)
    assert link(server, "basic").status == 200
    sent = [call for call in shared_cloud.calls if call.path == "/token"][-1]
    pair = base64.b64decode(sent.headers["authorization"].removeprefix("Basic ")).decode()

    assert [unquote(part) for part in pair.split(":")] == [CLIENT, ODD]
    assert "client_secret" not in sent.raw.decode()
    assert "code_verifier" in sent.raw.decode()
