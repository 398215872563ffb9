"""What has another form than described never breaks a rule, a condition or a path: it is passed over, and both ways agree."""

import pytest

from homegraph.wire.catalog.book import builtin
from homegraph.wire.catalog.facts import Rule, Trait
from homegraph.wire.catalog.proving import faults
from support.catalog_traits import device, field, told, words

T = "action.devices.traits."
WORD = field("word", "string")
FROM_LIST = {"kind": "value_from", "field": "word", "source": "attributes.words[]"}
MODES = "availableThermostatModes"


@pytest.mark.parametrize("listed", [5, None, {}, [], [1], [None], [{}]])
def test_a_list_that_is_none_lists_nothing(listed):
    """Attributes may be wrong; they have problems of their own, and the states none because of them."""
    toy = device(
        {"words": listed}, attributes=[words("words")], states=[WORD], state_rules=[FROM_LIST]
    )

    assert toy.states_fit({"word": "x"}, whole=False)
    assert toy.state_problems({"word": "x"}, whole=False) == ()


@pytest.mark.parametrize(("mode", "kinds"), [("heat", []), ("cool", ["unlisted"])])
def test_a_list_in_its_old_form(mode, kinds):
    """One text with commas lists what it names."""
    thermostat = builtin().shape((f"{T}TemperatureSetting",)).bind({MODES: "off,heat"})
    states = {"thermostatMode": mode, "thermostatTemperatureAmbient": 20, "thermostatTemperatureSetpoint": 20}  # fmt: skip

    assert [one.kind for one in thermostat.state_problems(states, whole=False)] == kinds
    assert thermostat.states_fit(states, whole=False) is (not kinds)


def test_a_rule_whose_members_are_not_there():
    """It has nothing to say."""
    rules = [
        {"kind": "keys_from", "field": "map", "source": "attributes.words[]"},
        {"kind": "gap", "low": "a", "high": "b", "min_gap_from": "attributes.c"},
    ]
    map_ = field("map", "map", map_values={"type": "boolean"})
    toy = device(states=[WORD, map_, field("a"), field("b")], state_rules=rules)

    for states in ({"word": "x"}, {"a": 1}):
        assert toy.states_fit(states, whole=False)
        assert toy.state_problems(states, whole=False) == ()


def test_rules_over_fields_of_other_forms():
    """A project may write a rule over fields that it does not fit; then it has nothing to say, in both ways."""
    rules = [
        {"kind": "gap", "low": "a", "high": "b", "min_gap_from": "attributes.c"},
        {"kind": "ordered", "low": "a", "high": "b"},
        {"kind": "range_from", "field": "a", "max": 5},
        {"kind": "keys_from", "field": "a", "source": "attributes.words[]"},
        {"kind": "map_value_from", "field": "a", "source": "attributes.words[]"},
        {"kind": "sensor_table"},
    ]
    fields = [field("a", "string"), field("b", "string"), words("currentSensorStateData")]
    toy = device(states=fields, state_rules=rules)
    states = {"a": "z", "b": "y", "currentSensorStateData": ["x"]}

    assert toy.state_problems(states, whole=False) == ()
    assert toy.states_fit(states, whole=False)


def test_an_old_form_that_is_not_there():
    """It is no problem that nobody sends it."""
    old = field("a", "array", items={"type": "string"}, alt_type={"type": "string"})
    toy = device(states=[old, field("b")])

    assert toy.states_fit({"b": 1}, whole=False)
    assert not toy.states_fit({"a": "x"}, whole=False)


def test_several_values_and_one_list():
    """Each value is told that is not listed; a value of another form is told once, as that."""
    rules = [
        {"kind": "value_from", "field": "said[]", "source": "attributes.words[]"},
        {"kind": "unique", "field": "said[]"},
    ]
    toy = device(
        {"words": ["x"]}, attributes=[words("words")], states=[words("said")], state_rules=rules
    )

    assert told(toy.state_problems({"said": ["y", 1, 1, "z"]}, whole=False)) == [
        ("type", ("said", 1), "refused"),
        ("type", ("said", 2), "refused"),
        ("unlisted", ("said", 0), "refused"),
        ("unlisted", ("said", 3), "refused"),
    ]


def test_a_sensor_that_the_table_does_not_have():
    """The list of names tells it; the table says nothing of it."""
    shape = builtin().shape((f"{T}SensorState",))
    problems = shape.attribute_problems({"sensorStatesSupported": [{"name": "Mood"}, 5]})

    assert [(one.kind, one.path[-1]) for one in problems] == [
        ("enum", "name"), ("type", 1), ("alternatives", 0),
    ]  # fmt: skip


def test_defaults_of_what_is_no_object():
    """There are none."""
    filling = builtin().shape((f"{T}Fill", f"{T}Teleport")).bind({"availableFillLevels": 5})

    assert told(filling.shape.attribute_problems({"availableFillLevels": 5})) == [
        ("type", ("availableFillLevels",), "refused")
    ]
    assert not filling.states_fit({"isFilled": True}, whole=False)


def test_a_whole_answer_without_a_required_state():
    """It does not fit, although every member that is there is right."""
    lock = builtin().shape((f"{T}Dock", f"{T}OnOff")).bind({})

    assert not lock.states_fit({"online": True, "on": True}, whole=True)


def test_every_fault_of_a_trait_is_found():
    """Not only the first; a project is told one at a time, the catalog's own test all."""
    rules = (Rule(kind="x"), Rule(kind="unique"), Rule(kind="y"))

    assert len(list(faults(Trait(name="t", short="t", state_rules=rules), "t"))) == 4
