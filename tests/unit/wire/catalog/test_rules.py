"""Every kind of rule of the catalog's format: kept by one object, broken by its twin, which is told where."""

import pytest

from homegraph.wire.catalog.rules import CHECKS
from support.catalog_traits import device, field, told, words

A, B, C = field("a"), field("b"), field("c")
ON = field("on", "boolean")
LISTED = field("levels", "array", items={"type": "object", "fields": [field("name", "string")]})
NAMED = {"attr": "allowed", "op": "eq", "value": True}
ALLOWED = field("allowed", "boolean")
NESTED = field("box", "object", fields=[A, B])
MODES = field(
    "modes",
    "array",
    items={"type": "object", "fields": [field("name", "string"), words("settings")]},
)
DEEP = field("deep", "object", fields=[NESTED])
MAP = field("map", "map", map_values={"type": "string"})
MAPS = field("deep", "object", fields=[field("map", "object", fields=[MAP])])

# kind, what else the rule has, fields of the states, of the attributes, attributes, kept by, broken by, kind and path of the problem
CASES = [
    ("one_of", {"groups": [["a"], ["b", "c"]]}, [A, B, C], [], {}, {"b": 1, "c": 1}, {"a": 1, "b": 1}, "alternatives", ("b",)),
    ("one_of", {"groups": [["a"], ["b", "c"]]}, [A, B, C], [], {}, {"a": 1}, {"b": 1}, "alternatives", ("c",)),
    ("one_of", {"groups": [["a"], ["b"]]}, [A, B, C], [], {}, {"a": 1}, {"c": 1}, "alternatives", ()),
    ("one_of", {"groups": [["a"], ["b"]], "at": "box"}, [NESTED], [], {}, {"box": {"a": 1}}, {"box": {}}, "alternatives", ("box",)),
    ("one_of", {"groups": [["a"], ["b"]], "at": "box"}, [NESTED, C], [], {}, {"c": 1}, {"box": {"a": 1, "b": 2}}, "alternatives", ("box", "b")),
    ("any_of", {"groups": [["a"], ["b"]]}, [A, B, C], [], {}, {"a": 1, "b": 1}, {"c": 1}, "alternatives", ()),
    ("any_of", {"groups": [["a"], ["b"]], "at": "box"}, [NESTED, C], [], {}, {"box": {"b": 1}}, {"box": {}}, "alternatives", ("box",)),
    ("at_most_one", {"fields": ["a", "b"]}, [A, B], [], {}, {"a": 1}, {"a": 1, "b": 1}, "alternatives", ("b",)),
    ("shapes", {"shapes": [{"required": ["a"], "optional": ["b"]}, {"required": ["c"]}]}, [A, B, C], [], {}, {"a": 1, "b": 1}, {"b": 1}, "alternatives", ()),
    ("unique", {"field": "levels[].name"}, [LISTED], [], {}, {"levels": [{"name": "x"}, {"name": "y"}, {}]}, {"levels": [{"name": "x"}, {"name": "x"}]}, "duplicate", ("levels", 1, "name")),
    ("unique", {"field": "modes[].settings[]"}, [MODES], [], {}, {"modes": [{"settings": ["x"]}, {"settings": ["x"]}]}, {"modes": [{"settings": ["x", "x"]}]}, "duplicate", ("modes", 0, "settings", 1)),
    ("value_from", {"field": "word", "source": "attributes.words[]", "also": ["none"]}, [field("word", "string")], [words("words")], {"words": ["x"]}, {"word": "none"}, {"word": "y"}, "unlisted", ("word",)),
    ("value_from", {"field": "word", "source": "attributes.words[]"}, [field("word", "string")], [words("words")], {}, {"word": "y"}, None, "", ()),
    ("value_from", {"field": "modes[].settings[]", "source": "attributes.modes[name=$name].settings[]"}, [MODES], [MODES], {"modes": [{"name": "x", "settings": ["1"]}]}, {"modes": [{"name": "x", "settings": ["1"]}]}, None, "", ()),
    ("value_from", {"field": "levels[].name", "source": "attributes.words[]", "strict": False}, [LISTED], [words("words")], {"words": ["x"]}, {"levels": [{"name": "x"}]}, {"levels": [{"name": "y"}]}, "unlisted", ("levels", 0, "name")),
    ("keys_from", {"field": "map", "source": "attributes.words[]"}, [field("map", "map", map_values={"type": "boolean"})], [words("words")], {"words": ["x"]}, {"map": {"x": True}}, {"map": {"y": True}}, "unlisted", ("map", "y")),
    ("map_value_from", {"field": "map", "source": "attributes.modes[name=$key].settings[]"}, [field("map", "map", map_values={"type": "string"})], [MODES], {"modes": [{"name": "x", "settings": ["1"]}]}, {"map": {"x": "1"}}, {"map": {"x": "2"}}, "unlisted", ("map", "x")),
    ("range_from", {"field": "a", "min": 0, "max": "attributes.c"}, [A], [C], {"c": 5}, {"a": 5}, {"a": 6}, "range", ("a",)),
    ("range_from", {"field": "a", "min": "-attributes.c"}, [A], [C], {"c": 5}, {"a": -5}, {"a": -6}, "range", ("a",)),
    ("range_from", {"field": "a", "max": "attributes.c"}, [A], [C], {"c": "5"}, {"a": 6}, None, "", ()),
    ("range_from", {"field": "box.a", "max": 5}, [NESTED, C], [], {}, {"c": 1}, {"box": {"a": 6}}, "range", ("box", "a")),
    ("range_from", {"field": "levels[].level", "max": 5}, [field("levels", "array", items={"type": "object", "fields": [field("level")]})], [], {}, {"levels": [{"level": 5}]}, {"levels": [{"level": 6}]}, "range", ("levels", 0, "level")),
    ("range_from", {"field": "a", "max": "attributes.x.y.z"}, [A], [], {}, {"a": 5}, None, "", ()),
    ("ordered", {"low": "a", "high": "b"}, [A, B], [], {}, {"a": 1, "b": 1}, {"a": 2, "b": 1}, "order", ("a",)),
    ("ordered", {"low": "box.a", "high": "box.b"}, [NESTED, C], [], {}, {"c": 1}, {"box": {"a": 2, "b": 1}}, "order", ("box", "a")),
    ("ordered", {"low": "deep.box.a", "high": "deep.box.b"}, [field("deep", "object", fields=[NESTED])], [], {}, {"deep": {"box": {"a": 1}}}, {"deep": {"box": {"a": 2, "b": 1}}}, "order", ("deep", "box", "a")),
    ("gap", {"low": "a", "high": "b", "min_gap_from": "attributes.c", "default": 2}, [A, B], [C], {}, {"a": 1, "b": 3}, {"a": 1, "b": 2}, "order", ("a",)),
    ("gap", {"low": "a", "high": "b", "min_gap_from": "attributes.c", "default": 2}, [A, B], [C], {"c": 1}, {"a": 1, "b": 2}, {"a": 1, "b": 1}, "order", ("a",)),
    ("needs", {"field": "a", "if": NAMED}, [A, B], [ALLOWED], {}, {"b": 1}, {"a": 1}, "unexpected", ("a",)),
    ("needs", {"field": "on", "value": True, "if": NAMED}, [ON], [ALLOWED], {}, {"on": False}, {"on": True}, "unexpected", ("on",)),
    ("needs", {"field": "levels[].name", "if": NAMED}, [LISTED], [ALLOWED], {"allowed": True}, {"levels": [{"name": "x"}]}, None, "", ()),
    ("forbids", {"if": {"state": "on", "op": "eq", "value": True}, "fields": ["a"], "note": "on rules a out"}, [ON, A], [], {}, {"on": False, "a": 1}, {"on": True, "a": 1}, "unexpected", ("a",)),
    ("forbids_value", {"if": {"state": "a", "op": "present"}, "field": "on", "value": True}, [ON, A], [], {}, {"on": False, "a": 1}, {"on": True, "a": 1}, "conflict", ("on",)),
    ("forbids", {"if": {"state": "on", "op": "eq", "value": True}, "fields": ["box.a"]}, [ON, NESTED], [], {}, {"on": True, "box": {}}, {"on": True, "box": {"a": 1}}, "unexpected", ("box", "a")),
    ("gap", {"low": "deep.box.a", "high": "deep.box.b", "min_gap_from": "attributes.c"}, [DEEP], [C], {}, {"deep": {"box": {"a": 1}}}, {"deep": {"box": {"a": 2, "b": 1}}}, "order", ("deep", "box", "a")),
    ("value_from", {"field": "word", "source": "params.words[]"}, [field("word", "string")], [], {}, {"word": "y"}, None, "", ()),
    ("value_from", {"field": "word", "source": "attributes.words[]", "also": ["z"]}, [field("word", "string"), C], [words("words")], {"words": ["x"]}, {"c": 1}, {"word": "y"}, "unlisted", ("word",)),
    ("value_from", {"field": "modes[].name", "source": "attributes.modes[name=$name].settings[]", "also": ["z"]}, [MODES], [MODES], {"modes": [{"name": "x", "settings": ["1"]}]}, {"modes": [{}, {"name": "z"}, {"name": "y"}]}, {"modes": [{"name": "x"}]}, "unlisted", ("modes", 0, "name")),
    ("keys_from", {"field": "deep.map.map", "source": "attributes.words[]"}, [MAPS], [words("words")], {"words": ["x"]}, {"deep": {"map": {"map": {"x": "1"}}}}, {"deep": {"map": {"map": {"y": "1"}}}}, "unlisted", ("deep", "map", "map", "y")),
    ("map_value_from", {"field": "deep.map.map", "source": "attributes.modes[name=$key].settings[]"}, [MAPS], [MODES], {"modes": [{"name": "x", "settings": ["1"]}]}, {"deep": {"map": {"map": {"x": "1"}}}}, {"deep": {"map": {"map": {"x": "2"}}}}, "unlisted", ("deep", "map", "map", "x")),
    ("map_value_from", {"field": "map", "source": "attributes.modes[name=$key].settings[]"}, [field("map", "map", map_values={"type": "string"}), C], [MODES], {}, {"c": 1}, None, "", ()),
    ("keys_from", {"field": "map", "source": "attributes.words[]"}, [field("map", "map", map_values={"type": "string"}), C], [words("words")], {"words": ["x"]}, {"c": 1}, {"map": {"x": "1", "y": "1"}}, "unlisted", ("map", "y")),
    ("only_values", {"fields": ["a"], "values": [0, 100]}, [A], [], {}, {"a": 100}, {"a": 50}, "conflict", ("a",)),
    ("any_true", {"fields": ["on", "off"]}, [ON, field("off", "boolean")], [], {}, {"off": True}, {"on": False}, "alternatives", ()),
    ("not_both_true", {"fields": ["on", "off"]}, [ON, field("off", "boolean")], [], {}, {"on": True, "off": False}, {"on": True, "off": True}, "conflict", ("off",)),
    ("advice", {"field": "words", "max_items": 1, "note": "keep it short"}, [words("words")], [], {}, {"words": ["x"]}, {"words": ["x", "y"]}, "size", ("words",)),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0])
