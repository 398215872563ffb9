"""The devices of the demo's cloud: what they are, how they are, and the commands they obey.

A device is its definition (what SYNC lists) and its state (what QUERY tells and EXECUTE changes). ``COMMANDS`` is the whole of
what these devices can do; a command belongs to a trait, and a device obeys it when it has the trait. Parameters are read
into types first, so that nothing that was not understood ever gets into a state.

Nothing of homegraph is imported here: this is the other side of the wire.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal, TypeAlias

import msgspec

State: TypeAlias = dict[str, Any]

TYPES: Final = "action.devices.types."
TRAITS: Final = "action.devices.traits."
COMMAND_PREFIX: Final = "action.devices.commands."

Percent: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=100)]


class _OnOff(msgspec.Struct):
    on: bool


class _Brightness(msgspec.Struct):
    brightness: Percent


class _OpenClose(msgspec.Struct):
    openPercent: Annotated[float, msgspec.Meta(ge=0, le=100)]  # noqa: N815


class _Setpoint(msgspec.Struct):
    thermostatTemperatureSetpoint: Annotated[float, msgspec.Meta(ge=5, le=35)]  # noqa: N815


class _Mode(msgspec.Struct):
    thermostatMode: Literal["off", "heat"]  # noqa: N815


class _Temperature(msgspec.Struct):
    temperature: Annotated[int, msgspec.Meta(ge=2200, le=6500)]


class _Color(msgspec.Struct):
    color: _Temperature


def _as_they_are(params: msgspec.Struct) -> State:
    """The parameters of most commands have the names of the states that they set."""
    return msgspec.structs.asdict(params)


def _color(params: _Color) -> State:
    return {"color": {"temperatureK": params.color.temperature}}


@dataclass(frozen=True, slots=True)
class Command:
    """A command: the trait it belongs to, its parameters, and the states that follow from them."""

    trait: str
    params: type[msgspec.Struct]
    states: Callable[[Any], State] = _as_they_are


COMMANDS: Final[Mapping[str, Command]] = MappingProxyType(
    {
        "OnOff": Command("OnOff", _OnOff),
        "BrightnessAbsolute": Command("Brightness", _Brightness),
        "ColorAbsolute": Command("ColorSetting", _Color, _color),
        "OpenClose": Command("OpenClose", _OpenClose),
        "ThermostatSetMode": Command("TemperatureSetting", _Mode),
        "ThermostatTemperatureSetpoint": Command("TemperatureSetting", _Setpoint),
    }
)


class CommandFailed(Exception):
    """A device does not obey; ``code`` is an errorCode of the platform."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(slots=True)
class VirtualDevice:
    """One device. ``kind`` and ``traits`` are names without their prefix: LIGHT, OnOff."""

    id: str
    kind: str
    name: str
    traits: list[str]
    state: State
    room_hint: str = ""
    attributes: dict[str, Any] = field(default_factory=dict)

    def definition(self) -> dict[str, Any]:
        """What SYNC lists. Members that say nothing are left out."""
        device: dict[str, Any] = {
            "id": self.id,
            "type": TYPES + self.kind,
            "traits": [TRAITS + trait for trait in self.traits],
            "name": {"name": self.name},
            "willReportState": False,
        }
        if self.room_hint:
            device["roomHint"] = self.room_hint
        if self.attributes:
            device["attributes"] = self.attributes
        return device

    def answer_query(self) -> State:
        """What QUERY tells. These devices are always online."""
        return {"online": True, "status": "SUCCESS", **self.state}

    def obey(self, command: str, params: Any) -> None:
        """Carry out a command, named with its prefix.

        Raises:
            CommandFailed: the device has no such command (functionNotSupported), or not with these parameters
                (protocolError).
        """
        known = COMMANDS.get(command.removeprefix(COMMAND_PREFIX))
        if known is None or known.trait not in self.traits:
            raise CommandFailed("functionNotSupported")
        try:
            wanted = msgspec.convert(params, known.params)
        except msgspec.ValidationError as exc:
            raise CommandFailed("protocolError") from exc
        self.state |= known.states(wanted)


def first_devices() -> list[VirtualDevice]:
    """What the user has when the story begins."""
    return [
        VirtualDevice(
            id="lamp",
            kind="LIGHT",
            name="Desk lamp",
            room_hint="Office",
            traits=["OnOff", "Brightness"],
            state={"on": True, "brightness": 60},
        ),
        VirtualDevice(
            id="heater",
            kind="HEATER",
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
        VirtualDevice(
            id="blind",
            kind="BLINDS",
            name="Blind",
            room_hint="Bedroom",
            traits=["OpenClose"],
            state={"openPercent": 100},
        ),
    ]
