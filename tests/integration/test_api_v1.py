"""The public API by real sockets: the order of its checks, its credentials, its bounds, and callers who leave."""

import asyncio
import gzip
import http.client
import io
import itertools
import json
import logging
import socket
import threading
import zlib
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

import pytest

from homegraph.graph.model import Outcome
from homegraph.service.events import Refused
from homegraph.settings.projects import KeySettings, ProjectSettings
from homegraph.settings.secret import Secret
from homegraph.testing.fulfillment import Answer
from homegraph.web import api_v1, caller, exchange, methods
from homegraph.web.app import build_app
from support.served import (
    CALL,
    JSON,
    KEY,
    WAIT_SECONDS,
    Served,
    an_integration,
    linked,
    settings_in,
)

BODY_MAX = 4_096
GOOD = b'{"agentUserId": "user-1", "async": true}'


def keys(*texts, **members):
    """Keys of a project."""
    return tuple(KeySettings(Secret(text), **members) for text in texts)


@pytest.fixture(scope="module")
def served(cloud, tmp_path_factory):
    """A server with a linked user, and projects and keys in which one thing each is wrong."""
    nowhere = "http://127.0.0.1:9/smarthome"
    projects = (
        an_integration(
            cloud,
            api_keys=(
                *keys(KEY),
                *keys("expired-key", expires=1.0),
                *keys("restricted-key", methods=("devices.query",)),
                *keys("faraway-key", addresses=("192.0.2.1/32",)),
            ),
        ),
        ProjectSettings("off", nowhere, api_enabled=False, api_keys=keys("key-of-off")),
        ProjectSettings("stopped", nowhere, suspended=True, api_keys=keys("key-of-stopped")),
    )
    settings = settings_in(
        tmp_path_factory.mktemp("data"), *projects, body_max_bytes=BODY_MAX, lenient_form=False
    )
    with Served(settings) as running:
        running.until_link(lambda link: link.agent_user_id == "user-1")
        yield running


def call(served, body=GOOD, *, method="POST", query=None, headers=None):
    """Call Request Sync with the good key, unless said otherwise."""
    query = {"key": KEY} if query is None else query
    target = CALL + (f"?{urlencode(query)}" if query else "")
    return served.send(method, target, headers=JSON if headers is None else headers, body=body)


# --- the order of checks -----------------------------------------------------------------------------------------------


@dataclass
class Call:
    """A call in the making."""

    method: str = "POST"
    query: dict[str, str] = field(default_factory=lambda: {"key": KEY})
    headers: dict[str, str] = field(default_factory=lambda: dict(JSON))
    body: bytes = GOOD


FAULTS = [
    # slot (two faults of one slot cannot be in one call), reason, what is done to the call
    ("method", "METHOD_NOT_ALLOWED_HERE", lambda c: setattr(c, "method", "PUT")),
    ("xgafv", "SYSTEM_PARAMETER_INVALID", lambda c: c.query.update({"$.xgafv": "3"})),
    ("alt", "ALT_INVALID", lambda c: c.query.update(alt="zzz")),
    ("key", "CREDENTIAL_MISSING", lambda c: c.query.pop("key")),
    ("key", "ACCESS_TOKEN_UNKNOWN", lambda c: c.headers.update(Authorization="Bearer t")),
    ("key", "API_KEY_UNKNOWN", lambda c: c.query.update(key="nobodys-key")),
    ("key", "API_KEY_EXPIRED", lambda c: c.query.update(key="expired-key")),
    ("key", "API_KEY_RESTRICTED", lambda c: c.query.update(key="restricted-key")),
    ("key", "API_KEY_IP_REFUSED", lambda c: c.query.update(key="faraway-key")),
    ("key", "API_DISABLED", lambda c: c.query.update(key="key-of-off")),
    ("key", "PROJECT_SUSPENDED", lambda c: c.query.update(key="key-of-stopped")),
    ("alt", "ALT_UNSUPPORTED", lambda c: c.query.update(alt="media")),
    ("fields", "FIELD_MASK_INVALID", lambda c: c.query.update(fields="payload")),
    ("body", "BODY_TOO_LARGE", lambda c: setattr(c, "body", b" " * (BODY_MAX + 1))),
    ("body", "JSON_SYNTAX", lambda c: setattr(c, "body", b"{oops")),
    ("body", "JSON_ROOT", lambda c: setattr(c, "body", b"[]")),
    ("parameter", "JSON_UNKNOWN_NAME", lambda c: c.query.update(colour="red")),
    ("body", "FIELD_REQUIRED", lambda c: setattr(c, "body", b"{}")),
    ("body", "AGENT_USER_NEVER_LINKED", lambda c: setattr(c, "body", b'{"agentUserId": "nobody"}')),
]


