"""The homes of this cloud's users: which devices somebody has, and how many may be added.

The user of a token is known to the Home Graph by an *agent user id*: a name that never changes and says nothing about the person,
so neither a login name nor an e-mail address.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from homegraph.demo.cloud.commands import FAN_SPEEDS, LAMP_KELVIN_MAX, LAMP_KELVIN_MIN
from homegraph.demo.cloud.devices import Device, Guard

DEVICES_MAX: Final = 100
"""Whoever plays with this cloud adds a handful."""

DOOR_PIN: Final = "1234"
"""Of the sample's front door, and in its README."""


@dataclass(slots=True)
class Home:
    """A user's devices by id. ``syncs`` counts how often they have been listed."""

    agent_user_id: str
    devices: dict[str, Device] = field(default_factory=dict)
    syncs: int = 0

    def add(self, device: Device) -> None:
        """The user has a new device."""
        self.devices[device.id] = device

    def rename(self, device_id: str, name: str) -> None:
        """The user calls a device otherwise, in the app of the cloud."""
        self.devices[device_id].name = name

    def teach(self, device_id: str, trait: str) -> None:
        """A device has learned something, by an update."""
        device = self.devices[device_id]
        device.traits = [*device.traits, trait]

    def remove(self, device_id: str) -> None:
        """A device is gone."""
        del self.devices[device_id]


def first_homes() -> dict[str, Home]:
    """Two users' homes, by their agent user ids: a house, and a room with a lamp."""
    house, room = Home("user-1"), Home("user-2")
    for device in _house():
        house.add(device)
    room.add(Device("lamp", "LIGHT", "Lamp", ["OnOff"], {"on": False}, room_hint="Studio"))
    return {home.agent_user_id: home for home in (house, room)}


def _house() -> list[Device]:
    return [
        Device(
            id="lamp",
            kind="LIGHT",
            name="Lamp",
            room_hint="Office",
            traits=["OnOff", "Brightness", "ColorSetting"],
            state={"on": False, "brightness": 60, "color": {"temperatureK": 2700}},
            attributes=_colors(),
        ),
        Device(
            id="freezer",
            kind="OUTLET",
            name="Freezer plug",
            room_hint="Kitchen",
            traits=["OnOff"],
            state={"on": True},
            guard=Guard({"on": False}),
        ),
        Device(
            id="heater",
            kind="THERMOSTAT",
            name="Heater",
            room_hint="Bathroom",
            traits=["TemperatureSetting"],
            state={
                "thermostatMode": "heat",
                "thermostatTemperatureAmbient": 19.5,
                "thermostatTemperatureSetpoint": 21.0,
            },
            attributes={
                "availableThermostatModes": ["off", "heat"],
                "thermostatTemperatureUnit": "C",
            },
        ),
        Device(
            id="door",
            kind="LOCK",
            name="Front door",
            room_hint="Hall",
            traits=["LockUnlock"],
            state={"isLocked": True, "isJammed": False},
            guard=Guard({"isLocked": False}, DOOR_PIN),
        ),
        Device(
            id="blind",
            kind="BLINDS",
            name="Blind",
            room_hint="Bedroom",
            traits=["OpenClose"],
            state={"openPercent": 100},
            is_slow=True,
        ),
        Device(
            id="fan",
            kind="FAN",
            name="Fan",
            room_hint="Bedroom",
            traits=["OnOff", "FanSpeed"],
            state={"on": False, "currentFanSpeedSetting": "low"},
            attributes={"availableFanSpeeds": _fan_speeds()},
        ),
        Device(
            id="air",
            kind="SENSOR",
            name="Air",
            room_hint="Bedroom",
            traits=["SensorState"],
            state={
                "currentSensorStateData": [
                    {"name": "AirQuality", "currentSensorState": "healthy", "rawValue": 21}
                ]
            },
            attributes={
                "sensorStatesSupported": [
                    {
                        "name": "AirQuality",
                        "descriptiveCapabilities": {
                            "availableStates": ["healthy", "moderate", "unhealthy"]
                        },
                        "numericCapabilities": {"rawValueUnit": "AQI"},
                    }
                ]
            },
        ),
        Device(
            id="vacuum",
            kind="VACUUM",
            name="Vacuum",
            room_hint="Hall",
            traits=["StartStop", "Dock"],
            state={"isRunning": False, "isDocked": True},
        ),
    ]


def _colors() -> dict[str, Any]:
    """The attributes of a lamp that can be any colour, and any white."""
    return {
        "colorModel": "rgb",
        "colorTemperatureRange": {
            "temperatureMinK": LAMP_KELVIN_MIN,
            "temperatureMaxK": LAMP_KELVIN_MAX,
        },
    }


def _fan_speeds() -> dict[str, Any]:
    return {
        "speeds": [
            {"speed_name": name, "speed_values": [{"speed_synonym": [name], "lang": "en"}]}
            for name in FAN_SPEEDS
        ],
        "ordered": True,
    }
