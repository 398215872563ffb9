"""The sample cloud's devices: what they are, what they obey, and what they ask for first."""

import msgspec
import pytest

from homegraph.demo.cloud.accounts import FAILURES_MAX, FORGET_SECONDS
from homegraph.demo.cloud.commands import COMMAND_PREFIX, COMMANDS, CommandFailed
from homegraph.demo.cloud.devices import Challenge, ChallengeNeeded, Device, Guard
from homegraph.demo.cloud.homes import first_homes
from homegraph.wire.intents import read_device

FIRST = [device for home in first_homes().values() for device in home.devices.values()]


def everything(**members):
    """A device with every trait."""
    traits = sorted({command.trait for command in COMMANDS.values()})
    return Device("all", "LIGHT", "Everything", traits, {}, **members)


def decided(device, command, params, challenge=None, now=0.0):
    """The states that a command would lead to."""
    return device.decide(COMMAND_PREFIX + command, params, challenge, now)[0]


@pytest.mark.parametrize("device", FIRST, ids=lambda device: f"{device.room_hint}-{device.id}")
def test_definitions_are_devices_of_sync(device):
    """A Home Graph can read them, and finds what was meant."""
    read = read_device(msgspec.json.encode(device.definition()))

    assert (read.id, read.name, read.room_hint) == (device.id, device.name, device.room_hint)
    assert read.type == f"action.devices.types.{device.kind}"
    assert read.traits == tuple(f"action.devices.traits.{trait}" for trait in device.traits)


@pytest.mark.parametrize(
    ("command", "params", "state"),
    [
        ("OnOff", {"on": True}, {"on": True}),
        ("BrightnessAbsolute", {"brightness": 65}, {"brightness": 65}),
        (
            "ColorAbsolute",
            {"color": {"name": "warm white", "temperature": 3000}},
            {"color": {"temperatureK": 3000}},
        ),
        ("ColorAbsolute", {"color": {"spectrumRGB": 255}}, {"color": {"spectrumRgb": 255}}),
        ("OpenClose", {"openPercent": 40}, {"openPercent": 40}),
        ("ThermostatSetMode", {"thermostatMode": "off"}, {"thermostatMode": "off"}),
        (
            "ThermostatTemperatureSetpoint",
            {"thermostatTemperatureSetpoint": 22.5},
            {"thermostatTemperatureSetpoint": 22.5},
        ),
        ("LockUnlock", {"lock": True}, {"isLocked": True, "isJammed": False}),
        ("SetFanSpeed", {"fanSpeed": "high"}, {"currentFanSpeedSetting": "high"}),
        ("StartStop", {"start": True}, {"isRunning": True, "isDocked": False}),
        ("Dock", {}, {"isRunning": False, "isDocked": True}),
        ("Locate", {"silence": False}, {}),
    ],
)
def test_a_command_leads_to_states(command, params, state):
    """The states are told, and nothing has changed yet."""
    device = everything()

    assert decided(device, command, params) == state
    assert device.state == {}


@pytest.mark.parametrize(
    ("command", "params", "code"),
    [
        ("Reboot", {}, "functionNotSupported"),
        ("OnOff", {}, "protocolError"),
        ("OnOff", {"on": "yes"}, "protocolError"),
        ("BrightnessAbsolute", {"brightness": 101}, "protocolError"),
        ("ColorAbsolute", {"color": {"temperature": 9000}}, "protocolError"),
        ("ColorAbsolute", {"color": {}}, "protocolError"),
        ("ThermostatSetMode", {"thermostatMode": "boil"}, "protocolError"),
        ("SetFanSpeed", {"fanSpeed": "storm"}, "protocolError"),
    ],
)
def test_what_it_cannot_do_it_does_not(command, params, code):
    """The errorCode says why."""
    with pytest.raises(CommandFailed) as caught:
        decided(everything(), command, params)

    assert caught.value.code == code


def test_a_command_needs_its_trait():
    """A plug has no colours, whatever it is told."""
    plug = first_homes()["user-1"].devices["freezer"]
    with pytest.raises(CommandFailed, match="functionNotSupported"):
        decided(plug, "ColorAbsolute", {"color": {"temperature": 3000}})


def test_a_guard_asks_for_a_yes():
    """Only for what is guarded: the other way it asks nothing."""
    plug = everything(guard=Guard({"on": False}))

    assert decided(plug, "OnOff", {"on": True}) == {"on": True}
    for challenge in (None, Challenge(), Challenge(pin="1")):
        with pytest.raises(ChallengeNeeded, match="ackNeeded"):
            decided(plug, "OnOff", {"on": False}, challenge)
    assert decided(plug, "OnOff", {"on": False}, Challenge(ack=True)) == {"on": False}


def test_a_guard_asks_for_a_pin():
    """A yes is no PIN, a wrong one is asked for again, and the right one opens."""
    door = everything(guard=Guard({"isLocked": False}, "1234"))

    for challenge, kind in [
        (None, "pinNeeded"),
        (Challenge(ack=True), "pinNeeded"),
        (Challenge(pin="1235"), "challengeFailedPinNeeded"),
        (Challenge(pin="é"), "challengeFailedPinNeeded"),
    ]:
        with pytest.raises(ChallengeNeeded) as caught:
            decided(door, "LockUnlock", {"lock": False}, challenge)
        assert caught.value.kind == kind
    opened = decided(door, "LockUnlock", {"lock": False}, Challenge(pin="1234"))
    assert opened["isLocked"] is False


def test_a_pin_cannot_be_guessed():
    """After some wrong ones even the right one is refused, until a minute has gone by."""
    door = everything(guard=Guard({"isLocked": False}, "1234"))
    right = Challenge(pin="1234")
    for _ in range(FAILURES_MAX):
        with pytest.raises(ChallengeNeeded):
            decided(door, "LockUnlock", {"lock": False}, Challenge(pin="0000"))
    with pytest.raises(CommandFailed, match="tooManyFailedAttempts"):
        decided(door, "LockUnlock", {"lock": False}, right, FORGET_SECONDS)

    assert decided(door, "LockUnlock", {"lock": False}, right, FORGET_SECONDS + 0.1)
    assert "1234" not in repr(door)
