"""What service accounts sign: read without belief, verified, and checked."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homegraph.errors import TokenRequestRefused
from homegraph.wire.assertions import (
    AHEAD_SECONDS_MAX,
    GOOGLE_AUDIENCES,
    JWT_CHARS_MAX,
    LIFETIME_SECONDS_MAX,
    Claims,
    check,
    looks_signed,
    read_unverified,
    verify,
)
from homegraph.wire.status import REASONS
from support.signing import (
    HOME_GRAPH,
    NOW,
    TOKEN_URL,
    claims,
    encoded,
    key,
    macced,
    public_pem,
    signed,
)

OURS = "http://127.0.0.1:4663/token"
API = "https://homegraph.googleapis.com/"
AUDIENCES = {OURS, *GOOGLE_AUDIENCES}


def refused(call, *arguments, **named):
    """The refusal of a call: its reason, OAuth's word, and the description."""
    with pytest.raises(TokenRequestRefused) as caught:
        call(*arguments, **named)
    error = caught.value
    assert error.code in REASONS
    return error.code, error.error, error.message


UNREADABLE = ("ASSERTION_UNREADABLE", "invalid_grant", "Bad Request")
BAD_SIGNATURE = ("ASSERTION_SIGNATURE", "invalid_grant", "Invalid JWT Signature.")
BAD_TIMES = (
    "ASSERTION_LIFETIME",
    "invalid_grant",
    (
        "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. "
        "Check your iat and exp values in the JWT claim."
    ),
)
BAD_AUDIENCE = ("ASSERTION_AUDIENCE", "invalid_grant", "Invalid JWT: Failed audience check.")
NO_SCOPE = ("ASSERTION_SCOPE", "invalid_scope", "Empty or missing scope not allowed.")
BAD_SCOPE = (
    "ASSERTION_SCOPE",
    "invalid_scope",
    "Invalid OAuth scope or ID token audience provided.",
)


# --- reading -----------------------------------------------------------------------------------------------------------


def test_a_token_is_taken_apart():
    """Every claim that matters is there, in our types."""
    token = signed(
        claims(sub="someone", nbf=NOW - 5, scope=f"{HOME_GRAPH} openid", extra=[1]),
        header={"kid": "k1", "x-of-a-library": True},
    )

    assert read_unverified(token) == Claims(
        iss="sync@acme.iam.gserviceaccount.com",
        kid="k1",
        sub="someone",
        audiences=(TOKEN_URL,),
        scopes=(HOME_GRAPH, "openid"),
        iat=NOW,
        exp=NOW + 3600,
        nbf=NOW - 5,
    )


def test_what_may_be_missing_is_empty():
    """A token that only says who signed it is read; what is missing is for the checks."""
    token = signed({"iss": "someone"})

    assert read_unverified(token) == Claims(iss="someone")


def test_an_audience_may_be_a_list():
    """JWT allows both forms."""
    assert read_unverified(signed(claims(aud=["a", "b"]))).audiences == ("a", "b")


GOOD = signed(claims())
HEAD, BODY, SIGNATURE = GOOD.split(".")


@pytest.mark.parametrize(
    "token",
    [
        "",
        "ya29.opaque",
        "a.b",
        f"{GOOD}.",
        f"{GOOD}.{HEAD}",
        f".{BODY}.{SIGNATURE}",
        f"{HEAD}..{SIGNATURE}",
        f"{HEAD}.{BODY}=.{SIGNATURE}",
        f"{HEAD}.{BODY} .{SIGNATURE}",
        f"{HEAD}\n.{BODY}.{SIGNATURE}",
        f"{HEAD}.{BODY}.A",
        f"{HEAD}.{BODY}.+/+/",
        f"{HEAD}.{BODY}.\u00e9",
        signed(b"no JSON"),
        signed([claims()]),
        signed(claims(iss=None)),
        signed(claims(iss="")),
        signed(claims(iss=7)),
        signed(claims(exp="soon")),
        signed(claims(scope=[HOME_GRAPH])),
        signed(claims(aud=[1])),
        signed(b'{"iss": ' + b"[" * 5_000),
        signed(claims(), header={"kid": 7}),
        signed(claims(), header={"alg": None}),
        signed(claims(iss="x" * JWT_CHARS_MAX)),
    ],
)
def test_what_is_no_token_is_refused(token):
    """Not three parts, not base64url, not JSON, not the types of a JWT, nobody who signed it, or too long."""
    assert refused(read_unverified, token) == UNREADABLE


