"""The sample cloud by itself, over a real socket: whatever a Home Graph, a browser or a stranger may ask of it."""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from collections.abc import Awaitable, Callable, Iterator
from itertools import count
from typing import Any
from urllib.parse import parse_qs, quote_plus, urlencode, urlsplit

import pytest

from homegraph import lint
from homegraph.client.awaiting import AsyncTransport
from homegraph.client.calls import Request, Response
from homegraph.demo.cloud import forms
from homegraph.demo.cloud.accounts import FAILURES_MAX
from homegraph.demo.cloud.app import DeviceCloud
from homegraph.demo.cloud.config import Config
from homegraph.demo.cloud.devices import Device
from homegraph.demo.cloud.homes import DEVICES_MAX
from homegraph.demo.serving import opened
from homegraph.demo.stage import calling
from homegraph.wire.authorization import challenge
from homegraph.wire.intents import read_device, read_sync_reply, sync_request
from homegraph.wire.oauth import code_request, read_token_reply, refresh_request

JSON = ("content-type", "application/json")
FORM = ("content-type", "application/x-www-form-urlencoded")
URI = "https://home.example/r/acme"
WITH_QUERY = f"{URI}?tenant=1"
CLIENT = {"client_id": "https://home.example/a", "client_secret": "a/+=%&ü"}
BASIC = b64encode(":".join(map(quote_plus, CLIENT.values())).encode()).decode()
ADA = {"name": "ada", "password": "analytical", "decision": "allow"}
VERIFIER = "v" * 43
ASKED = {
    "client_id": CLIENT["client_id"],
    "redirect_uri": URI,
    "response_type": "code",
    "state": "s/t?a&t=e",
    "user_locale": "en-US",
    "code_challenge": challenge(VERIFIER),
    "code_challenge_method": "S256",
}


class Caller:
    """Asks a cloud."""

    def __init__(self, url: str, http: AsyncTransport, token: str) -> None:
        self.url = url
        self.http = http
        self.token = token

    async def get(self, path: str) -> Response:
        return await self.http.send(Request("GET", self.url + path, (), b"", 10))

    async def post(
        self, path: str, body: bytes = b"", headers: tuple[tuple[str, str], ...] = ()
    ) -> Response:
        return await self.http.send(Request("POST", self.url + path, headers, body, 10))

    # --- a browser -------------------------------------------------------------------------------------------

    async def sign_in(self, form: dict[str, str] = ADA, **asked: str) -> Response:
        query = urlencode({**ASKED, **asked})
        return await self.post(f"/authorize?{query}", urlencode(form).encode(), (FORM,))

    async def code(self, **asked: str) -> str:
        answer = await self.sign_in(**asked)
        assert answer.status == 303, answer.body
        return came_back(answer)["code"]

    # --- a Home Graph ----------------------------------------------------------------------------------------

    async def exchange(
        self, code: str, uri: str = URI, verifier: str = VERIFIER, auth: str = "body", **client: str
    ) -> Response:
        headers, body = code_request(
            code,
            redirect_uri=uri,
            verifier=verifier,
            client_auth=auth,
            **{**CLIENT, **client},
        )
        return await self.post("/token", body, headers)

    async def refresh(self, token: str, auth: str = "body", **client: str) -> Response:
        headers, body = refresh_request(token, client_auth=auth, **{**CLIENT, **client})
        return await self.post("/token", body, headers)

    async def sync(self, token: str | None = None) -> Response:
        return await self.raw(sync_request("16262011330654446620"), token)

    async def intent(self, name: str, payload: Any = None) -> Any:
        given: dict[str, Any] = {"intent": f"action.devices.{name}"}
        if payload is not None:
            given["payload"] = payload
        body = json.dumps({"requestId": "7", "inputs": [given]}).encode()
        answer = await self.raw(body)
        assert answer.status == 200
        return json.loads(answer.body)

    async def execute(self, device: str, command: str, **more: Any) -> Any:
        execution = {"command": f"action.devices.commands.{command}", **more}
        commands = [{"devices": [{"id": device}], "execution": [execution]}]
        answer = await self.intent("EXECUTE", {"commands": commands})
        return answer["payload"]["commands"][0]

    async def raw(self, body: bytes, token: str | None = None) -> Response:
        bearer = f"Bearer {self.token if token is None else token}"
        return await self.post("/smarthome", body, (JSON, ("authorization", bearer)))


