"""Conditions of the catalog's format."""

import msgspec
import pytest

from homegraph.wire.catalog.conditions import Attributes, holds, in_words
from homegraph.wire.catalog.facts import Condition
from homegraph.wire.catalog.quick import has_twins
from support.catalog_traits import device, field


def held(condition, attributes=None, target=None, here=None, counted=None):
    """Whether a condition holds, written as JSON."""
    given = attributes or {}
    read = msgspec.convert(condition, Condition)
    return holds(read, Attributes(given, counted or given), target or {}, here)


@pytest.mark.parametrize(
    ("op", "value", "attribute", "result"),
    [
        ("eq", True, True, True),
        ("eq", True, 1, False),
        ("eq", 1, 1, True),
        ("eq", True, None, False),
        ("ne", True, None, True),
        ("ne", True, True, False),
        ("present", None, 0, True),
        ("present", None, None, False),
        ("contains", "x", ["y", "x"], True),
        ("contains", "x", ["y"], False),
        ("contains", "x", "y,x", True),
        ("contains", "x", 5, False),
        ("min_items", 2, ["x", "y"], True),
        ("min_items", 2, ["x"], False),
        ("min_items", 0, None, False),
    ],
)
def test_an_operator(op, value, attribute, result):
    """Told to be right or wrong whatever the attribute is; None stands for one that is missing."""
    attributes = {} if attribute is None else {"a": attribute}

    assert held({"attr": "a", "op": op, "value": value}, attributes) is result


def test_conditions_in_conditions():
    """All, any, not; and each other kind of reference."""
    yes, no = {"state": "a", "op": "present"}, {"param": "b", "op": "present"}

    assert held({"all": [yes, {"not": no}]}, target={"a": 1})
    assert not held({"all": [yes, no]}, target={"a": 1})
    assert held({"any": [no, {"result": "a", "op": "eq", "value": 1}]}, target={"a": 1})
    assert not held({"any": [no, no]})


@pytest.mark.parametrize(
    "states", [{"a": 1}, {"b": 1}, {"a": 1, "b": 1}, {"c": 1}, {"c": 1, "x": 1}]
)
@pytest.mark.parametrize("how", ["all", "any", "not"])
def test_conditions_of_a_field(how, states):
    """Both ways agree about conditions in conditions, on states and attributes."""
    two = [{"state": "a", "op": "present"}, {"state": "b", "op": "present"}]
    condition = {how: two[0] if how == "not" else two}
    fields = [field("a"), field("b"), field("c"), field("x", required_if=condition)]
    toy = device(states=fields)
    needed = {"all": "a" in states and "b" in states, "any": "c" not in states, "not": "a" not in states}  # fmt: skip

    assert toy.states_fit(states, whole=False) is ("x" in states or not needed[how])
    assert (toy.state_problems(states, whole=False) == ()) is ("x" in states or not needed[how])


def test_a_field_is_a_brother():
    """In the object inside, or in the object itself where there is none inside."""
    field_ = {"field": "a", "op": "present"}

    assert held(field_, target={"a": 1})
    assert not held(field_, target={"a": 1}, here={})
    assert held(field_, target={}, here={"a": 1})


def test_a_default_counts_unless_presence_is_asked_for():
    """Also inside of an object that is there."""
    box = field("box", "object", fields=[field("on", "boolean", default=True)])
    flag = field("flag", "boolean", default=True)
    states = [
        field("a", present_if={"attr": "flag", "op": "eq", "value": True}),
        field("b", present_if={"attr": "flag", "op": "present"}),
        field("c", present_if={"attr": "box.on", "op": "eq", "value": True}),
    ]
    toy = device({"box": {}}, attributes=[flag, box], states=states)

    assert toy.states_fit({"a": 1, "c": 1}, whole=False)
    assert not toy.states_fit({"b": 1}, whole=False)


@pytest.mark.parametrize(
    ("found", "twins"),
    [
        ([], False),
        (["a", "b"], False),
        (["a", "b", "a"], True),
        ([1, 1], False),
        ([{}, {}, "a"], False),
        ([{}, "a", "a"], True),
    ],
)
def test_twins_are_texts(found, twins):
    """What is no text has a problem of another kind, or none."""
    assert has_twins(found) is twins


ON = {"attr": "on", "op": "eq", "value": True}
TWO = {"attr": "ways", "op": "min_items", "value": 2}


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        (ON, "the attribute on is true"),
        ({"result": "kind", "op": "ne", "value": "webrtc"}, 'kind is not "webrtc"'),
        ({"field": "a.b", "op": "present"}, "a.b is given"),
        ({"attr": "modes", "op": "contains", "value": "eco"}, 'the attribute modes has "eco"'),
        (TWO, "the attribute ways has 2 or more entries"),
        ({"not": TWO}, "the attribute ways has fewer than 2 entries"),
        ({"not": {"not": TWO}}, "not (the attribute ways has fewer than 2 entries)"),
        ({"all": [ON, {"not": ON}]}, "the attribute on is true and the attribute on is not true"),
        (
            {"not": {"any": [{"state": "a", "op": "present"}, {"param": "b", "op": "present"}]}},
            "not (a is given or b is given)",
        ),
    ],
)
def test_a_condition_in_words(condition, words):
    """As a sentence goes on after "where"; what is turned around is said the other way round."""
    assert in_words(msgspec.convert(condition, Condition)) == words


def test_marks_stand_around_names_and_values():
    """On a page about the attributes nobody need be told that they are."""
    both = msgspec.convert({"any": [ON, TWO]}, Condition)
    assert in_words(both, mark="`") == "`on` is `true` or `ways` has 2 or more entries"
