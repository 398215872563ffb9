"""What programs in the field do with an access token: blanks in headers, Home Assistant's flow, nulls, escaped ids, news of 2026.

Each is a call as it stands on the wire, written by hand, because a client library would tidy it up.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from homegraph.service.clock import SystemClock
from homegraph.testing.fulfillment import Home, ScriptedFulfillment
from support.google import SCOPE, access_token, key_file
from support.homes import KEY, Setup, configuration, wait_for_links
from support.server import Server, until
from support.signing import signed
from support.wire import Raw, connect, exchange, raw_request

REQUEST_SYNC: Final = "/v1/devices:requestSync"
REPORT: Final = "/v1/devices:reportStateAndNotification"
QUERY: Final = "/v1/devices:query"
SYNC: Final = "/v1/devices:sync"
JSON: Final = "Content-Type: application/json"

IDS: Final = (
    "1836.15267389",
    "a/b/c",
    "one id",
    "50%",
    "50%25",
    "Jörg",
    "a+b",
    "a?b#c",
    "..",
    "./x",
    "q%2Fr",
)
"""Agent users whose ids are not easily written into a path."""


@pytest.fixture(scope="module")
def house(shared_cloud: ScriptedFulfillment, shared_start: Any) -> Setup:
    """One server; beside ``user-1`` there are users of all those ids."""
    links = {"me": "token-1"}
    for number, agent_user_id in enumerate(IDS):
        links[f"user {number}"] = f"token-of-{number}"
        shared_cloud.homes[f"token-of-{number}"] = Home(agent_user_id)
    return Setup.up(shared_cloud, shared_start, links=links)


@pytest.fixture(scope="module")
def token(house: Setup) -> str:
    """An access token of the project."""
    return access_token(key_file(house.server))


def post(
    house: Setup | Server, path: str, body: Any, *, token: str = "", headers: Sequence[str] = ()
) -> Raw:
    """A POST with a bearer."""
    server = house.server if isinstance(house, Setup) else house
    bearer = [f"Authorization: Bearer {token}"] if token else []
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return exchange(
        server.port, raw_request("POST", path, headers=[JSON, *bearer, *headers], body=raw)
    )


def query(house: Setup, token: str, agent_user_id: str = "user-1", **members: Any) -> Any:
    """The stored states of the lamp, and what else the answer has."""
    asked = [{"payload": {"devices": [{"id": "lamp"}]}}]
    reply = post(
        house, QUERY, {"agentUserId": agent_user_id, "inputs": asked, **members}, token=token
    )
    assert reply.status == 200, reply.body
    return reply.json["payload"]


def reported(**devices: Any) -> dict[str, Any]:
    """A report of ``user-1``."""
    return {"requestId": "r", "agentUserId": "user-1", "payload": {"devices": devices}}


# --- the header --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        "Authorization: Bearer {}",
        "Authorization:  Bearer {}",
        "Authorization:Bearer {}",
        "Authorization: Bearer  {}",
        "Authorization: bearer {}",
        "authorization:\t BEARER {}  ",
    ],
)
def test_blanks_and_letter_case_of_the_bearer(house: Setup, token: str, line: str) -> None:
    """The actions-on-google library writes two blanks after the colon; none of that is a mistake."""
    body = json.dumps({"agentUserId": "user-1"}).encode()

    reply = exchange(
        house.server.port,
        raw_request("POST", SYNC, headers=[JSON, line.format(token)], body=body),
    )

    assert reply.status == 200, reply.body


# --- Home Assistant ----------------------------------------------------------------------------------------------------


def assertion(path: Path, audience: str) -> str:
    """What Home Assistant signs: its key file has a token_uri, which it does not read."""
    file = json.loads(path.read_text())
    now = int(SystemClock().now())
    claims = {
        "iss": file["client_email"],
        "scope": SCOPE,
        "aud": audience,
        "iat": now,
        "exp": now + 3600,
    }
    return signed(claims, by=load_pem_private_key(file["private_key"].encode(), None))


class HomeAssistant:
    """Its way to a token and back, call by call as it makes them."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.token = ""
        self.renewals = 0

    def renew(self, server: Server) -> Any:
        """Fetch a token at the address that it has built in, below ours."""
        jwt = assertion(self._path, "https://accounts.google.com/o/oauth2/token")
        grant = "urn:ietf:params:oauth:grant-type:jwt-bearer"
        form = urlencode({"grant_type": grant, "assertion": jwt}).encode()
        headers = [
            f"Authorization: Bearer {jwt}",
            "Content-Type: application/x-www-form-urlencoded",
        ]
        request = raw_request("POST", "/o/oauth2/token", headers=headers, body=form)
        reply = exchange(server.port, request)
        assert reply.status == 200, reply.body
        self.renewals += 1
        self.token = reply.json["access_token"]
        return reply.json

    def call(self, server: Server, path: str, body: Any) -> int:
        """A call; after a 401 it renews its token once and calls again."""
        if not self.token:
            self.renew(server)
        for _ in range(2):
            status = post(server, path, body, token=self.token, headers=["X-GFE-SSL: yes"]).status
            if status != 401:
                break
            self.renew(server)
        return status


