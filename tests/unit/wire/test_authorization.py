"""The login page's address, the state in it, and what the browser brings back."""

import re
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homegraph.errors import LinkingRefused
from homegraph.wire.authorization import (
    PARAMETERS_MAX,
    STATE_CHARS_MAX,
    Callback,
    State,
    authorization_url,
    browser_proof,
    challenge,
    check_browser,
    check_callback,
    check_state,
    open_state,
    read_callback,
    write_state,
)

KEY = b"k" * 32
STATE = State("id-1", "acme", "ann/+=%& ü", 100.0)


def refusal(read, *args, **named):
    """The code that ``read`` refuses with."""
    with pytest.raises(LinkingRefused) as caught:
        read(*args, **named)
    return caught.value.code


def test_a_state_comes_back_as_it_was():
    """Nothing in it needs escaping, and its content is what it was made of."""
    text = write_state(STATE, KEY)

    assert re.fullmatch("[A-Za-z0-9_-]+", text)
    assert read_state(text, KEY, project_id="acme", now=99.0) == STATE


def test_a_state_is_bound():
    """To its key, its project and its time."""
    text = write_state(STATE, KEY)

    assert refusal(read_state, text, KEY, project_id="acme", now=100.0) == "LINKING_EXPIRED"
    assert refusal(read_state, text, KEY, project_id="b", now=1.0) == "LINKING_STATE_WRONG"
    assert refusal(read_state, text, b"x", project_id="acme", now=1.0) == "LINKING_STATE_WRONG"


def test_every_character_of_a_state_counts():
    """Changed at any place it is refused; the last character may stand for bits that nobody reads."""
    text = write_state(STATE, KEY)
    for index in range(len(text) - 1):
        forged = f"{text[:index]}{'A' if text[index] != 'A' else 'B'}{text[index + 1 :]}"
        code = refusal(read_state, forged, KEY, project_id="acme", now=1.0)
        assert code == "LINKING_STATE_WRONG"


@given(st.text() | st.sampled_from(["A", "AAAAA", "A" * (STATE_CHARS_MAX + 1)]))
def test_any_text_is_refused(text):
    """What is not ours is one refusal and never another error."""
    assert refusal(read_state, text, KEY, project_id="acme", now=1.0) == "LINKING_STATE_WRONG"


def test_the_address_of_a_plain_request():
    """Google's order; no scope and no challenge; the query that is there stays, the fragment goes."""
    url = authorization_url(
        "https://x/auth?tenant=1#top",
        client_id="https://app",
        redirect_uri="http://r/r/a",
        state="s",
    )

    assert url.startswith("https://x/auth?tenant=1&redirect_uri=")
    assert parse_qsl(urlsplit(url).query)[1:] == [
        ("redirect_uri", "http://r/r/a"),
        ("client_id", "https://app"),
        ("response_type", "code"),
        ("state", "s"),
        ("user_locale", "en-GB"),
    ]
    assert not urlsplit(url).fragment


def test_the_address_of_the_implicit_flow():
    """It asks for a token."""
    url = authorization_url(
        "https://x/", client_id="c", redirect_uri="r", state="s", flow="implicit"
    )

    assert "response_type=token&" in url


def test_the_address_with_scopes_and_pkce():
    """Scopes are joined by a blank; the challenge is that of RFC 7636, appendix B."""
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    url = authorization_url(
        "https://x/auth",
        client_id="c",
        redirect_uri="r",
        state="s",
        scopes=("a", "b"),
        verifier=verifier,
        locale="de",
    )

    assert challenge(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    assert parse_qsl(urlsplit(url).query)[4:] == [
        ("user_locale", "de"),
        ("scope", "a b"),
        ("code_challenge", challenge(verifier)),
        ("code_challenge_method", "S256"),
    ]


def read_state(text, key, *, project_id, now):
    """A state that is ours and good here."""
    state = open_state(text, key)
    check_state(state, project_id=project_id, now=now)
    return state


def test_a_callback_is_taken_apart():
    """A code or an error with its words, cut."""
    assert read_callback("state=s&code=a%2F%2B") == Callback("s", "a/+")
    assert read_callback("error=access_denied&state=s&error_description=" + "n" * 300) == Callback(
        "s", "", "access_denied", "n" * 200
    )
    implicit = read_callback("access_token=secret-1&token_type=bearer&state=s")
    assert implicit.access_token == "secret-1"
    assert "secret" not in repr(implicit)


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("", "without state or any other parameter. What stands behind # no server gets to see."),
        ("code=secret", "without state."),
        ("state=", "without state."),
        ("state=secret&state=t&code=a", "with the same parameter twice."),
        (
            "state=s&code=secret" + "&x=1" * PARAMETERS_MAX,
            f"more than {PARAMETERS_MAX} parameters.",
        ),
    ],
)
def test_a_callback_that_is_none(query, told):
    """It has no state, or something twice, or too much. Which of them is said, and nothing of what it has."""
    with pytest.raises(LinkingRefused) as refused:
        read_callback(query)

    assert refused.value.code == "LINKING_CALLBACK_WRONG"
    assert refused.value.message.startswith("The browser came back with")
    assert refused.value.message.endswith(told)
    assert "secret" not in refused.value.message


@pytest.mark.parametrize(
    ("flow", "query", "told"),
    [
        ("code", "state=s&code=a", ""),
        ("code", "state=s&error=b", ""),
        ("code", "state=s", "without code, and without error."),
        ("code", "state=s&code=a&error=b", "with both code and error."),
        ("code", "state=s&access_token=a", "It has access_token, which is for the other flow"),
        ("implicit", "state=s&access_token=a", ""),
        ("implicit", "state=s&error=b", ""),
        ("implicit", "state=s&code=a", "It has code, which is for the other flow"),
        ("implicit", "state=s&access_token=a&error=b", "with both access_token and error."),
    ],
)
def test_a_callback_brings_what_the_flow_brings(flow, query, told):
    """Or an error, and never both; what is missing is named."""
    if not told:
        check_callback(read_callback(query), flow)
        return
    with pytest.raises(LinkingRefused) as refused:
        check_callback(read_callback(query), flow)

    assert refused.value.code == "LINKING_CALLBACK_WRONG"
    assert told in refused.value.message


def test_a_bound_state_is_good_in_its_own_browser():
    """Whoever shows the proof may use it; another linking's proof, none, and one that is no ASCII are refused."""
    bound = State("id-1", "acme", "ann", 100.0, bound=True)
    check_browser(bound, browser_proof("id-1", KEY), KEY)

    for shown in ("", browser_proof("id-2", KEY), browser_proof("id-1", b"x" * 32), "ü"):
        assert refusal(check_browser, bound, shown, KEY) == "LINKING_OTHER_BROWSER"


def test_a_state_that_is_not_bound_asks_for_no_proof():
    """A linking of the command may be finished in any browser; a state of before says nothing of browsers."""
    check_browser(STATE, "", KEY)
    old = write_state(STATE, KEY)

    assert read_state(old, KEY, project_id="acme", now=0.0) == STATE
