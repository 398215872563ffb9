"""The rules of the catalog's format: each kind is one function from a rule and an object to problems.

A rule never looks at forms: a value of another type than described is a problem already, and is passed over here. Where a rule
compares with a list of the attributes and there is no such list, nothing can be said and nothing is.

``CHECKS`` has every kind that the format knows, so a kind without a function cannot be loaded.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any, Final, TypeAlias, TypeGuard

import msgspec

from homegraph.wire.catalog.conditions import Attributes, holds, in_words
from homegraph.wire.catalog.facts import NUMBER_MAX, Rule, Shape, Trait
from homegraph.wire.catalog.paths import Items, Where, parse, select
from homegraph.wire.catalog.problems import Kind, Place, Problem, limits, listed, number, shown
from homegraph.wire.catalog.sensors import sensor_table
from homegraph.wire.catalog.suggestions import did_you_mean

_VARIABLE: Final = re.compile(r"\$(\w+)")
"""What stands for another member in a path."""


class Scope(msgspec.Struct, frozen=True):
    """An object that is checked: ``target``, in the light of the device's ``attributes``, for a ``trait``.

    ``params`` are those of the command when the object is what the command's answer says.
    """

    place: Place
    target: Mapping[str, Any]
    attributes: Attributes
    trait: Trait
    params: Mapping[str, Any] = {}

    def problem(self, rule: Rule, kind: Kind, path: Where, what: str) -> Problem:
        """A problem of this trait, as grave as the rule is certain."""
        mild = (
            rule.severity == "warning" or rule.inferred or not rule.strict or rule.kind == "advice"
        )
        return Problem(
            kind=kind,
            place=self.place,
            path=path,
            what=what,
            trait=self.trait.name,
            severity="advice" if mild else "refused",
        )


Check: TypeAlias = Callable[[Rule, Scope], Iterator[Problem]]


def applies(rule: Rule, scope: Scope) -> bool:
    """Whether the rule's own condition holds. ``needs`` turns it around and asks for itself."""
    return (
        rule.if_ is None or rule.kind == "needs" or holds(rule.if_, scope.attributes, scope.target)
    )


def check_rules(rules: Iterable[Rule], scope: Scope) -> Iterator[Problem]:
    """The problems of an object by a trait's rules."""
    for rule in rules:
        if applies(rule, scope):
            yield from CHECKS[rule.kind](rule, scope)


# --- which members go together ---------------------------------------------------------------------------------------


def _objects(rule: Rule, scope: Scope) -> Iterator[tuple[Where, Mapping[str, Any]]]:
    """The objects that the rule is about: those at ``at``, or the whole target."""
    for where, found in select(scope.target, parse(rule.at)):
        if isinstance(found, Mapping):
            yield where, found


def _one_of(rule: Rule, scope: Scope) -> Iterator[Problem]:
    for where, found in _objects(rule, scope):
        touched = [group for group in rule.groups if any(name in found for name in group)]
        if len(touched) == 1:
            missing = [name for name in touched[0] if name not in found]
            if missing:
                what = f"{_names(missing)} is missing; it belongs to {_names(set(touched[0]) - set(missing))}."
                yield scope.problem(rule, Kind.ALTERNATIVES, (*where, missing[0]), what)
        else:
            told = "none is given" if not touched else "more than one is given"
            path = where if not touched else (*where, next(n for n in touched[-1] if n in found))
            what = f"Exactly one of {_groups(rule.groups)} is needed; {told}."
            yield scope.problem(rule, Kind.ALTERNATIVES, path, what)


def _any_of(rule: Rule, scope: Scope) -> Iterator[Problem]:
    for where, found in _objects(rule, scope):
        if not any(all(name in found for name in group) for group in rule.groups):
            what = f"At least one of {_groups(rule.groups)} is needed."
            yield scope.problem(rule, Kind.ALTERNATIVES, where, what)


