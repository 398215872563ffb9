"""The QUERY intent."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homegraph.errors import ReplyErrorPayload, ReplyUnusable
from homegraph.wire.query_intent import (
    DeviceAnswer,
    QueryDevice,
    QueryReply,
    query_request,
    read_query_reply,
)


def test_the_request_is_written_as_google_writes_it():
    """Compact, keys in alphabetical order, customData before id and only where there is one (observed)."""
    devices = [QueryDevice("123", {"foo": 1}), QueryDevice("456")]

    assert query_request("7", devices) == (
        b'{"inputs":[{"intent":"action.devices.QUERY","payload":{"devices":['
        b'{"customData":{"foo":1},"id":"123"},{"id":"456"}]}}],"requestId":"7"}'
    )


def test_states_are_told_apart_from_what_is_about_the_answer():
    """Status and error code stand beside the states; nulls are no states."""
    reply = read_query_reply(
        b'{"requestId":"7","payload":{"devices":{"1":{"online":true,"status":"OFFLINE",'
        b'"errorCode":"deviceOffline","on":null},"2":{"online":true,"on":false,"status":3,'
        b'"exceptionCode":"lowBattery","debugString":"d"}}}}'
    )

    assert reply == QueryReply(
        "7",
        {
            "1": DeviceAnswer("OFFLINE", "deviceOffline", {"online": True}),
            "2": DeviceAnswer("SUCCESS", "", {"online": True, "on": False}, "lowBattery", "d"),
        },
    )


@pytest.mark.parametrize(
    ("debug", "said"), [("", "deviceOffline$"), (',"debugString":"d"', r"deviceOffline \(d\)$")]
)
def test_an_error_for_the_whole_intent_is_an_error(debug, said):
    """As a fulfillment that is not ready answers; its debugString is told."""
    body = f'{{"payload":{{"errorCode":"deviceOffline"{debug},"devices":{{}}}}}}'

    with pytest.raises(ReplyErrorPayload, match=said):
        read_query_reply(body.encode())


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"payload":{}}', b'{"payload":{"devices":[]}}']
)
def test_what_is_no_answer_is_refused(body):
    """Every other shape is unusable."""
    with pytest.raises(
        ReplyUnusable, match=r"^The reply to QUERY (is not JSON: |cannot be used: |has )"
    ):
        read_query_reply(body)


@given(st.binary())
def test_any_bytes_are_an_answer_or_our_error(body):
    """Whatever a fulfillment says, nothing else comes out."""
    with contextlib.suppress(ReplyUnusable, ReplyErrorPayload):
        assert isinstance(read_query_reply(body), QueryReply)
