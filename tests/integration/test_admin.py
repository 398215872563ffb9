"""The admin API by real sockets: who is let in, what is refused, and that every call answers as its reference says.

docs/reference/http.md has an example for each call; here the real answers are held against them, member by member.
"""

import json
import re
import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from homegraph.service import doctor, reading
from homegraph.service.events import LinkChanged
from homegraph.service.interpreter import interpreter
from homegraph.settings.addresses import ListenAddress
from homegraph.settings.projects import LinkSettings, OAuthSettings, ProjectSettings
from homegraph.settings.secret import Secret
from homegraph.testing.fulfillment import Answer, Home, ScriptedFulfillment, lamp
from homegraph.web.admin import BODY_BYTES_MAX, ROUTES
from homegraph.web.app import build_app
from support.program import Program
from support.served import CALL, JSON, KEY, Served, an_integration, linked, settings_in

PAGE = (Path(__file__).parents[2] / "docs/reference/http.md").read_text()


@pytest.fixture(scope="module")
def cloud():
    """A device cloud with the user's home."""
    with ScriptedFulfillment() as scripted:
        yield scripted


@pytest.fixture(scope="module")
def served(cloud, tmp_path_factory):
    """A server with a linked user."""
    with linked(tmp_path_factory.mktemp("data"), cloud, allowed_hosts=("home.example",)) as running:
        yield running


@pytest.fixture
def token(served):
    """What the commands show."""
    return {"Authorization": f"Bearer {served.server.admin_token}"}


# --- the guard ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Bearer ", "Bearer wrong", "Basic {}", "{}", "Bearer {}x"]
)
@pytest.mark.parametrize("path", ["/-/api/status", "/-/api/nothing", "/-/", "/-/events"])
def test_without_the_token_nobody_is_let_in(served, path, authorization):
    """401 below /-/, whether or not there is something at the path."""
    headers = (
        {}
        if authorization is None
        else {"Authorization": authorization.format(served.server.admin_token)}
    )
    answer = served.send("GET", path, headers=headers)

    assert answer.status == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="homegraph"'
    assert answer.json["error"]["reason"] == "ADMIN_TOKEN_WRONG"
    assert served.server.admin_token not in answer.body.decode()


def test_the_token_is_taken_however_the_header_is_spelled(served):
    """The scheme in any case, blanks as they come."""
    headers = {"Authorization": f"  bearer   {served.server.admin_token} "}

    assert served.send("GET", "/-/api/status", headers=headers).status == 200


def test_a_server_without_a_token_lets_nobody_in(served):
    """An empty token is no token, so that a mistake at the start opens nothing."""
    sent = []

    async def send(message):
        sent.append(message)

    headers = [(b"host", b"localhost"), (b"authorization", b"Bearer ")]
    scope = {"type": "http", "method": "GET", "path": "/-/api/status", "query_string": b""}
    served.do(build_app(served.house, admin_token="")({**scope, "headers": headers}, None, send))

    assert sent[0]["status"] == 401


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST:4663",
        "127.0.0.1",
        "127.0.0.1:1",
        "[::1]",
        "[::1]:4663",
        "home.example",
    ],
)
def test_it_answers_to_its_own_names(served, token, host):
    """Loopback names with any port, and those of allowed_hosts."""
    assert served.send("GET", "/-/api/status", headers={**token, "Host": host}).status == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "192.0.2.1", "[2001:db8::1]:80", "[", ""]
)
def test_a_strange_host_is_refused_even_with_the_token(served, token, host):
    """A name that somebody else may own could bring a strange page here."""
    answer = served.send("GET", "/-/api/status", headers={**token, "Host": host})

    assert (answer.status, answer.json["error"]["reason"]) == (403, "HOST_REFUSED")


def test_the_host_is_looked_at_before_the_token(served):
    """A strange page learns nothing about the token."""
    assert served.send("GET", "/-/api/status", headers={"Host": "evil.example"}).status == 403


