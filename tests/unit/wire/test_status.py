"""Writing the answers of the API."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homegraph import errors
from homegraph.wire.details import TYPE
from homegraph.wire.field_mask import parse_field_mask
from homegraph.wire.lenient_json import JsonTooLarge
from homegraph.wire.status import (
    OK_HEADERS,
    REASONS,
    ROWS,
    Exit,
    Explanation,
    exit_code,
    parse_error,
    render,
    render_html_404,
    render_success,
    row_of,
    status_of,
)

EXPLAIN = Explanation(
    reasons=("AGENT_USER_UNLINKED", "AGENT_USER_OF_OTHER_PROJECT"),
    help_base="http://127.0.0.1:4663/errors/",
    facts={"agentUserId": "user-1", "run": "r-7"},
)


def test_an_explanation_is_appended_to_the_bytes_of_google():
    """With an explanation the body has one ErrorInfo and one Help more, ranked; nothing else differs."""
    bare = json.loads(render("AGENT_USER_UNLINKED").body)
    explained = json.loads(render("AGENT_USER_UNLINKED", explain=EXPLAIN).body)

    info, help_ = explained["error"].pop("details")
    assert bare == explained
    assert info == {
        "@type": TYPE + "ErrorInfo",
        "reason": "AGENT_USER_UNLINKED",
        "domain": "homegraph",
        "metadata": {"agentUserId": "user-1", "run": "r-7"},
    }
    assert [link["url"] for link in help_["links"]] == [
        "http://127.0.0.1:4663/errors/AGENT_USER_UNLINKED",
        "http://127.0.0.1:4663/errors/AGENT_USER_OF_OTHER_PROJECT",
    ]
    reason = REASONS["AGENT_USER_UNLINKED"]
    assert f"{reason.title} {reason.fix}" == help_["links"][0]["description"]


def test_wrong_fields_are_told_only_where_we_explain():
    """Google keeps silent about them; with an explanation a BadRequest of ours stands before the Help."""
    path = 'payload.devices.states["123"].on'
    facts = {"wrong_fields": ((path, "null is no state."), (None, "And more."))}

    bare = json.loads(render("STATE_NULL", facts).body)["error"]
    explained = json.loads(render("STATE_NULL", facts, explain=EXPLAIN).body)["error"]

    assert bare == {
        "code": 400,
        "message": "Request contains an invalid argument.",
        "status": "INVALID_ARGUMENT",
    }
    info, bad_request, help_ = explained["details"]
    assert info["@type"] == TYPE + "ErrorInfo"
    assert bad_request == {
        "@type": TYPE + "BadRequest",
        "fieldViolations": [
            {"field": path, "description": "null is no state."},
            {"description": "And more."},
        ],
    }
    assert help_["@type"] == TYPE + "Help"


def test_an_error_as_values():
    """What is rendered for HTTP can be had as a status: row, message and details."""
    status = status_of("DEVICE_UNKNOWN", explain=EXPLAIN)
    error = json.loads(render("DEVICE_UNKNOWN", explain=EXPLAIN).body)["error"]

    assert status.row is ROWS["device-not-found"]
    assert (status.row.grpc, status.message) == (5, error["message"])
    assert status.details == error["details"]
    assert status_of("DEVICE_UNKNOWN").details == []
    assert status_of("no such code").row is ROWS["internal"]


def test_our_details_come_after_those_of_google():
    """A client that takes the first ErrorInfo still finds Google's."""
    details = json.loads(render("API_KEY_UNKNOWN", explain=EXPLAIN).body)["error"]["details"]

    assert [d["domain"] for d in details if "domain" in d] == ["googleapis.com", "homegraph"]
    assert details[1]["@type"] == TYPE + "LocalizedMessage"


def test_an_explanation_without_ranking_names_the_reason_itself():
    """When nobody has ranked the causes, the reason of the answer is the cause."""
    body = render("SYNC_IN_FLIGHT", explain=Explanation((), "/errors/")).body
    info, help_ = json.loads(body)["error"]["details"]

    assert info["reason"] == "SYNC_IN_FLIGHT"
    assert help_["links"][0]["url"] == "/errors/SYNC_IN_FLIGHT"


def test_an_unknown_reason_is_an_internal_error():
    """A code that is not in the table is a bug of ours; the answer is still one."""
    assert row_of("NO_SUCH_CODE") is ROWS["internal"]
    rendered = render("NO_SUCH_CODE", explain=Explanation(("NO_SUCH_CODE",), "/errors/"))
    details = json.loads(rendered.body)["error"]["details"]

    assert rendered.http == 500
    assert details[1]["links"] == []