def came_back(answer: Response) -> dict[str, str]:
    """The parameters that the browser brings back, which must be sent to the right place."""
    target = answer.headers["location"]
    assert target.startswith(f"{URI}?")
    return {name: values[0] for name, values in parse_qs(urlsplit(target).query).items()}


Question = Callable[[Caller], Awaitable[Any]]


class Open:
    """A cloud that can be asked, for the length of a test. Its time stands still; ``arrived`` lets slow devices arrive."""

    def __init__(self) -> None:
        made = count(1)
        self.now = 0.0
        self.arrived = asyncio.Event()
        self.cloud = DeviceCloud(
            Config(CLIENT["client_id"], CLIENT["client_secret"], frozenset({URI, WITH_QUERY})),
            secret=lambda: f"secret-{next(made)}",
            now=lambda: self.now,
            arrival=self.arrived.wait,
        )
        self.home = self.cloud.homes["user-1"]

    def ask(self, question: Question) -> Any:
        """Run ``question(caller)`` against the cloud; the caller has a token of user-1."""
        grants = self.cloud.grants
        tokens = grants.redeem(grants.issue_code("user-1", URI, ""), URI, "")

        async def asked() -> Any:
            async with opened(self.cloud) as url, calling(url) as http:
                return await question(Caller(url, http, tokens.access))

        return asyncio.run(asked())


@pytest.fixture
def at() -> Iterator[Open]:
    """A fresh cloud."""
    return Open()


# --- the four intents ------------------------------------------------------------------------------------------------


def test_sync_is_answered_with_the_full_list(at: Open) -> None:
    """The requestId is echoed, the agent user named, and every device is there as it is now."""
    at.home.add(Device("plug", "OUTLET", "Plug", ["OnOff"], {"on": True}))
    at.home.rename("heater", "Bath heater")
    at.home.teach("vacuum", "Locator")
    at.home.remove("blind")
    answer = at.ask(lambda caller: caller.sync())
    reply = read_sync_reply(answer.body)
    devices = {device.id: device for device in map(read_device, reply.devices)}

    assert (answer.status, reply.request_id) == (200, "16262011330654446620")
    assert reply.agent_user_id == "user-1"
    assert list(devices) == ["lamp", "freezer", "heater", "door", "fan", "air", "vacuum", "plug"]
    assert devices["heater"].name == "Bath heater"
    assert devices["vacuum"].traits[-1] == "action.devices.traits.Locator"


def test_nothing_is_found_wrong_with_its_answers(at: Open) -> None:
    """A sample is what others copy: SYNC, QUERY and EXECUTE are in order. That blinds are slow is only remarked."""

    async def asked(caller: Caller) -> list[Any]:
        sync = json.loads((await caller.sync()).body)
        ids = [{"id": device["id"]} for device in sync["payload"]["devices"]]
        assert len(ids) == 8
        query = await caller.intent("QUERY", {"devices": ids})
        told = [
            ("OnOff", "lamp", {"on": True}),
            ("OpenClose", "blind", {"openPercent": 0}),
            ("LockUnlock", "door", {"lock": False}),
            ("StartStop", "vacuum", {"start": True}),
        ]
        found = [*lint(sync), *lint(query, devices=sync)]
        for command, device, params in told:
            name = f"action.devices.commands.{command}"
            executions = [{"command": name, "params": params}]
            group = {"devices": [{"id": device}], "execution": executions}
            done = await caller.intent("EXECUTE", {"commands": [group]})
            found += lint(done, devices=sync, command=name)
        return [one.rule for one in found]

    assert at.ask(asked) == ["execute-pending"]


@pytest.mark.parametrize("token", ["", "secret-2", "secret-1.secret-9", "caf\xe9"])
def test_a_wrong_token_is_401_whatever_the_body(at: Open, token: str) -> None:
    """The bearer is looked at before anything else, and no device is told."""
    answer = at.ask(lambda caller: caller.raw(b"garbage", token))

    assert (answer.status, answer.body) == (401, b'{"error":"invalid_token"}')
    assert at.home.syncs == 0