def send_with(served, *faults):
    """A call with these faults."""
    made = Call()
    for _, _, spoil in faults:
        spoil(made)
    return call(served, made.body, method=made.method, query=made.query, headers=made.headers)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault[1])
def test_a_fault_is_answered_with_its_reason(served, fault):
    """Every check is there."""
    assert send_with(served, fault).reason == fault[1]


@pytest.mark.parametrize(
    ("first", "second"),
    [pair for pair in itertools.combinations(FAULTS, 2) if pair[0][0] != pair[1][0]],
    ids=lambda fault: fault[1],
)
def test_of_two_faults_the_earlier_check_answers(served, first, second):
    """The order of the table is the order of the checks."""
    assert send_with(served, first, second).reason == first[1]


def test_a_call_without_a_fault_is_answered_with_success(served):
    """Nothing but an empty object, so that clients that compare the text are content."""
    answer = call(served)

    assert (answer.status, answer.body) == (200, b"{}\n")
    assert answer.headers["content-type"] == "application/json; charset=UTF-8"


# --- credentials -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "headers", "reason"),
    [
        ({"key": KEY}, {}, None),
        ({}, {"X-Goog-Api-Key": KEY}, None),
        ({"key": KEY}, {"X-Goog-Api-Key": "nobodys-key"}, None),
        ({"key": "nobodys-key"}, {"X-Goog-Api-Key": KEY}, "API_KEY_UNKNOWN"),
        ({"key": ""}, {"X-Goog-Api-Key": KEY}, None),
        ({"key": ""}, {}, "CREDENTIAL_MISSING"),
        ({"key": KEY}, {"Authorization": ""}, None),
        ({"key": KEY}, {"Authorization": "Bearer token"}, "ACCESS_TOKEN_UNKNOWN"),
        ({"key": KEY}, {"Authorization": " Bearer  token"}, "ACCESS_TOKEN_UNKNOWN"),
        ({"key": KEY}, {"Authorization": "Basic dTpw"}, "ACCESS_TOKEN_UNKNOWN"),
        ({"key": KEY, "access_token": "token"}, {}, "ACCESS_TOKEN_UNKNOWN"),
        ({"oauth_token": "token"}, {}, "ACCESS_TOKEN_UNKNOWN"),
    ],
)
def test_a_token_decides_then_the_key_in_the_url_then_the_header(served, query, headers, reason):
    """Which credential counts when there are several."""
    answer = call(served, query=query, headers={**JSON, **headers})

    assert (answer.reason if answer.status != 200 else None) == reason


def test_an_unknown_token_is_asked_for_again(served):
    """401 and WWW-Authenticate, so that clients fetch a new token."""
    answer = call(served, headers={**JSON, "Authorization": "Bearer token"})

    assert answer.status == 401
    assert answer.headers["www-authenticate"].endswith('error="invalid_token"')


def test_a_server_can_be_told_to_take_no_keys(cloud, tmp_path):
    """With accept_api_keys = false a key is refused as one; no credential at all is another mistake."""
    with Served(settings_in(tmp_path, an_integration(cloud), accept_api_keys=False)) as served:
        assert call(served).reason == "API_KEY_NOT_ACCEPTED"
        assert call(served, query={}).reason == "CREDENTIAL_MISSING"


# --- explanations ------------------------------------------------------------------------------------------------------


def test_an_error_leads_to_its_page(served):
    """The Help link of an error can be opened, and says the same as the error."""
    details = call(served, b'{"agentUserId": "nobody"}').json["error"]["details"]
    info, help_ = details
    link = help_["links"][0]
    page = served.send("GET", urlsplit(link["url"]).path)

    assert info["metadata"] == {"agentUserId": "nobody"}
    assert link["url"].startswith(served.url)
    assert page.status == 200
    assert "No account was ever linked under this agentUserId." in page.body.decode()