def test_a_call_without_a_host_is_refused(served):
    """HTTP/1.0 allows it; the guard does not."""
    parts = urlsplit(served.url)
    with socket.create_connection((parts.hostname, parts.port)) as wire:
        wire.sendall(
            f"GET /-/api/status HTTP/1.0\r\nAuthorization: Bearer {served.server.admin_token}\r\n\r\n".encode()
        )
        received = b"".join(iter(lambda: wire.recv(65536), b""))

    assert received.startswith(b"HTTP/1.1 403 ")


def test_on_all_networks_it_answers_to_any_address_and_to_no_strange_name(cloud, tmp_path):
    """An IP address as Host is no name that somebody else could own."""
    settings = settings_in(tmp_path, listen=ListenAddress("0.0.0.0", 0))
    with Served(settings) as served:
        answers = [
            served.admin("GET", "status", headers={"Host": host}).status
            for host in ("192.0.2.1:4663", "[2001:db8::1]", "evil.example")
        ]

    assert answers == [200, 200, 403]


def test_the_public_api_does_not_look_at_the_host(served):
    """Callers reach it by whatever name their proxy has."""
    answer = served.send(
        "POST",
        f"{CALL}?key={KEY}",
        headers={**JSON, "Host": "evil.example"},
        body=b'{"agentUserId": "user-1", "async": true}',
    )

    assert answer.status == 200


def test_no_page_of_another_site_may_read_an_answer(served, token):
    """There are no CORS headers, and a preflight is refused."""
    preflight = served.send(
        "OPTIONS",
        "/-/api/keys",
        headers={"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"},
    )
    answer = served.send("GET", "/-/api/status", headers={**token, "Origin": "http://evil.example"})

    assert preflight.status == 401
    assert not [name for name in (*preflight.headers, *answer.headers) if "access-control" in name]
    assert answer.headers["cache-control"] == "no-store"


# --- questions that cannot be ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("keys", "object missing required field `project`"),
        ("keys?project=", "project: expected `str` of length >= 1"),
        ("keys?project=acme&colour=red", "object contains unknown field `colour`"),
        ("runs?limit=0", "limit: expected `int` >= 1"),
        ("runs?limit=many", "limit: expected `int`, got `str`"),
        ("links?after=ann", "after: needs a project"),
    ],
)
def test_a_wrong_parameter_is_named(served, path, message):
    """400, and the message begins with the name of the parameter."""
    answer = served.admin("GET", path)

    assert (answer.status, answer.json["error"]["reason"]) == (400, "SETTINGS")
    assert answer.json["error"]["message"] == message


@pytest.mark.parametrize(
    ("path", "members", "message"),
    [
        ("keys", {"project": "acme", "expires_at": "soon"}, "expires_at: invalid RFC3339"),
        ("keys", {"project": "acme", "expires_at": "2030-01-01T00:00:00"}, "expires_at: expected"),
        ("keys", {"project": "acme", "methods": ["devices.fly"]}, "methods: there is no method"),
        ("keys", {"project": "acme", "addresses": ["here"]}, "addresses: 'here' does not appear"),
        ("keys", {"project": 1}, "project: expected `str`, got `int`"),
        ("keys", {"project": "acme", "colour": "red"}, "object contains unknown field `colour`"),
        (
            "devices/place",
            {"project": "acme", "agent_user": "user-1", "device": "lamp", "name": ""},
            "name: expected `str` of length >= 1",
        ),
        (
            "devices/place",
            {"project": "acme", "agent_user": "user-1", "device": "lamp", "room": "x" * 61},
            "room: expected `str` of length <= 60",
        ),
        (
            "devices/place",
            {"project": "acme", "agent_user": "user-1", "device": "lamp", "nicknames": ["a\nb"]},
            "nicknames[0]: expected `str` matching",
        ),
        (
            "devices/place",
            {"project": "acme", "agent_user": "user-1", "device": "lamp", "room": "Kitchen\n"},
            "room: expected `str` matching",
        ),
    ],
)
def test_a_wrong_member_is_named(served, path, members, message):
    """400, and the message begins with the name of the member."""
    answer = served.admin("POST", path, **members)

    assert answer.status == 400
    assert answer.json["error"]["message"].startswith(message)


