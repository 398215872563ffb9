"""Small functions that say whether a rule or a conditional field is kept, made once for each combination of traits.

A judge is asked after the type, so what it is handed has its form already. Kinds of rules that stand in the way of every report have a
judge of their own here; the others ask the explaining functions, and say yes when those find nothing. An own judge must say what the
explaining function says: the property test in ``tests/unit/wire/catalog`` holds them together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from msgspec.structs import replace

from homegraph.wire.catalog.compiled import is_conditional
from homegraph.wire.catalog.conditions import Attributes, compare, holds
from homegraph.wire.catalog.facts import UNSET, Condition, Field, Rule, Trait
from homegraph.wire.catalog.fields import check_members
from homegraph.wire.catalog.paths import Items, Path, parse
from homegraph.wire.catalog.problems import Place
from homegraph.wire.catalog.rules import CHECKS, Scope, applies, is_number

Judge: TypeAlias = Callable[[Mapping[str, Any], Attributes], bool]
"""Whether an object is right as far as this is concerned, in the light of the attributes."""

Holds: TypeAlias = Callable[[Attributes, Mapping[str, Any], Mapping[str, Any]], bool]
"""Whether a condition holds: attributes, the object that is checked, the object whose members are brothers."""

Reader: TypeAlias = Callable[[Mapping[str, Any]], Any]
"""Takes one value out of an object; None when it is not there."""

PRESENCE_RULES: Final = frozenset({"one_of", "any_of", "any_true", "shapes", "sensor_table"})
"""Rules that may have something to say although none of their members is there."""


def condition_judge(condition: Condition) -> Holds:
    """The usual condition, an attribute by its name, needs no path."""
    name, op, wanted = condition.attr, condition.op, condition.value
    if not name or "." in name or "[" in name:
        return lambda attributes, target, here: holds(condition, attributes, target, here)
    if wanted is True and op == "eq":
        return lambda attributes, _target, _here: attributes.counted.get(name) is True
    if op in {"present", "min_items"}:
        return lambda attributes, _target, _here: compare(op, attributes.given.get(name), wanted)
    return lambda attributes, _target, _here: compare(op, attributes.counted.get(name), wanted)


def field_judge(place: Place, trait: Trait, field: Field, *, is_typed: bool) -> Judge:
    """Whether a field that the type says too little about is right. ``is_typed``: the type has it at all."""
    if not is_typed or _is_deep(field):
        return _any_field(place, trait, field)
    name = field.name
    required = None if field.required_if is None else condition_judge(field.required_if)
    present = None if field.present_if is None else condition_judge(field.present_if)
    inner = [(one.name, condition_judge(one.present_if)) for one in field.fields if one.present_if]

    def judge(target: Mapping[str, Any], attributes: Attributes) -> bool:
        value = target.get(name)
        if value is None:
            return required is None or not required(attributes, target, target)
        if present is not None and not present(attributes, target, target):
            return False
        for key, is_allowed in inner:
            if key in value and not is_allowed(attributes, target, value):
                return False
        return True

    return judge


def _is_deep(field: Field) -> bool:
    """Whether more goes beyond the type than its own conditions and the ``present_if`` of its members."""
    members = tuple(replace(one, present_if=None) for one in field.fields)
    return is_conditional(replace(field, required_if=None, present_if=None, fields=members))


def _any_field(place: Place, trait: Trait, field: Field) -> Judge:
    name, required = field.name, field.required_if is not None

    def judge(target: Mapping[str, Any], attributes: Attributes) -> bool:
        if name not in target and not required:
            return True
        scope = Scope(place, target, attributes, trait)
        return next(check_members((field,), scope), None) is None

    return judge


def rule_judge(place: Place, trait: Trait, rule: Rule) -> Judge:
    """Whether a rule is kept."""
    make = _OWN.get(rule.kind)
    judge = make(rule) if make is not None and (rule.if_ is None or rule.kind == "needs") else None
    return judge or _any_rule(place, trait, rule)


def _any_rule(place: Place, trait: Trait, rule: Rule) -> Judge:
    needed, check = _about(rule), CHECKS[rule.kind]

    def judge(target: Mapping[str, Any], attributes: Attributes) -> bool:
        if needed and needed.isdisjoint(target):
            return True
        scope = Scope(place, target, attributes, trait)
        return not applies(rule, scope) or next(check(rule, scope), None) is None

    return judge


def _about(rule: Rule) -> frozenset[str]:
    """The members of which one must be there for a rule to say anything; none when what is not there breaks it, too."""
    if rule.kind in PRESENCE_RULES and not rule.at:
        return frozenset()
    paths = [path for path in (rule.at, rule.field, rule.low, *rule.fields) if path]
    return frozenset(str(parse(path)[0]) for path in paths)


# --- kinds with a judge of their own ---------------------------------------------------------------------------------


def _one_of(rule: Rule) -> Judge | None:
    read = _reader(rule.at) if rule.at else None
    if any(len(group) > 1 for group in rule.groups) or (rule.at and read is None):
        return None
    names = [group[0] for group in rule.groups]

    def judge(target: Mapping[str, Any], _attributes: Attributes) -> bool:
        found = target if read is None else read(target)
        if found is None:
            return True
        times = 0
        for name in names:
            if name in found:
                times += 1
        return times == 1

    return judge


def _not_both_true(rule: Rule) -> Judge:
    one, *others = rule.fields

    def judge(target: Mapping[str, Any], _attributes: Attributes) -> bool:
        return target.get(one) is not True or any(target.get(name) is not True for name in others)

    return judge


def _unique(rule: Rule) -> Judge | None:
    path = parse(rule.field)
    if sum(isinstance(step, Items) for step in path) > 1:
        return None

    def judge(target: Mapping[str, Any], _attributes: Attributes) -> bool:
        names = _values(target, path)
        return len(set(names)) == len(names)

    return judge


def _ordered(rule: Rule) -> Judge | None:
    low, high = _reader(rule.low), _reader(rule.high)
    if low is None or high is None:
        return None

    def judge(target: Mapping[str, Any], _attributes: Attributes) -> bool:
        least, most = low(target), high(target)
        return least is None or most is None or bool(least <= most)

    return judge


def _range_from(rule: Rule) -> Judge | None:
    read, low, high = _reader(rule.field), _limit(rule.min), _limit(rule.max)
    if read is None or low is None or high is None:
        return None

    def judge(target: Mapping[str, Any], attributes: Attributes) -> bool:
        value = read(target)
        if value is None:
            return True
        least, most = low(attributes.counted), high(attributes.counted)
        return (least is None or value >= least) and (most is None or value <= most)

    return judge


def _value_from(rule: Rule) -> Judge | None:
    read = _reader(rule.field)
    if read is None or "$" in rule.source or not rule.source.startswith("attributes."):
        return None
    path, also = parse(rule.source.removeprefix("attributes.")), rule.also

    def judge(target: Mapping[str, Any], attributes: Attributes) -> bool:
        value = read(target)
        if value is None or value in also:
            return True
        listed = _values(attributes.counted, path)
        return value in listed or not any(isinstance(one, str) for one in listed)

    return judge


def _needs(rule: Rule) -> Judge | None:
    read, condition = _reader(rule.field), rule.if_
    if read is None or condition is None:
        return None
    is_met, wanted = condition_judge(condition), rule.value

    def judge(target: Mapping[str, Any], attributes: Attributes) -> bool:
        value = read(target)
        if value is None or (wanted is not UNSET and value != wanted):
            return True
        return is_met(attributes, target, target)

    return judge


_OWN: Final[Mapping[str, Callable[[Rule], Judge | None]]] = {
    "needs": _needs,
    "not_both_true": _not_both_true,
    "one_of": _one_of,
    "ordered": _ordered,
    "range_from": _range_from,
    "unique": _unique,
    "value_from": _value_from,
}


# --- reading ---------------------------------------------------------------------------------------------------------


def _reader(path: str) -> Reader | None:
    """A reader of a member, or of a member of a member; None for other paths."""
    steps = parse(path)
    match steps:
        case (str(name),):
            return lambda target: target.get(name)
        case (str(outer), str(name)):

            def read(target: Mapping[str, Any]) -> Any:
                inner = target.get(outer)
                return inner.get(name) if isinstance(inner, Mapping) else None

            return read
    return None


def _limit(limit: float | str | None) -> Reader | None:
    """A reader of a limit from the attributes; None when it is not as simple as that."""
    if not isinstance(limit, str):
        return lambda _attributes: limit
    is_negative = limit.startswith("-")
    read = _reader(limit.removeprefix("-").removeprefix("attributes."))
    if read is None:
        return None

    def number(attributes: Mapping[str, Any]) -> float | None:
        value = read(attributes)
        if not is_number(value):
            return None
        return -value if is_negative else value

    return number


def _values(target: Mapping[str, Any], path: Path) -> list[Any]:
    """All values at a path without variables."""
    found: list[Any] = [target]
    for step in path:
        if isinstance(step, str):
            found = [one[step] for one in found if isinstance(one, dict) and step in one]
        else:
            found = [item for one in found for item in _items(one)]
    return found


def _items(value: Any) -> list[Any]:
    """The items of a list, also in its old form, a text with commas."""
    if isinstance(value, str):
        return value.split(",")
    return value if isinstance(value, list) else []
