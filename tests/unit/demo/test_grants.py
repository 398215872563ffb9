"""What users have agreed to at the sample cloud: codes, tokens, rotation, and their ends."""

import base64
import hashlib
from itertools import count

import pytest

from homegraph.demo.cloud.grants import (
    ACCESS_TOKENS_MAX,
    CODE_SECONDS,
    CODES_MAX,
    GRANTS_PER_HOME_MAX,
    Grants,
    OAuthRefused,
)

URI = "https://home.example/r/acme"
VERIFIER = "a-verifier"
CHALLENGE = (
    base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
)


class Time:
    """A clock that a test moves."""

    now = 1000.0


@pytest.fixture
def time():
    """A clock."""
    return Time()


@pytest.fixture
def grants(time):
    """A cloud's grants; nobody has agreed to anything yet."""
    numbers = count(1)
    return Grants(lambda: f"s{next(numbers)}", lambda: time.now, token_seconds=60)


def linked(grants, user="user-1"):
    """The first pair of tokens of a new grant."""
    return grants.redeem(grants.issue_code(user, URI, ""), URI, "")


def refused(call, *arguments):
    """The error of a refusal."""
    with pytest.raises(OAuthRefused) as caught:
        call(*arguments)
    return caught.value.error


def test_a_code_becomes_a_grant(grants):
    """Its access token opens the home of the user who has agreed."""
    code = grants.issue_code("user-1", URI, CHALLENGE)
    assert not grants.is_linked("user-1")
    tokens = grants.redeem(code, URI, VERIFIER)

    assert grants.find(tokens.access).agent_user_id == "user-1"
    assert tokens.expires_in == 60
    assert grants.is_linked("user-1")
    assert not grants.is_linked("user-2")
    assert len({code, tokens.access, tokens.refresh}) == 3
    assert tokens.access not in repr(tokens)


@pytest.mark.parametrize(
    ("challenge", "uri", "verifier"),
    [
        (CHALLENGE, URI, ""),
        (CHALLENGE, URI, "another"),
        ("", URI, VERIFIER),
        (CHALLENGE, URI + "/", VERIFIER),
        (CHALLENGE, "", VERIFIER),
    ],
)
def test_a_code_is_for_who_asked_for_it(grants, challenge, uri, verifier):
    """Another verifier, one that comes from nowhere, another redirect URI: refused, and the code is used up."""
    code = grants.issue_code("user-1", URI, challenge)

    assert refused(grants.redeem, code, uri, verifier) == "invalid_grant"
    assert refused(grants.redeem, code, URI, VERIFIER if challenge else "") == "invalid_grant"
    assert not grants.is_linked("user-1")


def test_a_code_ends_after_ten_minutes(grants, time):
    """To the second."""
    first, second = (grants.issue_code("user-1", URI, "") for _ in range(2))
    time.now += CODE_SECONDS - 1
    assert grants.redeem(first, URI, "")
    time.now += 1
    assert refused(grants.redeem, second, URI, "") == "invalid_grant"


def test_a_code_that_comes_twice_ends_its_grant(grants):
    """One of both was a thief."""
    code = grants.issue_code("user-1", URI, "")
    tokens = grants.redeem(code, URI, "")

    assert refused(grants.redeem, code, URI, "") == "invalid_grant"
    assert grants.find(tokens.access) is None
    assert refused(grants.refresh, tokens.refresh) == "invalid_grant"


def test_an_access_token_ends(grants, time):
    """By the clock, or when all of them are ended; the refresh token is good for another one."""
    tokens = linked(grants)
    time.now += 59
    assert grants.find(tokens.access)
    time.now += 1
    assert grants.find(tokens.access) is None

    tokens = grants.refresh(tokens.refresh)
    grants.expire_access_tokens()
    assert grants.find(tokens.access) is None
    assert grants.find(grants.refresh(tokens.refresh).access)


def test_a_refresh_rotates_and_bears_an_interruption(grants):
    """The former refresh token is good until the new pair was used, and the former access token until its end."""
    first = linked(grants)
    lost = grants.refresh(first.refresh)
    again = grants.refresh(first.refresh)

    assert len({first.refresh, lost.refresh, again.refresh}) == 3
    assert grants.find(first.access)
    assert grants.find(again.access)
    assert refused(grants.refresh, first.refresh) == "invalid_grant"


def test_an_old_refresh_token_ends_the_grant(grants):
    """It was stolen, or the new ones were; also the newest ends."""
    first = linked(grants)
    second = grants.refresh(first.refresh)
    third = grants.refresh(second.refresh)

    assert refused(grants.refresh, first.refresh) == "invalid_grant"
    assert grants.find(third.access) is None
    assert refused(grants.refresh, third.refresh) == "invalid_grant"


@pytest.mark.parametrize("which", ["access", "refresh"])
def test_a_token_of_either_kind_revokes_its_grant(grants, which):
    """And no other grant, also not of the same user."""
    tokens, other = linked(grants), linked(grants)
    grants.revoke(getattr(tokens, which))

    assert grants.find(tokens.access) is None
    assert refused(grants.refresh, tokens.refresh) == "invalid_grant"
    assert grants.find(other.access)


@pytest.mark.parametrize("token", ["", "nothing", "s1", "s1.", "s1.guessed", "\udcff.é"])
def test_a_guess_is_nothing(grants, token):
    """It finds nothing and revokes nothing."""
    tokens = linked(grants)
    grants.revoke(token)

    assert grants.find(token) is None
    assert grants.find(tokens.access)


def test_everything_is_bounded(grants):
    """The oldest code, access token and grant make room."""
    codes = [grants.issue_code("user-1", URI, "") for _ in range(CODES_MAX + 1)]
    assert refused(grants.redeem, codes[0], URI, "") == "invalid_grant"
    assert grants.redeem(codes[1], URI, "")

    pairs = [linked(grants, "user-2")]
    for _ in range(ACCESS_TOKENS_MAX):
        pairs.append(grants.refresh(pairs[-1].refresh))
    assert [bool(grants.find(pair.access)) for pair in pairs] == [
        False,
        *[True] * ACCESS_TOKENS_MAX,
    ]

    for _ in range(GRANTS_PER_HOME_MAX):
        linked(grants, "user-2")
    assert grants.find(pairs[-1].access) is None
