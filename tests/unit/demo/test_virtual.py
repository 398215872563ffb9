"""The cloud's devices: what they are, and what they obey."""

import msgspec
import pytest

from homegraph.demo.virtual import COMMAND_PREFIX, CommandFailed, VirtualDevice, first_devices
from homegraph.wire.intents import read_device


def everything():
    """A device with every trait."""
    return VirtualDevice(
        "all",
        "LIGHT",
        "Everything",
        ["OnOff", "Brightness", "ColorSetting", "OpenClose", "TemperatureSetting"],
        {},
    )


@pytest.mark.parametrize("device", first_devices(), ids=lambda device: device.id)
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
        ("OpenClose", {"openPercent": 40}, {"openPercent": 40}),
        ("ThermostatSetMode", {"thermostatMode": "off"}, {"thermostatMode": "off"}),
        (
            "ThermostatTemperatureSetpoint",
            {"thermostatTemperatureSetpoint": 22.5},
            {"thermostatTemperatureSetpoint": 22.5},
        ),
    ],
)
def test_a_command_changes_the_state(command, params, state):
    """QUERY tells the new state from then on."""
    device = everything()
    device.obey(COMMAND_PREFIX + command, params)

    assert device.answer_query() == {"online": True, "status": "SUCCESS", **state}


@pytest.mark.parametrize(
    ("command", "params", "code"),
    [
        ("LockUnlock", {"lock": True}, "functionNotSupported"),
        ("OnOff", {}, "protocolError"),
        ("OnOff", {"on": "yes"}, "protocolError"),
        ("BrightnessAbsolute", {"brightness": 101}, "protocolError"),
        ("ThermostatSetMode", {"thermostatMode": "boil"}, "protocolError"),
    ],
)
def test_what_it_cannot_do_it_does_not(command, params, code):
    """The errorCode says why, and the state stays as it is."""
    device = everything()
    with pytest.raises(CommandFailed) as caught:
        device.obey(COMMAND_PREFIX + command, params)

    assert caught.value.code == code
    assert device.state == {}


def test_a_command_needs_its_trait():
    """A lamp without colours does not take one."""
    lamp = first_devices()[0]
    with pytest.raises(CommandFailed, match="functionNotSupported"):
        lamp.obey(COMMAND_PREFIX + "ColorAbsolute", {"color": {"temperature": 3000}})
