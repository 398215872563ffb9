"""The token endpoint on the wire: forms and JSON in, Google's bytes out."""

import json
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homegraph.errors import TokenRequestRefused
from homegraph.wire.parameters import QUERY_BYTES_MAX
from homegraph.wire.token_endpoint import (
    JWT_BEARER,
    TOKEN_PATHS,
    TokenRequest,
    read_token_request,
    render_token,
    render_token_refusal,
)

FORM = "application/x-www-form-urlencoded"
ASKED = {"grant_type": JWT_BEARER, "assertion": "a.b.c"}


def form(**members):
    """A form."""
    return urlencode(members).encode()


def refused(body, content_type=FORM):
    """The refusal of a body: its reason, OAuth's word, and the description."""
    with pytest.raises(TokenRequestRefused) as caught:
        read_token_request(body, content_type)
    return caught.value.code, caught.value.error, caught.value.message


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (form(**ASKED), FORM),
        (form(**ASKED), "Application/X-WWW-Form-Urlencoded; charset=utf-8"),
        (form(**ASKED), None),
        (f"grant_type={JWT_BEARER}&assertion=a.b.c".encode(), FORM),
        (form(**ASKED, client_id="ignored"), FORM),
        (form(**ASKED) + b"&assertion=second", FORM),
        (json.dumps(ASKED).encode(), "application/json"),
        (json.dumps(ASKED).encode(), "application/json; charset=utf-8"),
        (b"  " + json.dumps({**ASKED, "other": [1]}).encode(), None),
    ],
)
def test_the_assertion_is_found(body, content_type):
    """In forms, escaped or not, and in JSON; other parameters do not matter, and the first of two counts."""
    assert read_token_request(body, content_type) == TokenRequest("a.b.c")


@pytest.mark.parametrize(
    ("grant_type", "told"),
    [
        ("", ""),
        ("refresh_token", "refresh_token"),
        ("authorization_code", "authorization_code"),
        ("x" * 500, "x" * 100),
    ],
)
def test_other_grant_types_are_refused_in_googles_words(grant_type, told):
    """With the grant type that was sent, as far as it is short."""
    expected = ("GRANT_TYPE_UNSUPPORTED", "unsupported_grant_type", f"Invalid grant_type: {told}")

    assert refused(form(grant_type=grant_type, assertion="a.b.c")) == expected
    assert refused(json.dumps({"grant_type": grant_type}).encode(), "application/json") == expected


def test_no_grant_type_is_another_grant_type():
    """An empty body is answered like an empty grant type."""
    assert refused(b"")[2] == "Invalid grant_type: "
    assert refused(b"", None)[2] == "Invalid grant_type: "
    assert refused(b"{}", "application/json")[2] == "Invalid grant_type: "


@pytest.mark.parametrize(
    ("body", "content_type", "description"),
    [
        (form(grant_type=JWT_BEARER), FORM, "Missing required parameter: assertion"),
        (form(grant_type=JWT_BEARER, assertion=""), FORM, "Missing required parameter: assertion"),
        (b"[]", "application/json", "Bad Request"),
        (b"{", None, "Bad Request"),
        (b'{"grant_type": 1}', "application/json", "Bad Request"),
        (b"\xff", "application/json", "Bad Request"),
        (b'{"x": ' + b"[" * 5_000, "application/json", "Bad Request"),
        (form(**ASKED), "text/plain", "Bad Request"),
        (b"x" * (QUERY_BYTES_MAX + 1), FORM, "The parameters are too long, or too many."),
    ],
)
def test_what_is_no_request_is_refused(body, content_type, description):
    """Without an assertion, in another format, or too large."""
    assert refused(body, content_type) == (
        "TOKEN_REQUEST_UNREADABLE",
        "invalid_request",
        description,
    )


@given(st.binary(max_size=200), st.none() | st.sampled_from([FORM, "application/json", "x"]))
def test_any_bytes_are_read_or_refused(body, content_type):
    """Reading raises nothing but the refusal."""
    refused(body, content_type)


def test_a_grant_type_of_half_characters_can_be_answered():
    """JSON can hold what no UTF-8 can carry."""
    reason, error, description = refused(b'{"grant_type": "\\ud800"}', "application/json")

    assert json.loads(render_token_refusal(reason, error, description).body)["error"] == error


def test_a_token_is_answered_as_google_does():
    """Three members, a number of seconds, compact."""
    rendered = render_token("ya29.abc")

    assert rendered.http == 200
    assert rendered.body == (b'{"access_token":"ya29.abc","expires_in":3599,"token_type":"Bearer"}')


def test_a_refusal_is_answered_as_google_does():
    """The word of OAuth and the description; the HTTP status is that of the reason's row."""
    unknown = render_token_refusal(
        "SERVICE_ACCOUNT_UNKNOWN", "invalid_grant", "Invalid grant: account not found"
    )
    limit = render_token_refusal("TOKEN_REQUESTS_TOO_MANY", "rate_limit_exceeded", "")

    assert unknown.http == 400
    assert unknown.body == (
        b'{"error":"invalid_grant","error_description":"Invalid grant: account not found"}'
    )
    assert limit.http == 429
    assert dict(limit.headers)[b"retry-after"] == b"60"
    assert b"retry-after" not in dict(unknown.headers)


def test_an_explained_refusal_leads_to_its_page():
    """In the member that OAuth has for it."""
    rendered = render_token_refusal(
        "ASSERTION_AUDIENCE", "invalid_grant", "…", help_base="http://127.0.0.1:4663/errors/"
    )

    assert json.loads(rendered.body)["error_uri"] == (
        "http://127.0.0.1:4663/errors/ASSERTION_AUDIENCE"
    )


def test_no_answer_is_kept_by_a_cache():
    """Neither tokens nor refusals."""
    for rendered in (render_token("t"), render_token_refusal("ASSERTION_SCOPE", "e", "d")):
        headers = dict(rendered.headers)
        assert b"no-store" in headers[b"cache-control"]
        assert headers[b"pragma"] == b"no-cache"
        assert headers[b"content-type"] == b"application/json; charset=utf-8"


def test_a_request_does_not_show_its_assertion():
    """It may stand in a traceback."""
    assert "a.b.c" not in repr(TokenRequest("a.b.c"))


def test_the_paths_are_those_of_google():
    """On three hosts over the years."""
    assert TOKEN_PATHS == ("/token", "/o/oauth2/token", "/oauth2/v4/token")