@pytest.mark.parametrize(
    ("headers", "body", "message"),
    [
        ({}, b"{}", "Content-Type: must be application/json"),
        ({"Content-Type": "text/plain"}, b"{}", "Content-Type: must be application/json"),
        ({"Content-Type": "application/json; charset=utf-8"}, b"{", "body: is not JSON"),
        (JSON, b"", "body: is not JSON"),
        (JSON, b"\xff", "body: is not JSON"),
        (JSON, b"[" * 5_000, "expected `object`, got `array`"),
        (JSON, b"[]", "expected `object`, got `array`"),
        (JSON, b" " * (BODY_BYTES_MAX + 1), f"The body has more than {BODY_BYTES_MAX} bytes."),
    ],
)
def test_a_body_that_is_no_question_is_refused(served, token, headers, body, message):
    """Only bounded JSON counts, so that a form of another site cannot ask."""
    answer = served.send("POST", "/-/api/keys", headers={**token, **headers}, body=body)

    assert (answer.status, answer.json["error"]["message"]) == (400, message)


@pytest.mark.parametrize(
    ("method", "path", "members"),
    [
        ("GET", "nothing", {}),
        ("POST", "status", {}),
        ("DELETE", "keys", {}),
        ("GET", "projects/nobody", {}),
        ("GET", "projects/", {}),
        ("GET", "keys?project=nobody", {}),
        ("GET", "links?project=nobody", {}),
        ("GET", "link?project=acme&user=nobody", {}),
        ("GET", "devices?project=acme&agent_user=nobody", {}),
        ("GET", "device?project=acme&agent_user=user-1&id=nothing", {}),
        ("GET", "run?id=nothing", {}),
        ("POST", "keys", {"project": "nobody"}),
        ("POST", "keys/revoke", {"project": "acme", "id": "nothing"}),
        ("POST", "links/unlink", {"project": "acme", "user": "nobody"}),
        (
            "POST",
            "devices/place",
            {"project": "acme", "agent_user": "user-1", "device": "nothing", "room": "x"},
        ),
    ],
)
def test_what_does_not_exist_is_not_found(served, method, path, members):
    """404 with a sentence and a hint; an empty name is wrong rather than absent."""
    answer = served.admin(method, path, **members)
    error = answer.json["error"]

    assert answer.status == (400 if path == "projects/" else 404)
    assert error["message"]
    assert error["hint"]


def test_a_bug_is_told_in_the_log_only(served, monkeypatch, caplog):
    """The operator gets an id to look for."""

    async def broken(*_):
        raise RuntimeError("the driver's own words")

    monkeypatch.setattr(doctor, "readiness", broken)

    answer = served.admin("GET", "status")

    assert (answer.status, answer.json["error"]["reason"]) == (500, "INTERNAL")
    assert "driver" not in answer.body.decode()
    (record,) = [r for r in caplog.records if r.name == "homegraph.web"]
    assert record.args[0] in answer.json["error"]["message"]


def test_a_database_that_is_gone_may_come_back(tmp_path):
    """503 that says why and when to come again, of the admin API and of the page that links accounts."""
    with ScriptedFulfillment() as cloud, linked(tmp_path, cloud) as served:
        served.do(served.house.store.close())
        answer = served.admin("GET", "links")
        page = served.send("GET", "/link/acme")

    assert (answer.status, answer.json["error"]["reason"]) == (503, "STORE_UNAVAILABLE")
    assert (page.status, b"STORE_UNAVAILABLE" in page.body) == (503, True)
    assert (answer.headers["retry-after"], page.headers["retry-after"]) == ("5", "5")


# --- the documented shapes ---------------------------------------------------------------------------------------------

FREE = {"links", "headers", "params", "states", "stored"}
"""Members whose own members are data."""


