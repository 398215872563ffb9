"""The methods of the API, and the reading of Request Sync."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from homegraph.errors import CallRefused
from homegraph.wire import api_v1
from homegraph.wire.api_v1 import (
    AGENT_USER_ID_BYTES_MAX,
    BODY_BYTES_MAX,
    METHODS,
    RequestSync,
    read_request_sync,
)
from homegraph.wire.status import REASONS

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
OK = RequestSync("user-1")


def refused(body, content_type=JSON, parameters=(), **options):
    """Read a request and return the refusal."""
    with pytest.raises(CallRefused) as caught:
        read_request_sync(body, content_type, parameters, **options)
    return caught.value


def test_the_method_table():
    """Request Sync stands at the documented path, is called by POST, and has the one scope of the API."""
    method = METHODS["/v1/devices:requestSync"]

    assert method.http == "POST"
    assert method.rpc == "google.home.graph.v1.HomeGraphApiService.RequestSyncDevices"
    assert method.scope == "https://www.googleapis.com/auth/homegraph"
    assert [field.json_name for field in method.request.fields] == ["agentUserId", "async"]
    assert method.response.fields == ()


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
    assert error.facts == {"field": "agent_user_id"}


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
    """A body above 1 MiB is refused unread, at the bound it is read."""
    body = b'{"agentUserId": "user-1"}'

    assert read_request_sync(body.ljust(BODY_BYTES_MAX), JSON) == OK
    assert refused(body.ljust(BODY_BYTES_MAX + 1)).code == "BODY_TOO_LARGE"
    assert refused(b"a=" + b"b" * 100_000, FORM).code == "QUERY_TOO_LARGE"


def test_the_usual_body_does_not_take_the_slow_path(monkeypatch):
    """What nearly every client sends is read by msgspec alone."""
    monkeypatch.delattr(api_v1, "_read_slowly")

    assert read_request_sync(b'{"agentUserId":"user-1"}', JSON, []) == OK
    assert read_request_sync(b'{"agent_user_id":"user-1","async":true}', None).async_


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
    b"null",
    b" ",
]
ANY = st.binary(max_size=60) | st.lists(st.sampled_from(PIECES), max_size=12).map(b"".join)


@given(
    body=ANY,
    content_type=st.sampled_from([None, JSON, FORM, "text/plain"]),
    parameters=st.lists(
        st.tuples(st.sampled_from(["async", "agentUserId", "x"]), st.text(max_size=3)), max_size=2
    ),
    lenient_form=st.booleans(),
)
@example(b"[" * 100_000, JSON, [], False)
@example(b'{"x":' * 100_000, JSON, [], False)
@example(b'{"agentUserId":' + b"1" * 10_000 + b"}", JSON, [], False)
def test_any_bytes_are_a_request_or_refused(body, content_type, parameters, lenient_form):
    """Whatever the bytes are, they are a request with an agent user or are refused for a known reason."""
    try:
        request = read_request_sync(body, content_type, parameters, lenient_form=lenient_form)
    except CallRefused as error:
        assert error.code in REASONS  # noqa: PT017  # one of two good ends
    else:
        assert 0 < len(request.agent_user_id.encode()) <= AGENT_USER_ID_BYTES_MAX
        assert isinstance(request.async_, bool)


@given(ANY)
def test_the_fast_path_takes_nothing_that_the_slow_path_refuses(body):
    """Both ways through a body lead to the same request; an unknown content type takes the slow one."""

    def outcome(content_type):
        try:
            return read_request_sync(body, content_type)
        except CallRefused as error:
            return error.code, error.facts

    assert outcome("text/plain") == outcome(JSON)
