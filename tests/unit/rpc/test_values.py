"""Messages and plain values: what REST reads from JSON, gRPC reads from a message."""

import json
import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from homegraph.errors import CallRefused
from homegraph.rpc import values
from homegraph.rpc.descriptors import CLASSES
from homegraph.wire.messages import QUERY, QUERY_ANSWER, REPORT, REQUEST_SYNC, SYNC_ANSWER
from homegraph.wire.reports import read_report, report_of

NUMBERS = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
LEAVES = st.none() | st.booleans() | NUMBERS | st.text(max_size=5)
JSON_VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.text(max_size=3), JSON_VALUES, max_size=4)


def message_of(table, members=None):
    """A message filled from JSON."""
    message = CLASSES[table.name]()
    values.write(table, message, members or {})
    return message


def across(table, members):
    """The fields that come out at the other end of a wire."""
    sent = message_of(table, members).SerializeToString()
    return values.read(table, CLASSES[table.name].FromString(sent))


def report(**devices):
    """A report in JSON."""
    return {"agentUserId": "user-1", "payload": {"devices": devices}}


def nested(levels, leaf, *, by_list=False):
    """A value below so many objects, or lists."""
    for _ in range(levels):
        leaf = [leaf] if by_list else {"a": leaf}
    return leaf


@given(OBJECTS)
def test_a_struct_says_what_the_json_said(states):
    """Any object of JSON goes through a Struct and comes back equal."""
    (device,) = across(QUERY_ANSWER, {"payload": {"devices": {"lamp": states}}})["payload"][
        "devices"
    ].values()

    assert device == states


@given(st.dictionaries(st.text(max_size=3), OBJECTS, max_size=3), st.text(max_size=5))
def test_a_report_is_the_same_through_both_doors(states, request_id):
    """The frozen value that the use-case gets does not tell how it came in."""
    body = {**report(states=states), "requestId": request_id, "eventId": "e"}

    assert report_of(across(REPORT, body)) == read_report(msgspec.json.encode(body), None)


@pytest.mark.parametrize(
    ("number", "kept"),
    [(5.0, "5"), (-3.0, "-3"), (0.5, "0.5"), (2.0**53, str(2**53)), (2.0**60, None), (1e300, None)],
)
def test_whole_numbers_are_kept_as_such(number, kept):
    """What is stored is spelled as REST stores it, where a double is exact."""
    (found,) = across(REPORT, report(states={"x": number}))["payload"]["devices"]["states"].values()

    assert found == number
    assert isinstance(found, int) == (kept is not None and "." not in kept)
    assert kept is None or json.dumps(found) == kept


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_none_is_refused(number):
    """JSON has no word for it, so it could be stored but never told."""
    message = CLASSES[REPORT.name]()
    message.payload.devices.states.fields["x"].number_value = number

    with pytest.raises(CallRefused) as caught:
        values.read(REPORT, message)
    assert caught.value.code == "MESSAGE_UNREADABLE"
    assert "NaN" in caught.value.facts["wrong_fields"][0][1]


def test_a_value_that_says_nothing_is_null():
    """And null is refused as a state, with its path, by the use-case."""
    message = CLASSES[REPORT.name]()
    message.payload.devices.states.fields["x"].SetInParent()

    assert values.read(REPORT, message)["payload"]["devices"]["states"] == {"x": None}


def test_what_is_not_set_is_absent():
    """Defaults are not told apart from nothing, as proto3 has it; an empty message is there."""
    message = CLASSES[REPORT.name](agent_user_id="", payload={})

    assert values.read(REPORT, message) == {"payload": {}}
    assert values.read(REQUEST_SYNC, CLASSES[REQUEST_SYNC.name](**{"async": False})) == {}


def test_repeated_messages_are_lists():
    """A query names its devices."""
    inputs = [{"payload": {"devices": [{"id": "a"}, {"id": "b"}]}}]

    assert across(QUERY, {"agentUserId": "u", "inputs": inputs}) == {
        "agent_user_id": "u",
        "inputs": inputs,
    }


def test_unknown_fields_are_skipped():
    """A newer stub may send what is not public yet."""
    newer = b"\xaa\x06\x05newer" + CLASSES[REQUEST_SYNC.name](agent_user_id="u").SerializeToString()

    message = CLASSES[REQUEST_SYNC.name].FromString(newer)
    assert values.read(REQUEST_SYNC, message) == {"agent_user_id": "u"}


def test_a_device_is_told_with_all_that_it_has():
    """Every field of the device's message, and none that has no number."""
    device = {
        "id": "lamp",
        "type": "action.devices.types.LIGHT",
        "traits": ["action.devices.traits.OnOff"],
        "name": {"name": "Lamp", "nicknames": ["light"], "defaultNames": ["L1"]},
        "willReportState": True,
        "roomHint": "Kitchen",
        "structureHint": "Home",
        "deviceInfo": {"manufacturer": "m", "model": "o", "hwVersion": "1", "swVersion": "2"},
        "attributes": {"commandOnlyOnOff": False},
        "customData": {"x": [1, "two", None]},
        "otherDeviceIds": [{"agentId": "a", "deviceId": "d"}],
        "notificationSupportedByAgent": True,
    }

    sent = message_of(SYNC_ANSWER, {"payload": {"agentUserId": "u", "devices": [device]}})
    (told,) = sent.payload.devices
    assert {described.json_name for described, _ in told.ListFields()} == set(device)
    assert told.name.default_names == ["L1"]
    assert told.custom_data.fields["x"].list_value.values[1].string_value == "two"


@pytest.mark.parametrize("by_list", [False, True], ids=["objects", "lists"])
def test_what_others_cannot_read_is_left_out(by_list):
    """Of a member that is nested too deeply nothing is told; what is as deep as it may be arrives, wherever it stands."""
    deepest = nested(values.LEVELS_MAX - 1, 1, by_list=by_list)
    states = {"deep": nested(1_000, 1, by_list=by_list), "deepest": deepest, "on": True}
    attributes = {"devices": [{"id": "a", "attributes": states}]}

    found = across(QUERY_ANSWER, {"payload": {"devices": {"a": states}}})
    assert found["payload"]["devices"] == {"a": {"deepest": deepest, "on": True}}
    (device,) = across(SYNC_ANSWER, {"payload": attributes})["payload"]["devices"]
    assert device["attributes"] == {"deepest": deepest, "on": True}


def test_an_integer_beyond_the_double_is_left_out():
    """Somebody's SYNC may have it; no Struct can."""
    states = {"huge": 10**400, "below": {"huge": [-(10**400)]}, "large": 2**64}

    found = across(QUERY_ANSWER, {"payload": {"devices": {"a": states}}})
    assert found["payload"]["devices"]["a"] == {"large": 2.0**64}