def test_headers_are_those_of_google():
    """Every JSON answer has the observed headers; a 401 has WWW-Authenticate besides, a 503 Retry-After; no Content-Length yet."""
    assert list(OK_HEADERS) == render("AGENT_USER_UNLINKED").headers
    headers = dict(render("ACCESS_TOKEN_UNKNOWN").headers)

    assert headers[b"www-authenticate"] == (
        b'Bearer realm="https://accounts.google.com/", error="invalid_token"'
    )
    assert dict(render("STORE_UNAVAILABLE").headers)[b"retry-after"] == b"5"
    assert b"retry-after" not in headers
    assert headers[b"content-type"] == b"application/json; charset=UTF-8"
    assert b"content-length" not in headers
    assert all(name == name.lower() for name in headers)


def test_the_older_format_has_errors_between_message_and_status():
    """Members keep Google's order in both formats."""
    older = json.loads(render("API_DISABLED", envelope=1).body)["error"]
    newer = json.loads(render("API_DISABLED", envelope=2).body)["error"]

    assert list(older) == ["code", "message", "errors", "status", "details"]
    assert list(newer) == ["code", "message", "status", "details"]
    assert older["errors"] == [
        {"message": older["message"], "domain": "usageLimits", "reason": "accessNotConfigured"}
    ]


def test_entries_of_the_older_format_that_differ():
    """The proto layer's complaints have no domain; a credential error has a short message and a place."""
    facts = {"violations": ((None, "words"),)}
    proto = json.loads(render("JSON_TYPE", facts, envelope=1).body)["error"]
    token = json.loads(render("ACCESS_TOKEN_UNKNOWN", envelope=1).body)["error"]

    assert proto["errors"] == [{"message": "words", "reason": "invalid"}]
    assert token["errors"] == [
        {
            "message": "Invalid Credentials",
            "domain": "global",
            "reason": "authError",
            "location": "Authorization",
            "locationType": "header",
        }
    ]


@pytest.mark.parametrize(
    ("character", "written"),
    [
        ("<", "\\u003c"),
        (">", "\\u003e"),
        ("\x7f", "\\u007f"),
        ("\u0085", "\\u0085"),
        ("\xad", "\\u00ad"),
        ("\u200b", "\\u200b"),
        ("\u2028", "\\u2028"),
        ("\ufeff", "\\ufeff"),
        ("\U000e0041", "\\udb40\\udc41"),
        ("\x08", "\\b"),
        ("\x0b", "\\u000b"),
        ("é", "é"),
        ("\u2019", "\u2019"),
        ("\u3000", "\u3000"),
        ("💡", "💡"),
        ("&", "&"),
        ("'", "'"),
        ('"', '\\"'),
        ("/", "/"),
    ],
)
def test_characters_are_written_as_google_writes_them(character, written):
    """Angle brackets and invisible characters are escaped, other characters are not."""
    body = render("JSON_SYNTAX", {"text": f"a{character}b"}).body.decode()

    assert f'"message": "a{written}b",' in body
    assert json.loads(body)["error"]["message"] == f"a{character}b"


def test_half_characters_are_replaced():
    """A fact that no UTF-8 can carry does not keep the error from being told."""
    facts = {"violations": (("a\ud800", "b\udfff"),), "text": "\ud800"}

    assert json.loads(render("JSON_SYNTAX", facts).body)["error"]["message"] == "?"
    details = json.loads(render("JSON_TYPE", facts).body)["error"]["details"]
    assert details[0]["fieldViolations"] == [{"field": "a?", "description": "b?"}]


def test_success_bodies():
    """Indented with a newline, or compact without one; an empty message is two braces."""
    message = {"requestId": "r<1>", "payload": {"devices": {"a": {"on": True}}}}

    assert render_success({}) == b"{}\n"
    assert render_success({}, pretty=False) == b"{}"
    assert render_success({"a": 1}) == b'{\n  "a": 1\n}\n'
    assert render_success(message, pretty=False) == (
        b'{"requestId":"r\\u003c1\\u003e","payload":{"devices":{"a":{"on":true}}}}'
    )
    assert render_success(message, fields=parse_field_mask("payload(devices/a)"), pretty=False) == (
        b'{"payload":{"devices":{"a":{"on":true}}}}'
    )
    assert render_success(message, fields=parse_field_mask("nothing")) == b"{}\n"


def test_the_html_page_names_the_path_harmlessly():
    """The page has Google's title and sentence; a path cannot bring markup into it, nor be endless."""
    rendered = render_html_404("/v1/<script>&")

    assert rendered.http == 404
    assert rendered.headers == [
        (b"content-type", b"text/html; charset=UTF-8"),
        (b"referrer-policy", b"no-referrer"),
    ]
    page = rendered.body.decode()
    assert "<title>Error 404 (Not Found)!!1</title>" in page
    assert (
        "The requested URL <code>/v1/&lt;script&gt;&amp;</code> was not found on this server.  "
        "<ins>That\u2019s all we know.</ins>" in page
    )
    assert len(render_html_404("/" * 100_000).body) < 3_000
    assert b"<code>?</code>" in render_html_404("\ud800").body