def test_other_causes_are_named_behind_the_likeliest(cloud, tmp_path):
    """What else may be meant is linked, too, in order of likelihood."""
    cloud_is_gone = an_integration(cloud, fulfillment_url="http://127.0.0.1:9/smarthome")
    with Served(settings_in(tmp_path, cloud_is_gone)) as served:
        served.until_link(lambda link: link.problem)
        details = served.request_sync("user-1").json["error"]["details"]

    assert [link["url"].rpartition("/")[2] for link in details[1]["links"]] == [
        "FIRST_SYNC_FAILED",
        "AGENT_USER_NEVER_LINKED",
    ]


def test_refusals_are_announced_with_their_code_alone(served):
    """Listeners hear of every refusal, also of those before the agent user is known; no key is among it."""
    heard = []
    served.house.events.subscribe(heard.append)

    call(served, query={"key": "nobodys-key"})
    call(served, b"[]")
    call(served, b'{"agentUserId": "nobody"}')

    assert [event for event in heard if isinstance(event, Refused)] == [
        Refused("devices.requestSync", "", "API_KEY_UNKNOWN"),
        Refused("devices.requestSync", "acme", "JSON_ROOT"),
        Refused("devices.requestSync", "acme", "AGENT_USER_NEVER_LINKED"),
    ]


def test_a_bug_is_told_in_the_log_only(served, monkeypatch, caplog):
    """The caller gets an id, the log gets the traceback under the same id."""

    async def broken(*_):
        raise RuntimeError("the driver's own words")

    monkeypatch.setattr(methods, "request_sync", broken)

    answer = call(served)

    assert (answer.status, answer.reason) == (500, "INTERNAL")
    assert answer.json["error"]["message"] == "Internal error encountered."
    assert b"driver" not in answer.body
    (request_id,) = answer.json["error"]["details"][0]["metadata"].values()
    (record,) = [r for r in caplog.records if r.name == "homegraph.web"]
    assert request_id in record.getMessage()
    assert "the driver's own words" in logging.Formatter().formatException(record.exc_info)


def test_no_log_line_has_a_key_or_a_body(served):
    """Whatever reaches the log at whatever level, credentials and bodies are not in it."""
    written = io.StringIO()
    # Not caplog: it listens to loggers, too, that were switched off, such as uvicorn's access log.
    root, handler = logging.getLogger(), logging.StreamHandler(written)
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        call(served)
        call(served, query={"key": "nobodys-key"}, headers={**JSON, "X-Goog-Api-Key": "another"})
        call(served, b'{"agentUserId": "nobody", "secret-member": 1}')
    finally:
        root.removeHandler(handler)
        root.setLevel(level)

    for secret in (KEY, "nobodys-key", "another", "secret-member"):
        assert secret not in written.getvalue()


def test_a_database_that_is_gone_is_no_bug(cloud, tmp_path):
    """503 with its reason, and the probe says so."""
    with linked(tmp_path, cloud) as served:
        served.do(served.house.store.close())

        answer = call(served)

        assert (answer.status, answer.reason) == (503, "STORE_UNAVAILABLE")
        assert served.send("GET", "/readyz").body.startswith(b"not ready: database")
        assert served.send("GET", "/livez").status == 200


# --- paths and methods -------------------------------------------------------------------------------------------------

STRANGE_PATHS = ["/v1/", "/v1/devices", "/v1/devices:requestSync/", "/v1/devices/requestSync"]


@pytest.mark.parametrize("path", STRANGE_PATHS)
def test_an_unknown_path_of_the_api_is_answered_with_json(served, path):
    """Clients parse every answer, so there is something to parse."""
    answer = served.send("POST", path, headers=JSON, body=b"{}")

    assert (answer.status, answer.reason) == (404, "ROUTE_UNKNOWN")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_another_method_is_no_different_from_another_path(served, method):
    """404, never 405, and nothing about what would be allowed."""
    answer = call(served, b"", method=method)

    assert (answer.status, answer.reason) == (404, "METHOD_NOT_ALLOWED_HERE")
    assert "allow" not in answer.headers


def test_head_is_refused_without_a_body(served):
    """HEAD of the known path is 404 like any other method."""
    answer = call(served, b"", method="HEAD")

    assert (answer.status, answer.body) == (404, b"")


