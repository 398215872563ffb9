"""Whether a trait can be applied: what its form alone does not say.

Asked of what a project brings, so that a mistake in its document is told when it is read, with its place in it, and not when the first
device is judged by it; and, by a test, of the catalog itself. Owns no meaning: that is in ``conditions``, ``fields`` and ``rules``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from homegraph.wire.catalog.conditions import OPERATORS
from homegraph.wire.catalog.facts import Condition, Field, Rule, Trait
from homegraph.wire.catalog.fields import FORMS
from homegraph.wire.catalog.paths import Items, parse
from homegraph.wire.catalog.rules import CHECKS, NEEDED
from homegraph.wire.catalog.suggestions import did_you_mean

_PARTS: Final[Mapping[str, str]] = {
    "enum": "values",
    "array": "items",
    "map": "map_values",
    "object": "fields",
}
"""What a field of a type cannot be without."""

_REFERENCES: Final = ("attr", "state", "param", "result", "field")


def faults(trait: Trait, place: str, whole: Trait | None = None) -> Iterator[str]:
    """What keeps a trait from being applied, each with its place as a JSON path below ``place``.

    ``whole`` has more attributes and states that its rules may be about.
    """
    whole = whole or trait
    yield from _fields(trait.attributes, f"{place}.attributes")
    yield from _fields(trait.states, f"{place}.states")
    yield from _rules(trait.attribute_rules, whole.attributes, f"{place}.attribute_rules")
    yield from _rules(trait.state_rules, whole.states, f"{place}.state_rules")
    for key in ("states_absent_if", "commands_absent_if"):
        yield from _condition(getattr(trait, key), f"{place}.{key}")
    for index, command in enumerate(trait.commands):
        here = f"{place}.commands[{index}]"
        yield from _condition(command.when, f"{here}.when")
        yield from _fields(command.params, f"{here}.params")
        yield from _fields(command.results, f"{here}.results")
        yield from _rules(command.param_rules, command.params, f"{here}.param_rules")
        yield from _rules(command.result_rules, command.results, f"{here}.result_rules")
    for index, notification in enumerate(trait.notifications):
        here = f"{place}.notifications[{index}]"
        yield from _fields(notification.fields, f"{here}.fields")
        yield from _rules(notification.rules, notification.fields, f"{here}.rules")


def _fields(fields: Sequence[Field], place: str) -> Iterator[str]:
    for index, field in enumerate(fields):
        here = f"{place}[{index}]"
        if not field.name:
            yield f"A field has no name - at `{here}`"
        yield from _field(field, here)


def _field(field: Field, place: str) -> Iterator[str]:
    if field.type not in FORMS:
        hint = did_you_mean(field.type, FORMS)
        yield f"Unknown type of field {field.type!r}.{hint} - at `{place}.type`"
    elif (part := _PARTS.get(field.type)) is not None and not getattr(field, part):
        yield f"A field of type {field.type} needs {part!r} - at `{place}`"
    yield from _condition(field.required_if, f"{place}.required_if")
    yield from _condition(field.present_if, f"{place}.present_if")
    yield from _fields(field.fields, f"{place}.fields")
    for key in ("items", "map_values", "alt_type"):
        inner = getattr(field, key)
        if inner is not None:
            yield from _field(inner, f"{place}.{key}")


def _condition(condition: Condition | None, place: str) -> Iterator[str]:
    if condition is None:
        return
    for key, several in (("all", condition.all), ("any", condition.any)):
        for index, one in enumerate(several):
            yield from _condition(one, f"{place}.{key}[{index}]")
    if condition.not_ is not None:
        yield from _condition(condition.not_, f"{place}.not")
    if condition.all or condition.any or condition.not_ is not None:
        return
    if sum(bool(getattr(condition, key)) for key in _REFERENCES) != 1:
        yield f"A condition names one of {', '.join(_REFERENCES)} - at `{place}`"
    if condition.op not in OPERATORS:
        yield f"Unknown operator {condition.op!r} - at `{place}.op`"
    elif condition.op == "min_items" and not isinstance(condition.value, int):
        yield f"min_items needs a whole number - at `{place}.value`"


def _rules(rules: Sequence[Rule], fields: Sequence[Field], place: str) -> Iterator[str]:
    for index, rule in enumerate(rules):
        here = f"{place}[{index}]"
        yield from _condition(rule.if_, f"{here}.if")
        if rule.kind not in CHECKS:
            yield f"Unknown kind of rule {rule.kind!r}.{did_you_mean(rule.kind, CHECKS)} - at `{here}.kind`"
            continue
        for key in NEEDED[rule.kind]:
            if not getattr(rule, key) and getattr(rule, key) is not False:
                yield f"A rule of kind {rule.kind} needs {key.rstrip('_')!r} - at `{here}`"
        inside = _found(fields, rule.at) if rule.at else None
        around = fields if inside is None else inside.fields
        for path in (*filter(None, (rule.at,)), *_paths(rule)):
            if _found(fields if path == rule.at else around, path) is None:
                yield f"The rule is about {path!r}, which no field is - at `{here}`"
        if rule.kind == "unique" and "[]" not in rule.field:
            yield f"A rule of kind unique needs a path through a list - at `{here}.field`"


def _paths(rule: Rule) -> Iterable[str]:
    """The paths of a rule that lead to its own fields."""
    yield from (path for path in (rule.field, rule.low, rule.high, *rule.fields) if path)
    for group in rule.groups:
        yield from group
    for shape in rule.shapes:
        yield from (*shape.required, *shape.optional)


def _found(fields: Sequence[Field], path: str) -> Field | None:
    """The field that a path leads to."""
    found: Field | None = None
    for step in parse(path):
        if isinstance(step, Items):
            found = found.items if found is not None else None
        else:
            found = next((one for one in fields if one.name == step), None)
        if found is None:
            return None
        fields = found.fields
    return found
