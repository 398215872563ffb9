"""The documented curl line, and the quirks of clients in the field (protocol.md 12) that concern Request Sync."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import pytest

from homegraph.testing.fulfillment import Answer, ScriptedFulfillment, lamp
from support.curl import curl, shell
from support.homes import KEY, Setup
from support.server import Reply, Server, until
from support.wire import connect, request_bytes

DOCUMENTED: Final = (
    'curl -i -s -k -X POST -H "Content-Type: application/json" '
    "-d '{agentUserId: \"agentUserId\"}' "
    '"https://homegraph.googleapis.com/v1/devices:requestSync?key=API_KEY"'
)
"""Google's page of 2018. The key in the body has no quotes; that is how it was documented."""

HEADERS: Final = {
    "content-type": "application/json; charset=UTF-8",
    "vary": "Origin, X-Origin, Referer",
    "cache-control": "private",
    "x-xss-protection": "0",
    "x-frame-options": "SAMEORIGIN",
    "x-content-type-options": "nosniff",
    "server": "ESF",
}
"""Of every JSON answer of the API (observed 2020)."""

PATH: Final = "/v1/devices:requestSync"


@pytest.fixture(scope="module")
def house(shared_cloud: ScriptedFulfillment, shared_start: Any) -> Setup:
    """One server for the tests that leave it as it was."""
    return Setup.up(shared_cloud, shared_start)


def synced(house: Setup, reply: Reply, before: int, text: str = "{}") -> None:
    """Success, and a SYNC went out for it. Scripts of 2018 compare the text of the answer."""
    assert (reply.status, reply.text.strip()) == (200, text)
    assert len(house.cloud.wait_for(before + 1)) == before + 1


def test_the_documented_line_with_host_key_and_user_replaced(house: Setup) -> None:
    """Only these three are replaced; 200, an empty object, and the cloud was asked."""
    line = (
        DOCUMENTED.replace("https://homegraph.googleapis.com", house.server.url)
        .replace('"agentUserId"', '"user-1"')
        .replace("API_KEY", KEY)
    )
    before = len(house.cloud.intents())
    house.cloud.home.devices.append(lamp("by-curl"))

    reply = shell(line)

    synced(house, reply, before)
    assert reply.body == b"{}\n"
    assert "by-curl" in house.server.device_ids("user-1")
    sync = house.cloud.intents()[-1]
    assert sync.headers["content-type"] == "application/json;charset=UTF-8"
    assert sync.headers["google-assistant-api-version"] == "v1"
    assert sync.token == "token-1"
    assert sync.raw == (
        b'{"inputs":[{"intent":"action.devices.SYNC"}],"requestId":"%s"}'
        % sync.body["requestId"].encode()
    )
    assert 0 <= int(sync.body["requestId"]) < 2**64


@pytest.mark.parametrize(
    "body",
    [
        '{agent_user_id: "user-1"}',
        "{'agentUserId': 'user-1'}",
        '{agentUserId: "user-1",}',
        "{'agentUserId':'user-1', async:true,}",
        '{"agentUserId": "user-1", "async": "yes"}',
        '{"agentUserId": "user-1", "async": null}',
    ],
)
def test_bodies_that_google_forgives(house: Setup, body: str) -> None:
    """Bare and quoted keys, both spellings, a trailing comma, words for true: all are one and the same call."""
    before = len(house.cloud.intents())
    url = f"{house.server.url}{PATH}?key={KEY}"

    synced(
        house, curl("-X", "POST", "-H", "Content-Type: application/json", "-d", body, url), before
    )
    house.server.wait_until_idle()


def test_no_content_type(house: Setup) -> None:
    """Libraries that send no Content-Type are served; the actions-on-google library is one of them."""
    before = len(house.cloud.intents())

    reply = house.server.call('{"agentUserId": "user-1"}', key=KEY, headers={})

    synced(house, reply, before)


def test_the_key_in_a_header(house: Setup) -> None:
    """X-Goog-Api-Key does as well as the parameter."""
    before = len(house.cloud.intents())
    headers = ("-H", f"X-Goog-Api-Key: {KEY}", "-H", "Content-Type: application/json")

    reply = curl(*headers, "-d", '{"agentUserId": "user-1"}', f"{house.server.url}{PATH}")

    synced(house, reply, before)


