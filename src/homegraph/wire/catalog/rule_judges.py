"""Judges of their own for the kinds of rules that stand in the way of ordinary devices.

Each says what the function of ``rules`` with its name says, for the usual form of the rule; for others there is none, and the
explaining function is asked. A rule's own condition is asked by whoever asks here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from homegraph.wire.catalog.conditions import Attributes
from homegraph.wire.catalog.facts import UNSET, Rule, Sensor, Trait
from homegraph.wire.catalog.paths import Items, parse
from homegraph.wire.catalog.problems import Place
from homegraph.wire.catalog.quick import (
    TWO,
    Judge,
    condition_judge,
    has_twins,
    limit_reader,
    reader,
    values,
    walker,
    words_at,
)
from homegraph.wire.catalog.rules import is_number
from homegraph.wire.catalog.sensors import ALWAYS

_ATTRIBUTES: Final = "attributes."
_WORDS: Final = walker(parse("availableStates[]"))
_UNIT: Final = walker(parse("rawValueUnit"))


def own_judge(place: Place, trait: Trait, rule: Rule) -> Judge | None:
    """The judge of a rule, None when it has none of its own."""
    if rule.kind == "sensor_table":
        return _sensors(place, trait.sensor_rows)
    make = _OWN.get(rule.kind)
    return None if make is None else make(rule)


def _one_of(rule: Rule) -> Judge:
    objects, groups = walker(parse(rule.at)), [frozenset(group) for group in rule.groups]

    def judge(target: Mapping[str, Any], _attributes: Attributes) -> bool:
        for found in objects(target):
            touched = 0
            for group in groups:
                if not group.isdisjoint(found):
                    touched += 1
                    if not group <= found.keys():
                        return False
            if touched != 1:
                return False
        return True

    return judge


def _any_of(rule: Rule) -> Judge:
    objects, groups = walker(parse(rule.at)), [frozenset(group) for group in rule.groups]
    if not rule.at and all(len(group) == 1 for group in groups):
        names = frozenset[str]().union(*groups)
        return lambda target, _attributes: not names.isdisjoint(target)

    def judge(target: Mapping[str, Any], _attributes: Attributes) -> bool:
        for found in objects(target):
            names = found.keys() if isinstance(found, dict) else groups[0]
            for group in groups:
                if group <= names:
                    break
            else:
                return False
        return True

    return judge


def _forbids(rule: Rule) -> Judge | None:
    names = frozenset(rule.fields)
    if any("." in name or "[" in name for name in names):
        return None
    return lambda target, _attributes: names.isdisjoint(target)


def _forbids_value(rule: Rule) -> Judge | None:
    read, value = reader(rule.field), rule.value
    return None if read is None else lambda target, _attributes: read(target) != value


def _gap(rule: Rule) -> Judge | None:
    low, high, least = reader(rule.low), reader(rule.high), limit_reader(rule.min_gap_from)
    if low is None or high is None or least is None:
        return None

    def judge(target: Mapping[str, Any], attributes: Attributes) -> bool:
        bottom, top = low(target), high(target)
        if not is_number(bottom) or not is_number(top):
            return True
        wanted = least(attributes)
        return top - bottom >= (rule.default if wanted is None else wanted)

    return judge


def _not_both_true(rule: Rule) -> Judge:
    one, *others = rule.fields

    def judge(target: Mapping[str, Any], _attributes: Attributes) -> bool:
        return target.get(one) is not True or any(target.get(name) is not True for name in others)

    return judge


def _unique(rule: Rule) -> Judge:
    path = parse(rule.field)
    last = max(place for place, step in enumerate(path) if isinstance(step, Items))
    lists, below = walker(path[:last]), walker(path[last:])

    def judge(target: Mapping[str, Any], _attributes: Attributes) -> bool:
        for found in lists(target):  # noqa: SIM110  # a generator costs more than most judges
            # A list, or a text, its old form: a name alone has no twin.
            if len(found) >= TWO and has_twins(below(found)):
                return False
        return True

    return judge


def _ordered(rule: Rule) -> Judge | None:
    low, high = reader(rule.low), reader(rule.high)
    if low is None or high is None:
        return None

    def judge(target: Mapping[str, Any], _attributes: Attributes) -> bool:
        least, most = low(target), high(target)
        return not is_number(least) or not is_number(most) or least <= most

    return judge


def _range_from(rule: Rule) -> Judge | None:
    read, low, high = reader(rule.field), limit_reader(rule.min), limit_reader(rule.max)
    if read is None or low is None or high is None:
        return None

    def judge(target: Mapping[str, Any], attributes: Attributes) -> bool:
        value = read(target)
        if not is_number(value):
            return True
        least, most = low(attributes), high(attributes)
        return (least is None or value >= least) and (most is None or value <= most)

    return judge


def _value_from(rule: Rule) -> Judge | None:
    if not rule.source.startswith(_ATTRIBUTES):
        return None
    if "$" in rule.source:
        return _value_from_brothers(rule)
    path, also = walker(parse(rule.field)), rule.also
    words = words_at(parse(rule.source.removeprefix(_ATTRIBUTES)))

    def judge(target: Mapping[str, Any], attributes: Attributes) -> bool:
        said = _texts(path(target))
        if not said:
            return True
        listed = words(attributes)
        return not listed or listed.issuperset(said) or listed.union(also).issuperset(said)

    return judge


def _value_from_brothers(rule: Rule) -> Judge | None:
    """The list depends on another member of the same object."""
    *around, name = parse(rule.field)
    if not isinstance(name, str):
        return None
    path, also = tuple(around), rule.also
    source = parse(rule.source.removeprefix(_ATTRIBUTES))

    def judge(target: Mapping[str, Any], attributes: Attributes) -> bool:
        for found in values(target, path):
            said = found.get(name) if isinstance(found, dict) else None
            if isinstance(said, str) and said not in also:
                listed = _texts(values(attributes.counted, source, found))
                if listed and said not in listed:
                    return False
        return True

    return judge


def _keys_from(rule: Rule) -> Judge | None:
    read, words = reader(rule.field), words_at(parse(rule.source.removeprefix(_ATTRIBUTES)))
    if read is None:
        return None

    def judge(target: Mapping[str, Any], attributes: Attributes) -> bool:
        said = read(target)
        if not isinstance(said, dict) or not said:
            return True
        listed = words(attributes)
        return not listed or listed.issuperset(said)

    return judge


def _map_value_from(rule: Rule) -> Judge | None:
    read, source = reader(rule.field), parse(rule.source.removeprefix(_ATTRIBUTES))
    if read is None:
        return None

    def judge(target: Mapping[str, Any], attributes: Attributes) -> bool:
        said = read(target)
        for key, one in said.items() if isinstance(said, dict) else ():
            listed = _texts(values(attributes.counted, source, {"key": key}))
            if listed and isinstance(one, str) and one not in listed:
                return False
        return True

    return judge


def _texts(found: list[Any]) -> list[str]:
    return [one for one in found if isinstance(one, str)]


def _needs(rule: Rule) -> Judge | None:
    read, condition = reader(rule.field), rule.if_
    if read is None or condition is None:
        return None
    is_met, wanted = condition_judge(condition), rule.value

    def judge(target: Mapping[str, Any], attributes: Attributes) -> bool:
        value = read(target)
        if value is None or (wanted is not UNSET and value != wanted):
            return True
        return is_met(attributes, target, target)

    return judge


def _sensors(place: Place, rows: Mapping[str, Sensor]) -> Judge:
    """Of attributes and states; commands and notifications are few, and have no fast way."""
    if place is Place.ATTRIBUTE:
        path, is_its_own = walker(parse("sensorStatesSupported[]")), _has_its_own
    else:
        path, is_its_own = walker(parse("currentSensorStateData[]")), _says_its_own

    def judge(target: Mapping[str, Any], _attributes: Attributes) -> bool:
        for item in path(target):
            name = item.get("name") if isinstance(item, dict) else None
            row = rows.get(name) if isinstance(name, str) else None
            if row is not None and not is_its_own(row, item):
                return False
        return True

    return judge


def _has_its_own(row: Sensor, item: Mapping[str, Any]) -> bool:
    words, number = item.get("descriptiveCapabilities"), item.get("numericCapabilities")
    if words is not None:
        if not row.descriptive_states:
            return False
        listed = _texts(_WORDS(words))
        if not all(_is_word(row, one) for one in listed):
            return False
    if number is None:
        return True
    return row.unit is not None and all(unit == row.unit for unit in _UNIT(number))


def _says_its_own(row: Sensor, item: Mapping[str, Any]) -> bool:
    word, number = item.get("currentSensorState"), item.get("rawValue")
    if isinstance(word, str) and not (row.descriptive_states and _is_word(row, word)):
        return False
    if number is None:
        return True
    if row.unit is None or not is_number(number):
        return row.unit is not None
    low, high = row.raw_min, row.raw_max
    return (low is None or number >= low) and (high is None or number <= high)


def _is_word(row: Sensor, word: str) -> bool:
    return word == ALWAYS or word in row.descriptive_states


_OWN: Final[Mapping[str, Callable[[Rule], Judge | None]]] = {
    "any_of": _any_of,
    "forbids": _forbids,
    "forbids_value": _forbids_value,
    "gap": _gap,
    "keys_from": _keys_from,
    "map_value_from": _map_value_from,
    "needs": _needs,
    "not_both_true": _not_both_true,
    "one_of": _one_of,
    "ordered": _ordered,
    "range_from": _range_from,
    "unique": _unique,
    "value_from": _value_from,
}
