"""The demo's device cloud by itself, over a real socket: whatever a Home Graph may ask of a fulfillment."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from homegraph.client.calls import Request
from homegraph.client.transport import AsyncTransport
from homegraph.demo import cloud as clouds
from homegraph.demo.cloud import CLIENT_ID, DEVICES_MAX, DeviceCloud, opened
from homegraph.demo.stage import calling
from homegraph.demo.virtual import VirtualDevice
from homegraph.wire.intents import read_device, read_sync_reply, sync_request
from homegraph.wire.oauth import read_token_reply, refresh_request

JSON = ("content-type", "application/json")


class Caller:
    """Asks a cloud; every method returns the status and the body."""

    def __init__(self, url: str, http: AsyncTransport, token: str) -> None:
        self.url = url
        self.http = http
        self.token = token

    async def get(self, path: str) -> tuple[int, Any]:
        answer = await self.http.send(Request("GET", self.url + path, (), b"", 10))
        return answer.status, json.loads(answer.body)

    async def post(
        self, path: str, body: bytes, headers: tuple[tuple[str, str], ...]
    ) -> tuple[int, bytes]:
        answer = await self.http.send(Request("POST", self.url + path, headers, body, 10))
        return answer.status, answer.body

    async def sync(self, token: str | None = None) -> tuple[int, bytes]:
        return await self.raw(sync_request("16262011330654446620"), token)

    async def intent(self, name: str, payload: Any = None) -> Any:
        given: dict[str, Any] = {"intent": f"action.devices.{name}"}
        if payload is not None:
            given["payload"] = payload
        body = json.dumps({"requestId": "7", "inputs": [given]}).encode()
        status, answer = await self.raw(body)
        assert status == 200
        return json.loads(answer)

    async def raw(self, body: bytes, token: str | None = None) -> tuple[int, bytes]:
        bearer = f"Bearer {self.token if token is None else token}"
        return await self.post("/smarthome", body, (JSON, ("authorization", bearer)))

    async def refresh(self, **changed: str) -> tuple[int, bytes]:
        given = {
            "token": "secret-2",
            "client_id": CLIENT_ID,
            "client_secret": "secret-1",
            **changed,
        }
        headers, body = refresh_request(
            given["token"],
            client_id=given["client_id"],
            client_secret=given["client_secret"],
            client_auth="body",
        )
        return await self.post("/token", body, headers)


class Open:
    """A cloud that can be asked, for the length of a test."""

    def __init__(self) -> None:
        made = iter(range(1, 1000))
        self.cloud = DeviceCloud(lambda: f"secret-{next(made)}")

    def ask(self, question: Any) -> Any:
        """Run ``question(caller)`` against the cloud."""

        async def asked() -> Any:
            async with opened(self.cloud) as url, calling(url) as http:
                return await question(Caller(url, http, self.cloud.access_token))

        return asyncio.run(asked())


@pytest.fixture
def at() -> Iterator[Open]:
    """A fresh cloud."""
    return Open()


def test_sync_is_answered_with_the_full_list(at: Open) -> None:
    """The requestId is echoed, the agent user named, and every device is there as it is now."""
    at.cloud.add(VirtualDevice("plug", "OUTLET", "Plug", ["OnOff"], {"on": True}))
    at.cloud.rename("heater", "Bath heater")
    at.cloud.add_trait("lamp", "ColorSetting", attributes={"colorModel": "rgb"}, state={})
    at.cloud.remove("blind")
    status, body = at.ask(lambda caller: caller.sync())
    reply = read_sync_reply(body)
    devices = {device.id: device for device in map(read_device, reply.devices)}

    assert (status, reply.request_id, reply.agent_user_id) == (
        200,
        "16262011330654446620",
        "user-1",
    )
    assert list(devices) == ["lamp", "heater", "plug"]
    assert devices["heater"].name == "Bath heater"
    assert devices["lamp"].traits[-1] == "action.devices.traits.ColorSetting"
    assert devices["lamp"].members["attributes"] == {"colorModel": "rgb"}


@pytest.mark.parametrize("token", ["", "secret-2", "secret-9", "caf\xe9"])
def test_a_wrong_token_is_401_whatever_the_body(at: Open, token: str) -> None:
    """The bearer is looked at before anything else, and no device is told."""
    assert at.ask(lambda caller: caller.raw(b"garbage", token)) == (
        401,
        b'{"error":"invalid_token"}',
    )
    assert at.cloud.syncs == 0


@pytest.mark.parametrize(
    "body", [b"", b"garbage", b"[]", b'{"requestId":"1","inputs":[]}', b'{"inputs":[{}]}']
)
def test_what_is_no_intent_is_400(at: Open, body: bytes) -> None:
    """Nothing is guessed."""
    status, _ = at.ask(lambda caller: caller.raw(body))

    assert status == 400


def test_a_body_without_end_is_refused(at: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than the bound is not read."""
    monkeypatch.setattr(clouds, "BODY_MAX_BYTES", 10)
    status, _ = at.ask(lambda caller: caller.sync())

    assert status == 413


def test_query_tells_states(at: Open) -> None:
    """By device; one that does not exist is an error of its own."""
    asked = {"devices": [{"id": "lamp"}, {"id": "gone"}]}

    assert at.ask(lambda caller: caller.intent("QUERY", asked)) == {
        "requestId": "7",
        "payload": {
            "devices": {
                "lamp": {"online": True, "status": "SUCCESS", "on": True, "brightness": 60},
                "gone": {"online": False, "status": "ERROR", "errorCode": "deviceNotFound"},
            }
        },
    }