def test_home_assistant(cloud: ScriptedFulfillment, start: Any) -> None:
    """Its own audience, an Authorization header where none belongs, X-GFE-SSL, and a 401 that means: fetch another token.

    The server forgets all tokens at its second start, as it keeps nothing; the key it knows again by its configuration.
    """
    first = Setup.up(cloud, start, server={"database": "sqlite::memory:"})
    path = key_file(first.server)
    program = HomeAssistant(path)

    issued = program.renew(first.server)
    assert issued["token_type"] == "Bearer"
    assert isinstance(issued["expires_in"], int)
    assert program.call(first.server, REQUEST_SYNC, {"agentUserId": "user-1"}) == 200
    states = {"lamp": {"on": True, "online": True}}
    assert program.call(first.server, REPORT, reported(states=states)) == 200
    assert program.renewals == 1

    first.server.stop()
    again = configuration(
        cloud, project={"service_accounts": [str(path)]}, server={"database": "sqlite::memory:"}
    )
    first.server.configure(again)
    first.server.restart()
    wait_for_links(first.server, "linked")

    assert program.call(first.server, REPORT, reported(states=states)) == 200
    assert program.renewals == 2
    unknown = {"agentUserId": "nobody", "payload": {"devices": {"states": states}}}
    assert program.call(first.server, REPORT, unknown) == 404
    assert program.renewals == 2


# --- reports -----------------------------------------------------------------------------------------------------------


def test_null_notifications_and_null_states(house: Setup, token: str) -> None:
    """Null for a field is no field, as one client sends it; null for a state is a mistake, and nothing of it is stored."""
    good = post(
        house,
        REPORT,
        reported(states={"lamp": {"on": True, "online": True}}, notifications=None),
        token=token,
    )
    before = query(house, token)
    bad = post(
        house,
        REPORT,
        reported(states={"lamp": {"on": False, "online": None}}, notifications=None),
        token=token,
    )

    assert (good.status, good.json) == (200, {"requestId": "r"})
    assert bad.status == 400
    details = bad.json["error"]["details"]
    (fields,) = [one["fieldViolations"] for one in details if "fieldViolations" in one]
    assert [one["field"] for one in fields] == ['payload.devices.states["lamp"].online']
    assert before == {"devices": {"lamp": {"on": True, "online": True}}}
    assert query(house, token) == before


def test_a_reporter_who_hangs_up_at_once(house: Setup, token: str) -> None:
    """Small devices send and forget; the report is stored all the same, again and again."""
    for number in range(20):
        on = bool(number % 2)
        body = json.dumps(reported(states={"lamp": {"on": on, "online": True}})).encode()
        headers = [JSON, f"Authorization: Bearer {token}"]

        with connect(house.server.port) as caller:
            caller.sendall(raw_request("POST", REPORT, headers=headers, body=body))

        until(
            lambda wanted=on: query(house, token)["devices"]["lamp"].get("on") is wanted,
            f"report {number} is stored",
        )