def test_a_kind(case):
    """Kept: both ways find nothing. Broken: one problem, at its place, and no fit."""
    kind, more, states, attributes, given, kept, broken, wrong, path = case
    rule = {"kind": kind, **more}
    toy = device(given, states=states, attributes=attributes, state_rules=[rule])

    assert toy.state_problems(kept, whole=False) == ()
    assert toy.states_fit(kept, whole=False)
    if broken is not None:
        (problem,) = toy.state_problems(broken, whole=False)
        assert (problem.kind, problem.path) == (wrong, path)
        assert problem.what.endswith(".")
        assert not toy.states_fit(broken, whole=False)


@pytest.mark.parametrize(
    ("rule", "states", "sentence"),
    [
        (
            {"kind": "range_from", "field": "a", "min": "attributes.c", "max": 16777215},
            {"a": 16777216},
            "a is 16777216; the device's attributes allow 5 to 16777215.",
        ),
        (
            {"kind": "range_from", "field": "a", "min": "attributes.c"},
            {"a": 4},
            "a is 4; the device's attributes allow 5 or more.",
        ),
        (
            {"kind": "range_from", "field": "a", "min": 1, "severity": "warning"},
            {"a": 0},
            "a is 0; 1 or more is expected.",
        ),
        (
            {"kind": "ordered", "low": "a", "high": "b"},
            {"a": 1234567.5, "b": 1},
            "a is 1234567.5 and above b, which is 1.",
        ),
        (
            {"kind": "gap", "low": "a", "high": "b", "min_gap_from": "attributes.c"},
            {"a": 0.1, "b": 0.4},
            "a and b are 0.3 apart; 5 is the least.",
        ),
        (
            {"kind": "needs", "field": "a", "if": NAMED},
            {"a": 1},
            "a is not available: it needs that the attribute allowed is true.",
        ),
        (
            {
                "kind": "forbids",
                "if": {"state": "b", "op": "present"},
                "fields": ["a"],
                "note": "b says it",
            },
            {"a": 1, "b": 1},
            "a has no place where b is given. B says it.",
        ),
        (
            {
                "kind": "forbids_value",
                "if": {"state": "b", "op": "eq", "value": 2},
                "field": "a",
                "value": 1,
            },
            {"a": 1, "b": 2},
            "a cannot be 1 where b is 2.",
        ),
        (
            {"kind": "only_values", "fields": ["a"], "values": [0, 100]},
            {"a": 50},
            "a is 50; only 0, 100 can be here.",
        ),
        (
            {
                "kind": "only_values",
                "fields": ["a"],
                "values": [0],
                "if": {"state": "a", "op": "present"},
            },
            {"a": 50},
            "a is 50; only 0 can be where a is given.",
        ),
        (
            {"kind": "value_from", "field": "word", "source": "attributes.words[]"},
            {"word": "HEAT"},
            "\"HEAT\" is not listed in attributes.words[], which has cool, heat. Did you mean 'heat'?",
        ),
        (
            {"kind": "value_from", "field": "many", "source": "attributes.many[]"},
            {"many": "x"},
            '"x" is not listed in attributes.many[], which has 00, 01, 02, 03, 04, 05, 06, 07, 08, 09, 10, 11, ….',
        ),
        (
            {
                "kind": "map_value_from",
                "field": "map",
                "source": "attributes.modes[name=$key].settings[]",
            },
            {"map": {"load": "3"}},
            '"3" is not listed in attributes.modes[name=load].settings[], which has 1, 2.',
        ),
    ],
)
def test_what_a_rule_says(rule, states, sentence):
    """Numbers with all their digits, what the rule hangs on, and of a list what it has, as far as anybody reads."""
    numbers = [field("a", "number"), field("b", "number")]
    lists = [field("word", "string"), field("many", "string"), MAP]
    given = {
        "c": 5,
        "words": ["heat", "cool"],
        "many": [f"{place:02}" for place in range(13)],
        "modes": [{"name": "load", "settings": ["1", "2"]}],
    }
    attributes = [C, ALLOWED, words("words"), words("many"), MODES]
    toy = device(given, states=[*numbers, *lists], attributes=attributes, state_rules=[rule])

    (problem,) = toy.state_problems(states, whole=False)

    assert problem.what == sentence
    assert not toy.states_fit(states, whole=False)