def _at_most_one(rule: Rule, scope: Scope) -> Iterator[Problem]:
    given = [name for name in rule.fields if name in scope.target]
    if len(given) > 1:
        what = f"At most one of {_names(rule.fields)} may be given."
        yield scope.problem(rule, Kind.ALTERNATIVES, (given[-1],), what)


def _shapes(rule: Rule, scope: Scope) -> Iterator[Problem]:
    about = {name for shape in rule.shapes for name in (*shape.required, *shape.optional)}
    given = about & scope.target.keys()
    if not any(_has_shape(shape, given) for shape in rule.shapes):
        forms = " or ".join(_names(shape.required) or "nothing" for shape in rule.shapes)
        what = f"{_names(sorted(given))} do not go together; give {forms}."
        yield scope.problem(rule, Kind.ALTERNATIVES, (), what)


def _has_shape(shape: Shape, given: set[str]) -> bool:
    return set(shape.required) <= given <= {*shape.required, *shape.optional}


def _needs(rule: Rule, scope: Scope) -> Iterator[Problem]:
    if rule.if_ is None or holds(rule.if_, scope.attributes, scope.target):
        return
    for where, value in select(scope.target, parse(rule.field)):
        if rule.value is msgspec.UNSET or value == rule.value:
            given = (
                rule.field if rule.value is msgspec.UNSET else f"{rule.field} = {shown(rule.value)}"
            )
            what = f"{given} is not available: it needs that {in_words(rule.if_)}."
            yield scope.problem(rule, Kind.UNEXPECTED, where, what)


def _forbids(rule: Rule, scope: Scope) -> Iterator[Problem]:
    for name in rule.fields:
        for where, _ in select(scope.target, parse(name)):
            what = f"{name} has no place{_where(rule)}. {_note(rule)}".strip()
            yield scope.problem(rule, Kind.UNEXPECTED, where, what)


# --- which values go together ----------------------------------------------------------------------------------------


def _forbids_value(rule: Rule, scope: Scope) -> Iterator[Problem]:
    for where, value in select(scope.target, parse(rule.field)):
        if value == rule.value:
            what = f"{rule.field} cannot be {shown(value)}{_where(rule)}. {_note(rule)}".strip()
            yield scope.problem(rule, Kind.CONFLICT, where, what)


def _only_values(rule: Rule, scope: Scope) -> Iterator[Problem]:
    for name in rule.fields:
        for where, value in select(scope.target, parse(name)):
            if value not in rule.values:
                only = _names(map(shown, rule.values))
                what = f"{name} is {shown(value)}; only {only} can be{_where(rule)}."
                yield scope.problem(rule, Kind.CONFLICT, where, what)


def _any_true(rule: Rule, scope: Scope) -> Iterator[Problem]:
    if not any(scope.target.get(name) is True for name in rule.fields):
        what = f"At least one of {_names(rule.fields)} must be true."
        yield scope.problem(rule, Kind.ALTERNATIVES, (), what)


def _not_both_true(rule: Rule, scope: Scope) -> Iterator[Problem]:
    if all(scope.target.get(name) is True for name in rule.fields):
        what = f"{_names(rule.fields)} cannot both be true. {_note(rule)}".strip()
        yield scope.problem(rule, Kind.CONFLICT, (rule.fields[-1],), what)


def _unique(rule: Rule, scope: Scope) -> Iterator[Problem]:
    """Within one list: two lists may use the same names."""
    seen: set[tuple[Where, str]] = set()
    last_list = max(i for i, step in enumerate(parse(rule.field)) if isinstance(step, Items))
    for where, value in select(scope.target, parse(rule.field)):
        if isinstance(value, str):
            key = (where[:last_list], value)
            if key in seen:
                what = f"{shown(value)} is given twice; names in this list must differ."
                yield scope.problem(rule, Kind.DUPLICATE, where, what)
            seen.add(key)


