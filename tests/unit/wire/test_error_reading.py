"""Reading the errors of a Home Graph."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from homegraph.errors import ApiError
from homegraph.wire.details import TYPE
from homegraph.wire.error_reading import BODY_BYTES_READ, DETAILS_MAX, parse_error
from homegraph.wire.reasons import REASONS

GOOGLE_INFO = {
    "@type": TYPE + "ErrorInfo",
    "reason": "SERVICE_DISABLED",
    "domain": "googleapis.com",
}
OUR_INFO = {"@type": TYPE + "ErrorInfo", "reason": "API_DISABLED", "domain": "homegraph"}


def body(**members):
    """Wrap the members of an error into an answer."""
    return json.dumps({"error": members}).encode()


def help_(*descriptions):
    """Make a Help with one link per description."""
    return {"@type": TYPE + "Help", "links": [{"description": d, "url": "u"} for d in descriptions]}


def test_both_formats_are_read():
    """The older format is the newer one with errors[]."""
    newer = parse_error(404, body(code=404, message="gone", status="NOT_FOUND"))
    older = parse_error(
        404, body(code=404, message="gone", errors=[{"reason": "notFound"}], status="NOT_FOUND")
    )

    assert (newer.message, newer.status, newer.reason) == (
        older.message,
        older.status,
        older.reason,
    )
    assert (
        newer.message,
        newer.http_status,
        newer.status,
        newer.code,
    ) == ("gone", 404, "NOT_FOUND", "NOT_FOUND")


def test_our_reason_counts_before_that_of_google():
    """With both ErrorInfos the reason is ours, in any order; with Google's alone it is Google's."""
    both = parse_error(403, body(message="m", details=[GOOGLE_INFO, OUR_INFO]))
    turned = parse_error(403, body(message="m", details=[OUR_INFO, GOOGLE_INFO]))
    google = parse_error(403, body(message="m", details=[GOOGLE_INFO]))

    assert [
        both.reason,
        turned.reason,
        google.reason,
    ] == ["API_DISABLED", "API_DISABLED", "SERVICE_DISABLED"]
    assert both.code == "API_DISABLED"


def test_the_hint_is_what_the_server_says():
    """The last Help is ours, and its first link is the likeliest cause."""
    details = [GOOGLE_INFO, help_("activate"), OUR_INFO, help_("switch it on", "or not")]

    assert parse_error(403, body(message="m", details=details)).hint == "switch it on"


def test_a_known_reason_without_help_is_explained_by_us():
    """When the server names our reason and nothing else, its fix is the hint."""
    error = parse_error(403, body(message="m", details=[OUR_INFO]))

    assert REASONS["API_DISABLED"].fix == error.hint


def test_a_plain_answer_of_google_is_explained_by_us():
    """A message of the catalogue has the hint of its most common cause, but no reason that nobody has given."""
    error = parse_error(404, body(code=404, message="Requested entity was not found."))

    assert REASONS["AGENT_USER_NEVER_LINKED"].fix == error.hint
    assert error.reason == ""
    assert parse_error(400, body(message="Requested entity was not found.")).hint == ""


def test_an_unknown_error_has_the_hint_of_googles_page():
    """Google's own Help is better than nothing."""
    details = [GOOGLE_INFO, help_("", "activate")]

    assert parse_error(403, body(message="m", details=details)).hint == "activate"


@pytest.mark.parametrize(
    ("http", "members", "retryable"),
    [
        (400, {}, False),
        (404, {}, False),
        (429, {}, True),
        (500, {}, True),
        (503, {}, True),
        (500, {"details": [{**OUR_INFO, "reason": "REPLY_UNUSABLE"}]}, False),
        (404, {"details": [{**OUR_INFO, "reason": "FIRST_SYNC_PENDING"}]}, True),
    ],
)
def test_whether_a_call_may_be_repeated(http, members, retryable):
    """Our reason decides; without one it is the HTTP status."""
    assert parse_error(http, body(message="m", **members)).retryable is retryable


