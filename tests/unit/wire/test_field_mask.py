"""The fields parameter."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from homegraph.errors import CallRefused
from homegraph.wire.field_mask import MASK_CHARS_MAX, MASK_DEEP_MAX, parse_field_mask
from homegraph.wire.proto_json import Enum, Field, Message

DEVICE = Message(
    "test.Device", (Field("id", "string"), Field("room_hint", "string"), Field("custom", "struct"))
)
PAYLOAD = Message(
    "test.Payload",
    (Field("agent_user_id", "string"), Field("devices", "message", repeated=True, message=DEVICE)),
)
ANSWER = Message(
    "test.Answer", (Field("request_id", "string"), Field("payload", "message", message=PAYLOAD))
)
MAPS = Message(
    "test.Maps",
    (
        Field("states", "struct", keyed=True),
        Field("times", "timestamp", keyed=True),
        Field("by_id", "message", keyed=True, message=DEVICE),
        Field("view", "enum", enum=Enum("test.View", {"A": "a"})),
    ),
)

SAMPLE = {
    "requestId": "r",
    "payload": {
        "agentUserId": "u",
        "devices": [{"id": "1", "roomHint": "x", "custom": {"a": {"b": 1}, "c": 2}}, {"id": "2"}],
    },
}


@pytest.mark.parametrize(
    ("mask", "selected"),
    [
        ("requestId", {"requestId": "r"}),
        ("*", SAMPLE),
        ("requestId,payload", SAMPLE),
        ("payload/agentUserId", {"payload": {"agentUserId": "u"}}),
        ("payload.agentUserId", {"payload": {"agentUserId": "u"}}),
        ("payload(agentUserId)", {"payload": {"agentUserId": "u"}}),
        ("payload(agentUserId),", {"payload": {"agentUserId": "u"}}),
        ("payload/devices/id", {"payload": {"devices": [{"id": "1"}, {"id": "2"}]}}),
        (
            "payload(agentUserId,devices(id,roomHint))",
            {
                "payload": {
                    "agentUserId": "u",
                    "devices": [{"id": "1", "roomHint": "x"}, {"id": "2"}],
                }
            },
        ),
        ("payload/devices(custom/a)", {"payload": {"devices": [{"custom": {"a": {"b": 1}}}, {}]}}),
        ("payload/*", {"payload": SAMPLE["payload"]}),
        ("payload/*/id", {"payload": {"agentUserId": "u", "devices": [{"id": "1"}, {"id": "2"}]}}),
        ("payload,payload/agentUserId", {"payload": SAMPLE["payload"]}),
        ("payload/agentUserId,payload", {"payload": SAMPLE["payload"]}),
        ("nothing", {}),
        ("", {}),
        ("(requestId)", {"requestId": "r"}),
    ],
)
def test_a_mask_selects(mask, selected):
    """Slashes, dots and parentheses descend, commas add, a star stands for every name; lists are looked through."""
    assert selected == parse_field_mask(mask).apply(SAMPLE)


def test_members_keep_their_order():
    """The order is the answer's, not the mask's."""
    assert list(parse_field_mask("payload,requestId").apply(SAMPLE)) == ["requestId", "payload"]


@pytest.mark.parametrize(
    ("mask", "path"),
    [
        ("foo", "foo"),
        ("requestId,foo", "foo"),
        ("request_id", "request_id"),
        ("payload/devices/foo", "payload.devices.foo"),
        ("payload(devices(id,foo))", "payload.devices.foo"),
        ("requestId/x", "requestId.x"),
        (" requestId", " requestId"),
        ("requestId,,payload//devices", "payload."),
    ],
)
def test_a_name_that_the_answer_does_not_have(mask, path):
    """The refusal names the whole mask and the path that leads nowhere."""
    with pytest.raises(CallRefused) as refused:
        parse_field_mask(mask).check(ANSWER)

    description = (
        f"Error expanding 'fields' parameter. Cannot find matching fields for path '{path}'."
    )
    assert refused.value.code == "FIELD_MASK_INVALID"
    assert ((mask, description),) == refused.value.facts["violations"]


@pytest.mark.parametrize(
    "mask",
    [
        "requestId",
        "payload/devices/custom/anything/below",
        "payload/devices(id,roomHint),requestId,",
        "*",
        "payload/*",
        "payload/devices/custom",
        "payload()",
    ],
)
def test_names_that_the_answer_has(mask):
    """Known paths are fine, and so is anything inside a struct or below a star."""
    parse_field_mask(mask).check(ANSWER)


@pytest.mark.parametrize(
    ("mask", "path"),
    [
        ("states/123/on", None),
        ("states(1,2(x))", None),
        ("times/action.devices.traits.OnOff", "times.action.devices"),
        ("times/OnOff", None),
        ("byId/1/roomHint,byId/2", None),
        ("byId/1/room_hint", "byId.1.room_hint"),
        ("view", None),
        ("view/x", "view.x"),
    ],
)
def test_below_a_map_names_are_keys(mask, path):
    """Every key is there; what is below it is the value's business."""
    if path is None:
        parse_field_mask(mask).check(MAPS)
    else:
        with pytest.raises(CallRefused) as refused:
            parse_field_mask(mask).check(MAPS)
        assert f"'{path}'" in refused.value.facts["violations"][0][1]


@pytest.mark.parametrize(
    "mask",
    [
        "payload(",
        "payload)",
        "payload(devices",
        ")",
        "payload(id))",
        "payload(id)x",
        "payload(id)(x)",
    ],
)
def test_parentheses_must_match(mask):
    """A mask that is not well-formed is refused when it is read."""
    with pytest.raises(CallRefused) as refused:
        parse_field_mask(mask)

    assert refused.value.code == "FIELD_MASK_INVALID"


def test_masks_are_bounded():
    """Neither length nor depth is the caller's to choose."""
    for mask in (
        "a," * MASK_CHARS_MAX,
        "/".join("a" * (MASK_DEEP_MAX + 1)),
        "a(" * 100 + ")" * 100,
    ):
        with pytest.raises(CallRefused):
            parse_field_mask(mask)
    parse_field_mask("/".join("a" * MASK_DEEP_MAX))


def test_masks_are_compared_by_their_text():
    """Two equal masks are equal, and a mask shows its text."""
    assert parse_field_mask("a/b") == parse_field_mask("a/b")
    assert repr(parse_field_mask("a/b")) == "FieldMask(text='a/b')"


@given(st.text(alphabet="ab/.,()* ", max_size=40))
@example("(" * 5_000)
@example("((((" + "a" * 10)
def test_any_text_is_a_mask_or_refused(text):
    """Reading, checking and applying end well or with a refusal, and a mask never adds anything."""
    try:
        mask = parse_field_mask(text)
        mask.check(ANSWER)
    except CallRefused as refused:
        assert refused.code == "FIELD_MASK_INVALID"  # noqa: PT017  # one of two good ends
    else:
        assert set(mask.apply(SAMPLE)) <= set(SAMPLE)