TEXT = st.text(max_size=30)


@given(
    code=st.sampled_from(sorted(REASONS)),
    envelope=st.sampled_from([1, 2]),
    explain=st.booleans(),
    text=TEXT,
    facts=st.dictionaries(
        st.sampled_from(["text", "name", "value", "method", "ip", "project_number", "consumer"]),
        TEXT,
    ),
    violations=st.lists(st.tuples(st.none() | TEXT, TEXT), max_size=3),
)
def test_what_was_written_is_read_back(code, envelope, explain, text, facts, violations):
    """For every reason, in both formats, explained or not: reading brings back what was told."""
    explanation = Explanation((code,), "/errors/", {"agentUserId": text}) if explain else None
    facts = {**facts, "violations": violations}
    rendered = render(code, facts, envelope=envelope, explain=explanation)
    error = json.loads(rendered.body)["error"]

    read = parse_error(rendered.http, rendered.body)

    row = row_of(code)
    assert (row.http, row.status) == (read.http_status, read.status)
    assert (error["message"] or f"HTTP {row.http}") == read.message
    assert error.get("details", []) == list(read.details)
    if explain:
        reason = REASONS[code]
        assert code == read.reason
        assert f"{reason.title} {reason.fix}" == read.hint
        assert reason.retryable == read.retryable
        assert read.details[-2]["metadata"] == {"agentUserId": text}


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.CallRefused("FIELD_REQUIRED"), Exit.USAGE),
        (errors.CallRefused("API_KEY_UNKNOWN"), Exit.NOT_ALLOWED),
        (errors.CallRefused("AGENT_USER_UNLINKED"), Exit.NOT_FOUND),
        (errors.CallRefused("SYNC_IN_FLIGHT"), Exit.BUSY),
        (errors.FulfillmentUnreachable(), Exit.UNREACHABLE),
        (errors.FulfillmentTimeout(), Exit.TIMED_OUT),
        (errors.FulfillmentFailed(), Exit.FAILED),
        (errors.TokenEndpointFailed(), Exit.FAILED),
        (errors.TokenRefused(), Exit.NOT_ALLOWED),
        (errors.SettingsError("wrong"), Exit.USAGE),
        (errors.KeyMismatch("another"), Exit.USAGE),
        (errors.NotFound(), Exit.NOT_FOUND),
        (errors.AdminRefused(), Exit.NOT_ALLOWED),
        (errors.DatabaseInUse(), Exit.BUSY),
        (errors.SchemaTooNew(), Exit.FAILED),
        (errors.LeaseLost(), Exit.FAILED),
        (errors.StoreUnavailable(), Exit.FAILED),
        (JsonTooLarge(), Exit.FAILED),
        (errors.ServerUnreachable("no answer"), Exit.UNREACHABLE),
        (errors.HomegraphError("?"), Exit.BUG),
        (errors.CallRefused("NO_SUCH_CODE"), Exit.BUG),
        (parse_error(404, b'{"error": {"code": 404, "status": "NOT_FOUND"}}'), Exit.NOT_FOUND),
        (parse_error(500, b'{"error": {"code": 500, "status": "INTERNAL"}}'), Exit.FAILED),
        (parse_error(504, b""), Exit.TIMED_OUT),
        (parse_error(400, b""), Exit.USAGE),
        (parse_error(500, render("INTERNAL", explain=Explanation((), "/")).body), Exit.BUG),
        (
            parse_error(500, render("FULFILLMENT_TIMEOUT", explain=Explanation((), "/")).body),
            Exit.TIMED_OUT,
        ),
    ],
    ids=repr,
)
def test_a_command_ends_with_the_exit_code_of_its_error(error, code):
    """Every error of the family has an exit code; an answer is judged by our reason, else by its status."""
    assert exit_code(error) is code


def test_every_error_of_the_family_has_an_exit_code():
    """Only an error that nobody has thought of ends as a bug."""

    def kinds(kind):
        return [kind, *(below for child in kind.__subclasses__() for below in kinds(child))]

    named = [kind for kind in kinds(errors.HomegraphError) if kind.__module__ == "homegraph.errors"]
    unknown = {kind for kind in named if issubclass(kind, errors.ApiError)}
    told_a_code = {
        errors.HomegraphError,
        errors.CallRefused,
        errors.LinkingRefused,
        errors.TokenRequestRefused,
    }
    for kind in set(named) - unknown - told_a_code:
        assert exit_code(kind("what went wrong")) is not Exit.BUG