def test_a_path_outside_the_api_is_googles_page(served):
    """Whoever opens it in a browser sees that it is not there."""
    answer = served.send("GET", "/<nothing>")

    assert answer.status == 404
    assert answer.headers["content-type"] == "text/html; charset=UTF-8"
    assert "<code>/&lt;nothing&gt;</code>" in answer.body.decode()


@pytest.mark.parametrize("path", [*STRANGE_PATHS, CALL])
def test_with_json_404_off_the_api_answers_with_googles_page(cloud, tmp_path, path):
    """As Google does: HTML for unknown paths, and for GET on a known one."""
    with Served(settings_in(tmp_path, an_integration(cloud), json_404=False)) as served:
        answer = served.send("GET", path)

    assert (answer.status, answer.headers["content-type"]) == (404, "text/html; charset=UTF-8")


# --- bodies ------------------------------------------------------------------------------------------------------------


def padded(size):
    """A good body of exactly ``size`` bytes."""
    return GOOD[:-1] + b" " * (size - len(GOOD)) + b"}"


def test_a_body_of_the_largest_size_is_read(served):
    """The bound itself is allowed."""
    assert call(served, padded(BODY_MAX)).status == 200


@pytest.mark.parametrize("body", [GOOD, b"{agentUserId: 'user-1'}"], ids=["strict", "lenient"])
def test_a_server_that_takes_larger_bodies(cloud, tmp_path, body):
    """As large as it is told to take, however the body is read."""
    largest = 2 * 1024 * 1024
    with Served(settings_in(tmp_path, an_integration(cloud), body_max_bytes=largest)) as served:
        served.until_link(lambda link: link.agent_user_id == "user-1")
        assert call(served, body.ljust(largest)).status == 200
        assert call(served, body.ljust(largest + 1)).reason == "BODY_TOO_LARGE"


def test_one_byte_more_is_refused_and_the_connection_closed(served):
    """The refusal arrives, although the body was sent whole."""
    answer = call(served, padded(BODY_MAX + 1))

    assert (answer.status, answer.reason) == (400, "BODY_TOO_LARGE")
    assert answer.headers["connection"] == "close"


def test_a_body_of_many_megabytes_does_not_hide_the_refusal(served):
    """A caller that sends first and reads afterwards still gets to read."""
    answer = call(served, padded(6 * 2**20))

    assert (answer.status, answer.reason) == (400, "BODY_TOO_LARGE")


PACKED = {
    "gzip": gzip.compress,
    "X-GZip": gzip.compress,
    "deflate": zlib.compress,
    "identity": bytes,
    "utf-8": bytes,
}


@pytest.mark.parametrize("coding", PACKED)
@pytest.mark.parametrize("way", ["whole", "in-chunks"])
def test_a_body_may_come_packed(served, coding, way):
    """Google's clients pack by themselves: for .NET with a length, for Java in chunks. What names no compression says nothing."""
    packed = PACKED[coding](GOOD)
    body = packed if way == "whole" else iter([packed[:10], packed[10:]])

    assert call(served, body, headers={**JSON, "Content-Encoding": coding}).status == 200


@pytest.mark.parametrize(
    ("coding", "body", "reason"),
    [
        ("gzip", GOOD, "BODY_ENCODING"),
        ("gzip", gzip.compress(GOOD)[:-1], "BODY_ENCODING"),
        ("deflate", gzip.compress(GOOD), "BODY_ENCODING"),
        ("br", GOOD, "BODY_ENCODING"),
        ("gzip", gzip.compress(b"{oops"), "JSON_SYNTAX"),
        ("gzip", gzip.compress(padded(BODY_MAX + 1)), "BODY_TOO_LARGE"),
    ],
    ids=["plain", "cut", "another", "unread", "no-json", "bomb"],
)
def test_a_packed_body_is_refused_for_what_it_is(served, coding, body, reason):
    """Told apart from JSON that is wrong, and bounded by what it becomes."""
    answer = call(served, body, headers={**JSON, "Content-Encoding": coding})

    assert (answer.status, answer.reason) == (400, reason)


@pytest.mark.parametrize("more", [0, 1], ids=["largest", "larger"])
def test_a_long_packed_body_has_the_same_bound(served, monkeypatch, more):
    """Unpacked in a thread, to the byte."""
    monkeypatch.setattr(exchange, "UNPACKED_AT_ONCE_MAX_BYTES", 0)
    packed = gzip.compress(padded(BODY_MAX + more))
    answer = call(served, packed, headers={**JSON, "Content-Encoding": "gzip"})

    assert answer.status == (400 if more else 200)