def test_a_caller_who_hangs_up_at_once(house: Setup) -> None:
    """The socket is closed right after the request was sent, again and again; the list is updated all the same."""
    for number in range(20):
        device_id = f"forgotten-{number}"
        house.cloud.home.devices.append(lamp(device_id))

        with connect(house.server.port) as caller:
            caller.sendall(request_bytes(_body("user-1"), key=KEY))

        until(
            lambda wanted=device_id: wanted in house.server.device_ids("user-1"),
            f"{device_id} has arrived",
        )


def test_a_caller_who_loses_patience(cloud: ScriptedFulfillment, start: Any) -> None:
    """The caller waits for 200 ms, the fulfillment takes longer; what it answers is applied."""
    house = Setup.up(cloud, start)
    hold = threading.Event()
    cloud.answer_next(Answer(hold=hold))
    before = len(cloud.intents())
    cloud.home.devices.append(lamp("new"))

    with connect(house.server.port) as caller:
        caller.settimeout(0.2)
        caller.sendall(request_bytes(_body("user-1"), key=KEY))
        with pytest.raises(TimeoutError):
            caller.recv(1)
    cloud.wait_for(before + 1)
    assert "new" not in house.server.device_ids("user-1")
    hold.set()

    until(lambda: "new" in house.server.device_ids("user-1"), "the new lamp has arrived")
    house.server.wait_until_idle()
    assert house.newest_run()["outcome"] == "done"
    assert len(cloud.intents()) == before + 1


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("alt=json", "{}"),
        ("$.xgafv=1", "{}"),
        ("prettyPrint=false", "{}"),
        ("quotaUser=x", "{}"),
        ("alt=json&$.xgafv=2&prettyPrint=false&quotaUser=x&callback=cb&uploadType=media", "{}"),
    ],
)
def test_system_parameters(house: Setup, query: str, text: str) -> None:
    """What Google's own client libraries add to the address is understood."""
    before = len(house.cloud.intents())

    synced(house, house.server.call(_body("user-1"), key=KEY, query=query), before, text)


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", PATH), ("PUT", PATH), ("POST", "/v1/devices:requestSnyc"), ("GET", "/v1/foo")],
)
@pytest.mark.parametrize("json_404", [True, False])
def test_unknown_paths_and_methods(
    house: Setup, html: Server, method: str, path: str, json_404: bool
) -> None:
    """404 as JSON by default, and Google's HTML page where that is asked for."""
    server = house.server if json_404 else html

    reply = server.call(b"", method=method, path=path, key=KEY)

    assert reply.status == 404
    if json_404:
        assert reply.headers["content-type"] == HEADERS["content-type"]
        assert reply.json["error"]["code"] == 404
        assert reply.json["error"]["status"] == "NOT_FOUND"
    else:
        assert reply.headers["content-type"] == "text/html; charset=UTF-8"
        assert "<title>Error 404 (Not Found)!!1</title>" in reply.text
        assert f"<code>{path}</code> was not found on this server." in reply.text


def test_every_error_is_json_that_a_client_can_read(house: Setup) -> None:
    """The Node library parses every answer and looks for a number in error.code."""
    calls = [
        house.server.call(b"{", key=KEY),
        house.server.call(b"[]", key=KEY),
        house.server.call(b"{}", key=KEY),
        house.server.call(b"", key=KEY),
        house.server.call(b"\xff\xfe", key=KEY),
        house.server.call(_body("nobody"), key=KEY),
        house.server.call(_body("user-1"), key="AIzaSyNOBODYS"),
        house.server.call(_body("user-1"), key=KEY, query="alt=xml"),
        house.server.call(_body("user-1"), key=KEY, query="$.xgafv=3"),
        house.server.call(_body("user-1"), key=KEY, query="foo=1"),
        house.server.call(_body("user-1"), key=KEY, headers={"Authorization": "Bearer x"}),
        house.server.call(b"x" * (1024 * 1024 + 1), key=KEY),
        house.server.call(_body("user-1")),
    ]

    for reply in calls:
        error = reply.json["error"]
        assert error["code"] == reply.status >= 400
        assert error["message"]
        assert error["status"] == error["status"].upper()
        assert reply.body.startswith(b'{\n  "error": {\n    "code": ')
        assert reply.body.endswith(b"\n}\n")


