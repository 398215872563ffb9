"""``python -m bench.checking``: what it costs to see that devices are right, beside two libraries that do the plain part of it.

For several combinations of traits 20 devices are checked, attributes and states, as they are after decoding; and one answer to SYNC with
1,000 devices, from its bytes, attributes only. homegraph checks everything: forms, conditions, rules. jsonschema-rs and pydantic get
schemas and models made of the same fields of the same catalog, and check only what those can say (no conditions, no rules), so they do
less; homegraph's compiled types alone do the same as those two, and have a column of their own. All see the same values in turn within each round; the median of the rounds is shown.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

import msgspec

from bench.plain_schemas import JsonSchema, Models, Schema
from homegraph.wire.catalog.book import builtin
from homegraph.wire.catalog.compiled import fits_type
from homegraph.wire.catalog.shapes import Shape

DEVICES: Final = 20
SYNC_DEVICES: Final = 1_000
ROUNDS: Final = 15
CALLS: Final = 50
"""Times that the 20 devices are checked within a round, and what makes a reading longer than the clock is coarse."""

_T: Final = "action.devices.traits."
_RANGE: Final = {"minThresholdCelsius": 10, "maxThresholdCelsius": 30}
_LANG: Final = {"lang": "en"}


@dataclass(frozen=True, slots=True)
class Kind:
    """A combination of traits with right attributes and states."""

    name: str
    traits: tuple[str, ...]
    attributes: Mapping[str, Any]
    states: Mapping[str, Any]


def _kind(name: str, traits: str, attributes: dict[str, Any], states: dict[str, Any]) -> Kind:
    return Kind(name, tuple(_T + trait for trait in traits.split()), attributes, states)


def _named(key: str, values: str, synonyms: str, names: Sequence[str]) -> list[dict[str, Any]]:
    return [{key: name, values: [{synonyms: [name], **_LANG}]} for name in names]


KINDS: Final = (
    _kind("switch", "OnOff", {}, {"on": True}),
    _kind(
        "lamp",
        "OnOff Brightness ColorSetting",
        {
            "colorModel": "rgb",
            "colorTemperatureRange": {"temperatureMinK": 2000, "temperatureMaxK": 6500},
        },
        {"on": True, "brightness": 60, "color": {"spectrumRgb": 16_711_935}},
    ),
    _kind(
        "thermostat",
        "TemperatureSetting",
        {
            "availableThermostatModes": ["off", "heat", "cool", "heatcool"],
            "thermostatTemperatureRange": _RANGE,
            "thermostatTemperatureUnit": "C",
        },
        {
            "thermostatMode": "heat",
            "thermostatTemperatureAmbient": 20.5,
            "thermostatTemperatureSetpoint": 21,
        },
    ),
    _kind("blind", "OpenClose", {"openDirection": ["UP"]}, {"openPercent": 40}),
    _kind("lock", "LockUnlock", {}, {"isLocked": True, "isJammed": False}),
    _kind(
        "fan",
        "OnOff FanSpeed",
        {
            "availableFanSpeeds": {
                "speeds": _named("speed_name", "speed_values", "speed_synonym", ["low", "high"]),
                "ordered": True,
            },
            "supportsFanSpeedPercent": True,
        },
        {"on": True, "currentFanSpeedSetting": "low", "currentFanSpeedPercent": 30},
    ),
    _kind(
        "sensor",
        "SensorState",
        {
            "sensorStatesSupported": [
                {"name": "AirQuality", "numericCapabilities": {"rawValueUnit": "AQI"}}
            ]
        },
        {"currentSensorStateData": [{"name": "AirQuality", "rawValue": 40}]},
    ),
    _kind(
        "washer",
        "OnOff StartStop Modes Toggles RunCycle",
        {
            "pausable": True,
            "availableModes": [
                {
                    "name": "load",
                    "name_values": [{"name_synonym": ["load"], **_LANG}],
                    "settings": _named(
                        "setting_name", "setting_values", "setting_synonym", ["small", "large"]
                    ),
                    "ordered": True,
                }
            ],
            "availableToggles": _named("name", "name_values", "name_synonym", ["steam", "quiet"]),
        },
        {
            "on": True,
            "isRunning": True,
            "isPaused": False,
            "currentModeSettings": {"load": "small"},
            "currentToggleSettings": {"steam": True, "quiet": False},
            "currentRunCycle": [{"currentCycle": "rinse", **_LANG}],
            "currentTotalRemainingTime": 1200,
            "currentCycleRemainingTime": 300,
        },
    ),
)


@dataclass(frozen=True, slots=True)
class Figure:
    """Microseconds for all devices of a row, the median of the rounds, by each checker."""

    row: str
    devices: int
    homegraph: float
    homegraph_plain: float
    jsonschema_rs: float
    pydantic: float


class Plain:
    """Only the compiled type of homegraph: what the two others check, too."""

    def __init__(self, shape: Shape) -> None:
        self._type = shape.attributes.type

    def attributes_fit(self, attributes: Mapping[str, Any]) -> bool:
        """Whether attributes have their forms."""
        return fits_type(self._type, attributes)


def checkers(kind: Kind) -> dict[str, Callable[[], bool]]:
    """Functions that check one device of a kind, and say whether it is right."""
    shape = builtin().shape(kind.traits)
    traits = [builtin().traits[name] for name in kind.traits]
    attributes, states = dict(kind.attributes), {"online": True, **kind.states}
    others = {"jsonschema_rs": JsonSchema(traits), "pydantic": Models(traits)}

    def ours() -> bool:
        return shape.attributes_fit(attributes) and shape.bind(attributes).states_fit(
            states, whole=True
        )

    def theirs(schema: Schema) -> Callable[[], bool]:
        return lambda: schema.attributes_fit(attributes) and schema.states_fit(states)

    def plain() -> bool:
        attributes_type, states_type = shape.attributes.type, shape.states.type
        return fits_type(attributes_type, attributes) and fits_type(states_type, states)

    return {
        "homegraph": ours,
        "homegraph_plain": plain,
        **{name: theirs(schema) for name, schema in others.items()},
    }


def sync_checkers(devices: int) -> dict[str, Callable[[], bool]]:
    """Functions that check the attributes of a whole answer to SYNC, from its bytes."""
    kinds = [KINDS[number % len(KINDS)] for number in range(devices)]
    body = msgspec.json.encode(
        [{"id": str(number), "attributes": one.attributes} for number, one in enumerate(kinds)]
    )
    shapes = {one.name: builtin().shape(one.traits) for one in KINDS}
    traits = {one.name: [builtin().traits[name] for name in one.traits] for one in KINDS}

    def checker(by_kind: Mapping[str, Any]) -> Callable[[], bool]:
        order = [by_kind[one.name].attributes_fit for one in kinds]

        def check() -> bool:
            found = msgspec.json.decode(body)
            return all(fit(one["attributes"]) for fit, one in zip(order, found, strict=True))

        return check

    return {
        "homegraph": checker(shapes),
        "homegraph_plain": checker({name: Plain(shape) for name, shape in shapes.items()}),
        "jsonschema_rs": checker({name: JsonSchema(some) for name, some in traits.items()}),
        "pydantic": checker({name: Models(some) for name, some in traits.items()}),
    }


def measure(rounds: int, calls: int, sync_devices: int) -> list[Figure]:
    """Every row. Within a round they take turns, so a disturbance hits them alike."""
    figures = [
        _figure(kind.name, DEVICES, checkers(kind), rounds, calls, per_call=DEVICES)
        for kind in KINDS
    ]
    whole = sync_checkers(sync_devices)
    return [*figures, _figure("SYNC, attributes", sync_devices, whole, rounds, 1, per_call=1)]


def _figure(
    row: str,
    devices: int,
    by_name: Mapping[str, Callable[[], bool]],
    rounds: int,
    calls: int,
    *,
    per_call: int,
) -> Figure:
    readings: dict[str, list[float]] = {name: [] for name in by_name}
    for name, check in by_name.items():
        if not check():
            raise SystemExit(f"{name} refuses what is right: {row}")
    for _ in range(rounds):
        for name, check in by_name.items():
            start = time.perf_counter_ns()
            for _ in range(calls * per_call):
                check()
            readings[name].append((time.perf_counter_ns() - start) / calls / 1_000)
    return Figure(row, devices, **{name: median(some) for name, some in readings.items()})


def table(figures: Sequence[Figure]) -> str:
    """One line a row, in Markdown."""
    lines = [
        "| devices | homegraph, all of it, us | homegraph, types only, us | jsonschema-rs, us | pydantic, us |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {one.devices:,} x {one.row} | {one.homegraph:,.0f} | {one.homegraph_plain:,.0f} "
        f"| {one.jsonschema_rs:,.0f} | {one.pydantic:,.0f} |"
        for one in figures
    ]
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> int:
    """Print the table; 0."""
    parser = argparse.ArgumentParser(prog="python -m bench.checking", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="to see that it works")
    quick = parser.parse_args(arguments).quick
    figures = measure(2, 2, 16) if quick else measure(ROUNDS, CALLS, SYNC_DEVICES)
    print(table(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