def test_the_longest_token_is_read():
    """The bound itself is allowed."""
    rest = JWT_CHARS_MAX - len(f"{HEAD}.{BODY}.")

    assert read_unverified(f"{HEAD}.{BODY}.{'A' * rest}").iss == claims()["iss"]
    assert refused(read_unverified, f"{HEAD}.{BODY}.{'A' * (rest + 1)}") == UNREADABLE


@pytest.mark.parametrize(
    "token",
    [
        f"{encoded({'alg': 'none'})}.{BODY}.",
        f"{encoded({'alg': 'None'})}.{BODY}.{SIGNATURE}",
        f"{encoded({'alg': 'rs256'})}.{BODY}.{SIGNATURE}",
        macced(claims(), public_pem(key())),
        signed(claims(), header={"alg": "RS512"}),
        signed(claims(), header={"alg": "ES256"}),
        signed(claims(), header={"crit": ["b64"], "b64": False}),
        signed(claims(), header={"crit": []}),
    ],
)
def test_the_algorithm_is_not_the_tokens_to_choose(token):
    """None, a MAC, another hash, or extensions that must be understood: no signature that we take."""
    assert refused(read_unverified, token) == BAD_SIGNATURE


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text):
    """Reading raises nothing but the refusal; no text of chance is a token."""
    assert refused(read_unverified, text) in (UNREADABLE, BAD_SIGNATURE)


JSONS = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
NAMES = st.sampled_from(["iss", "aud", "iat", "exp", "nbf", "scope", "sub", "alg", "kid", "crit"])


@settings(max_examples=300)
@given(
    header=st.dictionaries(NAMES, JSONS | st.just("RS256")),
    payload=st.dictionaries(NAMES, JSONS),
    signature=st.binary(max_size=300),
    now=st.floats(0, 4e9),
)
def test_any_token_passes_all_steps_or_is_refused(header, payload, signature, now):
    """Whatever three parts hold, every step raises the refusal and nothing else; without a signature none passes."""
    token = f"{encoded(header)}.{encoded(payload)}.{encoded(signature)}"

    def all_steps():
        check(read_unverified(token), audiences=AUDIENCES, now=now)
        verify(token, public_pem(key()))

    refused(all_steps)


# --- signatures --------------------------------------------------------------------------------------------------------


def test_a_signature_of_the_key_is_good():
    """Whoever holds the private half made it; the header may say what it likes besides."""
    verify(GOOD, public_pem(key()))
    verify(signed(claims(), header={"kid": "k1", "x5t": "abc"}), public_pem(key()))


@pytest.mark.parametrize(
    "token",
    [
        signed(claims(), by=key(2)),
        f"{HEAD}.{encoded(claims(iss='another'))}.{SIGNATURE}",
        f"{encoded({'alg': 'RS256'})}.{BODY}.{SIGNATURE}",
        f"{HEAD}.{BODY}.",
        f"{HEAD}.{BODY}.{SIGNATURE[:-4]}AAAA",
        f"{encoded({'alg': 'none'})}.{BODY}.",
        macced(claims(), public_pem(key())),
    ],
)
def test_any_other_signature_is_not(token):
    """Another key, changed claims, a changed header, a changed or missing signature, or no signature at all."""
    assert refused(verify, token, public_pem(key())) == BAD_SIGNATURE


# --- times, audience, scopes -------------------------------------------------------------------------------------------


def checked(now=NOW, *, for_bearer=False, audiences=AUDIENCES, **members):
    """Check a token with these claims."""
    read = read_unverified(signed(claims(**members)))
    return check(read, audiences=audiences, now=now, for_bearer=for_bearer)


def test_a_good_assertion_is_good_for_its_scopes():
    """They are what the token will be good for."""
    assert checked(
        scope=f"{HOME_GRAPH}  https://www.googleapis.com/auth/cloud-platform openid"
    ) == (
        HOME_GRAPH,
        "https://www.googleapis.com/auth/cloud-platform",
        "openid",
    )


@pytest.mark.parametrize(
    "members",
    [
        {"iat": NOW + AHEAD_SECONDS_MAX, "exp": NOW + AHEAD_SECONDS_MAX + LIFETIME_SECONDS_MAX},
        {"nbf": NOW + AHEAD_SECONDS_MAX},
        {"nbf": 0},
        {"iat": NOW - 3599, "exp": NOW + 1},
        {"iat": NOW, "exp": NOW + 1},
        {"iat": NOW + 0.5, "exp": NOW + 10.5},
    ],
)
def test_times_within_reason_are_good(members):
    """A clock a little ahead, the last second, and fractions."""
    assert checked(**members) == (HOME_GRAPH,)


