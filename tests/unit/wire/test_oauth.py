"""OAuth towards a token endpoint: what is sent, and how answers are read."""

import base64
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homegraph.errors import TokenEndpointFailed, TokenError, TokenRefused
from homegraph.wire.oauth import (
    FORM_FIELDS_MAX,
    TokenReply,
    code_request,
    read_token_members,
    read_token_reply,
    refresh_request,
)

NUMBER = b"91827364"
ODD = "a/+=%&: ü"


def request(client_auth):
    """A refresh whose secrets need escaping."""
    headers, body = refresh_request(
        ODD, client_id="https://app", client_secret=ODD, client_auth=client_auth
    )
    return dict(headers), parse_qsl(body.decode(), keep_blank_values=True)


def test_credentials_in_the_body_come_in_googles_order():
    """The order is the one seen on the wire, and every character survives the form."""
    headers, form = request("body")

    assert "authorization" not in headers
    assert headers["content-type"] == "application/x-www-form-urlencoded"
    assert form == [
        ("grant_type", "refresh_token"),
        ("refresh_token", ODD),
        ("client_id", "https://app"),
        ("client_secret", ODD),
    ]


def test_credentials_in_basic_are_escaped_first():
    """RFC 6749 2.3.1: id and secret are form-encoded before they are joined by a colon."""
    headers, form = request("basic")

    pair = base64.b64decode(headers["authorization"].removeprefix("Basic ")).decode()
    assert pair == "https%3A%2F%2Fapp:a%2F%2B%3D%25%26%3A%20%C3%BC"
    assert form == [("grant_type", "refresh_token"), ("refresh_token", ODD)]


@pytest.mark.parametrize(
    ("body", "reply"),
    [
        (b'{"access_token":"a"}', TokenReply("a")),
        (b'{"access_token":"a","expires_in":3600}', TokenReply("a", "", 3600)),
        (b'{"access_token":"a","expires_in":"3600"}', TokenReply("a", "", 3600)),
        (b'{"access_token":"a","expires_in":"soon"}', TokenReply("a")),
        (b'{"access_token":"a","expires_in":-5,"x":[1]}', TokenReply("a")),
        (b'{"access_token":"a","expires_in":"inf"}', TokenReply("a")),
        (b'{"access_token":"a","refresh_token":"r"}', TokenReply("a", "r")),
        (b'{"access_token":"a","refresh_token":null}', TokenReply("a")),
    ],
)
def test_a_token_is_read_leniently(body, reply):
    """expires_in as text is forgiven, as real clients do; nonsense counts as unknown."""
    assert read_token_reply(200, body) == reply


@pytest.mark.parametrize(
    ("status", "body", "error", "says"),
    [
        (400, b'{"error":"invalid_grant"}', TokenRefused, "invalid_grant"),
        (
            400,
            b'{"error":"invalid_grant","error_description":"revoked"}',
            TokenRefused,
            "invalid_grant (revoked)",
        ),
        (400, b'{"error":"invalid_client"}', TokenEndpointFailed, "invalid_client"),
        (401, b'{"error":"invalid_grant"}', TokenEndpointFailed, "401"),
        (500, b"<html>", TokenEndpointFailed, "HTTP 500"),
        (201, b'{"access_token":"a"}', TokenEndpointFailed, "HTTP 201, not 200."),
        (201, b'{"error":"odd"}', TokenEndpointFailed, "HTTP 201, not 200: odd."),
        (204, b"", TokenEndpointFailed, "HTTP 204, not 200."),
        (400, b'{"error":{"code":1}}', TokenEndpointFailed, "HTTP 400."),
        (
            200,
            b"<html>",
            TokenEndpointFailed,
            "an access_token: it begins with '<', as a page does.",
        ),
        (200, b"\xef\xbb\xbf{}", TokenEndpointFailed, "it begins with a byte order mark."),
        (
            200,
            b'{"access_token":7}',
            TokenEndpointFailed,
            "access_token is a number; it must be text.",
        ),
        (200, b'{"accessToken":"a"}', TokenEndpointFailed, ": access_token is missing."),
        (200, b"access_token=", TokenEndpointFailed, "JSON"),
        (200, b"&".join([b"a=1"] * 51), TokenEndpointFailed, "JSON"),
        (200, b'{"access_token":""}', TokenEndpointFailed, "empty"),
        (200, b'{"access_token":"a\\nb"}', TokenEndpointFailed, "no header can carry"),
        (200, b'{"access_token":"t\\u00f6k"}', TokenEndpointFailed, "no header can carry"),
        (200, b"\xff", TokenEndpointFailed, "JSON"),
        (200, b"[" * 100_000, TokenEndpointFailed, "JSON"),
        (400, b"[" * 100_000, TokenEndpointFailed, "HTTP 400"),
    ],
)
def test_only_invalid_grant_means_refused(status, body, error, says):
    """Everything else may pass."""
    with pytest.raises(TokenError) as caught:
        read_token_reply(status, body)

    assert type(caught.value) is error
    assert says in caught.value.message


