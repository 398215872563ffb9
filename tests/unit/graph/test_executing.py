"""From words to a command and its parameters, and to the entries of an intent."""

import pytest

from homegraph.errors import SettingsError
from homegraph.graph import executing
from homegraph.graph.executing import follows_up, outermost, read_command, read_params, told
from homegraph.graph.model import Device, Placement
from homegraph.graph.naming import named
from homegraph.wire.catalog.book import builtin
from homegraph.wire.execute_intent import CommandGroup
from support.named import a_device

ON_OFF = "action.devices.commands.OnOff"
COLOR = "action.devices.commands.ColorAbsolute"


KITCHEN = a_device("1", "Lamp", "Kitchen", customData={"a": 1})
HALL = a_device("2", "lamp", "Hall", nicknames=["Moon"])
FAN = a_device("3", "Kitchen Fan", traits=("OnOff", "FanSpeed"))
HOME = (KITCHEN, HALL, FAN)


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


def test_a_command_that_the_attributes_rule_out_is_found_by_its_parameters():
    """It is what was meant, and the catalog says why it cannot be had."""
    lamp = a_device("1", "Lamp", attributes={"queryOnlyOnOff": True})
    name = read_command("", ("on",), lamp, builtin())

    assert name == ON_OFF
    assert executing.refusals([lamp], name, {"on": True}) == (
        f"1: The device's attributes do not allow {ON_OFF}: the attribute queryOnlyOnOff is true.",
    )


@pytest.mark.parametrize(
    ("traits", "hint"),
    [
        (("OnOff", "StartStop"), "It takes OnOff (on), StartStop (start, zone, multipleZones)."),
        (("Dock",), "It takes Dock (without parameters)."),
        (("OccupancySensing",), "It takes no commands; traits bring them."),
    ],
)  # fmt: skip
def test_who_gives_parameters_of_no_command_is_told_which_there_are(traits, hint):
    """With their parameters, as far as the attributes allow them."""
    with pytest.raises(SettingsError) as caught:
        read_command("", ("colour",), a_device("1", "It", traits=traits), builtin())

    assert caught.value.hint == hint


def test_parameters_of_several_commands_need_its_name():
    """``fanSpeed`` and such belong to one; ``lock`` of two traits to two."""
    catalog = builtin().extended(
        b'{"traits":[{"name":"x.Two","short":"Two","commands":['
        b'{"name":"x.A","params":[{"name":"p","type":"string"}]},'
        b'{"name":"x.B","params":[{"name":"p","type":"string"}]}]}]}'
    )
    definition = b'{"id":"1","type":"t","traits":["x.Two"],"name":{"name":"n"}}'
    device = named(Device("1", definition, Placement(), 0, 0), catalog)

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


LOCK_UNLOCK = "action.devices.commands.LockUnlock"
LOCK = a_device("4", traits=("LockUnlock",), notificationSupportedByAgent=True)


@pytest.mark.parametrize(
    ("device", "command", "params", "does"),
    [
        (LOCK, LOCK_UNLOCK, {"lock": True}, True),
        (LOCK, LOCK_UNLOCK, {"lock": True, "followUpToken": "mine"}, False),
        (LOCK, ON_OFF, {"on": True}, False),
        (a_device("5", traits=("LockUnlock",)), LOCK_UNLOCK, {"lock": True}, False),
        (a_device("6", notificationSupportedByAgent=True), ON_OFF, {"on": True}, False),
    ],
    ids=["lock", "own token", "other command", "does not notify", "no follow-up"],
)
def test_a_token_goes_along_where_a_result_may_follow(device, command, params, does):
    """The device notifies and the catalog knows a follow-up; a token that somebody gave himself is left alone."""
    assert follows_up(device, command, params) is does


def test_each_device_with_a_token_has_an_entry_of_its_own():
    """Tokens are among the parameters, so devices with different ones cannot share them; all others do."""
    home = (KITCHEN, LOCK, HALL)

    assert told(home, {"on": True}, {}) == (
        CommandGroup((KITCHEN.asked, LOCK.asked, HALL.asked), {"on": True}),
    )
    assert told(home, {"on": True}, {"4": "t-4"}) == (
        CommandGroup((KITCHEN.asked, HALL.asked), {"on": True}),
        CommandGroup((LOCK.asked,), {"on": True, "followUpToken": "t-4"}),
    )
    assert told((LOCK,), {}, {"4": "t-4"}) == (
        CommandGroup((LOCK.asked,), {"followUpToken": "t-4"}),
    )
