"""The methods of the API, and the reading of every request but reports."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from homegraph.errors import CallRefused
from homegraph.wire import api_v1
from homegraph.wire.api_v1 import (
    METHODS,
    DeleteAgentUser,
    Query,
    RequestSync,
    Sync,
    delete_of,
    find_method,
    read_delete,
    read_query_request,
    read_request_sync,
    read_sync,
    route,
)
from homegraph.wire.lenient_json import BODY_BYTES_MAX
from homegraph.wire.status import REASONS
from homegraph.wire.transcoding import AGENT_USER_ID_BYTES_MAX

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
OK = RequestSync("user-1")


def refused(body, content_type=JSON, parameters=(), *, by=read_request_sync, **options):
    """Read a request and return the refusal."""
    with pytest.raises(CallRefused) as caught:
        by(body, content_type, parameters, **options)
    return caught.value


def test_the_method_table():
    """Request Sync stands at the documented path, is called by POST, and has the one scope of the API."""
    method = METHODS["/v1/devices:requestSync"]

    assert method.http == "POST"
    assert method.rpc == "google.home.graph.v1.HomeGraphApiService.RequestSyncDevices"
    assert method.scope == "https://www.googleapis.com/auth/homegraph"
    assert [field.json_name for field in method.request.fields] == ["agentUserId", "async"]
    assert method.response.fields == ()
    assert method.counts == "async"


def test_every_method_has_its_place():
    """Five methods, each at the path and under the names that Google gives them; only Request Sync takes a key."""
    api = "google.home.graph.v1.HomeGraphApiService."

    assert {(m.id, m.http, m.path, m.rpc.removeprefix(api)) for m in METHODS.values()} == {
        ("devices.requestSync", "POST", "/v1/devices:requestSync", "RequestSyncDevices"),
        (
            "devices.reportStateAndNotification",
            "POST",
            "/v1/devices:reportStateAndNotification",
            "ReportStateAndNotification",
        ),
        ("devices.query", "POST", "/v1/devices:query", "Query"),
        ("devices.sync", "POST", "/v1/devices:sync", "Sync"),
        ("agentUsers.delete", "DELETE", "/v1/agentUsers/", "DeleteAgentUser"),
    }
    assert [m.id for m in METHODS.values() if m.accepts_api_key] == ["devices.requestSync"]
    assert [m.id for m in METHODS.values() if m.counts != "always"] == ["devices.requestSync"]


@pytest.mark.parametrize(
    ("http", "path", "method"),
    [
        ("POST", "/v1/devices:requestSync", "devices.requestSync"),
        ("POST", "/v1/devices:query", "devices.query"),
        ("DELETE", "/v1/agentUsers/user-1", "agentUsers.delete"),
        ("DELETE", "/v1/agentUsers/a/b", "agentUsers.delete"),
        ("DELETE", "/v1/agentUsers/", "agentUsers.delete"),
        ("GET", "/v1/devices:requestSync", None),
        ("DELETE", "/v1/devices:sync", None),
        ("GET", "/v1/agentUsers/user-1", None),
        ("DELETE", "/v1/agentUsers", None),
        ("POST", "/v1/devices:requestSync/", None),
        ("POST", "/v1/devices:foo", None),
        ("POST", "/", None),
    ],
)
def test_routes(http, path, method):
    """A path belongs to one method, and the HTTP method must be the one of it."""
    found = route(http, path)

    assert method == (found and found.id)


def test_a_path_without_its_http_method():
    """Whether only the HTTP method is wrong can be asked."""
    assert find_method("/v1/devices:query").id == "devices.query"
    assert find_method("/v1/agentUsers/x").id == "agentUsers.delete"
    assert find_method("/v1/devices:foo") is None


@pytest.mark.parametrize("content_type", [JSON, f"{JSON}; charset=UTF-8", None, "text/plain", ""])
@pytest.mark.parametrize(
    "body",
    [
        b'{"agentUserId": "user-1"}',
        b'{"agent_user_id": "user-1"}',
        b'{agentUserId: "user-1"}',
        b"{'agentUserId': 'user-1',}",
        b'{"agentUserId": "user-1", "async": null}',
        b'{"agentUserId": "user-1", "async": false}',
        b'{"agentUserId": "user-1", "async": "no"}',
        b'{"agentUserId": "other", "agentUserId": "user-1"}',
        b'{"agentUserId": "other", "agent_user_id": "user-1"}',
        b'{"agent_user_id": "other", "agentUserId": "user-1"}',
        b'{"agentUserId": "", "agent_user_id": "user-1"}',
        b' \n{"agentUserId":\t"user-1"}\v',
    ],
)
def test_spellings_of_one_request(body, content_type):
    """Strict and lenient JSON, both spellings and every type but the form's are the same request."""
    assert read_request_sync(body, content_type) == OK


