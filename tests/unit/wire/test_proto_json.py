"""From JSON values and parameters to the fields of a message."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homegraph.errors import CallRefused
from homegraph.wire.proto_json import (
    SHOWN_CHARS_MAX,
    VIOLATIONS_MAX,
    Enum,
    Field,
    Message,
    bind,
    write,
)

RECEIVED = "Invalid JSON payload received. "

DEVICE = Message("test.Device", (Field("id", "string"), Field("will_report", "bool")))
PAYLOAD = Message(
    "test.Payload",
    (
        Field("device", "message", message=DEVICE),
        Field("devices", "message", repeated=True, message=DEVICE),
        Field("states", "struct"),
        Field("extra", "any"),
    ),
)
VIEW = Enum("test.View", {"UNSPECIFIED": "Whatever.", "PLAIN": "Plain."})
MAPS = Message(
    "test.Maps",
    (
        Field("by_id", "message", keyed=True, message=DEVICE),
        Field("structs", "struct", keyed=True),
        Field("words", "string", keyed=True),
        Field("view", "enum", enum=VIEW),
        Field("views", "enum", repeated=True, enum=VIEW),
        Field("changed_at", "timestamp"),
        Field("later", "message", kept=True, message=DEVICE),
        Field("device", "message", message=DEVICE),
        Field("extra", "any"),
        Field("async", "bool"),
    ),
)
REQUEST = Message(
    "test.Request",
    (
        Field("agent_user_id", "string"),
        Field("async", "bool"),
        Field("payload", "message", message=PAYLOAD),
        Field("tags", "string", repeated=True),
    ),
)


def complaints(value, parameters=(), message=REQUEST):
    """Bind and return the code and the violations of the refusal."""
    with pytest.raises(CallRefused) as refused:
        bind(message, value, parameters)
    return refused.value.code, list(refused.value.facts["violations"])


def test_both_spellings_and_every_kind():
    """A field is found by its proto name and by its JSON name; values come under proto names."""
    value = {
        "agentUserId": "a",
        "async": True,
        "payload": {
            "device": {"will_report": False, "id": "1"},
            "devices": [{"willReport": True}, {}],
            "states": {"x": None, "y": [1]},
            "extra": [1, {"any": "thing"}],
        },
        "tags": ["t", "u"],
    }

    assert bind(REQUEST, value) == {
        "agent_user_id": "a",
        "async": True,
        "payload": {
            "device": {"will_report": False, "id": "1"},
            "devices": [{"will_report": True}, {}],
            "states": {"x": None, "y": [1]},
            "extra": [1, {"any": "thing"}],
        },
        "tags": ["t", "u"],
    }
    assert bind(REQUEST, {"agent_user_id": "b"}) == {"agent_user_id": "b"}


def test_null_is_absent():
    """Null for a field, or in a list, is nothing at all; in a struct it is a value."""
    value = {"agentUserId": None, "async": None, "payload": None, "tags": [None, "t", None]}

    assert bind(REQUEST, value) == {"tags": ["t"]}
    assert bind(REQUEST, {}) == {}


def test_the_last_spelling_wins():
    """When a field comes in both spellings the later one counts."""
    assert bind(REQUEST, {"agentUserId": "a", "agent_user_id": "b"}) == {"agent_user_id": "b"}
    assert bind(REQUEST, {"agent_user_id": "b", "agentUserId": "a"}) == {"agent_user_id": "a"}


def test_one_value_may_stand_for_a_list():
    """A repeated field takes a single value, too."""
    assert bind(REQUEST, {"tags": "t", "payload": {"devices": {"id": "1"}}}) == {
        "tags": ["t"],
        "payload": {"devices": [{"id": "1"}]},
    }


@pytest.mark.parametrize("word", ["true", "t", "yes", "y", "1", "TRUE", "Yes"])
def test_words_for_true(word):
    """A bool may be a word in a string, in any letter case."""
    assert bind(REQUEST, {"async": word}) == {"async": True}


@pytest.mark.parametrize("word", ["false", "f", "no", "n", "0", "FALSE", "nO"])
def test_words_for_false(word):
    """A bool may be a word in a string, in any letter case."""
    assert bind(REQUEST, {"async": word}) == {"async": False}


@pytest.mark.parametrize(
    ("value", "code", "field", "description"),
    [
        (
            {"agentUserID": "a"},
            "JSON_UNKNOWN_NAME",
            None,
            RECEIVED + 'Unknown name "agentUserID": Cannot find field.',
        ),
        (
            {"payload": {"x": 1}},
            "JSON_UNKNOWN_NAME",
            "payload",
            RECEIVED + "Unknown name \"x\" at 'payload': Cannot find field.",
        ),
        (
            {"payload": {"devices": [{}, {"x": 1}]}},
            "JSON_UNKNOWN_NAME",
            "payload.devices[1]",
            RECEIVED + "Unknown name \"x\" at 'payload.devices[1]': Cannot find field.",
        ),
        (
            {"agentUserId": ["a"]},
            "JSON_UNKNOWN_NAME",
            None,
            RECEIVED
            + 'Unknown name "agentUserId": Proto field is not repeating, cannot start list.',
        ),
        (
            {"payload": {"device": []}},
            "JSON_UNKNOWN_NAME",
            "payload",
            RECEIVED
            + "Unknown name \"device\" at 'payload': Proto field is not repeating, cannot start list.",
        ),
        (
            {"tags": [["t"]]},
            "JSON_UNKNOWN_NAME",
            None,
            RECEIVED + 'Unknown name "tags": Proto field is not repeating, cannot start list.',
        ),
        (
            {"agentUserId": 123},
            "JSON_TYPE",
            "agent_user_id",
            "Invalid value at 'agent_user_id' (TYPE_STRING), 123",
        ),
        (
            {"agentUserId": 1.5},
            "JSON_TYPE",
            "agent_user_id",
            "Invalid value at 'agent_user_id' (TYPE_STRING), 1.5",
        ),
        (
            {"agentUserId": True},
            "JSON_TYPE",
            "agent_user_id",
            "Invalid value at 'agent_user_id' (TYPE_STRING), true",
        ),
        ({"async": 1}, "JSON_TYPE", "async", "Invalid value at 'async' (TYPE_BOOL), 1"),
        (
            {"async": "maybe"},
            "JSON_TYPE",
            "async",
            "Invalid value at 'async' (TYPE_BOOL), \"maybe\"",
        ),
        ({"async": ""}, "JSON_TYPE", "async", "Invalid value at 'async' (TYPE_BOOL), \"\""),
        ({"tags": ["t", 5]}, "JSON_TYPE", "tags[1]", "Invalid value at 'tags[1]' (TYPE_STRING), 5"),
        (
            {"payload": {"device": {"willReport": 0}}},
            "JSON_TYPE",
            "payload.device.will_report",
            "Invalid value at 'payload.device.will_report' (TYPE_BOOL), 0",
        ),
        (
            {"payload": "p"},
            "JSON_TYPE",
            "payload",
            "Invalid value at 'payload' (type.googleapis.com/test.Payload), \"p\"",
        ),
        (
            {"payload": {"states": "s"}},
            "JSON_TYPE",
            "payload.states",
            "Invalid value at 'payload.states' (type.googleapis.com/google.protobuf.Struct), \"s\"",
        ),
        (
            {"payload": {"states": []}},
            "JSON_TYPE",
            "payload.states",
            "Expect a map object but found: []",
        ),
        (
            {"agentUserId": {}},
            "JSON_TYPE",
            None,
            "Invalid value (agent_user_id), Starting an object on a scalar field",
        ),
        (
            {"payload": {"device": {"willReport": {}}}},
            "JSON_TYPE",
            "payload.device",
            "Invalid value at 'payload.device' (will_report), Starting an object on a scalar field",
        ),
        ([], "JSON_ROOT", None, RECEIVED + 'Unknown name "": Root element must be a message.'),
        ("text", "JSON_ROOT", None, RECEIVED + 'Unknown name "": Root element must be a message.'),
        (None, "JSON_ROOT", None, RECEIVED + 'Unknown name "": Root element must be a message.'),
    ],
)
def test_complaints_about_a_body(value, code, field, description):
    """Each mistake is told in Google's words, with the path in proto names."""
    assert (code, [(field, description)]) == complaints(value)