@pytest.mark.parametrize(
    ("http", "sent", "status", "message"),
    [
        (
            404,
            b"5 NOT_FOUND: Requested entity was not found.",
            "NOT_FOUND",
            "Requested entity was not found.",
        ),
        (
            404,
            b"5: Requested entity was not found.",
            "NOT_FOUND",
            "Requested entity was not found.",
        ),
        (500, b"UNAVAILABLE: try\n again", "UNAVAILABLE", "try again"),
        (500, b"99: what", "INTERNAL", "HTTP 500: 99: what"),
        (500, b"OK: fine", "INTERNAL", "HTTP 500: OK: fine"),
        (500, b"ERROR: bad", "INTERNAL", "HTTP 500: ERROR: bad"),
        (404, b'{"code": 5, "message": "gone", "details": []}', "NOT_FOUND", "gone"),
        (500, b'{"code": 14, "message": "away"}', "UNAVAILABLE", "away"),
        (500, b'{"code": true, "message": "odd"}', "INTERNAL", "odd"),
        (400, b'{"error": "invalid_grant", "error_description": "Bad"}', "INVALID_ARGUMENT", "Bad"),
        (400, b'{"error": "invalid_grant"}', "INVALID_ARGUMENT", "invalid_grant"),
        (400, b'[{"error": {"code": 400, "message": "listed"}}]', "INVALID_ARGUMENT", "listed"),
        (503, b"", "UNAVAILABLE", "HTTP 503"),
        (503, b" \n ", "UNAVAILABLE", "HTTP 503"),
        (502, b"bad\n gateway", "INTERNAL", "HTTP 502: bad gateway"),
        (500, b"[]", "INTERNAL", "HTTP 500: []"),
        (500, b"[1]", "INTERNAL", "HTTP 500: [1]"),
        (500, b'"text"', "INTERNAL", 'HTTP 500: "text"'),
        (500, b'{"other": 1}', "INTERNAL", 'HTTP 500: {"other": 1}'),
        (500, b'{"error": {}}', "INTERNAL", "HTTP 500"),
        (500, b'{"error": null, "message": "still"}', "INTERNAL", "still"),
        (
            404,
            b'<html><TITLE lang="en">Error 404 (Not Found)!!1</title>',
            "NOT_FOUND",
            "HTTP 404 and a web page: Error 404 (Not Found)!!1",
        ),
        (502, b"<title> a &amp; b </title>", "INTERNAL", "HTTP 502 and a web page: a & b"),
        (413, b"\xff\xfe", "FAILED_PRECONDITION", "HTTP 413: \ufffd\ufffd"),
        (
            418,
            b'{"error": {"status": "TEAPOT", "message": "short"}}',
            "FAILED_PRECONDITION",
            "short",
        ),
    ],
)
def test_other_kinds_of_bodies(http, sent, status, message):
    """Front ends, gateways and token endpoints are understood, too."""
    error = parse_error(http, sent)

    assert (http, status, message) == (error.http_status, error.status, error.message)


def test_the_error_word_of_a_token_endpoint_is_the_reason():
    """OAuth's word for the error can be compared by a program."""
    assert parse_error(400, b'{"error": "invalid_grant"}').reason == "invalid_grant"


def test_a_message_from_plain_text_is_short():
    """The message is an extract, the body is kept whole up to its bound."""
    error = parse_error(500, b"x" * (BODY_BYTES_READ + 1))

    assert len(error.message) < 250
    assert len(error.body) == BODY_BYTES_READ


def test_details_are_bounded_and_are_objects():
    """What is no object is dropped, and so is what is too much."""
    many = [1, "two", None, *[{"@type": "x", "n": n} for n in range(100)]]
    error = parse_error(400, body(message="m", details=many))

    assert len(error.details) == DETAILS_MAX
    assert error.details[0] == {"@type": "x", "n": 0}
    assert parse_error(400, body(message="m", details="none")).details == ()


@pytest.mark.parametrize(
    "details",
    [
        [{"@type": TYPE + "Help"}],
        [{"@type": TYPE + "Help", "links": "no list"}],
        [{"@type": TYPE + "Help", "links": [1, {}, {"description": 5}]}],
        [{"@type": TYPE + "ErrorInfo"}],
        [{"@type": TYPE + "ErrorInfo", "reason": 5, "domain": []}],
        [{"@type": "other", "links": [{"description": "no"}], "reason": "no"}],
    ],
)
def test_malformed_details_say_nothing(details):
    """Members of the wrong type are as good as absent."""
    error = parse_error(400, body(message="m", details=details))

    assert (error.hint, error.reason) == ("", "")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "error",
                    "code",
                    "message",
                    "status",
                    "details",
                    "links",
                    "reason",
                    "domain",
                    "@type",
                    "description",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(
    http=st.integers(0, 999),
    sent=st.binary(max_size=300) | JSON.map(lambda v: json.dumps(v).encode()),
)
@example(http=500, sent=b"[" * 100_000)
@example(http=500, sent=b'{"error":' * 20_000)
@example(http=500, sent=b"1" * 5_000)
@example(http=500, sent=b"<title" * 10_000)
@example(http=500, sent=b'{"error": {"message": "\xff"}}')
def test_any_bytes_are_an_api_error(http, sent):
    """Whatever an answer contains, reading it gives an ApiError with a message and a status."""
    error = parse_error(http, sent)

    assert type(error) is ApiError
    assert error.message
    assert error.status
    assert http == error.http_status


REFUSED = {
    "error": {
        "code": 400,
        "message": "Request contains an invalid argument.",
        "status": "INVALID_ARGUMENT",
        "details": [
            {**OUR_INFO, "reason": "STATE_TYPE_WRONG"},
            {"fieldViolations": "none"},
            {
                "fieldViolations": [
                    {"field": "a.b", "description": "b is 1."},
                    {"description": "no field"},
                    7,
                    {"field": "a.c"},
                ]
            },
        ],
    }
}


def test_an_error_names_the_fields_that_are_wrong():
    """Each with what is said of it. As text it has reason and paths, for tracebacks and logs, and no values."""
    error = parse_error(400, json.dumps(REFUSED).encode())

    assert error.wrong_fields == (("a.b", "b is 1."), ("a.c", ""))
    assert error.message == "Request contains an invalid argument."
    assert str(error) == f"{error.message} [STATE_TYPE_WRONG: a.b, a.c]"


@pytest.mark.parametrize(
    ("http", "body", "told"),
    [
        (404, b'{"error": {"message": "No."}}', "No."),
        (400, b'{"error": "invalid_grant"}', "invalid_grant [invalid_grant]"),
        (0, b'{"error": "odd"}', "odd"),
    ],
)
def test_an_error_without_more_is_its_message(http, body, told):
    """What has no reason, or is no answer at all, has nothing to add."""
    assert str(parse_error(http, body)) == told
