"""Google's own library for Python against the command as a process: all five methods, with a key file that it made.

The library is made of a description of the API: of the one that comes with it, sent elsewhere by one option, or of the one
that this server hands out, at both addresses that Google has for it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

import pytest
from google.auth.exceptions import RefreshError
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError, UnknownApiNameOrVersion

from homegraph.testing.fulfillment import ScriptedFulfillment
from support.google import credentials, key_file
from support.homes import Setup
from support.proxy import Proxy, reverse_proxy

LIBRARY: Final = "its own document"
OURS: Final = "our document"
LEGACY: Final = "our document at the older address"
WAYS: Final = (LIBRARY, OURS, LEGACY)

NAME: Final = "agentUsers/user-1"


def built(way: str, url: str, with_credentials: Any) -> Any:
    """The library for a server at ``url``; a context manager."""
    options: dict[str, Any] = {
        LIBRARY: {"static_discovery": True, "client_options": {"api_endpoint": url}},
        OURS: {"discoveryServiceUrl": f"{url}/$discovery/rest?version={{apiVersion}}"},
        LEGACY: {"discoveryServiceUrl": f"{url}/discovery/v1/apis/{{api}}/{{apiVersion}}/rest"},
    }[way]
    return build("homegraph", "v1", credentials=with_credentials, cache_discovery=False, **options)


def call_all_five(service: Any, cloud: ScriptedFulfillment) -> None:
    """Every method once, in the order of an account's life; each does what it is there for."""
    devices = service.devices()
    before = len(cloud.intents())
    states = {"lamp": {"online": True, "on": True}}

    assert devices.requestSync(body={"agentUserId": "user-1"}).execute() == {}
    assert len(cloud.intents()) == before + 1
    report = {
        "requestId": "r1",
        "agentUserId": "user-1",
        "payload": {"devices": {"states": states}},
    }
    assert devices.reportStateAndNotification(body=report).execute() == {"requestId": "r1"}
    asked = [{"payload": {"devices": [{"id": "lamp"}]}}]
    question = {"requestId": "r2", "agentUserId": "user-1", "inputs": asked}
    answer = {"requestId": "r2", "payload": {"devices": states}}
    assert devices.query(body=question).execute() == answer
    stored = devices.sync(body={"requestId": "r3", "agentUserId": "user-1"}).execute()
    assert stored["requestId"] == "r3"
    assert stored["payload"]["agentUserId"] == "user-1"
    assert [device["id"] for device in stored["payload"]["devices"]] == ["lamp"]
    assert service.agentUsers().delete(agentUserId=NAME, requestId="r4").execute() == {}
    with pytest.raises(HttpError) as refused:
        devices.sync(body={"agentUserId": "user-1"}).execute()
    assert refused.value.status_code == 404


def reasons(error: HttpError) -> list[str]:
    """The ErrorInfo reasons of ours."""
    return [one["reason"] for one in error.error_details if one.get("domain") == "homegraph"]


@pytest.mark.parametrize("way", WAYS)
def test_all_five_methods(setup: Setup, way: str) -> None:
    """Whichever description the library is made of, each method works."""
    made = credentials(key_file(setup.server))

    with built(way, setup.server.url, made) as service:
        call_all_five(service, setup.cloud)


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    """A reverse proxy that nothing is behind yet."""
    with reverse_proxy() as proxy:
        yield proxy


@pytest.mark.parametrize("way", WAYS)
def test_behind_a_proxy(cloud: ScriptedFulfillment, start: Any, proxy: Proxy, way: str) -> None:
    """With base_url, descriptions and key files name the proxy, which calls the server by another name: all goes that way."""
    setup = Setup.up(cloud, start, server={"base_url": proxy.url})
    proxy.upstream = setup.server.url
    path = key_file(setup.server)
    assert json.loads(path.read_text())["token_uri"] == f"{proxy.url}/token"

    with built(way, proxy.url, credentials(path)) as service:
        call_all_five(service, cloud)

    described = {LIBRARY: [], OURS: ["/$discovery/rest"]}.get(
        way, ["/discovery/v1/apis/homegraph/v1/rest"]
    )
    assert proxy.paths == [
        *described,
        "/token",
        "/v1/devices:requestSync",
        "/v1/devices:reportStateAndNotification",
        "/v1/devices:query",
        "/v1/devices:sync",
        "/v1/agentUsers/user-1",
        "/v1/devices:sync",
    ]


# --- errors ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def house(shared_cloud: ScriptedFulfillment, shared_start: Any) -> Setup:
    """One server for the tests that leave it as it was."""
    return Setup.up(
        shared_cloud,
        shared_start,
        others={"off": {"fulfillment_url": "http://127.0.0.1:9/smarthome", "api_enabled": False}},
    )


