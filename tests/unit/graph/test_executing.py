"""From words to devices, a command and its parameters."""

import json

import pytest

from homegraph.errors import NotFound, SettingsError
from homegraph.graph import executing
from homegraph.graph.executing import chosen, doable, groups, outermost, read_command, read_params
from homegraph.graph.model import Device, Placement
from homegraph.wire.catalog.book import builtin
from homegraph.wire.query_intent import QueryDevice

ON_OFF = "action.devices.commands.OnOff"
COLOR = "action.devices.commands.ColorAbsolute"


def a_device(device_id, name="Lamp", room="", *, nicknames=(), traits=("OnOff",), **members):
    """A stored device."""
    definition = {
        "id": device_id,
        "type": "action.devices.types.LIGHT",
        "traits": [f"action.devices.traits.{trait}" for trait in traits],
        "name": {"name": name},
        **members,
    }
    placement = Placement(room, name, tuple(nicknames))
    return doable(Device(device_id, json.dumps(definition).encode(), placement, 0, 0), builtin())


KITCHEN = a_device("1", "Lamp", "Kitchen", customData={"a": 1})
HALL = a_device("2", "lamp", "Hall", nicknames=["Moon"])
FAN = a_device("3", "Kitchen Fan", traits=("OnOff", "FanSpeed"))
HOME = (KITCHEN, HALL, FAN)


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("1", KITCHEN),
        ("kitchen lamp", KITCHEN),
        ("  KITCHEN   Lamp ", KITCHEN),
        ("moon", HALL),
        ("hall moon", HALL),
        ("kitchen fan", FAN),
    ],
)
def test_a_device_is_named_as_its_user_would(word, meant):
    """By id, by name, by nickname, each with its room before it or not; case and blanks do not count."""
    assert chosen([word], HOME) == (meant,)


def test_each_device_is_meant_once():
    """However often and under whatever names it was said; the order is the speaker's."""
    assert chosen(["moon", "kitchen lamp", "2"], HOME) == (HALL, KITCHEN)


def test_an_id_goes_before_a_name():
    """So that there is always a way to name a device."""
    named_like_it = a_device("4", "1")

    assert chosen(["1"], (named_like_it, KITCHEN)) == (KITCHEN,)


def test_a_word_for_several_devices_is_refused_with_all_of_them():
    """Nothing is switched by guessing."""
    with pytest.raises(
        SettingsError, match=r"'lamp' may be 1 \(Lamp, Kitchen\), 2 \(lamp, Hall\)$"
    ):
        chosen(["lamp"], HOME)


def test_of_many_candidates_the_first_are_named():
    """A message has an end."""
    same = [a_device(f"d{number:02}") for number in range(11)]

    with pytest.raises(SettingsError, match=r"d09 \(Lamp\), …$"):
        chosen(["lamp"], same)


def test_a_word_for_no_device_is_refused_with_what_may_be_meant():
    """Spelling is the usual cause."""
    with pytest.raises(NotFound, match=r"no device 'kichen fan'\. Did you mean 'Kitchen Fan'"):
        chosen(["kichen fan"], HOME)


def test_an_intent_has_a_bounded_number_of_devices(monkeypatch):
    """The rest goes in another."""
    monkeypatch.setattr(executing, "DEVICES_PER_INTENT_MAX", 2)

    assert list(groups(HOME)) == [(KITCHEN, HALL), (FAN,)]


def test_custom_data_goes_along():
    """As SYNC gave it; none where SYNC gave none."""
    assert KITCHEN.asked == QueryDevice("1", {"a": 1})
    assert HALL.asked == QueryDevice("2")


@pytest.mark.parametrize(
    ("word", "given", "command"),
    [
        ("OnOff", (), ON_OFF),
        ("onoff", (), ON_OFF),
        ("com.example.Own", (), "com.example.Own"),
        ("", ("on",), ON_OFF),
    ],
)
def test_a_command_is_short_or_full_or_told_by_its_parameters(word, given, command):
    """A full name may be one that the catalog does not know."""
    assert read_command(word, given, KITCHEN, builtin()) == command


@pytest.mark.parametrize(
    ("word", "given", "says"),
    [
        ("OnOf", (), "command: there is no command 'OnOf'. Did you mean 'OnOff'?"),
        ("", ("colour",), "command: no command of '1' takes these parameters"),
        ("", (), "command: no command of '1' takes these parameters"),
    ],
)
def test_what_is_no_command_is_refused(word, given, says):
    """The message says what may be meant."""
    with pytest.raises(SettingsError) as caught:
        read_command(word, given, KITCHEN, builtin())

    assert caught.value.message == says


def test_parameters_of_several_commands_need_its_name():
    """``fanSpeed`` and such belong to one; ``lock`` of two traits to two."""
    catalog = builtin().extended(
        b'{"traits":[{"name":"x.Two","short":"Two","commands":['
        b'{"name":"x.A","params":[{"name":"p","type":"string"}]},'
        b'{"name":"x.B","params":[{"name":"p","type":"string"}]}]}]}'
    )
    definition = b'{"id":"1","type":"t","traits":["x.Two"],"name":{"name":"n"}}'
    device = doable(Device("1", definition, Placement(), 0, 0), catalog)

    with pytest.raises(SettingsError, match=r"it may be x\.A, x\.B"):
        read_command("", ("p",), device, catalog)


def test_values_are_read_by_the_types_of_the_catalog():
    """Booleans in words, texts as they are, numbers as numbers; nested by dots; JSON after ``:=``."""
    _, on_off = builtin().commands[ON_OFF]
    _, color = builtin().commands[COLOR]

    assert read_params(["on=off"], on_off) == {"on": False}
    assert read_params(["on=perhaps"], on_off) == {"on": "perhaps"}
    assert read_params(["color.temperature=2700", "color.name=12"], color) == {
        "color": {"temperature": 2700, "name": "12"}
    }
    assert read_params(["a=1", "b=x=y", 'c:={"d":[1]}'], None) == {
        "a": 1,
        "b": "x=y",
        "c": {"d": [1]},
    }
    assert outermost(["color.x=1", "color.y=2", "on=true"]) == ("color", "on")


@pytest.mark.parametrize(
    ("pairs", "says"),
    [
        (["on"], "on: is no key=value"),
        (["=1"], "=1: is no key=value"),
        (["a..b=1"], "a..b=1: is no key=value"),
        (["a=1", "a=2"], "a: is there twice"),
        (["a=1", "a.b=2"], "a.b=2: 'a' has a value already"),
        (["a:=x"], "a:=x: is not JSON after :="),
    ],
)
def test_what_is_no_parameter_is_refused(pairs, says):
    """With the words as they were given."""
    with pytest.raises(SettingsError) as caught:
        read_params(pairs, None)

    assert caught.value.message == says


def test_what_the_catalog_refuses_is_told_for_each_device():
    """With the parameter's place; nothing when all is well."""
    assert executing.refusals([KITCHEN], ON_OFF, {"on": True}) == ()
    assert [one.partition(": ")[0] for one in executing.refusals(HOME, ON_OFF, {"on": 3})] == [
        "1",
        "2",
        "3",
    ]
    assert executing.refusals([KITCHEN], ON_OFF, {"on": 3})[0].startswith("1: on: ")
    (missing,) = executing.refusals([HALL], "action.devices.commands.Dock", {})
    assert missing.startswith("2: No trait of this device")