def test_fields_of_2026(house: Setup, token: str) -> None:
    """Home traits and their events are taken; views and commit times are answered."""
    trait = {
        "trait": {"@type": "type.googleapis.com/home.graph.v1.OnOffTrait", "onOff": True},
        "commitTime": "2026-01-02T03:04:05Z",
    }
    event = {
        "eventId": "e1",
        "eventTime": "2026-01-02T03:04:05Z",
        "event": {"@type": "type.googleapis.com/home.graph.v1.DoorbellPressTrait.DoorbellPressed"},
    }
    report = reported(
        states={"lamp": {"on": True, "online": True}},
        homeTraits=[
            {"deviceId": "lamp", "components": [{"componentId": "1", "traitData": [trait]}]}
        ],
        homeEvents=[{"deviceId": "lamp", "events": [{"componentId": "1", "events": [event]}]}],
    )
    states = {"lamp": {"on": True, "online": True}}

    assert post(house, REPORT, report, token=token).json == {"requestId": "r"}
    assert query(house, token, deviceView="SMART_HOME_TRAIT_ONLY") == {"devices": states}
    assert query(house, token, deviceView="DEVICE_VIEW_UNSPECIFIED") == {"devices": states}
    both = query(house, token, deviceView="HOME_TRAIT_AND_SMART_HOME_TRAIT")
    assert both == {"devices": states, "homeTraitPayload": {}}
    assert query(house, token, deviceView="HOME_TRAIT_ONLY") == {"homeTraitPayload": {}}
    stamps = query(house, token, includeDeviceMetadata=True)["deviceMetadata"]
    assert set(stamps["lamp"]["traitCommitTimestamps"]) == {
        "online",
        "action.devices.traits.OnOff",
    }


# --- deleting ----------------------------------------------------------------------------------------------------------

DELETIONS: Final = (
    ("1836.15267389", "1836.15267389?requestId=r"),
    ("a/b/c", "a/b%2Fc"),
    ("one id", "one%20id?requestId=r&alt=json"),
    ("50%", "50%25"),
    ("50%25", "50%2525"),
    ("Jörg", "J%C3%B6rg"),
    ("a+b", "a+b"),
    ("a?b#c", "a%3fb%23c"),
    ("..", ".."),
    ("./x", "./x"),
    ("q%2Fr", "q%252Fr"),
)


@pytest.mark.parametrize(("agent_user_id", "written"), DELETIONS, ids=lambda text: text)
def test_ids_in_a_path(house: Setup, token: str, agent_user_id: str, written: str) -> None:
    """Slashes, and whatever is escaped; the answer is an empty object, and the agent user is gone."""
    known = {"agentUserId": agent_user_id}
    assert post(house, SYNC, known, token=token).status == 200
    headers = [f"Authorization: Bearer {token}"]
    request = raw_request("DELETE", f"/v1/agentUsers/{written}", headers=headers)

    reply = exchange(house.server.port, request)

    assert (reply.status, reply.body) == (200, b"{}\n")
    assert post(house, SYNC, known, token=token).status == 404
    assert exchange(house.server.port, request).status == 404
    assert house.server.call(json.dumps(known), key=KEY).status == 404
    others = {link["agent_user_id"] for link in house.server.admin("links")["links"]}
    assert "user-1" in others


def test_every_id_was_deleted() -> None:
    """The two tables above belong together."""
    assert [agent_user_id for agent_user_id, _ in DELETIONS] == list(IDS)


def test_nothing_is_sent_to_the_fulfillment_of_somebody_deleted(setup: Setup) -> None:
    """The developer knows it already: he has asked for it. So there is no DISCONNECT."""
    token = access_token(key_file(setup.server))
    before = len(setup.cloud.calls)
    headers = [f"Authorization: Bearer {token}"]

    reply = exchange(
        setup.server.port, raw_request("DELETE", "/v1/agentUsers/user-1", headers=headers)
    )

    assert reply.status == 200
    setup.server.wait_until_idle()
    assert len(setup.cloud.calls) == before
    assert [link["state"] for link in setup.server.admin("links")["links"]] == ["unlinked"]
