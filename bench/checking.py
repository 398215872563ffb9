"""``python -m bench.checking``: what it costs to see that devices are right, beside two libraries that do the plain part of it.

For several combinations of traits 20 devices are checked, attributes and states, as they are after decoding; and one answer to SYNC with
1,000 devices, from its bytes, attributes only. homegraph checks everything: forms, conditions, rules. jsonschema-rs and pydantic get
schemas and models made of the same fields of the same catalog, and check only what those can say (no conditions, no rules), so they do
less; homegraph's compiled types alone do the same as those two, and have a column of their own. Each checker is one call into its
library for the attributes and one for the states, with nothing of ours around it (homegraph calls none for attributes that are empty,
as everywhere). All see the same values in turn within each round. CPU time
of this process, which counts nothing of what others do meanwhile; the median of the rounds is shown.

``reply`` is what a run does with an answer to SYNC in which 20 devices of that kind are new or changed: from the bytes to the findings.
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
from homegraph.graph.applying import compare
from homegraph.graph.checks.replies import check_reply
from homegraph.graph.judging import judge
from homegraph.graph.policy import Policy
from homegraph.wire.catalog.book import builtin
from homegraph.wire.catalog.compiled import REFUSALS
from homegraph.wire.catalog.shapes import Shape
from homegraph.wire.intents import read_sync_reply

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
    """A combination of traits with right attributes and states, and the device type that has them."""

    name: str
    type: str
    traits: tuple[str, ...]
    attributes: Mapping[str, Any]
    states: Mapping[str, Any]


def _kind(
    name: str, type_: str, traits: str, attributes: dict[str, Any], states: dict[str, Any]
) -> Kind:
    return Kind(name, type_, tuple(_T + trait for trait in traits.split()), attributes, states)


def _named(key: str, values: str, synonyms: str, names: Sequence[str]) -> list[dict[str, Any]]:
    return [{key: name, values: [{synonyms: [name], **_LANG}]} for name in names]


KINDS: Final = (
    _kind("switch", "SWITCH", "OnOff", {}, {"on": True}),
    _kind(
        "lamp",
        "LIGHT",
        "OnOff Brightness ColorSetting",
        {
            "colorModel": "rgb",
            "colorTemperatureRange": {"temperatureMinK": 2000, "temperatureMaxK": 6500},
        },
        {"on": True, "brightness": 60, "color": {"spectrumRgb": 16_711_935}},
    ),
    _kind(
        "thermostat",
        "THERMOSTAT",
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
    _kind("blind", "BLINDS", "OpenClose", {"openDirection": ["UP"]}, {"openPercent": 40}),
    _kind("lock", "LOCK", "LockUnlock", {}, {"isLocked": True, "isJammed": False}),
    _kind(
        "fan",
        "FAN",
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
        "SENSOR",
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
        "WASHER",
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
    """Microseconds for all devices of a row, the median of the rounds, by each checker; ``reply`` is 0 where it is not measured."""

    row: str
    devices: int
    homegraph: float
    homegraph_plain: float
    jsonschema_rs: float
    pydantic: float
    reply: float = 0.0


class Plain:
    """Only the compiled type of homegraph: what the two others check, too."""

    def __init__(self, shape: Shape) -> None:
        self._type = shape.attributes.type

    def attributes_fit(self, attributes: Mapping[str, Any]) -> bool:
        """Whether attributes have their forms."""
        if not attributes:
            return True
        try:
            msgspec.convert(attributes, self._type)
        except REFUSALS:
            return False
        return True


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
        attributes_fit, states_fit = schema.attributes_fit, schema.states_fit
        return lambda: attributes_fit(attributes) and states_fit(states)

    attributes_type, states_type = shape.attributes.type, shape.states.type
    convert = msgspec.convert

    def plain() -> bool:
        try:
            if attributes:
                convert(attributes, attributes_type)
            convert(states, states_type)
        except REFUSALS:
            return False
        return True

    return {
        "homegraph": ours,
        "homegraph_plain": plain,
        **{name: theirs(schema) for name, schema in others.items()},
    }


def reply_checker(kind: Kind, devices: int) -> Callable[[], bool]:
    """A function that judges an answer to SYNC in which every device is new, as a run does; whether nothing is found."""
    request_id, agent_user_id = "6894439706274654512", "1836.15267389"
    listed = [
        {
            "id": f"{kind.name}-{number}",
            "type": f"action.devices.types.{kind.type}",
            "traits": kind.traits,
            "name": {"defaultNames": ["Acme 1"], "name": f"{kind.name} {number}", "nicknames": []},
            "willReportState": True,
            "roomHint": f"Room {number}",
            "deviceInfo": {"manufacturer": "Acme", "model": "M1", "hwVersion": "1"},
            "attributes": kind.attributes,
            "customData": {"row": number},
        }
        for number in range(devices)
    ]
    payload = {"agentUserId": agent_user_id, "devices": listed}
    body = msgspec.json.encode({"requestId": request_id, "payload": payload})

    def check() -> bool:
        reply = read_sync_reply(body)
        judged = judge(compare({}, reply.devices), reply.devices, builtin(), Policy())
        findings = check_reply(
            reply,
            request_id=request_id,
            agent_user_id=agent_user_id,
            device_ids=judged.listed,
            took=0.1,
        )
        return not findings and not judged.findings

    return check


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
    figures = []
    for kind in KINDS:
        reply = {"reply": reply_checker(kind, DEVICES)}
        replies = _readings(kind.name, reply, rounds, calls, per_call=1)
        one = _readings(kind.name, checkers(kind), rounds, calls, per_call=DEVICES)
        figures.append(Figure(kind.name, DEVICES, **one, **replies))
    whole = sync_checkers(sync_devices)
    one = _readings("SYNC", whole, rounds, 1, per_call=1)
    return [*figures, Figure("SYNC, attributes", sync_devices, **one)]


def _readings(
    row: str,
    by_name: Mapping[str, Callable[[], bool]],
    rounds: int,
    calls: int,
    *,
    per_call: int,
) -> dict[str, float]:
    readings: dict[str, list[float]] = {name: [] for name in by_name}
    for name, check in by_name.items():
        if not check():
            raise SystemExit(f"{name} refuses what is right: {row}")
    for _ in range(rounds):
        for name, check in by_name.items():
            start = time.process_time_ns()
            for _ in range(calls * per_call):
                check()
            readings[name].append((time.process_time_ns() - start) / calls / 1_000)
    return {name: median(some) for name, some in readings.items()}


def table(figures: Sequence[Figure]) -> str:
    """One line a row, in Markdown."""
    lines = [
        "| devices | reply, us | homegraph, all of it, us | homegraph, types only, us | jsonschema-rs, us | pydantic, us |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {one.devices:,} x {one.row} | {f'{one.reply:,.0f}' if one.reply else '-'} "
        f"| {one.homegraph:,.0f} | {one.homegraph_plain:,.1f} "
        f"| {one.jsonschema_rs:,.1f} | {one.pydantic:,.0f} |"
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
