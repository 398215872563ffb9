"""Small functions that say whether a rule or a conditional field is kept, made once for each combination of traits.

A judge is asked after the type, so what it is handed has its form already. It must say what the explaining function says: the property
test in ``tests/unit/wire/catalog`` holds them together. Kinds of rules without a judge of their own (``rule_judges``) ask the explaining
function itself, and say yes when it finds nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from homegraph.wire.catalog.compiled import is_conditional
from homegraph.wire.catalog.conditions import Attributes
from homegraph.wire.catalog.facts import Field, Rule, Trait
from homegraph.wire.catalog.fields import check_members
from homegraph.wire.catalog.paths import Items, Path
from homegraph.wire.catalog.problems import Place
from homegraph.wire.catalog.quick import (
    TWO,
    Holds,
    Judge,
    condition_judge,
    has_twins,
    walker,
)
from homegraph.wire.catalog.rule_judges import own_judge
from homegraph.wire.catalog.rules import CHECKS, Scope


def field_judge(place: Place, trait: Trait, field: Field, *, is_typed: bool) -> Judge:
    """Whether a field that the type says too little about is right. ``is_typed``: the type has it at all."""
    if not is_typed or _has_strange_maps(field):
        return _any_field(place, trait, field)
    name = field.name
    required = None if field.required_if is None else condition_judge(field.required_if)
    present = None if field.present_if is None else condition_judge(field.present_if)
    inside = tuple(_inside(field, (name,)))

    def judge(target: Mapping[str, Any], attributes: Attributes) -> bool:
        if name not in target:
            return required is None or not required(attributes, target, target)
        if present is not None and not present(attributes, target, target):
            return False
        for one in inside:  # noqa: SIM110  # a generator costs more than most judges
            if not one(target, attributes):
                return False
        return True

    return judge


def _has_strange_maps(field: Field) -> bool:
    """Whether something within says more than its type below a map; the catalog has none such."""
    nested = (*field.fields, *filter(None, (field.items, field.map_values)))
    return any(map(_has_strange_maps, nested)) or (
        field.map_values is not None and is_conditional(field.map_values)
    )


def _inside(field: Field, path: Path) -> Iterator[Judge]:
    """Judges of what is inside a field, level by level; ``path`` leads to it."""
    if field.unique_items:
        yield _no_twins(path)
    conditions = [
        (
            one.name,
            None if one.required_if is None else condition_judge(one.required_if),
            None if one.present_if is None else condition_judge(one.present_if),
        )
        for one in field.fields
        if one.required_if is not None or one.present_if is not None
    ]
    if conditions:
        yield _members(path, conditions)
    if field.fields and field.min_props is not None:
        yield _large_enough(path, field.min_props)
    for one in field.fields:
        yield from _inside(one, (*path, one.name))
    if field.items is not None:
        yield from _inside(field.items, (*path, Items()))


def _no_twins(path: Path) -> Judge:
    lists = walker(path)

    def judge(target: Mapping[str, Any], _attributes: Attributes) -> bool:
        for found in lists(target):  # noqa: SIM110  # a generator costs more than most judges
            if len(found) >= TWO and has_twins(found):
                return False
        return True

    return judge


def _members(path: Path, conditions: Sequence[tuple[str, Holds | None, Holds | None]]) -> Judge:
    objects = walker(path)

    def judge(target: Mapping[str, Any], attributes: Attributes) -> bool:
        for found in objects(target):
            for name, required, present in conditions:
                if name in found:
                    if present is not None and not present(attributes, target, found):
                        return False
                elif required is not None and required(attributes, target, found):
                    return False
        return True

    return judge


def _large_enough(path: Path, least: int) -> Judge:
    objects = walker(path)
    return lambda target, _attributes: all(len(one) >= least for one in objects(target))


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
    own = own_judge(place, trait, rule) or _any_rule(place, trait, rule)
    if rule.if_ is None or rule.kind == "needs":
        return own
    asked = condition_judge(rule.if_)
    return lambda target, attributes: (
        not asked(attributes, target, target) or own(target, attributes)
    )


def _any_rule(place: Place, trait: Trait, rule: Rule) -> Judge:
    check = CHECKS[rule.kind]
    return lambda target, attributes: (
        next(check(rule, Scope(place, target, attributes, trait)), None) is None
    )
