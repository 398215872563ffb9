"""The catalog as one value, and what a project adds to it."""

import json

import pytest

from homegraph.wire.catalog.book import CatalogError, builtin
from homegraph.wire.catalog.proving import faults
from homegraph.wire.catalog.suggestions import nearest
from support.catalog_traits import TOY, field

T = "action.devices.traits."


def extended(**document):
    """The builtin catalog with a document of a project."""
    return builtin().extended(json.dumps(document).encode())


def trait(**more):
    """A document with one trait."""
    return {"traits": [{"name": TOY, "short": "Toy", **more}]}


@pytest.mark.parametrize("one", builtin().traits.values(), ids=lambda one: one.short)
def test_the_traits_can_be_applied(one):
    """The catalog keeps to its own format."""
    assert list(faults(one, one.short)) == []


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("OnOff", "OnOff"),
        (f"{T}onoff", "OnOff"),
        ("action.devices.types.OnOf", "OnOff"),
        ("color-setting", "ColorSetting"),
        (f"{T}Teleport", ""),
        ("x" * 1_000_000, ""),
    ],
)
def test_which_trait_is_meant(name, meant):
    """Wrong case, no prefix, a letter less; nothing far-fetched, and nothing long is compared."""
    assert builtin().nearest_trait(name) == (T + meant if meant else "")


def test_which_type_is_meant():
    """As with traits."""
    assert builtin().nearest_type("light") == "action.devices.types.LIGHT"
    assert nearest("", []) == ""


def test_commands_and_error_codes():
    """A command that legacy traits have, too, is the current one's."""
    owner, command = builtin().commands["action.devices.commands.ColorAbsolute"]

    assert (owner.short, command.name.rpartition(".")[2]) == ("ColorSetting", "ColorAbsolute")
    assert {"deviceOffline", "alreadyInstalledApp"} <= builtin().error_codes


def test_a_project_adds_a_trait_and_a_type():
    """The builtin catalog stays as it is."""
    types = [{"name": "action.devices.types.TOY", "short": "TOY", "required_traits": [TOY]}]
    more = extended(**trait(states=[field("a")]), types=types)

    assert more.state_keys(TOY) == {"a"}
    assert "action.devices.types.TOY" in more.types
    assert TOY not in builtin().traits
    assert len(more.traits) == len(builtin().traits) + 1


def test_a_project_adds_to_a_trait():
    """It gains members; one with a known name is replaced."""
    on_off = {"name": f"{T}OnOff", "short": "OnOff", "states": [field("on", "string"), field("a")]}
    shape = extended(traits=[on_off]).shape((f"{T}OnOff",))

    assert shape.bind({}).states_fit({"on": "yes", "a": 1}, whole=False)
    assert shape.attributes_fit({"queryOnlyOnOff": True})


IF = {"attr": "a", "op": "present"}


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (b"{", "truncated"),
        (b"\xff", "malformed"),
        ({"trait": []}, "unknown field `trait`"),
        (trait(state=[]), "unknown field `state` - at `$.traits[0]`"),
        (trait(states=[{"name": "a"}]), "required field `type` - at `$.traits[0].states[0]`"),
        (trait(states=[field("a", "Text")]), "'Text'. - at `$.traits[0].states[0].type`"),
        (trait(states=[field("a", "Boolen")]), "'Boolen'. Did you mean 'boolean'? - at"),
        (trait(states=[{"type": "string"}]), "has no name - at `$.traits[0].states[0]`"),
        (trait(states=[field("a", "enum")]), "needs 'values' - at `$.traits[0].states[0]`"),
        (trait(states=[field("a", "array", items={"type": "x"})]), "states[0].items.type`"),
        (trait(states=[field("a", "object", fields=[field("b", "x")])]), "[0].fields[0].type`"),
        (trait(attributes=[field("a", required_if={"op": "eq"})]), "attributes[0].required_if`"),
        (trait(attributes=[field("a", present_if=IF | {"op": "is"})]), "'is' - at"),
        (trait(states_absent_if=IF | {"op": "min_items"}), "states_absent_if.value`"),
        (trait(commands_absent_if={"not": {"any": [{"all": [{}]}]}}), "if.not.any[0].all[0]`"),
        (trait(state_rules=[{"kind": "uniqe"}]), "Did you mean 'unique'? - at `$.traits[0].state_rules[0].kind`"),
        (trait(state_rules=[{"kind": "unique"}]), "needs 'field' - at `$.traits[0].state_rules[0]`"),
        (trait(state_rules=[{"kind": "needs", "field": "a"}]), "needs 'if'"),
        (trait(states=[field("a")], state_rules=[{"kind": "unique", "field": "a"}]), "a list - at `$.traits[0].state_rules[0].field`"),
        (trait(state_rules=[{"kind": "any_of", "groups": [["a"]]}]), "'a', which no field is"),
        (trait(states=[field("a")], state_rules=[{"kind": "any_of", "at": "a[]", "groups": [["a"]]}]), "'a[]', which no field is"),
        (trait(state_rules=[{"kind": "shapes", "shapes": [{"required": ["a"]}]}]), "'a', which"),
        (trait(state_rules=[{"kind": "any_true", "fields": ["[]"]}]), "'[]', which"),
        (trait(commands=[{"name": "c", "params": [field("a", "x")]}]), "commands[0].params[0].type`"),
        (trait(notifications=[{"kind": "proactive", "key": "Toy", "fields": [field("a", "x")]}]), "notifications[0].fields[0].type`"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_document_is_told_with_its_place(document, message):
    """When it is read, not when the first device is judged by it."""
    text = document if isinstance(document, bytes) else json.dumps(document).encode()

    with pytest.raises(CatalogError) as told:
        builtin().extended(text)

    assert message in str(told.value)