@pytest.mark.parametrize("value", [b"true", b'"true"', b'"yes"', b'"Y"', b'"1"', b'"T"'])
def test_async(value):
    """Async is a bool or a word for it."""
    body = b'{"agentUserId": "user-1", "async": ' + value + b"}"

    assert read_request_sync(body, JSON) == RequestSync("user-1", async_=True)


def test_parameters_are_bound_as_well():
    """A query parameter is a field of the message, and wins over the body."""
    assert read_request_sync(b"", None, [("agentUserId", "user-1")]) == OK
    assert read_request_sync(
        b'{"agentUserId": "body"}', JSON, [("async", "1"), ("agent_user_id", "q")]
    ) == RequestSync("q", async_=True)


@pytest.mark.parametrize("content_type", [FORM, FORM.upper(), f" {FORM} ; charset=utf-8"])
def test_a_form_is_bound_as_parameters(content_type):
    """A body of the form type is read like a query string."""
    assert read_request_sync(b"agentUserId=user-1", content_type) == OK
    assert read_request_sync(b"agent_user_id=user%2D1&async=true", content_type).async_
    assert refused(b"", content_type).code == "FIELD_REQUIRED"


def test_json_under_the_form_type():
    """Google takes it for one long name; with lenient_form it is understood, and real forms still are."""
    error = refused(b'{"agentUserId": "user-1"}', FORM)
    ((field, description),) = error.facts["violations"]

    assert error.code == "JSON_UNKNOWN_NAME"
    assert field is None
    assert 'Unknown name "{"agentUserId": "user-1"}": Cannot bind query parameter.' in description
    assert read_request_sync(b' {agentUserId: "user-1"}', FORM, lenient_form=True) == OK
    assert read_request_sync(b"agentUserId=user-1", FORM, lenient_form=True) == OK


@pytest.mark.parametrize(
    "body", [b"", b"{}", b'{"agentUserId": null}', b'{"agentUserId": ""}', b'{"async": true}']
)
def test_the_agent_user_is_required(body):
    """Missing, null, empty and no body at all are the same mistake."""
    error = refused(body)

    assert error.code == "FIELD_REQUIRED"
    assert error.facts["field"] == "agent_user_id"
    assert error.facts["wrong_fields"] == (("agent_user_id", "agentUserId is missing."),)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"foo", "JSON_SYNTAX"),
        (b" ", "JSON_SYNTAX"),
        (b'{"agentUserId": "user-1"', "JSON_SYNTAX"),
        (b'{"agentUserId": "\xff"}', "JSON_SYNTAX"),
        (b'{"agentUserId": "\\ud800"}', "JSON_SYNTAX"),
        (b"[]", "JSON_ROOT"),
        (b"null", "JSON_ROOT"),
        (b'{"agentUserId": 5}', "JSON_TYPE"),
        (b'{"agentUserId": "user-1", "async": 1}', "JSON_TYPE"),
        (b'{"agentUserID": "user-1"}', "JSON_UNKNOWN_NAME"),
        (b'{"agentUserId": "user-1", "requestId": "r"}', "JSON_UNKNOWN_NAME"),
        (b'{"camel": "user-1"}', "JSON_UNKNOWN_NAME"),
    ],
)
def test_refusals(body, code):
    """Each kind of mistake has its reason."""
    assert code == refused(body).code


def test_the_text_of_a_syntax_error_is_a_fact():
    """The parser's words go into the answer as they are."""
    assert refused(b"foo").facts == {
        "text": "Invalid JSON payload received. Unexpected token.\nfoo\n^"
    }


