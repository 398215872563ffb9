"""The catalog in words: fields, conditions and rules as sentences of the reference pages.

Owns the wording only; which pages there are is in ``traits_reference``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec

from homegraph.wire.catalog.conditions import in_words
from homegraph.wire.catalog.facts import Condition, Field, Rule

VALUES_SHOWN_MAX: Final = 40
"""Words of an enumeration that a table lists."""


# --- fields ----------------------------------------------------------------------------------------------------------


def table(fields: Iterable[Field]) -> list[str]:
    """A table of fields, those inside of objects and lists below them with their path."""
    rows = [
        f"| `{path}` | {_type(field)} | {_demand(field)} | {_cell(_remarks(field))} |"
        for path, field in _all(fields, "")
    ]
    return ["| member | type | required | |", "|---|---|---|---|", *rows, ""]


def _all(fields: Iterable[Field], before: str) -> Iterator[tuple[str, Field]]:
    for field in fields:
        path = before + field.name
        yield path, field
        inner: Field | None = field
        while inner is not None and inner.type in {"array", "map"}:
            path += "[]" if inner.type == "array" else ".*"
            inner = inner.items or inner.map_values
        if inner is not None:
            yield from _all(inner.fields, f"{path}.")


def _type(field: Field) -> str:
    if field.type == "array" and field.items is not None:
        return f"list of {_type(field.items)}"
    if field.type == "map" and field.map_values is not None:
        return f"map of {_type(field.map_values)}"
    return {"enum": "word"}.get(field.type, field.type)


def _demand(field: Field) -> str:
    if field.required_if is not None:
        return f"if {condition(field.required_if)}"
    return "yes" if field.required else ""


def _remarks(field: Field) -> str:
    """What else is to be known, as sentences."""
    return " ".join(filter(None, _remark(field)))


def _remark(field: Field) -> Iterator[str]:
    if field.present_if is not None:
        yield f"Only if {condition(field.present_if)}."
    yield _words(field)
    yield _bounds(field)
    if field.unique_items:
        yield "No entry twice."
    if field.default is not msgspec.UNSET:
        yield f"Default {_value(field.default)}."
    if field.deprecated:
        yield "Deprecated."
    if field.alt_type is not None:
        yield f"Old form: {_type(field.alt_type)}, words with commas between."
    if not field.reportable:
        yield "Not in reports."
    yield _sentence(field.note.replace("common.languages", "[languages](README.md#languages)"))


def _words(field: Field) -> str:
    values = field.values or (field.items.values if field.items is not None else ())
    shown = ", ".join(f"`{value}`" if value else "empty" for value in values[:VALUES_SHOWN_MAX])
    return f"One of {shown}{', …' if len(values) > VALUES_SHOWN_MAX else ''}." if values else ""


def _bounds(field: Field) -> str:
    top = field.max if field.max is not None else field.exclusive_max
    below = " (not itself)" if field.max is None and field.exclusive_max is not None else ""
    said = []
    if field.min is not None or top is not None:
        said.append(f"{_limit(field.min)} to {_limit(top)}{below}")
    if field.min_items is not None:
        said.append(f"{field.min_items} or more entries")
    if field.min_props is not None:
        most = f" to {field.max_props}" if field.max_props is not None else " or more"
        said.append(f"{field.min_props}{most} members")
    return f"{', '.join(said)}." if said else ""


def condition(one: Condition) -> str:
    """When something holds, to follow "if"."""
    return in_words(one, mark="`")


# --- rules -----------------------------------------------------------------------------------------------------------


def rules(some: Iterable[Rule]) -> list[str]:
    """A list of rules, each one sentence."""
    lines = [f"* {_rule(rule)}" for rule in some]
    return [*lines, ""] if lines else []


def _rule(rule: Rule) -> str:
    said = _KINDS[rule.kind](rule)
    if rule.at:
        said = f"In `{rule.at}`: {said}"
    if rule.if_ is not None and rule.kind != "needs":
        said = f"If {condition(rule.if_)}: {said}"
    note = f" {_sentence(rule.note)}" if rule.note else ""
    is_mild = rule.severity == "warning" or rule.inferred or not rule.strict
    return f"{said[:1].upper()}{said[1:]}.{note}{' *(advice only)*' if is_mild else ''}"


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _groups(rule: Rule) -> str:
    return " or ".join(" with ".join(f"`{name}`" for name in group) for group in rule.groups)


def _shapes(rule: Rule) -> str:
    forms = [
        (_names(shape.required) or "nothing")
        + (f" (and {_names(shape.optional)})" if shape.optional else "")
        for shape in rule.shapes
    ]
    return f"exactly one of these forms: {'; '.join(forms)}"


def _listed(rule: Rule) -> str:
    also = f", or {', '.join(_value(one) for one in rule.also)}" if rule.also else ""
    return f"`{rule.source}`{also}"


def _needs(rule: Rule) -> str:
    value = "" if rule.value is msgspec.UNSET else f" = {_value(rule.value)}"
    return f"`{rule.field}`{value} needs that {condition(rule.if_) if rule.if_ else ''}"


_KINDS: Final[Mapping[str, Callable[[Rule], str]]] = {
    "advice": lambda r: f"`{r.field}` should have {r.max_items} entries at most",
    "any_of": lambda r: f"at least one of {_groups(r)}",
    "any_true": lambda r: f"at least one of {_names(r.fields)} is true",
    "at_most_one": lambda r: f"at most one of {_names(r.fields)}",
    "forbids": lambda r: f"{_names(r.fields)} must not be given",
    "forbids_value": lambda r: f"`{r.field}` must not be {_value(r.value)}",
    "gap": lambda r: f"`{r.high}` is above `{r.low}` by `{r.min_gap_from}` ({r.default:g}) or more",
    "keys_from": lambda r: f"keys of `{r.field}` come from {_listed(r)}",
    "map_value_from": lambda r: f"values of `{r.field}` come from {_listed(r)}",
    "needs": _needs,
    "not_both_true": lambda r: f"{_names(r.fields)} are not both true",
    "one_of": lambda r: f"exactly one of {_groups(r)}",
    "only_values": lambda r: f"{_names(r.fields)}: only {', '.join(map(_value, r.values))}",
    "ordered": lambda r: f"`{r.low}` is not above `{r.high}`",
    "range_from": lambda r: f"`{r.field}` goes from {_end(r.min)} to {_end(r.max)}",
    "sensor_table": lambda _: "words, unit and numbers are those of the sensor in the table below",
    "shapes": _shapes,
    "unique": lambda r: f"no `{r.field}` twice in a list",
    "value_from": lambda r: f"`{r.field}` is one of {_listed(r)}",
}


# --- small words -----------------------------------------------------------------------------------------------------


def _value(value: Any) -> str:
    return f"`{json.dumps(value)}`"


def _limit(limit: float | None) -> str:
    return "…" if limit is None else f"{limit:.12g}"


def _end(limit: float | str | None) -> str:
    return f"`{limit}`" if isinstance(limit, str) else _limit(limit)


def _sentence(note: str) -> str:
    return f"{note[:1].upper()}{note[1:].rstrip('.')}." if note else ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
