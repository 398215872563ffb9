"""Reading reports."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from homegraph.errors import CallRefused
from homegraph.wire import reports
from homegraph.wire.lenient_json import OBJECTS_DEEP_MAX
from homegraph.wire.proto_json import VIOLATIONS_MAX
from homegraph.wire.reports import ReportState, read_report, state_path
from homegraph.wire.status import REASONS

JSON = "application/json"
SLOW = "text/plain"
"""An unknown type takes the slow way."""


def body_of(devices, **members):
    """The body of a report."""
    return json.dumps(
        {"agentUserId": "user-1", "payload": {"devices": devices}, **members}
    ).encode()


def refused(body, content_type=JSON, parameters=()):
    """Read a report and return the refusal."""
    with pytest.raises(CallRefused) as caught:
        read_report(body, content_type, parameters)
    return caught.value


STATES = {"123": {"on": True, "color": {"temperatureK": 3000}}, "lock1": {"isLocked": None}}
NOTIFICATIONS = {"lock1": {"LockUnlock": {"priority": 0}}}


@pytest.mark.parametrize("content_type", [JSON, SLOW])
def test_a_report_with_everything(content_type):
    """All members arrive; null within states is still there, for whoever knows the device."""
    body = body_of(
        {"states": STATES, "notifications": NOTIFICATIONS},
        requestId="r",
        eventId="e",
        followUpToken="t",
    )

    assert read_report(body, content_type) == ReportState(
        agent_user_id="user-1",
        request_id="r",
        event_id="e",
        follow_up_token="t",
        states=STATES,
        notifications=NOTIFICATIONS,
    )


@pytest.mark.parametrize("content_type", [JSON, SLOW])
@pytest.mark.parametrize(
    "devices",
    [
        {},
        {"states": {}},
        {"states": None, "notifications": None},
        {"notifications": {}, "homeTraits": None},
    ],
)
def test_a_report_may_tell_nothing(devices, content_type):
    """Null members are absent, as in the reports of a real client."""
    assert read_report(body_of(devices), content_type) == ReportState(agent_user_id="user-1")


def test_old_and_lenient_spellings():
    """Proto names, bare keys and trailing commas, as in the example of Google's own page."""
    body = b"{agent_user_id: 'user-1', request_id: 'r', payload: {devices: {states: {'1': {on: true,},},},},}"

    assert read_report(body, None) == ReportState(
        agent_user_id="user-1", request_id="r", states={"1": {"on": True}}
    )


@pytest.mark.parametrize("content_type", [JSON, SLOW])
def test_home_traits_arrive_as_they_came(content_type):
    """The additions of 2025 are kept as JSON, with members that we do not know."""
    traits = [
        {"deviceId": "1", "components": [{"traitData": [{"trait": {"@type": "x"}}], "new": 1.5}]}
    ]
    events = [{"deviceId": "1", "events": []}]

    report = read_report(body_of({"homeTraits": traits, "homeEvents": events}), content_type)

    assert json.loads(report.home_traits) == traits
    assert json.loads(report.home_events) == events
    assert (report.states, report.notifications) == ({}, {})


@pytest.mark.parametrize(
    "body",
    [
        b'{"agentUserId": "user-1"}',
        b'{"agentUserId": "user-1", "payload": null}',
        b'{"agentUserId": "user-1", "payload": {}}',
        b'{"agentUserId": "user-1", "payload": {"devices": null}}',
    ],
)
def test_a_report_has_a_payload(body):
    """Without payload.devices there is no report."""
    error = refused(body)

    assert error.code == "PAYLOAD_REQUIRED"
    assert error.facts["wrong_fields"] == (("payload.devices", "payload.devices is missing."),)


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({}, False),
        ({"states": {"lamp": {"on": True}}}, False),
        ({"notifications": {"bell": {"ObjectDetection": {}}}}, True),
        ({"home_traits": b"[1]"}, True),
        ({"home_events": b"[1]"}, True),
    ],
)
def test_whether_there_is_anything_but_states(members, expected):
    """Notifications, home traits and home events are kept in the journal; states alone are not."""
    assert ReportState(agent_user_id="1836", **members).has_notifications is expected


def test_a_report_has_a_user():
    """And that is told first."""
    assert refused(b"").code == "FIELD_REQUIRED"
    assert refused(b'{"agentUserId": "", "payload": {"devices": {}}}').code == "FIELD_REQUIRED"
    assert refused(body_of({}, agentUserId="u" * 1_025)).code == "FIELD_TOO_LONG"
    assert read_report(body_of({}, agentUserId="u" * 1_024), JSON).agent_user_id == "u" * 1_024


@pytest.mark.parametrize("name", ["states", "notifications"])
@pytest.mark.parametrize("value", [None, True, 1, "x", [], [{}]])
def test_a_device_has_an_object(name, value):
    """Anything else is refused, with the place of each."""
    error = refused(body_of({name: {"1": {}, 'a"b': value, "2": value}}))

    assert error.code == "STATE_NOT_OBJECT"
    assert [path for path, _ in error.facts["wrong_fields"]] == [
        f'payload.devices.{name}["a\\"b"]',
        f'payload.devices.{name}["2"]',
    ]