def shape(value, name=""):
    """The members of a document; of a list those of its first element, of a single value nothing."""
    if isinstance(value, dict):
        return "data" if name in FREE else {key: shape(item, key) for key, item in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return None if value is None else "value"


def same(documented, real, where="answer"):
    """Hold a real shape against the documented one; a list that is empty in either says nothing, nor does a null."""
    if documented is None or real is None:
        return
    if isinstance(documented, dict) and isinstance(real, dict):
        assert sorted(documented) == sorted(real), where
        for key, inner in documented.items():
            same(inner, real[key], f"{where}.{key}")
    elif isinstance(documented, list) and isinstance(real, list):
        if documented and real:
            same(documented[0], real[0], f"{where}[0]")
    else:
        assert "data" in (documented, real) or documented == real, where


def example(call):
    """The JSON document under the heading of a call."""
    section = PAGE.partition(f"\n### `{call}`\n")[2].partition("\n### ")[0]
    (block,) = re.findall(r"```json\n(.*?)```", section, re.DOTALL)
    return json.loads(block)


@pytest.fixture(scope="module")
def eventful(tmp_path_factory):
    """A server on which something of everything has happened; its newest run, and an errand with a follow-up."""
    folder = tmp_path_factory.mktemp("eventful")
    with ScriptedFulfillment() as scripted, linked(folder, scripted) as served:
        device = lamp("heater", "Heater")
        locking = {"traits": ["action.devices.traits.LockUnlock"]}
        lock = lamp("lock", **locking, notificationSupportedByAgent=True)
        scripted.home.devices = [lamp("lamp"), device, lock, lamp("desk", "Desk lamp")]
        assert served.request_sync().status == 200
        scripted.home.devices = [
            lamp("lamp"),
            {**device, "roomHint": "Attic"},
            lamp("fan"),
            lock,
        ]
        reply = {
            "requestId": "another",
            "payload": {"agentUserId": "user-1", "devices": scripted.home.devices},
        }
        scripted.answer_next(Answer(200, json.dumps(reply).encode()))
        assert served.request_sync().status == 200
        (run,) = served.admin("GET", "runs?project=acme&agent_user=user-1&limit=1").json["runs"]
        asked = {"project": "acme", "agent_user": "user-1", "devices": ["lock"]}
        errand = served.admin("POST", "execute", **asked, params=["lock=true"]).json
        told = {"followUpToken": errand["follow_ups"][0]["token"], "status": "SUCCESS"}
        notified = {"priority": 0, "followUpResponse": {**told, "isLocked": True}}
        reported = Program(served).report(notifications={"lock": {"LockUnlock": notified}})
        assert reported.status == 200
        yield served, run["id"], errand["id"]


def ask(call, run_id, errand_id, key_id):
    """How a documented call is made."""
    home = {"project": "acme", "agent_user": "user-1"}
    return {
        "GET /-/api/status": ("GET", "status", {}),
        "GET /-/api/doctor": ("GET", "doctor", {}),
        "GET /-/api/projects": ("GET", "projects", {}),
        "GET /-/api/projects/ID": ("GET", "projects/acme", {}),
        "GET /-/api/keys": ("GET", "keys?project=acme", {}),
        "POST /-/api/keys": ("POST", "keys", {"project": "acme"}),
        "POST /-/api/keys/revoke": ("POST", "keys/revoke", {"project": "acme", "id": key_id}),
        "GET /-/api/service-accounts": ("GET", "service-accounts?project=acme", {}),
        "POST /-/api/service-accounts": ("POST", "service-accounts", {"project": "acme"}),
        "POST /-/api/service-accounts/revoke": (
            *("POST", "service-accounts/revoke"),
            {"project": "acme", "id": key_id},
        ),
        "GET /-/api/links": ("GET", "links?project=acme", {}),
        "GET /-/api/link": ("GET", "link?project=acme&user=ann", {}),
        "GET /-/api/devices": ("GET", "devices?project=acme&agent_user=user-1", {}),
        "GET /-/api/device": ("GET", "device?project=acme&agent_user=user-1&id=fan", {}),
        "POST /-/api/devices/place": ("POST", "devices/place", {**home, "device": "fan"}),
        "POST /-/api/execute": (
            *("POST", "execute"),
            {**home, "devices": ["fan"], "params": ["on=true"]},
        ),
        "POST /-/api/query": ("POST", "query", {**home, "devices": ["fan"]}),
        "GET /-/api/errands": ("GET", "errands", {}),
        "GET /-/api/errand": ("GET", f"errand?id={errand_id}", {}),
        "GET /-/api/instances": ("GET", "instances", {}),
        "GET /-/api/runs": ("GET", "runs", {}),
        "POST /-/api/export": ("POST", "export", {}),
        "GET /-/api/run": ("GET", f"run?id={run_id}", {}),
    }[call]


ELSEWHERE = (
    *("links/unlink", "links/refresh", "links/expire", "links/revoke", "link"),
    *("links/start", "links/finish", "links/trace", "linking", "runs/accept", "import"),
)
"""Calls that need a link with a problem, a login page (test_linking.py), a run that is held, or an export."""

SHAPED = sorted(f"{method} /-/api/{name}" for method, name in ROUTES if name not in ELSEWHERE)


@pytest.mark.parametrize("call", SHAPED)
def test_an_answer_has_the_members_of_its_reference(eventful, call):
    """No member more and none less, at any depth that the example shows."""
    served, run_id, errand_id = eventful
    kind = "service-accounts" if "service-accounts" in call else "keys"
    key_id = served.admin("POST", kind, project="acme").json["id"]
    method, path, members = ask(call, run_id, errand_id, key_id)

    answer = served.admin(method, path, **members)

    assert answer.status == 200
    same(shape(example(call)), shape(answer.json))


def test_a_link_is_explained_and_ended_as_its_reference_says(tmp_path):
    """A link with a problem, and the same link unlinked."""
    with ScriptedFulfillment() as scripted:
        scripted.homes.clear()
        with Served(settings_in(tmp_path, an_integration(scripted))) as served:
            served.until_link(lambda link: link.problem)
            heard = []
            served.house.events.subscribe(heard.append)

            shown = served.admin("GET", "link?project=acme&user=ann")
            ended = served.admin("POST", "links/unlink", project="acme", user="ann")

    same(shape(example("GET /-/api/link")), shape(shown.json))
    assert shown.json["explanation"]["title"].startswith("The token endpoint has refused")
    same(shape(example("POST /-/api/links/unlink")), shape(ended.json))
    assert ended.json["state"] == "unlinked"
    assert [event.state for event in heard if isinstance(event, LinkChanged)] == ["unlinked"]


@pytest.mark.parametrize("what", ["refresh", "expire", "revoke"])
def test_tokens_are_tried_as_their_reference_says(tmp_path, what):
    """The three calls of a link's tokens."""
    with ScriptedFulfillment() as scripted, linked(tmp_path, scripted) as served:
        scripted.refresh_tokens["refresh-1"] = "token-1"
        answer = served.admin("POST", f"links/{what}", project="acme", user="ann")

    documented = example(f"POST /-/api/links/{what}")
    same(shape(documented | {"findings": []}), shape(answer.json | {"findings": []}))


def test_a_held_run_is_accepted_as_its_reference_says(tmp_path):
    """It is answered with the run that was held; any other run is refused."""
    with ScriptedFulfillment() as scripted, linked(tmp_path, scripted) as served:
        scripted.home.devices = [lamp("another")]
        assert served.request_sync().status == 200
        (held,) = served.admin("GET", "runs?project=acme&agent_user=user-1").json["runs"]
        assert held["outcome"] == "held"

        accepted = served.admin("POST", "runs/accept", id=held["id"])
        unknown = served.admin("POST", "runs/accept", id="0000")

        assert accepted.status == 200
        same(shape(example("POST /-/api/runs/accept")), shape(accepted.json))
        assert accepted.json["id"] == held["id"]
        assert unknown.status == 404


def test_an_export_is_imported_as_its_reference_says(served):
    """All of it is here already, a link of somebody else's is refused, and what is no line ends the reading."""
    page = served.admin("POST", "export").json
    home = next(line for line in page["lines"] if line["kind"] == "agent_user")
    asked = {"version": page["header"]["version"], "key": page["header"]["key"]}
    again = served.admin("POST", "import", **asked, lines=page["lines"]).json
    other = {**home, "agent_user_id": "other", "links": [dict(one) for one in home["links"]]}
    for one in other["links"]:
        one["link"] = {**one["link"], "agent_user_id": "other"}
    refused = served.admin("POST", "import", **asked, lines=[other, {"kind": "else"}, home]).json
    unlike = served.admin("POST", "import", version=1, key="another", lines=[])

    assert (again["added"], again["present"]) == (0, len(page["lines"]))
    same(shape(example("POST /-/api/import")), shape({**refused, "unreadable": None}))
    assert (refused["added"], refused["present"], refused["unreadable"]["line"]) == (0, 0, 2)
    assert (unlike.status, unlike.json["error"]["reason"]) == (400, "EXPORT_UNUSABLE")


def test_an_export_goes_on_after_any_line(served):
    """Page by page it is the same as at once."""
    whole = served.admin("POST", "export").json["lines"]
    for number, line in enumerate(whole):
        after = {
            "project": ("project", line.get("project", {}), ""),
            "agent_user": ("agent_user", line, line.get("agent_user_id")),
            "link": ("link", line.get("link", {}), line.get("link", {}).get("user_id")),
        }[line["kind"]]
        kind, owner, name = after
        project = owner["id"] if kind == "project" else owner["project_id"]
        rest = served.admin("POST", "export", kind=kind, project=project, id=name).json
        assert (rest["lines"], rest["done"]) == (whole[number + 1 :], True)


def test_every_call_has_its_place_in_the_reference():
    """No call without a heading, and no heading without a call."""
    documented = set(re.findall(r"\n### `((?:GET|POST) /-/api/\S+)`", PAGE))
    served_calls = {f"{method} /-/api/{name}" for method, name in ROUTES}

    assert documented == served_calls


def test_the_example_of_an_error_is_a_real_one(served):
    """To the letter."""
    (block,) = re.findall(r"Errors:\n\n```json\n(.*?)```", PAGE, re.DOTALL)

    assert json.loads(block) == served.admin("GET", "projects/acne").json


# --- what the calls do -------------------------------------------------------------------------------------------------


def test_a_new_key_works_at_once_and_is_shown_once(served):
    """It speaks for its project; later only its beginning is told."""
    made = served.admin("POST", "keys", project="acme").json

    assert served.request_sync(key=made["key"], **{"async": True}).status == 200
    listed = served.admin("GET", "keys?project=acme")
    assert made["key"] not in listed.body.decode()
    assert made["key"].startswith(made["hint"])
    (found,) = [key for key in listed.json["keys"] if key["id"] == made["id"]]
    assert found == {name: value for name, value in made.items() if name != "key"}


def test_a_revoked_key_is_refused_from_the_next_call_on(served):
    """Although it was good a moment ago; revoking it again changes nothing."""
    made = served.admin("POST", "keys", project="acme").json
    assert served.request_sync(key=made["key"], **{"async": True}).status == 200

    first = served.admin("POST", "keys/revoke", project="acme", id=made["id"]).json
    refused = served.request_sync(key=made["key"], **{"async": True})
    again = served.admin("POST", "keys/revoke", project="acme", id=made["id"]).json

    assert refused.reason == "API_KEY_REVOKED"
    assert first["state"] == "revoked"
    assert again == first


def test_a_key_is_restricted_as_asked(served):
    """Networks are kept in CIDR form, what comes twice counts once."""
    made = served.admin(
        "POST",
        "keys",
        project="acme",
        expires_at="2001-01-31T12:00:00+01:00",
        methods=["devices.query", "devices.query"],
        addresses=["10.1.2.3/8", "192.0.2.1", "2001:db8::/32"],
    ).json

    assert (made["state"], made["expires_at"]) == ("expired", "2001-01-31T11:00:00.000Z")
    assert made["methods"] == ["devices.query"]
    assert made["addresses"] == ["10.0.0.0/8", "192.0.2.1/32", "2001:db8::/32"]


def test_what_is_set_by_hand_stays_and_the_rest_is_left_alone(cloud, tmp_path):
    """Each call sets what it names; a later SYNC touches nothing of it."""
    home = {"project": "acme", "agent_user": "user-1", "device": "lamp"}
    with linked(tmp_path, cloud) as served:
        served.admin("POST", "devices/place", **home, room="Kitchen")
        placed = served.admin("POST", "devices/place", **home, nicknames=["night light"]).json
        assert served.request_sync().status == 200
        (device,) = served.admin("GET", "devices?project=acme&agent_user=user-1").json["devices"]

        cleared = served.admin("POST", "devices/place", **home, room="").json

    assert placed["placement"] == {
        "room": "Kitchen",
        "name": "lamp",
        "nicknames": ["night light"],
        "chosen": ["nicknames", "room"],
    }
    assert device == placed
    assert cleared["placement"]["room"] == ""


def test_links_are_handed_out_in_pages(cloud, tmp_path):
    """``next_after`` leads through all of them, and is missing at the end."""
    users = tuple(LinkSettings(name, Secret("token-1")) for name in ("ann", "ben", "cy"))
    with Served(settings_in(tmp_path, an_integration(cloud, links=users))) as served:
        first = served.admin("GET", "links?project=acme&limit=2").json
        rest = served.admin("GET", f"links?project=acme&limit=2&after={first['next_after']}").json

    assert [link["user"] for link in first["links"]] == ["ann", "ben"]
    assert [link["user"] for link in rest["links"]] == ["cy"]
    assert "next_after" not in rest


def test_counts_go_through_all_pages(tmp_path, monkeypatch):
    """However many links and agent users there are, all of them count, and the doctor looks at each."""
    monkeypatch.setattr(reading, "PAGE", 1)
    monkeypatch.setattr(doctor, "LINKS_NAMED_MAX", 1)
    names = ("ann", "ben", "cy", "di")
    with ScriptedFulfillment() as scripted:
        scripted.homes = {name: Home(f"agent-{name}") for name in names[:2]}
        users = tuple(LinkSettings(name, Secret(name)) for name in names)
        with Served(settings_in(tmp_path, an_integration(scripted, links=users))) as served:
            for name in names:
                served.until_link(lambda link: link.agent_user_id or link.problem, user=name)
            project = served.admin("GET", "projects/acme").json
            found = ill(served)

    assert (project["links"], project["agent_users"]) == ({"linked": 2, "linking": 2}, 2)
    assert found["links"] == "1 more with a problem"
    assert "link of cy to acme" in found


def test_a_link_tells_when_it_is_tried_again(tmp_path):
    """A first SYNC that failed is repeated; how often it was tried and when it is next is shown."""
    gone = ProjectSettings(
        "acme",
        "http://127.0.0.1:9/smarthome",
        links=(LinkSettings("ann", Secret("token-1")),),
    )
    with Served(settings_in(tmp_path, gone)) as served:
        served.until_link(lambda link: link.problem)
        link = served.admin("GET", "link?project=acme&user=ann").json

    assert (link["state"], link["problem"]) == ("linking", "FULFILLMENT_UNREACHABLE")
    assert link["attempts"] >= 1
    assert link["next_attempt_at"] is None or link["next_attempt_at"] > link["created_at"]


def test_runs_are_handed_out_newest_first_from_where_one_was(eventful):
    """``before`` goes on behind a run, filters hold."""
    served, newest, _ = eventful
    runs = served.admin("GET", "runs").json["runs"]
    older = served.admin("GET", f"runs?before={newest}").json["runs"]
    others = served.admin("GET", "runs?project=nobody").json["runs"]

    assert runs[0]["id"] == newest
    assert older == runs[1:]
    assert others == []


def test_the_newest_run_tells_what_it_did(eventful):
    """Changes by device, the finding, and the exchange with its token masked."""
    served, run_id, _ = eventful
    run = served.admin("GET", f"run?id={run_id}").json

    assert run["changes"] == {
        "added": ["fan"],
        "changed": [{"device_id": "heater", "fields": ["roomHint"]}],
        "removed": ["desk"],
        "held": [],
    }
    assert (run["added"], run["changed"], run["removed"]) == (1, 1, 1)
    rules = [finding["rule"] for finding in run["findings"]]
    assert rules == ["request-id-not-echoed", "change-without-effect"]
    (exchange,) = run["exchanges"]
    assert exchange["request"]["headers"]["authorization"] == "Bearer ***"
    assert run["explanation"] is None


def test_no_secret_of_a_project_is_shown(cloud, tmp_path):
    """Of addresses neither query nor user, of the client secret whether there is one."""
    oauth = OAuthSettings(
        client_id="us", client_secret=Secret("hush-1"), token_url=f"{cloud.token_url}?s=hush-2"
    )
    project = an_integration(cloud, fulfillment_url=f"{cloud.url}?token=hush-3", oauth=oauth)
    with Served(settings_in(tmp_path, project, encryption_key=Secret("A" * 43 + "="))) as served:
        served.until_link(lambda link: link.agent_user_id)
        answers = [
            served.admin("GET", path).body.decode()
            for path in ("projects", "projects/acme", "status", "doctor", "runs", "links")
        ]
        (run,) = served.admin("GET", "runs?project=acme&limit=1").json["runs"]
        answers.append(served.admin("GET", f"run?id={run['id']}").body.decode())

    assert json.loads(answers[1])["oauth"]["has_client_secret"] is True
    for secret in ("hush", "token-1", "refresh-1", "A" * 43, KEY):
        assert not [answer for answer in answers if secret in answer]


# --- the doctor --------------------------------------------------------------------------------------------------------


def ill(served):
    """The checks that failed, by name."""
    checks = served.admin("GET", "doctor").json["checks"]
    assert all(check["fix"] for check in checks if not check["ok"])
    advised = {check["name"] for check in checks if check["ok"] and check["fix"]}
    assert advised == (set() if interpreter()[1] else {"python"})
    return {check["name"]: check["detail"] for check in checks if not check["ok"]}


def test_the_doctor_finds_nothing_where_all_is_well(served):
    """Every check is there and good; the interpreter is named, and is no failure however it was built."""
    assert ill(served) == {}
    checks = {one["name"]: one for one in served.admin("GET", "doctor").json["checks"]}
    assert checks["python"]["detail"] == interpreter()[0]


def test_the_doctor_names_what_is_wrong(tmp_path):
    """An unreachable fulfillment, a refresh token without an address, a link in trouble, a file that others may read."""
    gone = ProjectSettings(
        "acme",
        "http://127.0.0.1:9/smarthome?token=hush",
        links=(LinkSettings("ann", Secret("token-1"), Secret("refresh-1")),),
    )
    with Served(settings_in(tmp_path, gone)) as served:
        served.until_link(lambda link: link.problem)
        tmp_path.chmod(0o755)
        (tmp_path / "admin-token").chmod(0o644)
        found = ill(served)

    assert set(found) == {
        "data folder",
        "fulfillment of acme",
        "token endpoint of acme",
        "link of ann to acme",
    }
    assert "admin-token" in found["data folder"]
    assert "hush" not in found["fulfillment of acme"]


def test_the_doctor_notices_a_clock_that_went_back(cloud, tmp_path):
    """The newest run must not have ended in the future."""
    with linked(tmp_path, cloud) as served, pytest.MonkeyPatch.context() as patch:
        clock = type(served.house.clock)
        now = served.house.clock.now()
        patch.setattr(clock, "now", lambda _: now - 3600)
        found = ill(served)

    assert "clock" in found


def test_the_doctor_survives_a_database_that_is_gone(cloud, tmp_path):
    """What cannot be looked at is left out; the database is named."""
    with linked(tmp_path, cloud) as served:
        served.do(served.house.store.close())
        found = ill(served)

    assert set(found) == {"database"}
