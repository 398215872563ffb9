"""The fast way to say whether an object is right: a compiled type, then only the rules that can apply.

Most rules are about members that most objects do not have; which those are is seen once, so that at run time they cost one look
at the names. Whatever a type cannot say is asked of the explaining functions themselves, so the two ways cannot disagree about it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from homegraph.wire.catalog.compiled import conditional, fits_type, members_type
from homegraph.wire.catalog.conditions import Attributes
from homegraph.wire.catalog.facts import Field, Rule, Trait
from homegraph.wire.catalog.fields import check_members
from homegraph.wire.catalog.paths import parse
from homegraph.wire.catalog.problems import Place
from homegraph.wire.catalog.rules import CHECKS, Scope, applies

PRESENCE_RULES: Final = frozenset({"one_of", "any_of", "any_true", "shapes"})
"""Rules that can be broken by what is not there."""


class _Part(msgspec.Struct, frozen=True):
    """One trait's share: which names are its own, which must be there, and what must be looked at more closely.

    With each rule and each conditional field goes the set of names without which it has nothing to say; None: it always may.
    """

    trait: Trait
    names: frozenset[str]
    required: frozenset[str]
    fields: tuple[tuple[frozenset[str] | None, Field], ...]
    rules: tuple[tuple[frozenset[str] | None, Rule], ...]


class Fast:
    """Several traits' members of one object. ``whole``: every trait counts, not only those with a member that is there."""

    def __init__(
        self,
        place: Place,
        parts: Sequence[tuple[Trait, Sequence[Field], Sequence[Rule]]],
        *,
        is_open: bool,
        whole: bool,
    ) -> None:
        everything = [field for _, fields, _ in parts for field in fields]
        self._type = members_type(everything, is_open=is_open, optional=True)
        self._place = place
        self._whole = whole
        shared = conditional(everything)
        self._parts = [_part(trait, fields, rules, shared) for trait, fields, rules in parts]

    def fit(self, target: Mapping[str, Any], attributes: Attributes) -> bool:
        """Whether the object has no problem."""
        if not fits_type(self._type, target):
            return False
        names = target.keys()
        for part in self._parts:
            if self._whole or not part.names.isdisjoint(names):
                if not part.required <= names:
                    return False
                if part.fields or part.rules:
                    scope = Scope(self._place, target, attributes, part.trait)
                    if any(_closer(part, scope)):
                        return False
        return True


def _closer(part: _Part, scope: Scope) -> Iterator[object]:
    """Problems of what the type says too little about."""
    names = scope.target.keys()
    for needed, field in part.fields:
        if needed is None or not needed.isdisjoint(names):
            yield from check_members((field,), scope)
    for needed, rule in part.rules:
        if (needed is None or not needed.isdisjoint(names)) and applies(rule, scope):
            yield from CHECKS[rule.kind](rule, scope)


def _part(
    trait: Trait, fields: Sequence[Field], rules: Sequence[Rule], shared: Sequence[Field]
) -> _Part:
    return _Part(
        trait,
        frozenset(field.name for field in fields),
        frozenset(field.name for field in fields if field.required and field.required_if is None),
        tuple(
            (None if field.required_if else frozenset({field.name}), field)
            for field in fields
            if field in shared
        ),
        tuple((_about(rule), rule) for rule in rules),
    )


def _about(rule: Rule) -> frozenset[str] | None:
    """The members of which one must be there for a rule to say anything; None when what is not there breaks it, too."""
    if rule.kind == "sensor_table":
        return None
    paths = [path for path in (rule.at, rule.field, rule.low, *rule.fields) if path]
    if rule.kind in PRESENCE_RULES and not rule.at:
        return None
    return frozenset(str(parse(path)[0]) for path in paths)
