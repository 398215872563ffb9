"""The members of an object: what must be there, what may, and of what form; every problem is told, with its way."""

import pytest

from homegraph.wire.catalog.facts import Field, Trait
from homegraph.wire.catalog.shapes import Shape
from support.catalog_traits import device, field, told, words

ENUM = field("word", "enum", values=["rgb", "hsv"])
MANY = field("many", "enum", values=[f"word-{number}" for number in range(20)])
BOX = field("box", "object", fields=[field("a", required=True), field("b")])
OLD = field(
    "modes",
    "array",
    items={"type": "enum", "values": ["off", "heat"]},
    alt_type={"type": "string"},
)
BRIGHTNESS = field("a", min=0, max=100)

# field, value, problems as (kind, path, severity)
CASES = [
    (field("a"), 1, []),
    (field("a"), 1.0, []),
    (field("a"), 1.5, [("type", ("a",), "refused")]),
    (field("a"), True, [("type", ("a",), "refused")]),
    (field("a"), None, [("type", ("a",), "refused")]),
    (field("a"), 10**400, [("type", ("a",), "refused")]),
    (field("a", "number"), 1.5, []),
    (field("a", "string"), "x", []),
    (field("a", "string"), 1, [("type", ("a",), "refused")]),
    (field("a", "boolean"), 0, [("type", ("a",), "refused")]),
    (BRIGHTNESS, 100, []),
    (BRIGHTNESS, 101, [("range", ("a",), "refused")]),
    (BRIGHTNESS, -1, [("range", ("a",), "refused")]),
    (field("a", min=3), 2, [("range", ("a",), "refused")]),
    (field("a", "number", exclusive_max=360), 359.9, []),
    (field("a", "number", exclusive_max=360), 360, [("range", ("a",), "refused")]),
    (ENUM, "rgb", []),
    (ENUM, "RGB", [("enum", ("word",), "refused")]),
    (ENUM, ["rgb"], [("type", ("word",), "refused")]),
    (MANY, "x", [("enum", ("many",), "refused")]),
    (words("a"), ["x"], []),
    (words("a"), ["x", 1, 2], [("type", ("a", 1), "refused"), ("type", ("a", 2), "refused")]),
    (words("a") | {"min_items": 2}, ["x"], [("size", ("a",), "refused")]),
    (words("a") | {"unique_items": True}, ["x", "y"], []),
    (words("a") | {"unique_items": True}, ["x", "y", "x"], [("duplicate", ("a", 2), "refused")]),
    (words("a") | {"unique_items": True}, [1], [("type", ("a", 0), "refused")]),
    (OLD, ["off"], []),
    (OLD, "off,heat", [("deprecated", ("modes",), "advice")]),
    (OLD, "off,hot", [("deprecated", ("modes",), "advice"), ("enum", ("modes",), "refused")]),
    (OLD, 5, [("type", ("modes",), "refused")]),
    (field("a", alt_type={"type": "boolean"}), True, [("deprecated", ("a",), "advice")]),
    (BOX, {"a": 1}, []),
    (BOX, [], [("type", ("box",), "refused")]),
    (BOX, {"c": 1}, [("missing", ("box", "a"), "refused"), ("unknown", ("box", "c"), "ignored")]),
    (BOX | {"min_props": 2}, {"a": 1, "b": 1}, []),
    (BOX | {"min_props": 2}, {"a": 1}, [("size", ("box",), "refused")]),
    (field("a", "map", map_values={"type": "boolean"}), {"x": True}, []),
    (
        field("a", "map", map_values={"type": "boolean"}),
        {"x": 1},
        [("type", ("a", "x"), "refused")],
    ),
    (field("a", "map", map_values={"type": "boolean"}, min_props=1), {}, [("size", ("a",), "refused")]),
    (
        field("a", "map", map_values={"type": "boolean"}, max_props=1),
        {"x": True, "y": True},
        [("size", ("a",), "advice")],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("member", "value", "problems"), CASES, ids=str)
def test_a_member(member, value, problems):
    """Both ways agree about it, in attributes and in states."""
    toy = device(attributes=[member], states=[member])
    target = {member["name"]: value}

    assert told(toy.state_problems(target, whole=False)) == problems
    assert told(toy.shape.attribute_problems(target)) == problems
    assert toy.states_fit(target, whole=False) is (not problems)
    assert toy.shape.attributes_fit(target) is (not problems)


@pytest.mark.parametrize(
    ("member", "value", "sentence"),
    [
        (BRIGHTNESS, 101, "a is 101; 0 to 100 is allowed."),
        (field("a", min=3), 2, "a is 2; 3 or more is allowed."),
        (field("a", max=3), 4, "a is 4; 3 or less is allowed."),
        (
            field("a", min=0, max=16777215),
            16777216,
            "a is 16777216; 0 to 16777215 is allowed.",
        ),
        (field("a", "number", max=0.1), 1, "a is 1; 0.1 or less is allowed."),
        (
            field("a", "map", map_values={"type": "boolean"}, min_props=1, max_props=1),
            {},
            "a has 0 members; 1 to 1 are allowed.",
        ),
        (
            field("a", "number", min=0, exclusive_max=360),
            360,
            "a is 360; 0 to 360 (not itself) is allowed.",
        ),
        (ENUM, "RGB", "\"RGB\" is none of rgb, hsv. Did you mean 'rgb'?"),
        (
            field("a", "enum", values=list("abcdefghijkl")),
            "?",
            '"?" is none of a, b, c, d, e, f, g, h, i, j, k, l.',
        ),
        (
            field("a", "enum", values=list("abcdefghijklm")),
            "?",
            '"?" is none of a, b, c, d, e, f, g, h, i, j, k, l, ….',
        ),
        (field("a", "enum", values=["on", ""]), "off", '"off" is none of on, "".'),
        (field("a"), "1", 'a is "1". Expected a whole number.'),
        (field("a"), ["x" * 200], f'a is ["{"x" * 78}…. Expected a whole number.'),
        (field("a"), {1, 2}, "a is [1,2]. Expected a whole number."),
    ],
)
def test_what_a_sentence_says(member, value, sentence):
    """The value, cut, and what was expected."""
    (problem,) = device(states=[member]).state_problems({member["name"]: value}, whole=False)

    assert problem.what == sentence


def test_a_value_that_nobody_should_print():
    """It is left out of the sentence, whatever it is."""
    deep = []
    for _ in range(100_000):
        deep = [deep]
    toy = device(states=[field("a"), field("b")])

    first, second = toy.state_problems({"a": deep, "b": object()}, whole=False)

    assert first.what == "a is …. Expected a whole number."
    assert second.what == "b is …. Expected a whole number."
    assert not toy.states_fit({"a": deep}, whole=False)


def test_conditional_members():
    """``required_if`` and ``present_if`` look at attributes and at brothers, at the top and inside."""
    asked = {"attr": "on", "op": "eq", "value": True}
    inner = [field("a"), field("b", required_if={"field": "a", "op": "present"})]
    states = [
        field("must", required_if=asked),
        field("may", present_if=asked),
        field("box", "object", fields=inner),
        field("lamp", "object", fields=[field("a", present_if=asked)]),
    ]
    on, off = (
        device({"on": on}, attributes=[field("on", "boolean")], states=states)
        for on in (True, False)
    )

    (missing,) = on.state_problems({"may": 1}, whole=False)
    assert told([missing]) == [("missing", ("must",), "refused")]
    assert missing.what == "must is missing, which is required where the attribute on is true."
    assert on.states_fit({"must": 1, "may": 1, "lamp": {"a": 1}}, whole=False)
    two = off.state_problems({"may": 1, "lamp": {"a": 1}}, whole=False)
    assert told(two) == [
        ("unexpected", ("may",), "ignored"),
        ("unexpected", ("lamp", "a"), "ignored"),
    ]
    assert two[0].what == "may has no place here, only where the attribute on is true."
    assert told(off.state_problems({"box": {"a": 1}}, whole=False)) == [
        ("missing", ("box", "b"), "refused")
    ]
    for states_ in ({"box": {"a": 1}}, {"may": 1}, {"lamp": {"a": 1}}):
        assert not off.states_fit(states_, whole=False)


@pytest.mark.parametrize(
    ("type_", "value"), [("array", [1]), ("map", {"x": 1}), ("object", {"x": 1})]
)
def test_a_description_may_end(type_, value):
    """What it says nothing about may be anything."""
    toy = Shape((Trait(name="t", short="t", states=(Field(name="a", type=type_),)),), is_open=False)

    assert toy.bind({}).states_fit({"a": value}, whole=False)
    assert toy.bind({}).state_problems({"a": value}, whole=False) == ()


def test_not_more_problems_than_anybody_reads():
    """A list of a million mistakes costs as much as a list of sixty-four."""
    problems = device(states=[words("a")]).state_problems({"a": [1] * 1_000_000}, whole=False)

    assert len(problems) == 64
