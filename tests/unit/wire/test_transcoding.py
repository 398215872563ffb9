"""From the bytes of a call to the fields of its message."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from homegraph.errors import CallRefused
from homegraph.wire.lenient_json import BODY_BYTES_MAX
from homegraph.wire.proto_json import Field, Message
from homegraph.wire.transcoding import (
    AGENT_USER_ID_BYTES_MAX,
    agent_user_in,
    field_missing,
    read_strictly,
    transcode,
)

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
REQUEST = Message("test.Request", (Field("agent_user_id", "string"), Field("async", "bool")))
decode = msgspec.json.Decoder(dict[str, str]).decode


@pytest.mark.parametrize("content_type", [None, JSON, f"{JSON};charset=utf-8"])
def test_what_nearly_every_client_sends_is_read_strictly(content_type):
    """JSON by type, or without any type, and no parameters."""
    assert read_strictly(decode, b'{"a": "b"}', content_type, ()) == {"a": "b"}


@pytest.mark.parametrize(
    ("body", "content_type", "parameters"),
    [
        (b'{"a": "b"}', "text/plain", ()),
        (b'{"a": "b"}', "", ()),
        (b'{"a": "b"}', FORM, ()),
        (b'{"a": "b"}', JSON, [("async", "true")]),
        (b'{a: "b"}', JSON, ()),
        (b'{"a": 1}', JSON, ()),
        (b"", JSON, ()),
        (b'{"a": "\xff"}', JSON, ()),
        (b'{"a": ' * 100_000, JSON, ()),
    ],
)
def test_everything_else_is_left_to_the_slow_way(body, content_type, parameters):
    """Nothing is refused yet."""
    assert read_strictly(decode, body, content_type, parameters) is None


def test_a_body_has_a_bound():
    """It is refused unread, whatever its type is."""
    body = b'{"a": "b"}'.ljust(BODY_BYTES_MAX)

    assert read_strictly(decode, body, JSON, ()) == {"a": "b"}
    for content_type in (JSON, FORM, None):
        with pytest.raises(CallRefused) as refused:
            read_strictly(decode, body + b" ", content_type, ())
        assert refused.value.code == "BODY_TOO_LARGE"


@pytest.mark.parametrize("content_type", [None, JSON, "text/plain", ""])
def test_a_body_is_json_whatever_its_type(content_type):
    """And lenient JSON it may be; parameters are bound after it."""
    assert transcode(REQUEST, b"{agentUserId: 'u',}", content_type, ()) == {"agent_user_id": "u"}
    assert transcode(REQUEST, b"", content_type, [("agentUserId", "q")]) == {"agent_user_id": "q"}
    assert transcode(REQUEST, b"{agentUserId: 'u'}", content_type, [("agentUserId", "q")]) == {
        "agent_user_id": "q"
    }


def test_a_form_is_parameters():
    """By its type, in any spelling; JSON under it is one long name, unless one is lenient."""
    assert transcode(REQUEST, b"agentUserId=u&async=1", f"{FORM.upper()} ; x", ()) == {
        "agent_user_id": "u",
        "async": True,
    }
    lenient = transcode(REQUEST, b' {"agentUserId": "u"}', FORM, (), lenient_form=True)
    assert lenient == {"agent_user_id": "u"}
    with pytest.raises(CallRefused) as refused:
        transcode(REQUEST, b'{"agentUserId": "u"}', FORM, ())
    assert refused.value.code == "JSON_UNKNOWN_NAME"


def test_a_syntax_error_brings_the_words_of_google():
    """They are the fact that the answer is made of."""
    with pytest.raises(CallRefused) as refused:
        transcode(REQUEST, b"foo", JSON, ())

    assert refused.value.code == "JSON_SYNTAX"
    assert refused.value.facts["text"].endswith("Unexpected token.\nfoo\n^")


def test_an_agent_user_is_there_and_not_too_long():
    """Bytes are counted, not characters."""
    longest = "é" * (AGENT_USER_ID_BYTES_MAX // 2)

    assert agent_user_in({"agent_user_id": longest}) == longest
    for bound, code in (
        ({}, "FIELD_REQUIRED"),
        ({"agent_user_id": ""}, "FIELD_REQUIRED"),
        ({"agent_user_id": longest + "e"}, "FIELD_TOO_LONG"),
    ):
        with pytest.raises(CallRefused) as refused:
            agent_user_in(bound)
        assert refused.value.code == code
        assert refused.value.facts["field"] == "agent_user_id"
        assert refused.value.facts["wrong_fields"][0][0] == "agent_user_id"


def test_a_missing_field_is_named_twice():
    """By its proto name for the details, by its JSON name in words."""
    error = field_missing("a_b", "aB")

    assert (error.code, error.message) == ("FIELD_REQUIRED", "aB is missing.")
    assert error.facts == {"field": "a_b", "wrong_fields": (("a_b", "aB is missing."),)}


@given(st.binary(max_size=40), st.sampled_from([None, JSON, FORM]), st.booleans())
def test_any_bytes_are_fields_or_refused(body, content_type, lenient_form):
    """Nothing else comes out."""
    try:
        bound = transcode(REQUEST, body, content_type, (), lenient_form=lenient_form)
    except CallRefused as error:
        assert error.code.startswith(("JSON_", "QUERY_"))  # noqa: PT017  # one of two good ends
    else:
        assert set(bound) <= {"agent_user_id", "async"}