def test_all_complaints_come_at_once():
    """What is wrong is collected in order; the first one gives the code."""
    code, violations = complaints({"async": 1, "x": 1, "payload": {"y": 1}}, [("z", "1")])

    assert code == "JSON_TYPE"
    assert [field for field, _ in violations] == ["async", None, "payload", None]
    assert '"z": Cannot bind query parameter.' in violations[3][1]


def test_parameters_are_bound_to_fields():
    """A parameter is a field, a dotted one a field of a message; the last one counts, and the query before the body."""
    bound = bind(
        REQUEST,
        {"agentUserId": "body", "payload": {"device": {"id": "1"}}},
        [
            ("agent_user_id", "first"),
            ("agentUserId", "last"),
            ("async", "y"),
            ("tags", "t"),
            ("tags", "u"),
            ("payload.device.willReport", "no"),
        ],
    )

    assert bound == {
        "agent_user_id": "last",
        "async": True,
        "tags": ["t", "u"],
        "payload": {"device": {"id": "1", "will_report": False}},
    }
    assert bind(REQUEST, {}, [("payload.device.id", "2")]) == {"payload": {"device": {"id": "2"}}}


@pytest.mark.parametrize(
    ("name", "text", "code", "field", "description"),
    [
        (
            "foo",
            "1",
            "JSON_UNKNOWN_NAME",
            None,
            RECEIVED
            + "Unknown name \"foo\": Cannot bind query parameter. Field 'foo' could not be found in request message.",
        ),
        (
            "",
            "1",
            "JSON_UNKNOWN_NAME",
            None,
            RECEIVED
            + "Unknown name \"\": Cannot bind query parameter. Field '' could not be found in request message.",
        ),
        (
            "payload.foo",
            "1",
            "JSON_UNKNOWN_NAME",
            None,
            RECEIVED
            + "Unknown name \"payload.foo\": Cannot bind query parameter. Field 'payload.foo' could not be found in request message.",
        ),
        (
            "async.foo",
            "1",
            "JSON_UNKNOWN_NAME",
            None,
            RECEIVED
            + "Unknown name \"async.foo\": Cannot bind query parameter. Field 'async.foo' could not be found in request message.",
        ),
        (
            "foo.bar",
            "1",
            "JSON_UNKNOWN_NAME",
            None,
            RECEIVED
            + "Unknown name \"foo.bar\": Cannot bind query parameter. Field 'foo.bar' could not be found in request message.",
        ),
        (
            "payload.devices.id",
            "1",
            "JSON_UNKNOWN_NAME",
            None,
            RECEIVED
            + "Unknown name \"payload.devices.id\": Cannot bind query parameter. Field 'payload.devices.id' could not be found in request message.",
        ),
        (
            "payload",
            "1",
            "JSON_UNKNOWN_NAME",
            None,
            RECEIVED
            + "Unknown name \"payload\": Cannot bind query parameter. 'payload' is a message type. Parameters can only be bound to primitive types.",
        ),
        (
            "payload.states",
            "1",
            "JSON_UNKNOWN_NAME",
            None,
            RECEIVED
            + "Unknown name \"payload.states\": Cannot bind query parameter. 'payload.states' is a message type. Parameters can only be bound to primitive types.",
        ),
        ("async", "maybe", "JSON_TYPE", "async", "Invalid value at 'async' (TYPE_BOOL), \"maybe\""),
        (
            "payload.device.willReport",
            "",
            "JSON_TYPE",
            "payload.device.will_report",
            "Invalid value at 'payload.device.will_report' (TYPE_BOOL), \"\"",
        ),
    ],
)
def test_complaints_about_parameters(name, text, code, field, description):
    """A parameter that cannot be bound is refused in Google's words."""
    assert (code, [(field, description)]) == complaints({}, [(name, text)])