def test_no_kind_is_left_out():
    """The table above has each; the table of sensors has tests of its own."""
    assert {case[0] for case in CASES} | {"sensor_table"} == set(CHECKS)


@pytest.mark.parametrize(
    ("more", "severity"),
    [
        ({}, "refused"),
        ({"severity": "warning"}, "advice"),
        ({"inferred": True}, "advice"),
        ({"strict": False}, "advice"),
    ],
)
def test_a_rule_is_as_grave_as_it_is_certain(more, severity):
    """What is a warning, inferred or only a hint is advice."""
    rule = {"kind": "range_from", "field": "a", "max": 5, **more}
    toy = device(states=[A], state_rules=[rule])

    assert told(toy.state_problems({"a": 6}, whole=False)) == [("range", ("a",), severity)]


def test_a_rule_passes_over_what_has_another_form():
    """That is one problem, and it is told already."""
    rules = [
        {"kind": "value_from", "field": "a", "source": "attributes.words[]"},
        {"kind": "range_from", "field": "a", "max": 5},
        {"kind": "ordered", "low": "a", "high": "b"},
        {"kind": "keys_from", "field": "a", "source": "attributes.words[]"},
        {"kind": "map_value_from", "field": "a", "source": "attributes.words[]"},
        {"kind": "one_of", "at": "a", "groups": [["b"]]},
        {"kind": "advice", "field": "a", "max_items": 1},
    ]
    inner = field("a", "object", fields=[B])
    toy = device(
        {"words": ["x"]}, states=[inner, B], attributes=[words("words")], state_rules=rules
    )

    assert told(toy.state_problems({"a": [6], "b": 1}, whole=False)) == [
        ("type", ("a",), "refused")
    ]


def test_a_result_may_depend_on_the_parameters():
    """The camera answers with a protocol that was asked for."""
    rule = {"kind": "value_from", "field": "word", "source": "params.words[]"}
    command = {
        "name": "c",
        "params": [words("words")],
        "results": [field("word", "string")],
        "result_rules": [rule],
    }
    toy = device(commands=[command])

    assert toy.result_problems("c", {"word": "x"}, {"words": ["x"]}) == ()
    assert told(toy.result_problems("c", {"word": "y"}, {"words": ["x"]})) == [
        ("unlisted", ("word",), "refused")
    ]
    assert toy.result_problems("other", {}) == ()