def test_a_caller_who_stays_may_pack_one_body_and_not_the_next(served):
    """What was read of a connection's last head is not taken for the next one's."""
    with Wire(served.url) as wire:
        statuses = []
        for packed in (gzip.compress(GOOD), GOOD, gzip.compress(GOOD)):
            coding = [] if packed is GOOD else ["Content-Encoding: gzip"]
            wire.head(f"Content-Length: {len(packed)}", "Content-Type: application/json", *coding)
            wire.socket.sendall(packed)
            statuses.append(wire.answer()[0])

    assert statuses == [200, 200, 200]


class Wire:
    """A connection on which a test writes bytes itself."""

    def __init__(self, url):
        parts = urlsplit(url)
        self.socket = socket.create_connection((parts.hostname, parts.port), WAIT_SECONDS)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def head(self, *lines):
        """Send the head of a call."""
        head = [f"POST {CALL}?key={KEY} HTTP/1.1", "Host: localhost", *lines, "", ""]
        self.socket.sendall("\r\n".join(head).encode())

    def answer(self):
        """The next answer: status, headers and body."""
        response = http.client.HTTPResponse(self.socket, method="POST")
        response.begin()
        return response.status, response.headers, response.read()


def test_an_announced_body_is_refused_before_it_is_sent(served):
    """With a Content-Length that is too high nothing needs to be sent, nor asked for by 100 Continue."""
    with Wire(served.url) as wire:
        wire.head(f"Content-Length: {BODY_MAX + 1}", "Expect: 100-continue")
        status, headers, body = wire.answer()

    assert (status, headers["connection"]) == (400, "close")
    assert b"BODY_TOO_LARGE" in body