def test_a_wrong_value_is_refused_even_if_a_later_one_is_right():
    """Every repeat is checked, not only the one that counts."""
    assert complaints({}, [("async", "maybe"), ("async", "true")])[0] == "JSON_TYPE"


def test_a_parameter_below_a_wrong_body_value_is_only_one_mistake():
    """When the body has no message where the parameter leads, the body's mistake is told and nothing breaks."""
    code, violations = complaints({"payload": 5}, [("payload.device.id", "1")])

    assert (code, 1) == ("JSON_TYPE", len(violations))


def test_complaints_are_bounded():
    """A body full of mistakes is not answered with a multiple of its size."""
    _, violations = complaints({f"x{n}": 1 for n in range(1_000)})
    assert len(violations) == VIOLATIONS_MAX

    _, ((_, name),) = complaints({"n" * 100_000: 1})
    _, ((_, value),) = complaints({"async": "v" * 100_000})
    _, ((_, struct),) = complaints({"payload": {"states": [1] * 100_000}})
    assert len(name) < SHOWN_CHARS_MAX + 100
    assert len(value) < SHOWN_CHARS_MAX + 100
    assert len(struct) < SHOWN_CHARS_MAX + 100


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "agentUserId",
                    "async",
                    "payload",
                    "tags",
                    "device",
                    "devices",
                    "states",
                    "extra",
                    "id",
                    "x",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)