@pytest.fixture(scope="module", params=WAYS)
def service(house: Setup, request: pytest.FixtureRequest) -> Iterator[Any]:
    """The library, made in each of the ways."""
    made = credentials(key_file(house.server))
    with built(request.param, house.server.url, made) as service:
        yield service


def report_of(device_id: str, **states: Any) -> dict[str, Any]:
    """A report about one device of the linked user."""
    return {"agentUserId": "user-1", "payload": {"devices": {"states": {device_id: states}}}}


REFUSALS: Final = {
    # our reason: HTTP, Google's status, the reason of the older format, and the call
    "AGENT_USER_NEVER_LINKED": (
        *(404, "NOT_FOUND", "notFound"),
        lambda s: s.agentUsers().delete(agentUserId="agentUsers/a/b"),
    ),
    "DEVICE_UNKNOWN": (
        *(404, "NOT_FOUND", "notFound"),
        lambda s: s.devices().reportStateAndNotification(body=report_of("fridge", online=True)),
    ),
    "DEVICE_NOT_FOUND": (
        *(404, "NOT_FOUND", "notFound"),
        lambda s: s.devices().query(
            body={"agentUserId": "user-1", "inputs": [{"payload": {"devices": [{"id": "fridge"}]}}]}
        ),
    ),
    "STATE_NULL": (
        *(400, "INVALID_ARGUMENT", "badRequest"),
        lambda s: s.devices().reportStateAndNotification(body=report_of("lamp", on=None)),
    ),
    "JSON_UNKNOWN_NAME": (
        *(400, "INVALID_ARGUMENT", "invalid"),
        lambda s: s.devices().sync(body={"agentUserId": "user-1", "colour": "red"}),
    ),
    "FIELD_REQUIRED": (
        *(400, "INVALID_ARGUMENT", "badRequest"),
        lambda s: s.devices().requestSync(body={}),
    ),
}


@pytest.mark.parametrize("reason", REFUSALS)
def test_an_error_says_what_ours_says(service: Any, reason: str) -> None:
    """The library's error has Google's code and status, our reason, and the list that only such libraries are sent."""
    http, status, older, call = REFUSALS[reason]

    with pytest.raises(HttpError) as refused:
        call(service).execute()

    error = json.loads(refused.value.content)["error"]
    assert refused.value.status_code == error["code"] == http
    assert error["status"] == status
    assert [one["reason"] for one in error["errors"]] == [older]
    assert refused.value.reason == error["message"]
    assert reasons(refused.value) == [reason]


def test_the_field_that_is_wrong_is_in_the_error(service: Any) -> None:
    """BadRequest of google.rpc, where programs look for it."""
    with pytest.raises(HttpError) as refused:
        service.devices().reportStateAndNotification(body=report_of("lamp", on=None)).execute()

    (wrong,) = [one for one in refused.value.error_details if "fieldViolations" in one]
    assert wrong["@type"] == "type.googleapis.com/google.rpc.BadRequest"
    assert [one["field"] for one in wrong["fieldViolations"]] == [
        'payload.devices.states["lamp"].on'
    ]


def test_an_api_that_is_switched_off(house: Setup) -> None:
    """403 with Google's details, which name the project by its number, and lead to where it is switched on."""
    made = credentials(key_file(house.server, name="other", project="off"))

    with built(OURS, house.server.url, made) as service, pytest.raises(HttpError) as refused:
        service.devices().requestSync(body={"agentUserId": "user-1"}).execute()

    details = {one["@type"].rpartition(".")[2]: one for one in refused.value.error_details[:3]}
    assert refused.value.status_code == 403
    assert details["ErrorInfo"]["reason"] == "SERVICE_DISABLED"
    assert details["ErrorInfo"]["metadata"]["service"] == "homegraph.googleapis.com"
    assert reasons(refused.value) == ["API_DISABLED"]


def test_a_key_that_was_revoked(setup: Setup) -> None:
    """The token that was fetched is refused, the library asks for another one, and hears that the key is not good any more."""
    path = key_file(setup.server)
    email = json.loads(path.read_text())["client_email"]
    with built(OURS, setup.server.url, credentials(path)) as service:
        assert service.devices().requestSync(body={"agentUserId": "user-1"}).execute() == {}
        done = setup.server.cli("service-accounts", "revoke", "--project", "acme", email)
        assert done.code == 0, done.err

        with pytest.raises(RefreshError) as refused:
            service.devices().sync(body={"agentUserId": "user-1"}).execute()

    assert refused.value.args[1]["error"] == "invalid_grant"


def test_only_the_version_that_there_is(house: Setup) -> None:
    """There is no v2, and the library says so in its own words."""
    with pytest.raises(UnknownApiNameOrVersion):
        build(
            "homegraph",
            "v2",
            discoveryServiceUrl=f"{house.server.url}/$discovery/rest?version={{apiVersion}}",
            static_discovery=False,
            cache_discovery=False,
        )