def test_the_length_of_an_agent_user_is_bounded_in_bytes():
    """The bound is 1,024 bytes of UTF-8, on every path."""
    longest = "é" * (AGENT_USER_ID_BYTES_MAX // 2)
    for key in ("agentUserId", "agent_user_id"):
        assert read_request_sync(json.dumps({key: longest}).encode(), JSON).agent_user_id == longest
        error = refused(json.dumps({key: longest + "e"}).encode())
        assert error.code == "FIELD_TOO_LONG"
    assert refused(b"", JSON, [("agentUserId", "u" * 1_025)]).code == "FIELD_TOO_LONG"


def test_the_size_of_a_body_is_bounded():
    """A body above the bound is refused unread, at the bound it is read."""
    body = b'{"agentUserId": "user-1"}'

    assert read_request_sync(body.ljust(BODY_BYTES_MAX), JSON) == OK
    assert refused(body.ljust(BODY_BYTES_MAX + 1)).code == "BODY_TOO_LARGE"
    assert refused(b"a=" + b"b" * 100_000, FORM).code == "QUERY_TOO_LARGE"


def test_the_usual_body_does_not_take_the_slow_path(monkeypatch):
    """What nearly every client sends is read by msgspec alone."""
    monkeypatch.delattr(api_v1, "transcode")

    assert read_request_sync(b'{"agentUserId":"user-1"}', JSON, []) == OK
    assert read_request_sync(b'{"agent_user_id":"user-1","async":true}', None).async_
    assert read_sync(b'{"agentUserId":"user-1","requestId":"r"}', JSON) == Sync("user-1", "r")
    query = b'{"agentUserId":"user-1","inputs":[{"payload":{"devices":[{"id":"1"},{"id":"2"},{"id":"1"}]}}]}'
    assert read_query_request(query, JSON) == Query("user-1", ("1", "2"))


# --- query -----------------------------------------------------------------------------------------------------------

ASKED = '"inputs": [{"payload": {"devices": [{"id": "1"}]}}]'


@pytest.mark.parametrize("content_type", [JSON, "text/plain"])
@pytest.mark.parametrize(
    ("members", "query"),
    [
        (ASKED, Query("user-1", ("1",))),
        (f'{ASKED}, "requestId": "r"', Query("user-1", ("1",), "r")),
        (f'{ASKED}, "request_id": "r", "deviceView": null', Query("user-1", ("1",), "r")),
        (
            f'{ASKED}, "deviceView": "HOME_TRAIT_ONLY", "includeDeviceMetadata": true',
            Query("user-1", ("1",), "", "HOME_TRAIT_ONLY", include_device_metadata=True),
        ),
        (
            '"inputs": [{"payload": {"devices": [{"id": "b"}, {"id": "a"}]}}, {"payload": {"devices": [{"id": "b"}]}}]',
            Query("user-1", ("b", "a")),
        ),
        ('"inputs": {"payload": {"devices": {"id": "1"}}}', Query("user-1", ("1",))),
        ("inputs: [{payload: {devices: [{'id': '1'},]}}]", Query("user-1", ("1",))),
    ],
)
def test_queries(members, query, content_type):
    """Devices of all inputs are asked for, each once, in their order."""
    body = f'{{"agentUserId": "user-1", {members}}}'.encode()

    assert read_query_request(body, content_type) == query


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ('"requestId": "r"', "inputs"),
        ('"inputs": []', "inputs"),
        ('"inputs": null', "inputs"),
        ('"inputs": [{}]', "inputs[0].payload.devices"),
        ('"inputs": [{"payload": {}}]', "inputs[0].payload.devices"),
        ('"inputs": [{"payload": {"devices": []}}]', "inputs[0].payload.devices"),
        ('"inputs": [{"payload": {"devices": [{}]}}]', "inputs[0].payload.devices[0].id"),
        (
            '"inputs": [{"payload": {"devices": [{"id": "1"}, {"id": ""}]}}]',
            "inputs[0].payload.devices[1].id",
        ),
        (
            '"inputs": [{"payload": {"devices": [{"id": "1"}]}}, {"payload": {"devices": []}}]',
            "inputs[1].payload.devices",
        ),
    ],
)
def test_a_query_names_devices(members, field):
    """Every input has a device and every device an id, or the place of what is missing is told."""
    error = refused(f'{{"agentUserId": "user-1", {members}}}'.encode(), by=read_query_request)

    assert error.code == "FIELD_REQUIRED"
    assert error.facts["field"] == field
    assert error.facts["wrong_fields"] == ((field, f"{field} is missing."),)