def _value_from(rule: Rule, scope: Scope) -> Iterator[Problem]:
    known: frozenset[str] | None = None
    fixed = "$" not in rule.source
    around: Mapping[str, Any] = {}
    for where, value in select(scope.target, parse(rule.field)):
        if not isinstance(value, str) or value in rule.also:
            continue
        if known is None or not fixed:
            around = {} if fixed else _brothers(scope.target, where)
            known = _source(rule, scope, around)
        if known and value not in known:
            what = _unlisted(value, rule, known, around)
            yield scope.problem(rule, Kind.UNLISTED, where, what)


def _keys_from(rule: Rule, scope: Scope) -> Iterator[Problem]:
    known = _source(rule, scope, {})
    for where, value in select(scope.target, parse(rule.field)):
        for key in value if isinstance(value, Mapping) and known else ():
            if key not in known:
                what = _unlisted(key, rule, known, {})
                yield scope.problem(rule, Kind.UNLISTED, (*where, key), what)


def _map_value_from(rule: Rule, scope: Scope) -> Iterator[Problem]:
    for where, map_ in select(scope.target, parse(rule.field)):
        for key, value in map_.items() if isinstance(map_, Mapping) else ():
            around = {"key": key}
            known = _source(rule, scope, around)
            if known and isinstance(value, str) and value not in known:
                what = _unlisted(value, rule, known, around)
                yield scope.problem(rule, Kind.UNLISTED, (*where, key), what)


def _range_from(rule: Rule, scope: Scope) -> Iterator[Problem]:
    low, high = _bound(rule.min, scope), _bound(rule.max, scope)
    for where, value in select(scope.target, parse(rule.field)):
        if not is_number(value):
            continue
        if (low is not None and value < low) or (high is not None and value > high):
            what = f"{rule.field} is {shown(value)}; {_allowed(rule, limits(low, high))}."
            yield scope.problem(rule, Kind.RANGE, where, what)


def _ordered(rule: Rule, scope: Scope) -> Iterator[Problem]:
    pair = _pair(rule, scope)
    if pair is not None and pair[0] > pair[1]:
        low, high = map(number, pair)
        what = f"{rule.low} is {low} and above {rule.high}, which is {high}."
        yield scope.problem(rule, Kind.ORDER, tuple(rule.low.split(".")), what)


def _gap(rule: Rule, scope: Scope) -> Iterator[Problem]:
    pair, least = _pair(rule, scope), _bound(rule.min_gap_from, scope)
    if pair is None:
        return
    wanted = rule.default if least is None else least
    if pair[1] - pair[0] < wanted:
        apart = number(pair[1] - pair[0])
        what = f"{rule.low} and {rule.high} are {apart} apart; {number(wanted)} is the least."
        yield scope.problem(rule, Kind.ORDER, tuple(rule.low.split(".")), what)


def _sensor_table(rule: Rule, scope: Scope) -> Iterator[Problem]:
    for kind, where, what in sensor_table(scope.place, scope.target, scope.trait.sensor_rows):
        yield scope.problem(rule, kind, where, what)


def _advice(rule: Rule, scope: Scope) -> Iterator[Problem]:
    for where, value in select(scope.target, parse(rule.field)):
        if isinstance(value, list) and rule.max_items is not None and len(value) > rule.max_items:
            what = f"{rule.field} has {len(value)} entries. {_note(rule)}".strip()
            yield scope.problem(rule, Kind.SIZE, where, what)


CHECKS: Final[Mapping[str, Check]] = {
    "advice": _advice,
    "any_of": _any_of,
    "any_true": _any_true,
    "at_most_one": _at_most_one,
    "forbids": _forbids,
    "forbids_value": _forbids_value,
    "gap": _gap,
    "keys_from": _keys_from,
    "map_value_from": _map_value_from,
    "needs": _needs,
    "not_both_true": _not_both_true,
    "one_of": _one_of,
    "only_values": _only_values,
    "ordered": _ordered,
    "range_from": _range_from,
    "sensor_table": _sensor_table,
    "shapes": _shapes,
    "unique": _unique,
    "value_from": _value_from,
}
"""Every kind of rule."""