@given(
    value=VALUES,
    parameters=st.lists(
        st.tuples(
            st.sampled_from(["async", "payload.device.id", "payload.devices", "tags", ".", ""]),
            st.text(max_size=3),
        ),
        max_size=3,
    ),
)
def test_any_value_is_bound_or_refused(value, parameters):
    """Whatever was parsed, binding gives fields of the message or a refusal with violations."""
    try:
        bound = bind(REQUEST, value, parameters)
    except CallRefused as refused:
        assert refused.code in ("JSON_ROOT", "JSON_TYPE", "JSON_UNKNOWN_NAME")  # noqa: PT017  # one of two good ends
        assert refused.facts["violations"]  # noqa: PT017
    else:
        assert set(bound) <= {field.name for field in REQUEST.fields}
        assert isinstance(bound.get("agent_user_id", ""), str)
        assert isinstance(bound.get("async", True), bool)


# --- maps, enums, times, and what is kept ----------------------------------------------------------------------------


def test_names_of_a_message():
    """The full name, and the part that generators use."""
    assert DEVICE.short == "Device"
    assert Field("include_device_metadata", "bool").json_name == "includeDeviceMetadata"


def test_maps_enums_and_times():
    """A map is an object of values, an enum one of its words, a time a string; what is kept is not looked into."""
    value = {
        "byId": {"1": {"willReport": True}, "2": {}},
        "structs": {"1": {"x": None}},
        "words": {"a": "b"},
        "view": "PLAIN",
        "views": ["PLAIN", "UNSPECIFIED"],
        "changedAt": "2026-01-01T00:00:00Z",
        "later": [1, {"no": "device"}],
    }

    assert bind(MAPS, value) == {
        "by_id": {"1": {"will_report": True}, "2": {}},
        "structs": {"1": {"x": None}},
        "words": {"a": "b"},
        "view": "PLAIN",
        "views": ["PLAIN", "UNSPECIFIED"],
        "changed_at": "2026-01-01T00:00:00Z",
        "later": [1, {"no": "device"}],
    }
    assert bind(MAPS, {"later": None, "byId": None, "view": None}) == {}