@pytest.mark.parametrize(
    ("members", "code"),
    [
        (f'{ASKED}, "intent": "action.devices.QUERY"', "JSON_UNKNOWN_NAME"),
        (f'{ASKED}, "deviceView": "ALL"', "JSON_TYPE"),
        ('"inputs": [{"payload": {"devices": [{"id": 1}]}}]', "JSON_TYPE"),
        ('"inputs": [{"payload": {"devices": ["1"]}}]', "JSON_TYPE"),
    ],
)
def test_queries_that_are_refused(members, code):
    """A query has no intent, ids are strings, and a view is one of the known words."""
    error = refused(f'{{"agentUserId": "user-1", {members}}}'.encode(), by=read_query_request)

    assert error.code == code


# --- sync ------------------------------------------------------------------------------------------------------------


def test_syncs():
    """The user, and a request id that may be missing."""
    assert read_sync(b'{"agentUserId": "user-1"}', None) == Sync("user-1")
    assert read_sync(b"{agent_user_id: 'user-1', requestId: 'r'}", JSON) == Sync("user-1", "r")
    assert read_sync(b"requestId=r", FORM, [("agentUserId", "user-1")]) == Sync("user-1", "r")
    assert refused(b'{"requestId": "r"}', by=read_sync).code == "FIELD_REQUIRED"
    assert refused(b'{"agentUserId": 5}', by=read_sync).code == "JSON_TYPE"


@pytest.mark.parametrize("by", [read_request_sync, read_query_request, read_sync])
def test_every_reader_has_the_bound_of_an_agent_user(by):
    """What is surely short is taken at once, what may be too long is counted in bytes, an empty id is none."""
    body = {"agentUserId": "", "inputs": [{"payload": {"devices": [{"id": "1"}]}}]}
    if by is not read_query_request:
        del body["inputs"]

    for length in (1, 256, 257, 1_024):
        body["agentUserId"] = "u" * length
        assert len(by(json.dumps(body).encode(), JSON).agent_user_id) == length
    for wrong, code in (("u" * 1_025, "FIELD_TOO_LONG"), ("", "FIELD_REQUIRED")):
        body["agentUserId"] = wrong
        assert refused(json.dumps(body).encode(), by=by).code == code


# --- agentUsers.delete -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "agent_user_id"),
    [
        (b"/v1/agentUsers/1836.15267389", "1836.15267389"),
        (b"/v1/agentUsers/a/b", "a/b"),
        (b"/v1/agentUsers/a%2Fb", "a/b"),
        (b"/v1/agentUsers/a%20b%25", "a b%"),
        (b"/v1/agentUsers/a%252Fb", "a%2Fb"),
        (b"/v1/agentUsers/a+b", "a+b"),
        (b"/v1/agentUsers/agentUsers/x", "agentUsers/x"),
        (b"/v1/agentUsers/%C3%A9", "\u00e9"),
        (b"/v1/agentUsers/%FF", "\ufffd"),
        (b"/v1/agentUsers/50%", "50%"),
        (b"/v1%2FagentUsers%2Fx", "x"),
    ],
)
def test_the_agent_user_of_a_path(path, agent_user_id):
    """All that follows agentUsers/ is the id, decoded once."""
    assert read_delete(path) == DeleteAgentUser(agent_user_id)


def test_the_parameters_of_a_delete():
    """The request id is a parameter; the user is that of the path, whatever else is said."""
    path = b"/v1/agentUsers/user-1"

    assert read_delete(path, [("requestId", "r")]) == DeleteAgentUser("user-1", "r")
    assert (
        read_delete(path, [("agentUserId", "other"), ("request_id", "r")]).agent_user_id == "user-1"
    )