@given(st.integers(100, 599), st.binary())
def test_any_answer_is_a_token_or_our_error(status, body):
    """Whatever a token endpoint says, nothing else comes out."""
    try:
        reply = read_token_reply(status, body)
    except TokenError:
        return
    assert reply.access_token


def test_a_form_is_read_as_well():
    """Some servers answer as their requests come; escapes are undone."""
    body = b"access_token=a%2F%2B&refresh_token=r&expires_in=60&token_type=bearer\n"

    assert read_token_reply(200, body) == TokenReply("a/+", "r", 60.0)


@pytest.mark.parametrize("verifier", ["", "v" * 43])
def test_a_code_is_exchanged_in_googles_order(verifier):
    """Grant type, code, redirect URI, credentials, and the proof when there is one; every character survives."""
    _, body = code_request(
        ODD,
        redirect_uri="https://x/r/a?b=%2F",
        verifier=verifier,
        client_id="https://app",
        client_secret=ODD,
        client_auth="body",
    )

    assert parse_qsl(body.decode()) == [
        ("grant_type", "authorization_code"),
        ("code", ODD),
        ("redirect_uri", "https://x/r/a?b=%2F"),
        ("client_id", "https://app"),
        ("client_secret", ODD),
        *([("code_verifier", verifier)] if verifier else []),
    ]


def test_a_refused_grant_is_named():
    """A code that is refused is not told as a refresh token."""
    with pytest.raises(TokenRefused, match="refused the code: invalid_grant"):
        read_token_reply(400, b'{"error":"invalid_grant"}', grant="code")


@pytest.mark.parametrize(
    ("body", "members", "is_form"),
    [
        (b'{"access_token": 1, "a": null}', {"access_token": 1, "a": None}, False),
        (b"access_token=a%2Fb&expires_in=60\n", {"access_token": "a/b", "expires_in": "60"}, True),
        (b"[1]", {}, False),
        (b"\xff", {}, True),
        (b"&".join([b"a=1"] * (FORM_FIELDS_MAX + 1)), {}, True),
    ],
)
def test_an_answer_as_it_stands(body, members, is_form):
    """Whatever it is, its members can be looked at."""
    read = read_token_members(body)
    assert (read.members, read.is_form) == (members, is_form)


@pytest.mark.parametrize(
    "body",
    [
        rb'{"access_token": "SECRET"}',
        rb'{"access_token" : "ab\/SECRET", "expires_in": 3600}',
        rb'{"data": {"accessToken":"SECRET"}}',
        rb'[{"refresh_token":"SECRET"}]',
        b'\xef\xbb\xbf{"access_token": "SECRET"}',
        rb'{"access_token": "SECRET", "expires_in": NaN}',
        rb'{"access_token": "SECRET-that-is-cut',
        rb'<br/>{"access_token": "say \"SECRET\"", "error": "harmless"}',
        b"access_token=a%2fSECRET&error=harmless\n",
        b"<html>access_token=SECRET</html>",
        b'{"access_token": %b, "expires_in": 3600}' % NUMBER,
        b'{"data": {"refreshToken":%b}}' % NUMBER,
    ],
)
def test_a_token_is_found_as_it_stands_in_the_answer(body):
    """Whoever shows the answer has to hide these very characters, also where nobody can read the whole."""
    for found in (read_token_members(body).secrets, read_token_members(body).tokens):
        hidden = body.decode()
        for one in found:
            hidden = hidden.replace(one, "")
        assert "SECRET" not in hidden
        assert NUMBER.decode() not in hidden
        assert "3600" in hidden or b"3600" not in body
        assert "harmless" in hidden or b"harmless" not in body


@given(st.text('"\\: a{=&'))
def test_any_answer_is_searched(text):
    """What is found stands in it."""
    body = text.encode()
    assert all(name in text and value in text for name, value in read_token_members(body).written)


def test_what_may_be_secret_in_an_answer():
    """Every text that is not known to be harmless, also of an answer that brings no token."""
    answer = read_token_members(b'{"refresh_token":"r","expires_in":60,"error":"e","note":"n"}')

    assert (set(answer.secrets), set(answer.tokens)) == ({"r", "n"}, {"r"})
    assert set(read_token_members(b"access_token=a&token_type=bearer").secrets) == {"a"}