@pytest.mark.parametrize(
    "members",
    [
        {"iat": None},
        {"exp": None},
        {"iat": None, "exp": None},
        {"iat": NOW - 3600, "exp": NOW},
        {"iat": NOW - 7200, "exp": NOW - 3600},
        {"iat": NOW, "exp": NOW + LIFETIME_SECONDS_MAX + 1},
        {"iat": NOW + AHEAD_SECONDS_MAX + 1, "exp": NOW + 3600},
        {"iat": NOW + 30, "exp": NOW + 30},
        {"iat": NOW + 30, "exp": NOW + 20},
        {"nbf": NOW + AHEAD_SECONDS_MAX + 1},
    ],
)
def test_times_without_reason_are_refused(members):
    """Missing, over, too long, from the future, or the wrong way round."""
    assert refused(checked, **members) == BAD_TIMES


@pytest.mark.parametrize("audience", [OURS, *sorted(GOOGLE_AUDIENCES), ["http://x/", OURS]])
def test_our_address_and_those_of_google_are_the_audience(audience):
    """Clients have Google's endpoints built in, in four generations."""
    assert checked(aud=audience) == (HOME_GRAPH,)


@pytest.mark.parametrize("audience", [None, "", [], "http://127.0.0.1:4663/", f"{OURS}/", API])
def test_any_other_audience_is_refused(audience):
    """What was signed for somebody else opens nothing here."""
    assert refused(checked, aud=audience) == BAD_AUDIENCE


@pytest.mark.parametrize("scope", [None, "", "  "])
def test_an_assertion_without_scope_is_refused(scope):
    """A token for nothing is of no use."""
    assert refused(checked, scope=scope) == NO_SCOPE


@pytest.mark.parametrize(
    "scope",
    [
        "homegraph",
        f"{HOME_GRAPH},openid",
        f"{HOME_GRAPH} nonsense",
        "https://www.googleapis.com.example/auth/homegraph",
        "https://example/https://www.googleapis.com/auth/homegraph",
        "http://www.googleapis.com/auth/homegraph",
    ],
)
def test_a_scope_that_does_not_exist_is_refused(scope):
    """One bad scope has all of them refused."""
    assert refused(checked, scope=scope) == BAD_SCOPE


def test_of_several_faults_times_come_first_and_scopes_last():
    """The order is always the same."""
    assert refused(checked, iat=None, aud="x", scope=None) == BAD_TIMES
    assert refused(checked, aud="x", scope=None) == BAD_AUDIENCE


# --- tokens that are bearers themselves --------------------------------------------------------------------------------


def bearer(**members):
    """Check a self-signed bearer."""
    return checked(for_bearer=True, audiences={API, "http://127.0.0.1:4663/"}, **members)


def test_an_audience_that_is_the_api_stands_for_its_scope():
    """No scope is needed, and others do not harm."""
    assert bearer(aud=API, scope=None) == (HOME_GRAPH,)
    assert bearer(aud="http://127.0.0.1:4663/", scope="openid") == (HOME_GRAPH, "openid")


@pytest.mark.parametrize("audience", [None, []])
def test_without_an_audience_scopes_are_enough(audience):
    """Newer libraries sign scopes in place of an audience."""
    assert bearer(aud=audience, scope=f"{HOME_GRAPH} openid") == (HOME_GRAPH, "openid")


def test_a_bearer_for_somebody_else_is_refused():
    """Whatever its scopes: what was signed for a token endpoint, Google's or another, is no bearer here."""
    assert refused(bearer, aud=TOKEN_URL) == BAD_AUDIENCE
    assert refused(bearer, aud=TOKEN_URL, scope=None) == BAD_AUDIENCE
    assert refused(bearer, aud=None, scope=None) == BAD_AUDIENCE


def test_a_bearer_is_checked_as_an_assertion_is():
    """Its times, and its scopes where they are what counts."""
    assert refused(bearer, aud=None, scope="nonsense") == BAD_SCOPE
    assert refused(bearer, aud=API, exp=NOW) == BAD_TIMES


@pytest.mark.parametrize(
    ("token", "signed_"), [(GOOD, True), ("ya29.opaque", False), ("a.b.c", True), ("", False)]
)
def test_a_signed_bearer_is_told_from_what_we_issue(token, signed_):
    """By its dots."""
    assert looks_signed(token) is signed_


def test_a_refusal_holds_nothing_of_the_token():
    """Its texts are Google's, and reach logs and answers."""
    secret = json.dumps(refused(read_unverified, f"secret{GOOD}.x"))

    assert "secret" not in secret
