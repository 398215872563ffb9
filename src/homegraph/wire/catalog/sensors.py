"""The table of sensors: which words and which unit a sensor of SensorState may have.

The rule ``sensor_table`` of the format. Yields what is wrong; how grave it is belongs to the rule.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from homegraph.wire.catalog.facts import Sensor
from homegraph.wire.catalog.paths import Where, parse, select
from homegraph.wire.catalog.problems import Kind, Place, limits, shown

Fault: TypeAlias = tuple[Kind, Where, str]

ALWAYS: str = "unknown"
"""The word that every sensor with words may say."""


def sensor_table(
    place: Place, target: Mapping[str, Any], rows: Mapping[str, Sensor]
) -> Iterator[Fault]:
    """What contradicts the table in attributes, states or a notification. Sensors that it does not have are passed over."""
    if place is Place.ATTRIBUTE:
        for where, item, row in _rows(target, "sensorStatesSupported[]", rows):
            yield from _capabilities(where, item, row)
    elif place is Place.STATE:
        for where, item, row in _rows(target, "currentSensorStateData[]", rows):
            yield from _reading(where, item, row)
    else:
        for where, item, row in _rows(target, "", rows):
            if not row.notification:
                yield Kind.UNEXPECTED, ("name",), f"The sensor {row.name} sends no notifications."
            yield from _word(where, item, row)


def _rows(
    target: Mapping[str, Any], path: str, rows: Mapping[str, Sensor]
) -> Iterator[tuple[Where, Mapping[str, Any], Sensor]]:
    for where, item in select(target, parse(path)):
        name = item.get("name") if isinstance(item, Mapping) else None
        if isinstance(name, str) and name in rows:
            yield where, item, rows[name]


def _capabilities(where: Where, item: Mapping[str, Any], row: Sensor) -> Iterator[Fault]:
    if "descriptiveCapabilities" in item and not row.descriptive_states:
        yield (
            Kind.UNEXPECTED,
            (*where, "descriptiveCapabilities"),
            f"The sensor {row.name} has no words, only a number.",
        )
    words = select(item, parse("descriptiveCapabilities.availableStates[]"), at=where)
    for at, word in words if row.descriptive_states else ():
        if isinstance(word, str) and word != ALWAYS and word not in row.descriptive_states:
            yield Kind.UNLISTED, at, _not_its_word(word, row)
    if "numericCapabilities" in item and row.unit is None:
        yield (
            Kind.UNEXPECTED,
            (*where, "numericCapabilities"),
            f"The sensor {row.name} has no number, only words.",
        )
    for at, unit in select(item, parse("numericCapabilities.rawValueUnit"), at=where):
        if row.unit is not None and unit != row.unit:
            what = f"The unit of {row.name} is {row.unit}, not {shown(unit)}."
            yield Kind.UNLISTED, at, what


def _reading(where: Where, item: Mapping[str, Any], row: Sensor) -> Iterator[Fault]:
    yield from _word(where, item, row)
    value = item.get("rawValue")
    if value is None:
        return
    at = (*where, "rawValue")
    if row.unit is None:
        yield Kind.UNEXPECTED, at, f"The sensor {row.name} has no number, only words."
    elif isinstance(value, int | float) and not _in_range(value, row):
        what = f"rawValue of {row.name} is {shown(value)}; {limits(row.raw_min, row.raw_max)} is allowed."
        yield Kind.RANGE, at, what


def _word(where: Where, item: Mapping[str, Any], row: Sensor) -> Iterator[Fault]:
    word = item.get("currentSensorState")
    if not isinstance(word, str):
        return
    at = (*where, "currentSensorState")
    if not row.descriptive_states:
        yield Kind.UNEXPECTED, at, f"The sensor {row.name} has no words, only a number."
    elif word != ALWAYS and word not in row.descriptive_states:
        yield Kind.UNLISTED, at, _not_its_word(word, row)


def _in_range(value: float, row: Sensor) -> bool:
    return (row.raw_min is None or value >= row.raw_min) and (
        row.raw_max is None or value <= row.raw_max
    )


def _not_its_word(word: str, row: Sensor) -> str:
    return f"{shown(word)} is no word of the sensor {row.name}, which has {', '.join(row.descriptive_states)}."