def test_execute_changes_states(at: Open) -> None:
    """Every device of a group obeys every command in order, or says why not; QUERY sees it afterwards."""
    commands = [
        {
            "devices": [{"id": "lamp"}, {"id": "blind"}, {"id": "gone"}],
            "execution": [
                {"command": "action.devices.commands.OnOff", "params": {"on": False}},
                {
                    "command": "action.devices.commands.BrightnessAbsolute",
                    "params": {"brightness": 5},
                },
            ],
        }
    ]

    async def asked(caller: Caller) -> tuple[Any, Any]:
        done = await caller.intent("EXECUTE", {"commands": commands})
        return done, await caller.intent("QUERY", {"devices": [{"id": "lamp"}]})

    done, after = at.ask(asked)
    lamp = {"online": True, "on": False, "brightness": 5}
    assert done["payload"]["commands"] == [
        {"ids": ["lamp"], "status": "SUCCESS", "states": lamp},
        {"ids": ["blind"], "status": "ERROR", "errorCode": "functionNotSupported"},
        {"ids": ["gone"], "status": "ERROR", "errorCode": "deviceNotFound"},
    ]
    assert after["payload"]["devices"]["lamp"] == {"status": "SUCCESS", **lamp}


def test_an_unknown_intent_is_an_error_in_a_good_answer(at: Open) -> None:
    """The id is echoed all the same."""
    answer = at.ask(lambda caller: caller.intent("DANCE"))

    assert answer == {"requestId": "7", "payload": {"errorCode": "notSupported"}}


def test_disconnect_ends_every_token(at: Open) -> None:
    """The user has unlinked: nobody gets anything for what was issued for him."""

    async def asked(caller: Caller) -> tuple[Any, int, tuple[int, bytes]]:
        gone = await caller.intent("DISCONNECT")
        status, _ = await caller.sync()
        return gone, status, await caller.refresh()

    assert at.ask(asked) == ({}, 401, (400, b'{"error":"invalid_grant"}'))


def test_a_refresh_brings_another_token_and_keeps_the_one_before(at: Open) -> None:
    """Whoever was interrupted between hearing of a token and storing it is not locked out."""

    async def asked(caller: Caller) -> tuple[str, list[int]]:
        fresh = read_token_reply(*await caller.refresh()).access_token
        return fresh, [(await caller.sync(token))[0] for token in (caller.token, fresh)]

    fresh, statuses = at.ask(asked)
    assert fresh not in {"secret-1", "secret-2", "secret-3"}
    assert statuses == [200, 200]


def test_tokens_that_have_ended_come_back_by_a_refresh(at: Open) -> None:
    """A 401, a refresh, a 200: what a Home Graph goes through."""
    at.cloud.expire_tokens()

    async def asked(caller: Caller) -> tuple[int, int]:
        before, _ = await caller.sync()
        fresh = read_token_reply(*await caller.refresh()).access_token
        after, _ = await caller.sync(fresh)
        return before, after

    assert at.ask(asked) == (401, 200)


@pytest.mark.parametrize(
    ("wrong", "answer"),
    [
        ({"token": "secret-3"}, (400, b'{"error":"invalid_grant"}')),
        ({"client_id": "somebody"}, (401, b'{"error":"invalid_client"}')),
        ({"client_secret": "guessed"}, (401, b'{"error":"invalid_client"}')),
    ],
)
def test_a_refresh_is_refused(at: Open, wrong: dict[str, str], answer: tuple[int, bytes]) -> None:
    """As OAuth wants it: who asks is looked at before what for."""
    assert at.ask(lambda caller: caller.refresh(**wrong)) == answer


@pytest.mark.parametrize("form", [{}, {"grant_type": "authorization_code", "code": "x"}])
def test_other_grants_are_not_offered(at: Open, form: dict[str, str]) -> None:
    """Accounts are not linked here, but adopted."""
    kind = (("content-type", "application/x-www-form-urlencoded"),)
    status, body = at.ask(lambda caller: caller.post("/token", urlencode(form).encode(), kind))

    assert (status, body) == (400, b'{"error":"unsupported_grant_type"}')


def test_the_page_lists_devices_and_their_states(at: Open) -> None:
    """For people, without a token and without showing one."""
    status, page = at.ask(lambda caller: caller.get("/"))

    assert (status, page["agentUserId"]) == (200, "user-1")
    assert [device["id"] for device in page["devices"]] == ["lamp", "heater", "blind"]
    assert page["devices"][0]["state"] == {"on": True, "brightness": 60}
    assert "secret" not in json.dumps(page)


def test_whoever_tries_the_demo_can_add_devices(at: Open) -> None:
    """By name, up to a bound; names that nobody could speak are refused."""

    async def asked(caller: Caller) -> list[int]:
        names = ["Fan", "Lamp%20two", "", "%1B[2J", "x" * 61]
        statuses = [(await caller.post(f"/devices?name={name}", b"", ()))[0] for name in names]
        for n in range(DEVICES_MAX):
            at.cloud.add(VirtualDevice(f"more-{n}", "OUTLET", "More", ["OnOff"], {"on": False}))
        return [*statuses, (await caller.post("/devices?name=Fan", b"", ()))[0]]

    assert at.ask(asked) == [201, 201, 400, 400, 400, 409]
    assert [at.cloud.devices[name].name for name in ("outlet-1", "outlet-2")] == ["Fan", "Lamp two"]
