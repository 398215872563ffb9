"""``python -m bench.checking``: what it costs to see that devices are right, beside two libraries that do the plain part of it.

For several combinations of traits three things are measured. *Devices*: 20 devices as an answer to SYNC brings them, from the bytes of
each; and one answer with 1,000 devices, from its bytes. *States*: those of 20 devices, decoded, as reports are checked. *Replies*: what
a run does with an answer to SYNC in which 20 devices of that kind are new, from the bytes to the findings.

homegraph checks everything: forms, conditions, rules. jsonschema-rs and pydantic get schemas and models made of the same fields, and
check only what those can say (no conditions, no rules), so they do less; homegraph's compiled types alone do the same as those two, and
have a column of their own. Each of the three takes the bytes by its shortest way: homegraph's types and pydantic read them,
jsonschema-rs needs them decoded, which msgspec does. All see the same values in turn within each round. CPU time of this process,
which counts nothing of what others do meanwhile; the median of the rounds is shown.
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
from homegraph.graph.applying import Known, compare, fingerprints
from homegraph.graph.checks.device_forms import read_form
from homegraph.graph.checks.replies import check_reply
from homegraph.graph.judging import judge
from homegraph.graph.policy import Policy
from homegraph.wire.catalog.book import builtin
from homegraph.wire.catalog.compiled import REFUSALS, UNREADABLE
from homegraph.wire.catalog.shapes import Shape
from homegraph.wire.intents import read_sync_reply

DEVICES: Final = 20
SYNC_DEVICES: Final = 1_000
ROUNDS: Final = 15
CALLS: Final = 50
"""Times that a row is checked within a round, which makes a reading longer than the clock is coarse."""

REQUEST_ID: Final = "6894439706274654512"
AGENT_USER_ID: Final = "1836.15267389"

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
    """Microseconds for all devices of a row, the median of the rounds, by each checker."""

    row: str
    devices: int
    homegraph: float
    homegraph_plain: float
    jsonschema_rs: float
    pydantic: float


def listed_device(kind: Kind, number: int) -> dict[str, Any]:
    """A device of a kind as an answer to SYNC lists it."""
    return {
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


def answer(devices: Sequence[Mapping[str, Any]]) -> bytes:
    """An answer to SYNC."""
    payload = {"agentUserId": AGENT_USER_ID, "devices": devices}
    return msgspec.json.encode({"requestId": REQUEST_ID, "payload": payload})


def schemas(kind: Kind) -> dict[str, Schema]:
    """The others, for a kind."""
    traits = [builtin().traits[name] for name in kind.traits]
    return {"jsonschema_rs": JsonSchema(traits), "pydantic": Models(traits)}


def device_checkers(shape: Shape) -> dict[str, Callable[[bytes], bool]]:
    """The two of homegraph: everything about the form and the attributes of a device, and only what types can say."""
    has_form, read_attributes = shape.attributes.has_form, shape.read_attributes

    def ours(definition: bytes) -> bool:
        try:
            return read_attributes(bytes(read_form(definition).attributes)) is not None
        except UNREADABLE:
            return False

    def plain(definition: bytes) -> bool:
        try:
            return has_form(bytes(read_form(definition).attributes))
        except UNREADABLE:
            return False

    return {"homegraph": ours, "homegraph_plain": plain}


def checkers_of_devices(kind: Kind, devices: int) -> dict[str, Callable[[], bool]]:
    """Functions that check devices of a kind, each from its bytes, and say whether they are right."""
    definitions = [msgspec.json.encode(listed_device(kind, number)) for number in range(devices)]

    def checker(fits: Callable[[bytes], bool]) -> Callable[[], bool]:
        return lambda: all(map(fits, definitions))

    fits = device_checkers(builtin().shape(kind.traits))
    fits.update((name, one.definition_fits) for name, one in schemas(kind).items())
    return {name: checker(one) for name, one in fits.items()}


def checkers_of_states(kind: Kind, devices: int) -> dict[str, Callable[[], bool]]:
    """Functions that check the states of devices of a kind, decoded."""
    shape = builtin().shape(kind.traits)
    bound, states_type, convert = shape.bind(kind.attributes), shape.states.type, msgspec.convert
    states = [{"online": True, **kind.states} for _ in range(devices)]

    def plain() -> bool:
        try:
            for one in states:
                convert(one, states_type)
        except REFUSALS:
            return False
        return True

    def checker(fits: Callable[[Mapping[str, Any]], bool]) -> Callable[[], bool]:
        return lambda: all(map(fits, states))

    others = {name: checker(one.states_fit) for name, one in schemas(kind).items()}
    ours = checker(lambda one: bound.states_fit(one, whole=True))
    return {"homegraph": ours, "homegraph_plain": plain, **others}


def reply_checker(kind: Kind, devices: int) -> Callable[[], bool]:
    """A function that judges an answer to SYNC in which every device is new, as a run does; whether nothing is found."""
    body = answer([listed_device(kind, number) for number in range(devices)])

    def check() -> bool:
        reply = read_sync_reply(body)
        fresh = compare(Known({}, {}), fingerprints(reply.devices), reply.devices)
        judged = judge(fresh, reply.devices, builtin(), Policy())
        findings = check_reply(
            reply,
            request_id=REQUEST_ID,
            agent_user_id=AGENT_USER_ID,
            device_ids=judged.listed,
            took=0.1,
        )
        return not findings and not judged.findings

    return check


def sync_checkers(devices: int) -> dict[str, Callable[[], bool]]:
    """Functions that check the devices of a whole answer to SYNC, from its bytes. It is known which kind each device is of."""
    order = [KINDS[number % len(KINDS)] for number in range(devices)]
    body = answer([listed_device(kind, number) for number, kind in enumerate(order)])
    decode = msgspec.json.Decoder().decode

    def ours(fits: Sequence[Callable[[bytes], bool]]) -> Callable[[], bool]:
        def check() -> bool:
            found = read_sync_reply(body).devices
            return all(fit(one) for fit, one in zip(fits, found, strict=True))

        return check

    def theirs(fits: Sequence[Callable[[Mapping[str, Any]], bool]]) -> Callable[[], bool]:
        def check() -> bool:
            found = decode(body)["payload"]["devices"]
            return all(fit(one) for fit, one in zip(fits, found, strict=True))

        return check

    by_kind = {kind.name: device_checkers(builtin().shape(kind.traits)) for kind in KINDS}
    others = {kind.name: schemas(kind) for kind in KINDS}
    return {
        **{
            name: ours([by_kind[kind.name][name] for kind in order])
            for name in ("homegraph", "homegraph_plain")
        },
        **{
            name: theirs([others[kind.name][name].device_fits for kind in order])
            for name in ("jsonschema_rs", "pydantic")
        },
    }


@dataclass(frozen=True, slots=True)
class Figures:
    """All that is measured. ``replies`` are microseconds for an answer with DEVICES new devices, by kind."""

    devices: tuple[Figure, ...]
    states: tuple[Figure, ...]
    replies: Mapping[str, float]


def measure(rounds: int, calls: int, sync_devices: int) -> Figures:
    """Every row. Within a round they take turns, so a disturbance hits them alike."""
    devices, states, replies = [], [], {}
    for kind in KINDS:
        one = _readings(kind.name, checkers_of_devices(kind, DEVICES), rounds, calls)
        devices.append(Figure(kind.name, DEVICES, **one))
        one = _readings(kind.name, checkers_of_states(kind, DEVICES), rounds, calls)
        states.append(Figure(kind.name, DEVICES, **one))
        reply = {"reply": reply_checker(kind, DEVICES)}
        replies[kind.name] = _readings(kind.name, reply, rounds, calls)["reply"]
    whole = _readings("SYNC", sync_checkers(sync_devices), rounds, 1)
    devices.append(Figure("an answer to SYNC", sync_devices, **whole))
    return Figures(tuple(devices), tuple(states), replies)


def _readings(
    row: str, by_name: Mapping[str, Callable[[], bool]], rounds: int, calls: int
) -> dict[str, float]:
    readings: dict[str, list[float]] = {name: [] for name in by_name}
    for name, check in by_name.items():
        if not check():
            raise SystemExit(f"{name} refuses what is right: {row}")
    for _ in range(rounds):
        for name, check in by_name.items():
            start = time.process_time_ns()
            for _ in range(calls):
                check()
            readings[name].append((time.process_time_ns() - start) / calls / 1_000)
    return {name: median(some) for name, some in readings.items()}


def tables(figures: Figures) -> str:
    """Three tables, one line a row, in Markdown."""
    replies = [f"| {DEVICES} x {row} | {took:,.0f} |" for row, took in figures.replies.items()]
    return "\n".join(
        (
            *_table("devices", figures.devices),
            "",
            *_table("states", figures.states),
            "",
            "| replies | a run, us |",
            "|---|---|",
            *replies,
        )
    )


def _table(subject: str, figures: Sequence[Figure]) -> list[str]:
    return [
        f"| {subject} | homegraph, all of it, us | homegraph, types only, us | jsonschema-rs, us | pydantic, us |",
        "|---|---|---|---|---|",
        *(
            f"| {one.devices:,} x {one.row} | {one.homegraph:,.0f} | {one.homegraph_plain:,.1f} "
            f"| {one.jsonschema_rs:,.1f} | {one.pydantic:,.0f} |"
            for one in figures
        ),
    ]


def main(arguments: Sequence[str]) -> int:
    """Print the table; 0."""
    parser = argparse.ArgumentParser(prog="python -m bench.checking", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="to see that it works")
    quick = parser.parse_args(arguments).quick
    figures = measure(2, 2, 16) if quick else measure(ROUNDS, CALLS, SYNC_DEVICES)
    print(tables(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
