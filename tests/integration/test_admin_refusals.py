"""The admin API by real sockets: who is let in, and which questions are none."""

import json
import socket
from urllib.parse import urlsplit

import pytest

from homegraph.errors import CallRefused
from homegraph.service import doctor
from homegraph.settings.addresses import ListenAddress
from homegraph.testing.fulfillment import ScriptedFulfillment
from homegraph.web.admin import BODY_BYTES_MAX, error_answer
from homegraph.web.app import build_app
from homegraph.wire.status import REASONS
from support.served import CALL, JSON, KEY, Served, linked, settings_in


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
        ("runs?agent_user=user-1", "agent_user: needs a project"),
        ("errands?agent_user=user-1", "agent_user: needs a project"),
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


def test_a_refusal_without_words_speaks_with_those_of_its_reason():
    """Of the kind that callers of the public API get, such as who waits for a first SYNC when the server stops: it is no bug."""
    told = json.loads(error_answer(CallRefused("SERVER_STOPPING")).body)["error"]

    reason = REASONS["SERVER_STOPPING"]
    assert (told["message"], told["hint"]) == (reason.title, reason.fix)
