"""The three ways to judge a device agree: the compiled one, the explaining one, and the format read naively."""

import msgspec
import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st

from homegraph.wire.catalog.book import builtin
from support import catalog_reference as reference
from support.catalog_devices import members, merged, objects, spoiled
from support.catalog_reference import TRAITS

NAMES = sorted(TRAITS)
STRANGER = "action.devices.traits.Teleport"
COMMANDS = [(name, command) for name in NAMES for command in TRAITS[name]["commands"]]
COLORS = [name for name in NAMES if ".Color" in name]
ONLINE = st.fixed_dictionaries({}, optional={"online": st.booleans()})
by_name = pytest.mark.parametrize("name", NAMES, ids=lambda name: name.rpartition(".")[2])


def spoilt(strategy):
    """Some as they are, some with mistakes."""
    return strategy.flatmap(spoiled)


@by_name
@settings(max_examples=25)
@given(data=st.data())
def test_attributes(name, data):
    """Of one trait, alone or beside one that nobody knows."""
    traits = (name, STRANGER) if data.draw(st.booleans()) else (name,)
    attributes = data.draw(spoilt(objects(TRAITS[name], "attributes")))

    agree_about_attributes(traits, attributes)


@by_name
@settings(max_examples=30)
@given(data=st.data())
def test_states(name, data):
    """Of one trait, as a report and as an answer to QUERY; the attributes need not be right."""
    traits = (name, STRANGER) if data.draw(st.sampled_from([False, False, True])) else (name,)
    # Without attributes no list stands in the way of the rules that look at the states alone.
    any_ = spoilt(objects(TRAITS[name], "attributes"))
    attributes = data.draw(st.one_of(st.just({}), any_, any_))
    states = data.draw(spoilt(merged([objects(TRAITS[name], "states"), ONLINE])))

    agree_about_states(traits, attributes, states)


@pytest.mark.parametrize("among", [NAMES, COLORS], ids=["all", "colors"])
@settings(max_examples=120)
@given(data=st.data())
def test_several_traits(among, data):
    """Their members share one object; those of the three traits for colors even share members."""
    some = st.lists(st.sampled_from(among), min_size=2, max_size=4, unique=True)
    traits = tuple(data.draw(some))
    known = [TRAITS[name] for name in traits]
    attributes = data.draw(spoilt(merged([objects(trait, "attributes") for trait in known])))
    states = data.draw(spoilt(merged([ONLINE, *(objects(trait, "states") for trait in known)])))

    agree_about_attributes(traits, attributes)
    agree_about_states(traits, attributes, states)


@pytest.mark.parametrize(("name", "command"), COMMANDS, ids=lambda one: str(one)[-24:])
@settings(max_examples=15)
@given(data=st.data())
def test_commands(name, command, data):
    """A command with its parameters, and what its answer has beside states."""
    attributes = data.draw(spoilt(objects(TRAITS[name], "attributes")))
    params = data.draw(spoilt(members(command["params"])))
    answer = data.draw(spoilt(members(command["results"])))
    bound = builtin().shape((name,)).bind(attributes)

    right = reference.command_ok((name,), attributes, command["name"], params)
    assert (bound.command_problems(command["name"], params) == ()) is right

    right = reference.result_ok(TRAITS[name], attributes, command, params, answer)
    assert (bound.result_problems(command["name"], answer, params) == ()) is right


@by_name
@settings(max_examples=40)
@given(data=st.data())
def test_notifications(name, data):
    """Every notification that a trait may send."""
    trait = TRAITS[name]
    attributes = data.draw(objects(trait, "attributes"))
    bound = builtin().shape((name,)).bind(attributes)
    for one in trait["notifications"]:
        body = data.draw(
            spoilt(objects({**trait, "states": one["fields"], "sensors": ()}, "states"))
        )
        right = reference.notification_ok(trait, attributes, one, body)
        assert (bound.notification_problems(one["key"], body) == ()) is right


@by_name
def test_right_ones_are_among_them(name):
    """For every trait a device is found that has nothing wrong: the property is not about refusals only."""
    trait = TRAITS[name]
    shape = builtin().shape((name,))
    states = merged([objects(trait, "states"), st.just({"online": True})])

    def is_right(device):
        bound = shape.bind(device[0])
        return shape.attributes_fit(device[0]) and bound.states_fit(device[1], whole=True)

    assert is_right(find(st.tuples(objects(trait, "attributes"), states), is_right))


def agree_about_attributes(traits, attributes):
    """Both ways of the package say what the reference says."""
    shape = builtin().shape(traits)
    right = reference.attributes_ok(traits, attributes)

    assert shape.attributes_fit(attributes) is right
    read = shape.read_attributes(msgspec.json.encode(attributes))
    assert read == (attributes if right else None)
    assert (shape.attribute_problems(attributes) == ()) is right


def agree_about_states(traits, attributes, states):
    """Of a report and of an answer to QUERY."""
    bound = builtin().shape(traits).bind(attributes)
    for whole in (True, False):
        right = reference.states_ok(traits, attributes, states, whole=whole)
        assert bound.states_fit(states, whole=whole) is right
        assert (bound.state_problems(states, whole=whole) == ()) is right
