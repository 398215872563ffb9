"""What devices can be told: one row per command, with its parameters as a type and the states that follow from them.

A command belongs to a trait, and a device obeys it when it has the trait. Parameters are read into types first, so that
nothing that was not understood ever gets into a state. The names with capitals in them are those of the wire.

The rule that is easily broken: states of a trait are told together. A vacuum that starts is not docked any more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal, TypeAlias

import msgspec

State: TypeAlias = dict[str, Any]

COMMAND_PREFIX: Final = "action.devices.commands."

FAN_SPEEDS: Final = ("low", "high")
LAMP_KELVIN_MIN: Final = 2200
LAMP_KELVIN_MAX: Final = 6500

Percent: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=100)]
_Fraction: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=100)]
"""Beside ``Percent``, so that a whole number stays one."""


class _OnOff(msgspec.Struct):
    on: bool


class _Brightness(msgspec.Struct):
    brightness: Percent


class _White(msgspec.Struct):
    temperature: Annotated[int, msgspec.Meta(ge=LAMP_KELVIN_MIN, le=LAMP_KELVIN_MAX)]


class _Rgb(msgspec.Struct):
    spectrumRGB: Annotated[int, msgspec.Meta(ge=0, le=0xFFFFFF)]  # noqa: N815


class _Color(msgspec.Struct):
    color: dict[str, Any]


class _OpenClose(msgspec.Struct):
    openPercent: Percent | _Fraction  # noqa: N815


class _Setpoint(msgspec.Struct):
    thermostatTemperatureSetpoint: Annotated[float, msgspec.Meta(ge=5, le=35)]  # noqa: N815


class _Mode(msgspec.Struct):
    thermostatMode: Literal["off", "heat"]  # noqa: N815


class _Lock(msgspec.Struct):
    lock: bool


class _FanSpeed(msgspec.Struct):
    fanSpeed: Literal["low", "high"]  # noqa: N815


class _Start(msgspec.Struct):
    start: bool


class _Nothing(msgspec.Struct):
    pass


def _as_they_are(params: msgspec.Struct) -> State:
    """The parameters of most commands have the names of the states that they set."""
    return msgspec.structs.asdict(params)


def _color(params: _Color) -> State:
    """A colour comes as white or as RGB, and in the state both are called a little differently."""
    if "spectrumRGB" in params.color:
        return {"color": {"spectrumRgb": msgspec.convert(params.color, _Rgb).spectrumRGB}}
    return {"color": {"temperatureK": msgspec.convert(params.color, _White).temperature}}


def _nothing(_params: msgspec.Struct) -> State:
    return {}


@dataclass(frozen=True, slots=True)
class Command:
    """A command: the trait it belongs to, its parameters, and the states that follow from them.

    ``results`` are members that an answer has besides states.
    """

    trait: str
    params: type[msgspec.Struct]
    states: Callable[[Any], State] = _as_they_are
    results: State = field(default_factory=dict)


COMMANDS: Final[Mapping[str, Command]] = MappingProxyType(
    {
        "OnOff": Command("OnOff", _OnOff),
        "BrightnessAbsolute": Command("Brightness", _Brightness),
        "ColorAbsolute": Command("ColorSetting", _Color, _color),
        "OpenClose": Command("OpenClose", _OpenClose),
        "ThermostatSetMode": Command("TemperatureSetting", _Mode),
        "ThermostatTemperatureSetpoint": Command("TemperatureSetting", _Setpoint),
        "LockUnlock": Command(
            "LockUnlock", _Lock, lambda params: {"isLocked": params.lock, "isJammed": False}
        ),
        "SetFanSpeed": Command(
            "FanSpeed", _FanSpeed, lambda params: {"currentFanSpeedSetting": params.fanSpeed}
        ),
        "StartStop": Command(
            "StartStop",
            _Start,
            lambda params: {"isRunning": params.start, "isDocked": False},
        ),
        "Dock": Command("Dock", _Nothing, lambda _: {"isRunning": False, "isDocked": True}),
        "Locate": Command("Locator", _Nothing, _nothing, {"generatedAlert": True}),
    }
)


class CommandFailed(Exception):
    """A device does not obey; ``code`` is an errorCode of the platform."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def understood(command: str, params: Any, traits: list[str]) -> tuple[Command, State]:
    """A command, named with its prefix, and the states that it leads to on a device with these traits.

    Raises:
        CommandFailed: the device has no such command (functionNotSupported), or not with these parameters (protocolError).
    """
    known = COMMANDS.get(command.removeprefix(COMMAND_PREFIX))
    if known is None or known.trait not in traits:
        raise CommandFailed("functionNotSupported")
    try:
        return known, known.states(msgspec.convert(params, known.params))
    except msgspec.ValidationError as exc:
        raise CommandFailed("protocolError") from exc
