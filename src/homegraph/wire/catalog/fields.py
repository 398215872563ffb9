"""Whether an object has the members that its fields describe: which must be there, which may, and of what form.

The explaining side of validation: every problem, each with its way and a sentence. As deep as the description, which is ours,
whatever the object is. What ties several members together is the business of ``rules``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from homegraph.wire.catalog.conditions import holds, in_words
from homegraph.wire.catalog.facts import Field
from homegraph.wire.catalog.paths import Where
from homegraph.wire.catalog.problems import Kind, Problem, limits, listed, shown
from homegraph.wire.catalog.rules import Scope, is_number
from homegraph.wire.catalog.suggestions import did_you_mean

FORMS: Final[Mapping[str, str]] = {
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "string": "text",
    "enum": "text",
    "array": "a list",
    "object": "an object",
    "map": "an object",
}
"""Every type of field, as a sentence says it."""


def check_members(fields: Iterable[Field], scope: Scope) -> Iterator[Problem]:
    """Problems of the members of ``scope.target`` that are described."""
    yield from _members(fields, scope.target, scope, ())


def check_unknown(known: Iterable[Field], scope: Scope, where: Where = ()) -> Iterator[Problem]:
    """Members of an object that nothing describes."""
    target: Any = scope.target
    for step in where:
        target = target[step]
    names = {field.name for field in known}
    for name in target:
        if name not in names:
            what = f"{shown(name)} is unknown here.{did_you_mean(name, names)}"
            yield _problem(scope, Kind.UNKNOWN, (*where, name), what, "ignored")


def _members(
    fields: Iterable[Field], target: Mapping[str, Any], scope: Scope, where: Where
) -> Iterator[Problem]:
    for field in fields:
        if field.name not in target:
            if _is_required(field, scope, target):
                what = f"{field.name} is missing{_why(field)}."
                yield _problem(scope, Kind.MISSING, (*where, field.name), what)
            continue
        path = (*where, field.name)
        if field.present_if and not holds(field.present_if, scope.attributes, scope.target, target):
            what = f"{field.name} has no place here, only where {in_words(field.present_if)}."
            yield _problem(scope, Kind.UNEXPECTED, path, what, "ignored")
        yield from _value(field, target[field.name], scope, path)


def _is_required(field: Field, scope: Scope, here: Mapping[str, Any]) -> bool:
    if field.required_if is not None:
        return holds(field.required_if, scope.attributes, scope.target, here)
    return field.required


def _value(field: Field, value: Any, scope: Scope, path: Where) -> Iterator[Problem]:
    """A value by its description; ``alt_type`` is another form that is still understood."""
    if field.alt_type is not None and not _has_form(field, value):
        if not _has_form(field.alt_type, value):
            yield _wrong_form(field, value, scope, path)
        else:
            what = f"This is an old form. {_expected(field)}"
            yield _problem(scope, Kind.DEPRECATED, path, what, "advice")
            yield from _old_words(field, value, scope, path)
    elif not _has_form(field, value):
        yield _wrong_form(field, value, scope, path)
    elif field.type == "enum":
        if value not in field.values:
            yield _problem(scope, Kind.ENUM, path, _no_word(field, value))
    elif field.type in {"integer", "number"}:
        yield from _number(field, value, scope, path)
    elif field.type == "array":
        yield from _items(field, value, scope, path)
    elif field.type == "map":
        yield from _entries(field, value, scope, path)
    elif field.type == "object":
        yield from _object(field, value, scope, path)


def _old_words(field: Field, value: Any, scope: Scope, path: Where) -> Iterator[Problem]:
    """A list in its old form, one text with commas: its words are those of the list. The pattern of the format says no more."""
    if isinstance(value, str) and field.items is not None:
        for word in value.split(","):
            yield from _value(field.items, word, scope, path)


def _has_form(field: Field, value: Any) -> bool:
    match field.type:
        case "boolean":
            return isinstance(value, bool)
        case "integer":
            return is_number(value) and (isinstance(value, int) or value.is_integer())
        case "number":
            return is_number(value)
        case "string" | "enum":
            return isinstance(value, str)
        case "array":
            return isinstance(value, list)
        case _:
            return isinstance(value, dict)


def _number(field: Field, value: float, scope: Scope, path: Where) -> Iterator[Problem]:
    low = field.min is not None and value < field.min
    high = field.max is not None and value > field.max
    over = field.exclusive_max is not None and value >= field.exclusive_max
    if low or high or over:
        top = field.max if field.max is not None else field.exclusive_max
        below = " (not itself)" if field.max is None and field.exclusive_max is not None else ""
        what = f"{_last(path)} is {shown(value)}; {limits(field.min, top)}{below} is allowed."
        yield _problem(scope, Kind.RANGE, path, what)


def _items(field: Field, value: list[Any], scope: Scope, path: Where) -> Iterator[Problem]:
    if field.min_items is not None and len(value) < field.min_items:
        what = f"{_last(path)} has {len(value)} entries; at least {field.min_items} must be there."
        yield _problem(scope, Kind.SIZE, path, what)
    seen: set[str] = set()
    for index, item in enumerate(value):
        if field.items is not None:
            yield from _value(field.items, item, scope, (*path, index))
        if field.unique_items and isinstance(item, str):
            if item in seen:
                what = f"{shown(item)} is given twice."
                yield _problem(scope, Kind.DUPLICATE, (*path, index), what)
            seen.add(item)


def _entries(
    field: Field, value: Mapping[str, Any], scope: Scope, path: Where
) -> Iterator[Problem]:
    few = field.min_props is not None and len(value) < field.min_props
    many = field.max_props is not None and len(value) > field.max_props
    if few or many:
        most = limits(field.min_props, field.max_props)
        what = f"{_last(path)} has {len(value)} members; {most} are allowed."
        # Implementations take more than the schema has, so this much is only advice.
        yield _problem(scope, Kind.SIZE, path, what, "advice" if many else "refused")
    for name, item in value.items():
        if field.map_values is not None:
            yield from _value(field.map_values, item, scope, (*path, name))


def _object(field: Field, value: Mapping[str, Any], scope: Scope, path: Where) -> Iterator[Problem]:
    if field.min_props is not None and len(value) < field.min_props:
        what = f"{_last(path)} has {len(value)} members; at least {field.min_props} must be there."
        yield _problem(scope, Kind.SIZE, path, what)
    if field.fields:
        yield from _members(field.fields, value, scope, path)
        yield from check_unknown(field.fields, scope, path)


# --- words -----------------------------------------------------------------------------------------------------------


def _problem(
    scope: Scope, kind: Kind, path: Where, what: str, severity: str = "refused"
) -> Problem:
    return Problem(
        kind=kind,
        place=scope.place,
        path=path,
        what=what,
        trait=scope.trait.name,
        severity=severity,
    )


def _wrong_form(field: Field, value: Any, scope: Scope, path: Where) -> Problem:
    what = f"{_last(path)} is {shown(value)}. {_expected(field)}"
    return _problem(scope, Kind.TYPE, path, what)


def _expected(field: Field) -> str:
    return f"Expected {FORMS[field.type]}."


def _no_word(field: Field, value: str) -> str:
    return f"{shown(value)} is none of {listed(field.values)}.{did_you_mean(value, field.values)}"


def _last(path: Where) -> str:
    return next((step for step in reversed(path) if isinstance(step, str)), "")


def _why(field: Field) -> str:
    """What makes a member necessary that otherwise is not."""
    return (
        ""
        if field.required_if is None
        else f", which is required where {in_words(field.required_if)}"
    )