@pytest.mark.parametrize(
    "body", [b"", b"garbage", b"[]", b'{"requestId":"1","inputs":[]}', b'{"inputs":[{}]}']
)
def test_what_is_no_intent_is_400(at: Open, body: bytes) -> None:
    """Nothing is guessed."""
    assert at.ask(lambda caller: caller.raw(body)).status == 400


@pytest.mark.parametrize("path", ["/smarthome", "/token", "/revoke", "/authorize"])
def test_a_body_without_end_is_refused(
    at: Open, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """More than the bound is not read."""
    monkeypatch.setattr(forms, "BODY_MAX_BYTES", 10)
    target = f"{path}?{urlencode(ASKED)}"

    async def asked(caller: Caller) -> int:
        bearer = ("authorization", f"Bearer {caller.token}")
        headers = (bearer,) if path == "/smarthome" else ()
        return (await caller.post(target, b"x" * 11, headers)).status

    assert at.ask(asked) == 413


def test_query_tells_states(at: Open) -> None:
    """By device; one that does not exist is an error of its own."""
    asked = {"devices": [{"id": "freezer"}, {"id": "gone"}]}

    assert at.ask(lambda caller: caller.intent("QUERY", asked)) == {
        "requestId": "7",
        "payload": {
            "devices": {
                "freezer": {"online": True, "status": "SUCCESS", "on": True},
                "gone": {"online": False, "status": "ERROR", "errorCode": "deviceNotFound"},
            }
        },
    }


def test_execute_changes_states(at: Open) -> None:
    """Every device of a group obeys every command in order, or says why not; QUERY sees it afterwards."""
    commands = [
        {
            "devices": [{"id": "lamp"}, {"id": "air"}, {"id": "gone"}],
            "execution": [
                {"command": "action.devices.commands.OnOff", "params": {"on": True}},
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
    lamp = {"online": True, "on": True, "brightness": 5, "color": {"temperatureK": 2700}}
    assert done["payload"]["commands"] == [
        {"ids": ["lamp"], "status": "SUCCESS", "states": lamp},
        {"ids": ["air"], "status": "ERROR", "errorCode": "functionNotSupported"},
        {"ids": ["gone"], "status": "ERROR", "errorCode": "deviceNotFound"},
    ]
    assert after["payload"]["devices"]["lamp"] == {"status": "SUCCESS", **lamp}


def test_a_door_is_unlocked_by_its_pin(at: Open) -> None:
    """Asked for, asked for again, and then it opens; locking needs none."""

    async def asked(caller: Caller) -> list[Any]:
        tries: list[dict[str, Any]] = [
            {},
            {"challenge": {"pin": "1"}},
            {"challenge": {"pin": "1234"}},
        ]
        answers = [
            await caller.execute("door", "LockUnlock", params={"lock": False}, **one)
            for one in tries
        ]
        return [*answers, await caller.execute("door", "LockUnlock", params={"lock": True})]

    first, second, third, last = at.ask(asked)
    assert first == {
        "ids": ["door"],
        "status": "ERROR",
        "errorCode": "challengeNeeded",
        "challengeNeeded": {"type": "pinNeeded"},
    }
    assert second["challengeNeeded"] == {"type": "challengeFailedPinNeeded"}
    assert (third["status"], third["states"]["isLocked"]) == ("SUCCESS", False)
    assert (last["status"], last["states"]["isLocked"]) == ("SUCCESS", True)


class HomeGraph:
    """Hears what the cloud reports."""

    def __init__(self) -> None:
        self.reports: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def report_state(self, agent_user_id: str, states: Any, *, notifications: Any) -> None:
        devices = {"states": states} | ({"notifications": notifications} if notifications else {})
        self.reports.put_nowait({"agentUserId": agent_user_id, "payload": {"devices": devices}})


def test_a_slow_device_is_pending_until_it_has_arrived(at: Open) -> None:
    """Nothing is known of the new place before. A second command replaces the first, and its outcome is recognized by its token."""
    home_graph = HomeGraph()
    at.cloud.introduce(home_graph)  # type: ignore[arg-type]

    async def asked(caller: Caller) -> tuple[list[Any], Any, Any, Any]:
        sync = json.loads((await caller.sync()).body)
        params = [
            {"openPercent": percent, "followUpToken": token}
            for percent, token in ((0, "a"), (40, "b"))
        ]
        pending = [await caller.execute("blind", "OpenClose", params=one) for one in params]
        before = at.home.devices["blind"].states()
        at.arrived.set()
        async with asyncio.timeout(20):
            return pending, before, await home_graph.reports.get(), sync

    pending, before, report, sync = at.ask(asked)
    assert [one["status"] for one in pending] == ["PENDING", "PENDING"]
    assert before == {"online": True, "openPercent": 100}
    told = {"status": "SUCCESS", "followUpToken": "b", "openPercent": 40}
    assert report["payload"]["devices"] == {
        "states": {"blind": {"online": True, "openPercent": 40}},
        "notifications": {"blind": {"OpenClose": {"priority": 0, "followUpResponse": told}}},
    }
    assert lint(report, intent="report", devices=sync) == []
    assert home_graph.reports.empty()


def test_an_unknown_intent_is_an_error_in_a_good_answer(at: Open) -> None:
    """The id is echoed all the same."""
    answer = at.ask(lambda caller: caller.intent("DANCE"))

    assert answer == {"requestId": "7", "payload": {"errorCode": "notSupported"}}


def test_disconnect_ends_what_was_issued(at: Open) -> None:
    """The user has unlinked this Home Graph; another one that he has linked goes on."""

    async def asked(caller: Caller) -> tuple[Any, list[int]]:
        other = read_token_reply(200, (await caller.exchange(await caller.code())).body)
        gone = await caller.intent("DISCONNECT")
        return gone, [(await caller.sync(token)).status for token in (None, other.access_token)]

    assert at.ask(asked) == ({}, [401, 200])


# --- signing in ------------------------------------------------------------------------------------------------------


def test_a_person_signs_in_and_goes_back_with_a_code(at: Open) -> None:
    """The page says who asks and where it leads; nobody may keep or frame it; the state comes back as it was."""

    async def asked(caller: Caller) -> tuple[Response, Response]:
        return await caller.get(f"/authorize?{urlencode(ASKED)}"), await caller.sign_in()

    page, answer = at.ask(asked)
    assert page.status == 200
    assert b"<h1>Sign in</h1>" in page.body
    assert b"home.example" in page.body
    assert page.headers["cache-control"] == "no-store"
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert answer.status == 303
    assert came_back(answer) == {"code": came_back(answer)["code"], "state": "s/t?a&t=e"}


def test_whoever_does_not_agree_goes_back_without_a_code(at: Open) -> None:
    """Also without having signed in."""
    answer = at.ask(lambda caller: caller.sign_in({"decision": "deny"}))

    assert came_back(answer) == {"error": "access_denied", "state": "s/t?a&t=e"}


def test_a_wrong_password_is_asked_for_again(at: Open) -> None:
    """What was typed as a name is shown escaped; nobody learns whether there is such a name."""

    async def asked(caller: Caller) -> list[Response]:
        names = ("ada", '"><script>', "")
        return [await caller.sign_in({**ADA, "name": one, "password": "x"}) for one in names]

    answers = at.ask(asked)
    assert [answer.status for answer in answers] == [403, 403, 403]
    assert all(b"Name or password is wrong." in answer.body for answer in answers)
    assert not any(b"<script>" in answer.body for answer in answers)


@pytest.mark.parametrize("name", ["ada", "nobody"])
def test_a_password_cannot_be_guessed(at: Open, name: str) -> None:
    """After some wrong ones even the right one is refused; a name that nobody has is refused in the same words."""

    async def asked(caller: Caller) -> list[tuple[int, bool]]:
        tries = [{**ADA, "name": name, "password": "x"}] * FAILURES_MAX
        bob = {**ADA, "name": "bob", "password": "builder"}
        answers = [await caller.sign_in(form) for form in (*tries, {**ADA, "name": name}, bob)]
        at.now += 61
        answers.append(await caller.sign_in())
        return [(answer.status, b"Too many" in answer.body) for answer in answers]

    wrong = [(403, False)] * FAILURES_MAX
    assert at.ask(asked) == [*wrong, (403, True), (303, False), (303, False)]


@pytest.mark.parametrize(
    "wrong",
    [
        {"client_id": "somebody"},
        {"redirect_uri": URI + "/"},
        {"redirect_uri": "https://thief.example/"},
        {"redirect_uri": ""},
    ],
)
def test_nobody_is_sent_to_strangers(at: Open, wrong: dict[str, str]) -> None:
    """An unknown client or redirect URI ends on a page, however right the password is."""
    answer = at.ask(lambda caller: caller.sign_in(**wrong))

    assert answer.status == 400
    assert "location" not in answer.headers
    assert b"This link does not work" in answer.body


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge": ""}, "invalid_request"),
    ],
)
def test_what_is_not_offered_goes_back_as_an_error(
    at: Open, wrong: dict[str, str], error: str
) -> None:
    """To the client, which can tell its developer."""
    back = came_back(at.ask(lambda caller: caller.sign_in(**wrong)))

    assert (back["error"], back["state"]) == (error, "s/t?a&t=e")
    assert "code" not in back


def test_a_parameter_that_stands_twice_is_refused(at: Open) -> None:
    """Two servers may read two values of it; in the form it is asked for again."""
    query = urlencode([*ASKED.items(), ("redirect_uri", "https://thief.example/")])

    async def asked(caller: Caller) -> list[int]:
        twice = urlencode([*ADA.items(), ("name", "bob")]).encode()
        form = await caller.post(f"/authorize?{urlencode(ASKED)}", twice, (FORM,))
        return [(await caller.get(f"/authorize?{query}")).status, form.status]

    assert at.ask(asked) == [400, 403]


def test_without_a_state_none_comes_back(at: Open) -> None:
    """A redirect URI with a query keeps it."""
    no = {"decision": "deny"}
    answer = at.ask(lambda caller: caller.sign_in(no, state="", redirect_uri=WITH_QUERY))

    assert answer.headers["location"] == f"{WITH_QUERY}&error=access_denied"


# --- the token endpoint ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("auth", ["body", "basic"])
def test_a_code_is_exchanged_and_a_token_refreshed(at: Open, auth: str) -> None:
    """The client shows its secret in the form or by Basic, odd characters and all. Whose devices they are, the token tells."""

    async def asked(caller: Caller) -> tuple[Response, Response, bytes]:
        code = await caller.code()
        first = await caller.exchange(code, auth=auth)
        second = await caller.refresh(json.loads(first.body)["refresh_token"], auth)
        fresh = read_token_reply(second.status, second.body).access_token
        return first, second, (await caller.sync(fresh)).body

    first, second, sync = at.ask(asked)
    assert (first.status, second.status) == (200, 200)
    tokens, fresh = json.loads(first.body), json.loads(second.body)
    assert tokens.keys() == {"token_type", "access_token", "refresh_token", "expires_in"}
    assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", 900)
    assert not set(tokens.values()) & {fresh["access_token"], fresh["refresh_token"]}
    assert first.headers["cache-control"] == "no-store"
    assert read_sync_reply(sync).agent_user_id == "user-1"


def test_two_users_have_two_homes(at: Open) -> None:
    """Bob's token opens Bob's home, and nothing of Ada's."""

    async def asked(caller: Caller) -> bytes:
        answer = await caller.sign_in({**ADA, "name": "bob", "password": "builder"})
        tokens = await caller.exchange(came_back(answer)["code"])
        return (await caller.sync(json.loads(tokens.body)["access_token"])).body

    reply = read_sync_reply(at.ask(asked))
    assert reply.agent_user_id == "user-2"
    assert [read_device(device).id for device in reply.devices] == ["lamp"]


@pytest.mark.parametrize("auth", ["body", "basic"])
@pytest.mark.parametrize("wrong", [{"client_id": "somebody"}, {"client_secret": "guessed"}])
def test_another_client_is_refused_and_the_code_is_still_good(
    at: Open, auth: str, wrong: dict[str, str]
) -> None:
    """Who asks is looked at before what for; whoever is refused costs the client nothing."""

    async def asked(caller: Caller) -> tuple[Response, int]:
        code = await caller.code()
        return await caller.exchange(code, auth=auth, **wrong), (await caller.exchange(code)).status

    refused, afterwards = at.ask(asked)
    assert (refused.status, json.loads(refused.body)["error"]) == (401, "invalid_client")
    assert "basic" in refused.headers["www-authenticate"].lower()
    assert afterwards == 200


@pytest.mark.parametrize(
    ("form", "header", "error"),
    [
        ({**CLIENT, "grant_type": "password"}, "", "unsupported_grant_type"),
        ({**CLIENT, "grant_type": "authorization_code", "code": "x"}, "", "invalid_grant"),
        ({**CLIENT, "grant_type": "refresh_token"}, "", "invalid_grant"),
        ({**CLIENT, "grant_type": "refresh_token"}, "Basic YTpi", "invalid_request"),
        ({}, "Basic ???", "invalid_client"),
        ({}, "Basic \xe9", "invalid_client"),
        ({}, f"Basic {BASIC[:8]}!{BASIC[8:]}", "invalid_client"),
        ({}, "Bearer abc", "invalid_client"),
        ({}, "", "invalid_client"),
        ({str(n): "" for n in range(60)}, "", "invalid_request"),
    ],
)
def test_what_is_wrong_with_a_token_request_is_said(
    at: Open, form: dict[str, str], header: str, error: str
) -> None:
    """In the words of RFC 6749."""
    headers = (FORM, ("authorization", header)) if header else (FORM,)
    answer = at.ask(lambda caller: caller.post("/token", urlencode(form).encode(), headers))

    assert json.loads(answer.body)["error"] == error
    assert answer.status == (401 if error == "invalid_client" else 400)


def test_a_token_is_revoked(at: Open) -> None:
    """Either kind ends the grant; what is not known is answered alike; a stranger revokes nothing."""

    async def revoke(caller: Caller, token: str, **client: str) -> int:
        form = urlencode({**CLIENT, "token": token, **client})
        return (await caller.post("/revoke", form.encode(), (FORM,))).status

    async def asked(caller: Caller) -> tuple[list[int], list[int], int]:
        tokens = json.loads((await caller.exchange(await caller.code())).body)
        access, token = tokens["access_token"], tokens["refresh_token"]
        statuses = [
            await revoke(caller, token, client_secret="guessed"),
            await revoke(caller, "unknown"),
            await revoke(caller, ""),
        ]
        synced = [(await caller.sync(access)).status]
        statuses.append(await revoke(caller, token))
        synced.append((await caller.sync(access)).status)
        return statuses, synced, (await caller.refresh(token)).status

    assert at.ask(asked) == ([401, 200, 400, 200], [200, 401], 400)


# --- the playground --------------------------------------------------------------------------------------------------


def test_the_page_lists_devices_and_their_states(at: Open) -> None:
    """For people, without a token and without showing one."""

    async def asked(caller: Caller) -> tuple[Response, Response, Response]:
        paths = ("/", "/?user=user-2", "/?user=nobody")
        first, second, third = [await caller.get(path) for path in paths]
        return first, second, third

    first, second, third = at.ask(asked)
    page = json.loads(first.body)
    assert (first.status, page["agentUserId"]) == (200, "user-1")
    assert page["devices"][1]["id"] == "freezer"
    assert page["devices"][1]["state"] == {"on": True}
    assert b"secret" not in first.body
    assert json.loads(second.body)["agentUserId"] == "user-2"
    assert third.status == 404


def test_whoever_tries_it_can_add_devices_and_press_buttons(at: Open) -> None:
    """By name, up to a bound; names that nobody could speak are refused, and so are buttons that are not there."""

    async def asked(caller: Caller) -> tuple[list[int], list[int]]:
        names = ["Pump", "Lamp%20two", "", "%1B[2J", "x" * 61, "Pump&user=nobody"]
        added = [(await caller.post(f"/devices?name={name}")).status for name in names]
        for n in range(DEVICES_MAX):
            at.home.add(Device(f"more-{n}", "OUTLET", "More", ["OnOff"], {"on": False}))
        added.append((await caller.post("/devices?name=Pump")).status)
        paths = ["lamp/toggle", "air/toggle", "gone/toggle", "lamp/toggle?user=nobody"]
        pressed = [(await caller.post(f"/devices/{path}")).status for path in paths]
        return added, pressed

    assert at.ask(asked) == ([201, 201, 400, 400, 400, 404, 409], [200, 404, 404, 404])
    assert [at.home.devices[name].name for name in ("outlet-1", "outlet-2")] == ["Pump", "Lamp two"]
    assert at.home.devices["lamp"].state["on"] is True