@pytest.mark.parametrize(
    ("value", "field", "description"),
    [
        (
            {"view": "FANCY"},
            "view",
            "Invalid value at 'view' (type.googleapis.com/test.View), \"FANCY\"",
        ),
        ({"view": 1}, "view", "Invalid value at 'view' (type.googleapis.com/test.View), 1"),
        (
            {"changedAt": 5},
            "changed_at",
            "Invalid value at 'changed_at' (type.googleapis.com/google.protobuf.Timestamp), 5",
        ),
        ({"byId": []}, "by_id", "Expect a map object but found: []"),
        ({"byId": "s"}, "by_id", 'Expect a map object but found: "s"'),
        ({"words": {"a": 1}}, 'words["a"]', "Invalid value at 'words[\"a\"]' (TYPE_STRING), 1"),
        ({"structs": {"a": []}}, 'structs["a"]', "Expect a map object but found: []"),
    ],
)
def test_complaints_about_maps_enums_and_times(value, field, description):
    """They are refused like other values, under the path of the value."""
    assert complaints(value, message=MAPS) == ("JSON_TYPE", [(field, description)])


def test_a_parameter_may_be_an_enum():
    """Enums and times are primitive; maps and what is kept cannot be reached by a parameter."""
    assert bind(MAPS, {}, [("view", "PLAIN"), ("changedAt", "t"), ("views", "PLAIN")]) == {
        "view": "PLAIN",
        "changed_at": "t",
        "views": ["PLAIN"],
    }
    for name in ("words", "byId.id", "later.id", "words.a"):
        code, ((_, description),) = complaints({}, [(name, "x")], message=MAPS)
        assert code == "JSON_UNKNOWN_NAME"
        assert "Cannot bind query parameter." in description


# --- writing ---------------------------------------------------------------------------------------------------------


def test_a_message_is_written_in_the_order_of_its_table():
    """Known members come in the order of the table, by their JSON names."""
    value = {
        "async": True,
        "device": {"willReport": True, "id": "1"},
        "changedAt": "t",
        "view": "PLAIN",
        "words": {"a": "b"},
        "structs": {"1": {"x": None}},
        "byId": {"1": {"id": "1"}},
        "extra": [1],
    }

    written = write(MAPS, value)

    assert list(written) == [
        "byId",
        "structs",
        "words",
        "view",
        "changedAt",
        "device",
        "extra",
        "async",
    ]
    assert written == value
    assert list(written["device"]) == ["id", "willReport"]


def test_defaults_are_left_out_but_messages_stay():
    """Of scalars and lists the default is silent; a message or struct that is there stays, even when it is empty."""
    value = {"agentUserId": "", "async": False, "tags": [], "payload": {"device": {}, "states": {}}}

    assert write(REQUEST, value) == {"payload": {"device": {}, "states": {}}}
    assert write(MAPS, {"view": "UNSPECIFIED", "words": {}, "byId": {}}) == {}
    assert write(MAPS, {"views": ["UNSPECIFIED"], "words": {"a": ""}}) == {
        "views": ["UNSPECIFIED"],
        "words": {"a": ""},
    }


@pytest.mark.parametrize(
    "value",
    [
        {"agentUserId": 5, "async": "true", "payload": [], "tags": "t", "nobody": 1},
        {"agent_user_id": "proto name", "tags": [1, None], "payload": None},
    ],
)
def test_what_the_message_cannot_hold_is_left_out(value):
    """Unknown members and wrong types do not go out, and do not break anything."""
    assert write(REQUEST, value) == {}


def test_wrong_values_within_lists_and_maps_are_left_out():
    """The right ones beside them stay."""
    assert write(REQUEST, {"tags": ["a", 1, "b"]}) == {"tags": ["a", "b"]}
    assert write(MAPS, {"words": {"a": "b", "c": 1}, "views": ["PLAIN", "FANCY", 1]}) == {
        "words": {"a": "b"},
        "views": ["PLAIN"],
    }
    assert write(MAPS, {"view": "FANCY", "words": ["a"], "changedAt": 1, "byId": {"1": 1}}) == {}


@given(VALUES)
def test_any_object_can_be_written(value):
    """Whatever a stranger has made, what is written of it binds."""
    if isinstance(value, dict):
        bind(REQUEST, write(REQUEST, value))
