"""The fast way to say whether an object is right: a compiled type, then only what the type cannot say.

One conversion checks forms, words, bounds and unknown members of all traits at once. What is left (conditions, rules) is asked trait by
trait, and only of traits that have a say: ``judges`` has one small function for each.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from homegraph.wire.catalog.compiled import REFUSALS, UNREADABLE, is_conditional, members_type
from homegraph.wire.catalog.conditions import Attributes
from homegraph.wire.catalog.facts import Condition, Field, Rule, Trait
from homegraph.wire.catalog.judges import field_judge, rule_judge
from homegraph.wire.catalog.problems import Place
from homegraph.wire.catalog.quick import Holds, Judge, condition_judge


class Part(msgspec.Struct, frozen=True):
    """What one trait says of an object. ``absent_if``: when it has no members there at all."""

    trait: Trait
    fields: Sequence[Field]
    rules: Sequence[Rule]
    absent_if: Condition | None = None


class _Share(msgspec.Struct, frozen=True):
    """A part, prepared: which names are its own, which must be there, and who judges the rest."""

    names: frozenset[str]
    unreported: frozenset[str]
    required: frozenset[str]
    absent: Holds | None
    judges: tuple[Judge, ...]


class _Voices(msgspec.Struct, frozen=True):
    """Who has a say about objects of devices with certain attributes.

    ``silent`` are names that may not be there: those of traits without members. ``speaking`` are the shares with something beyond the
    type, ``required`` and ``judges`` those of all of them.
    """

    silent: frozenset[str]
    speaking: tuple[_Share, ...]
    required: frozenset[str]
    judges: tuple[Judge, ...]


_NONE: Final = Attributes({}, {})


class Fast:
    """Several traits' members of one object."""

    def __init__(self, place: Place, parts: Sequence[Part], *, is_open: bool) -> None:
        fields = [field for part in parts for field in part.fields]
        # What several traits describe is asked of each of them.
        times = Counter(field.name for field in fields)
        shared = frozenset(name for name in times if times[name] > 1)
        self.type = members_type(fields, is_open=is_open, optional=True, untyped=shared)
        self._read = msgspec.json.Decoder(self.type).decode
        self._shares = [_share(place, part, shared) for part in parts]
        # Where no trait can be silent, the attributes need not be asked.
        self._always = None if any(one.absent for one in self._shares) else self._voices(_NONE)

    def fit(self, target: Mapping[str, Any], attributes: Attributes, *, whole: bool) -> bool:
        """Whether the object has no problem. ``whole``: every trait counts, not only those with a member that is there."""
        if target:  # the type asks for no member, so an object without any has its form
            try:
                msgspec.convert(target, self.type)
            except REFUSALS:
                return False
        return self.is_kept(target, attributes, whole=whole)

    def fitting(self, attributes: Attributes) -> Callable[[Mapping[str, Any]], bool]:
        """``fit`` for objects of devices with these attributes, of which not all members need be there. One call in place of three."""
        form, voices, convert = self.type, self._heard(attributes), msgspec.convert
        silent, speaking = voices.silent, voices.speaking

        def fits(target: Mapping[str, Any]) -> bool:
            if target:
                try:
                    convert(target, form)
                except REFUSALS:
                    return False
            if silent and not silent.isdisjoint(target):
                return False
            return _mentioned_fit(speaking, target, attributes)

        return fits

    def has_form(self, written: bytes) -> bool:
        """Whether JSON has the form of the type. Costs less than reading it without one, because nothing is kept of it."""
        try:
            self._read(written)
        except UNREADABLE:
            return False
        return True

    def is_kept(self, target: Mapping[str, Any], attributes: Attributes, *, whole: bool) -> bool:
        """Whether what the type cannot say is right, too. The object has its form already."""
        voices = self._heard(attributes)
        if voices.silent and not voices.silent.isdisjoint(target):
            return False
        if not whole:
            return _mentioned_fit(voices.speaking, target, attributes)
        if not voices.required <= target.keys():
            return False
        for judge in voices.judges:  # noqa: SIM110  # a generator costs more than most judges
            if not judge(target, attributes):
                return False
        return True

    def _heard(self, attributes: Attributes) -> _Voices:
        """Who has a say. It is found out once for all that have the same attributes."""
        voices = self._always or attributes.read.get(self)
        if voices is None:
            voices = attributes.read[self] = self._voices(attributes)
        return voices

    def _voices(self, attributes: Attributes) -> _Voices:
        silent = [one for one in self._shares if one.absent and one.absent(attributes, {}, {})]
        others = [one for one in self._shares if one not in silent]
        return _Voices(
            frozenset[str]().union(*(one.names for one in silent)),
            tuple(one for one in others if one.required or one.unreported or one.judges),
            frozenset[str]().union(*(one.required for one in others)),
            tuple(judge for one in others for judge in one.judges),
        )


def _mentioned_fit(
    shares: Sequence[_Share], target: Mapping[str, Any], attributes: Attributes
) -> bool:
    """Whether what is there of each trait is right; a trait of which nothing is there has no say."""
    for share in shares:
        if share.names.isdisjoint(target):
            continue
        if share.required and not share.required <= target.keys():
            return False
        if share.unreported and not share.unreported.isdisjoint(target):
            return False
        for judge in share.judges:
            if not judge(target, attributes):
                return False
    return True


def _share(place: Place, part: Part, shared: frozenset[str]) -> _Share:
    closer = [one for one in part.fields if one.name in shared or is_conditional(one)]
    return _Share(
        names=frozenset(field.name for field in part.fields),
        unreported=frozenset(field.name for field in part.fields if not field.reportable),
        required=frozenset(
            field.name for field in part.fields if field.required and field.required_if is None
        ),
        absent=None if part.absent_if is None else condition_judge(part.absent_if),
        judges=(
            *(
                field_judge(place, part.trait, one, is_typed=one.name not in shared)
                for one in closer
            ),
            *(rule_judge(place, part.trait, rule) for rule in part.rules),
        ),
    )