@pytest.mark.parametrize(
    ("path", "parameters", "code"),
    [
        (b"/v1/agentUsers/", [], "FIELD_REQUIRED"),
        (b"/v1/agentUsers/" + b"u" * 1_025, [], "FIELD_TOO_LONG"),
        (b"/v1/agentUsers/user-1", [("foo", "1")], "JSON_UNKNOWN_NAME"),
        (b"/v1/agentUsers", [], "ROUTE_UNKNOWN"),
        (b"/v1/devices:sync", [], "ROUTE_UNKNOWN"),
    ],
)
def test_deletes_that_are_refused(path, parameters, code):
    """Each kind of mistake has its reason."""
    with pytest.raises(CallRefused) as caught:
        read_delete(path, parameters)

    assert caught.value.code == code


@given(st.binary(max_size=60), st.lists(st.tuples(st.text(max_size=3), st.text(max_size=3))))
def test_any_path_is_read_or_refused(path, parameters):
    """Whatever the path is, there is an id or a known refusal."""
    try:
        delete = read_delete(b"/v1/agentUsers/" + path, parameters)
    except CallRefused as error:
        assert error.code in REASONS  # noqa: PT017  # one of two good ends
    else:
        assert 0 < len(delete.agent_user_id.encode()) <= AGENT_USER_ID_BYTES_MAX


def test_a_bare_id_is_no_name():
    """Where the name comes as a field, as in gRPC, it has the prefix that a path has; nothing at all is merely missing."""
    assert delete_of({"agent_user_id": "agentUsers/a/b", "request_id": "r"}) == DeleteAgentUser(
        "a/b", "r"
    )
    for name, code in (
        ("user-1", "AGENT_USER_PREFIX_MISSING"),
        ("", "FIELD_REQUIRED"),
        ("agentUsers/", "FIELD_REQUIRED"),
    ):
        with pytest.raises(CallRefused) as caught:
            delete_of({"agent_user_id": name})
        assert caught.value.code == code
        assert caught.value.facts["wrong_fields"][0][0] == "agent_user_id"


# --- any bytes -------------------------------------------------------------------------------------------------------

READERS = st.sampled_from([read_request_sync, read_query_request, read_sync])
PIECES = [
    b"{",
    b"}",
    b'"agentUserId"',
    b"agent_user_id",
    b":",
    b",",
    b'"u"',
    b"'u'",
    b"true",
    b"1",
    b"[",
    b"]",
    b'"async"',
    b'"inputs"',
    b'"payload":',
    b'"devices":',
    b'[{"id":',
    b'"requestId"',
    b"null",
    b" ",
]
ANY = st.binary(max_size=60) | st.lists(st.sampled_from(PIECES), max_size=12).map(b"".join)


@given(
    by=READERS,
    body=ANY,
    content_type=st.sampled_from([None, JSON, FORM, "text/plain"]),
    parameters=st.lists(
        st.tuples(st.sampled_from(["async", "agentUserId", "x"]), st.text(max_size=3)), max_size=2
    ),
    lenient_form=st.booleans(),
)
@example(read_query_request, b"[" * 100_000, JSON, [], False)
@example(read_query_request, b'{"x":' * 100_000, JSON, [], False)
@example(read_query_request, b'{"agentUserId":' + b"1" * 10_000 + b"}", JSON, [], False)
def test_any_bytes_are_a_request_or_refused(by, body, content_type, parameters, lenient_form):
    """Whatever the bytes are, they are a request with an agent user or are refused for a known reason."""
    try:
        request = by(body, content_type, parameters, lenient_form=lenient_form)
    except CallRefused as error:
        assert error.code in REASONS  # noqa: PT017  # one of two good ends
    else:
        assert 0 < len(request.agent_user_id.encode()) <= AGENT_USER_ID_BYTES_MAX


@given(READERS, ANY)
def test_the_fast_path_takes_nothing_that_the_slow_path_refuses(by, body):
    """Both ways through a body lead to the same request; an unknown content type takes the slow one."""

    def outcome(content_type):
        try:
            return by(body, content_type)
        except CallRefused as error:
            return error.code, error.facts

    assert outcome("text/plain") == outcome(JSON)