def test_a_stranger_with_garbage_is_forbidden_not_corrected(house: Setup) -> None:
    """The credential comes before the body: curl -d foo without a key is 403, not 400 (observed 2022)."""
    reply = curl("-d", "foo", f"{house.server.url}{PATH}")

    assert reply.status == 403
    assert reply.json["error"]["status"] == "PERMISSION_DENIED"


def test_two_callers_who_wait(house: Setup) -> None:
    """Of two waiting calls for one user the second is refused; a queued one is not."""
    hold = threading.Event()
    house.cloud.answer_next(Answer(hold=hold))
    before = len(house.cloud.intents())

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(house.request_sync)
        house.cloud.wait_for(before + 1)
        second = house.request_sync()
        queued = [house.request_sync(is_async=True) for _ in range(3)]
        hold.set()

    assert first.result().status == 200
    assert second.status == 429
    assert second.json["error"]["message"] == "Resource has been exhausted (e.g. check quota)."
    assert [(reply.status, reply.text) for reply in queued] == [(200, "{}\n")] * 3
    house.server.wait_until_idle()
    assert len(house.cloud.intents()) == before + 2


def test_headers_of_success_and_error(house: Setup) -> None:
    """A proxy or a strict client sees the headers that Google sends, on both."""
    success = house.request_sync()
    error = house.request_sync("nobody")

    assert (success.status, error.status) == (200, 404)
    for reply in (success, error):
        assert {name: reply.headers.get(name) for name in HEADERS} == HEADERS
        assert "date" in reply.headers


def test_of_two_wrong_system_parameters_the_first_of_googles_order_is_told(house: Setup) -> None:
    """$.xgafv is looked at before everything, alt before the credential, the credential before the rest."""
    both = house.server.call(b"{", query="alt=xml&$.xgafv=3")
    alt = house.server.call(b"{", query="alt=xml")
    stranger = house.server.call(b"{", query="alt=media&fields=nope")
    media = house.server.call(b"{", key=KEY, query="alt=media")

    assert both.json["error"]["message"] == (
        "Invalid query parameters. Invalid value '3' for system query parameter : $.xgafv"
    )
    assert (alt.status, alt.reasons[0]) == (400, "ALT_INVALID")
    assert (stranger.status, stranger.reasons[0]) == (403, "CREDENTIAL_MISSING")
    assert (
        media.json["error"]["message"]
        == 'Unsupported alt type "media" for non byte stream request.'
    )


def test_both_formats_of_errors(house: Setup) -> None:
    """Callers that use Google's discovery libraries see ``errors``, others do not."""
    plain = house.request_sync("nobody").json["error"]
    asked = house.server.call(_body("nobody"), key=KEY, query="$.xgafv=1").json["error"]
    library = house.server.call(
        _body("nobody"), key=KEY, headers={"X-Goog-Api-Client": "gl-node/20 gdcl/7.2.0"}
    ).json["error"]

    assert "errors" not in plain
    assert asked["errors"] == library["errors"]
    assert asked["errors"] == [
        {
            "message": "Requested entity was not found.",
            "domain": "global",
            "reason": "notFound",
        }
    ]
    assert list(asked) == ["code", "message", "errors", "status", "details"]


@pytest.fixture(scope="module")
def html(shared_cloud: ScriptedFulfillment, shared_start: Any) -> Server:
    """A server that answers unknown paths as Google does."""
    return Setup.up(shared_cloud, _named(shared_start, "html"), server={"json_404": False}).server


def _named(start: Any, name: str) -> Any:
    return lambda config: start(config, name=name)


def _body(agent_user_id: str) -> bytes:
    return json.dumps({"agentUserId": agent_user_id}).encode()