def test_complaints_are_bounded():
    """A report full of mistakes is not answered with a multiple of its size."""
    error = refused(body_of({"states": {str(n): n for n in range(1_000)}}))

    assert len(error.facts["wrong_fields"]) == VIOLATIONS_MAX


@pytest.mark.parametrize(
    ("devices", "code"),
    [
        ({"states": []}, "JSON_TYPE"),
        ({"states": "x"}, "JSON_TYPE"),
        ({"x": 1}, "JSON_UNKNOWN_NAME"),
        ([], "JSON_UNKNOWN_NAME"),
        ("x", "JSON_TYPE"),
    ],
)
def test_shapes_that_the_proto_layer_refuses(devices, code):
    """States are an object, and there is nothing unknown beside them."""
    assert refused(body_of(devices)).code == code


def test_parameters_cannot_carry_states():
    """They can carry the rest."""
    body = body_of({"states": {"1": {"on": True}}})

    assert read_report(body, JSON, [("requestId", "r")]).request_id == "r"
    assert refused(body, JSON, [("payload.devices.states", "{}")]).code == "JSON_UNKNOWN_NAME"


def test_the_place_of_a_state():
    """As a developer would write it."""
    assert state_path("123", "on") == 'payload.devices.states["123"].on'
    assert state_path("123") == 'payload.devices.states["123"]'
    assert (
        state_path('a"b', "LockUnlock", field="notifications")
        == 'payload.devices.notifications["a\\"b"].LockUnlock'
    )


# --- both ways -------------------------------------------------------------------------------------------------------


def test_the_usual_report_does_not_take_the_slow_way(monkeypatch):
    """Neither does a large one, nor one with long digits in it, when there is nothing wrong with them."""
    monkeypatch.delattr(reports, "transcode")

    assert read_report(body_of({"states": STATES}), JSON).states == STATES
    many = {str(n): {"on": True, "list": [1, 2.5, "x"]} for n in range(500)}
    assert read_report(body_of({"states": many}), JSON).states == many
    digits = {"12345678901234567890": {"n": 2**64 - 1, "m": -(2**63)}}
    assert read_report(body_of({"states": digits}, requestId="1" * 20), JSON).states == digits


def nested(depth, opening, closing):
    """A state that is so deep, without what is around it."""
    return b'{"agentUserId":"u","payload":{"devices":{"states":{"1":{"s":%s1%s}}}}}' % (
        opening * depth,
        closing * depth,
    )


def test_depth_is_bounded_by_the_rule_of_google():
    """A hundred objects within each other are read, one more is refused; the five around a state count."""
    around = 5
    deepest = nested(OBJECTS_DEEP_MAX - around, b'{"a":', b"}")

    assert read_report(deepest, JSON) == read_report(deepest, SLOW)
    assert refused(nested(OBJECTS_DEEP_MAX - around + 1, b'{"a":', b"}")).code == "JSON_SYNTAX"
    assert refused(nested(500, b"[", b"]")).code == "JSON_SYNTAX"
    assert refused(nested(100_000, b"[", b"]")).code == "JSON_SYNTAX"


@pytest.mark.parametrize("number", ["18446744073709551616", "-9223372036854775809", "1" * 300])
def test_integers_beyond_64_bits_become_doubles(number):
    """As in Google's parser, on both ways; beyond the range of a double they are refused."""
    body = b'{"agentUserId":"u","payload":{"devices":{"states":{"1":{"s":[%s]}}}}}'

    (value,) = read_report(body % number.encode(), JSON).states["1"]["s"]

    assert value == float(number)
    assert isinstance(value, float)
    assert refused(body % (b"1" * 400)).code == "JSON_SYNTAX"


PIECES = [
    *(b"{", b"}", b"[", b"]", b":", b",", b"null", b"true", b"1", b"1.5", b" ", b'"1"', b"'x'"),
    *(b'"agentUserId":"u"', b'"payload":', b'"devices":', b'"states":', b'"notifications":'),
    *(b'"homeTraits":', b'"requestId"', b"12345678901234567890123", b'"on":'),
]
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3)
    ),
    max_leaves=8,
)
BODIES = (
    st.binary(max_size=40)
    | st.lists(st.sampled_from(PIECES), max_size=16).map(b"".join)
    | st.fixed_dictionaries(
        {},
        optional={
            "states": VALUES | st.dictionaries(st.text(max_size=2), VALUES, max_size=3),
            "notifications": VALUES,
            "homeTraits": VALUES,
            "homeEvents": VALUES,
        },
    ).map(body_of)
)


@given(BODIES)
@example(nested(60, b'{"a":', b"}"))
@example(nested(99, b"[", b"]"))
@example(nested(101, b"[", b"]"))
@example(nested(190, b"[", b"]"))
def test_both_ways_read_the_same(body):
    """Whatever the bytes are, they are a report or refused for a known reason, and the content type decides nothing."""

    def outcome(content_type):
        try:
            return read_report(body, content_type)
        except CallRefused as error:
            assert error.code in REASONS  # noqa: PT017  # one of two good ends
            return error.code, error.facts

    assert outcome(JSON) == outcome(SLOW)