def test_a_body_without_an_end_is_refused_when_it_is_too_large(served):
    """Chunks count as they come; the answer comes while the caller goes on sending."""
    with Wire(served.url) as wire:
        wire.head("Transfer-Encoding: chunked")
        chunk = b"%x\r\n%b\r\n" % (1_000, b" " * 1_000)
        for _ in range(BODY_MAX // 1_000 + 2):
            wire.socket.sendall(chunk)
        status, headers, body = wire.answer()

    assert (status, headers["connection"]) == (400, "close")
    assert b"BODY_TOO_LARGE" in body


def test_a_body_that_does_not_come_is_waited_for_only_so_long(served, monkeypatch):
    """The deadline is for the whole body; afterwards the connection is closed."""
    monkeypatch.setattr(exchange, "BODY_SECONDS_MAX", 0.1)
    monkeypatch.setattr(exchange, "LINGER_SECONDS_MAX", 0.1)
    with Wire(served.url) as wire:
        wire.head("Content-Length: 100")
        wire.socket.sendall(b"{")
        status, headers, body = wire.answer()

    assert (status, headers["connection"]) == (504, "close")
    assert b"BODY_TOO_SLOW" in body


@pytest.mark.parametrize(
    ("announced", "part", "end"),
    [
        pytest.param(
            "Content-Length: 100", caller.CallerConnection, "connection_lost", id="waited for"
        ),
        pytest.param("Transfer-Encoding: chunked", api_v1.MethodDoor, "__call__", id="read"),
    ],
)
def test_a_caller_who_hangs_up_in_the_middle_is_forgotten(
    served, caplog, monkeypatch, announced, part, end
):
    """No answer, no refusal, no error: nobody asked for anything."""
    heard = []
    served.house.events.subscribe(heard.append)
    begun, gone = threading.Event(), threading.Event()
    the_end, the_beginning = getattr(part, end), caller.CallerConnection.data_received

    def beginning(self, data):
        the_beginning(self, data)
        begun.set()

    def ending(self, *arguments):
        done = the_end(self, *arguments)
        return watched(done) if asyncio.iscoroutine(done) else gone.set()

    async def watched(work):
        await work
        gone.set()

    monkeypatch.setattr(caller.CallerConnection, "data_received", beginning)
    monkeypatch.setattr(part, end, ending)
    with Wire(served.url) as wire:
        wire.head(announced)
        wire.socket.sendall(b'9\r\n{"agentU')
        assert begun.wait(WAIT_SECONDS)
    assert gone.wait(WAIT_SECONDS)

    assert heard == []
    assert caplog.records == []


# --- callers who leave -------------------------------------------------------------------------------------------------


def newest_runs(served, limit=1):
    """The newest runs of the agent user."""
    return served.do(served.house.store.runs("acme", "user-1", limit=limit))


def test_the_work_goes_on_when_the_caller_hangs_up(cloud, tmp_path):
    """A client that waits for a tenth of a second has asked for a sync, and gets one."""
    with linked(tmp_path, cloud) as served:
        held = threading.Event()
        cloud.answer_next(Answer(hold=held))
        before = len(cloud.intents())
        with Wire(served.url) as wire:
            wire.head("Content-Length: 25")
            wire.socket.sendall(b'{"agentUserId": "user-1"}')
            cloud.wait_for(before + 1)
        held.set()

        async def is_recorded(house):
            return await house.store.runs("acme", "user-1", limit=1)

        served.until(is_recorded)

        assert newest_runs(served)[0].outcome is Outcome.DONE


def test_a_server_that_cancels_the_handler_cancels_nothing_else(cloud, tmp_path, monkeypatch):
    """Some ASGI servers cancel the call of a connection that is gone, be it in the middle of recording the request."""
    scope = {
        "type": "http",
        "method": "POST",
        "path": CALL,
        "query_string": f"key={KEY}".encode(),
        "headers": [],
        "client": ("127.0.0.1", 1),
    }

    async def receive():
        return {"type": "http.request", "body": b'{"agentUserId": "user-1"}', "more_body": False}

    async def send(_):
        raise AssertionError("nobody is left to be answered")

    async def cancelled(served):
        recording, go_on = asyncio.Event(), asyncio.Event()
        record = type(served.house.store).request_sync

        async def slowly(*args, **options):
            recording.set()
            await go_on.wait()
            return await record(*args, **options)

        monkeypatch.setattr(type(served.house.store), "request_sync", slowly)
        app = build_app(served.house, admin_token="token")
        task = asyncio.create_task(app(scope, receive, send))
        await recording.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        go_on.set()
        return task.cancelled()

    with linked(tmp_path, cloud) as served:
        assert served.do(cancelled(served))

        async def is_recorded(house):
            return await house.store.runs("acme", "user-1", limit=1)

        served.until(is_recorded)

        assert newest_runs(served)[0].outcome is Outcome.DONE
        assert served.request_sync().status == 200


# --- other protocols ---------------------------------------------------------------------------------------------------


def test_a_websocket_is_refused(served):
    """There is nothing to talk about; the handshake is not completed."""
    sent = []

    async def receive():
        return {"type": "websocket.connect"}

    async def send(message):
        sent.append(message)

    served.do(build_app(served.house, admin_token="t")({"type": "websocket"}, receive, send))

    assert sent == [{"type": "websocket.close", "code": 1008}]


def test_there_is_no_lifespan(served):
    """ASGI's way to say so is to raise."""
    with pytest.raises(NotImplementedError):
        served.do(build_app(served.house, admin_token="t")({"type": "lifespan"}, None, None))


def test_calls_on_one_connection_are_answered_one_by_one(served):
    """A refusal before the body was read leaves the connection usable for the next call."""
    with Wire(served.url) as wire:
        for key in ("nobodys-key", KEY):
            head = [
                f"POST {CALL}?key={key} HTTP/1.1",
                "Host: localhost",
                f"Content-Length: {len(GOOD)}",
                *(["Connection: close"] if key == KEY else []),
            ]
            wire.socket.sendall("\r\n".join([*head, "", ""]).encode() + GOOD)
        received = b"".join(iter(lambda: wire.socket.recv(65536), b""))

    assert received.startswith(b"HTTP/1.1 400 ")
    assert received.endswith(b"\r\n\r\n{}\n")


def test_an_error_has_the_format_that_the_caller_knows(served):
    """Discovery-based libraries, and whoever says $.xgafv=1, get errors[]; also for a path that is not there."""
    library = {**JSON, "X-Goog-Api-Client": "gl-python/3.11 gdcl/2.0"}

    for answer in (
        call(served, b"[]", headers=library),
        call(served, b"[]", query={"key": KEY, "$.xgafv": "1"}),
        served.send("GET", "/v1/nothing?$.xgafv=1"),
    ):
        assert "errors" in json.loads(answer.body)["error"]
    assert "errors" not in call(served, b"[]").json["error"]