NEEDED: Final[Mapping[str, tuple[str, ...]]] = {
    "advice": ("field", "max_items"),
    "any_of": ("groups",),
    "any_true": ("fields",),
    "at_most_one": ("fields",),
    "forbids": ("if_", "fields"),
    "forbids_value": ("if_", "field", "value"),
    "gap": ("low", "high", "min_gap_from"),
    "keys_from": ("field", "source"),
    "map_value_from": ("field", "source"),
    "needs": ("field", "if_"),
    "not_both_true": ("fields",),
    "one_of": ("groups",),
    "only_values": ("fields", "values"),
    "ordered": ("low", "high"),
    "range_from": ("field",),
    "sensor_table": (),
    "shapes": ("shapes",),
    "unique": ("field",),
    "value_from": ("field", "source"),
}
"""What a rule of a kind cannot be without."""


# --- looking into the attributes -------------------------------------------------------------------------------------


def is_number(value: object) -> TypeGuard[float]:
    """Whether a JSON value is a number; Python counts true among them, and whole numbers that no double can hold."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return -NUMBER_MAX <= value <= NUMBER_MAX


def _source(rule: Rule, scope: Scope, variables: Mapping[str, Any]) -> frozenset[str]:
    """The names at ``rule.source``; empty when there are none to compare with."""
    root, _, path = rule.source.partition(".")
    base = scope.attributes.counted if root == "attributes" else scope.params
    found = select(base, parse(path), variables)
    return frozenset(value for _, value in found if isinstance(value, str))


def _brothers(target: Mapping[str, Any], where: Where) -> Mapping[str, Any]:
    """The object that a selected value stands in."""
    found: Any = target
    for step in where[:-1]:
        found = found[step]
    return found if isinstance(found, Mapping) else {}


def _bound(limit: float | str | None, scope: Scope) -> float | None:
    """A limit: a number, or what the attributes say; ``-attributes.x`` is its negative."""
    if limit is None or not isinstance(limit, str):
        return limit
    path = parse(limit.removeprefix("-").removeprefix("attributes."))
    value = next((found for _, found in select(scope.attributes.counted, path)), None)
    if not is_number(value):
        return None
    return -float(value) if limit.startswith("-") else float(value)


def _pair(rule: Rule, scope: Scope) -> tuple[float, float] | None:
    """The numbers at ``low`` and ``high``."""
    low = next((value for _, value in select(scope.target, parse(rule.low))), None)
    high = next((value for _, value in select(scope.target, parse(rule.high))), None)
    if not is_number(low) or not is_number(high):
        return None
    return low, high


# --- words -----------------------------------------------------------------------------------------------------------


def _names(names: Iterable[str]) -> str:
    return ", ".join(names)


def _groups(groups: Iterable[Iterable[str]]) -> str:
    return ", ".join(" with ".join(group) for group in groups)


def _note(rule: Rule) -> str:
    return f"{rule.note[:1].upper()}{rule.note[1:]}." if rule.note else ""


def _allowed(rule: Rule, bounds: str) -> str:
    """Who says so: the attributes, or where both bounds are fixed the rule itself, which is milder than a field then."""
    is_fixed = not isinstance(rule.min, str) and not isinstance(rule.max, str)
    return f"{bounds} is expected" if is_fixed else f"the device's attributes allow {bounds}"


def _where(rule: Rule) -> str:
    """When the rule counts, to follow what it forbids."""
    return " here" if rule.if_ is None else f" where {in_words(rule.if_)}"


def _unlisted(value: str, rule: Rule, known: Collection[str], variables: Mapping[str, Any]) -> str:
    """Which list it is not in: ``$key`` of its path is told as what it stands for."""
    source = _VARIABLE.sub(lambda found: str(variables.get(found[1], found[0])), rule.source)
    told = f"{shown(value)} is not listed in {source}, which has {listed(sorted(known))}."
    return f"{told}{did_you_mean(value, known)}"
