"""What devices of a combination of traits may say: their attributes, states, commands and notifications.

``shape`` brings the traits of a device together, ``Shape.bind`` its attributes; the result, a ``Bound``, judges everything else.
Attributes and states, which come in masses, are judged in two ways that always agree (decision 0013):

* ``..._fit`` is the fast way, for what is nearly always right: a compiled type, and the rules that can apply;
* ``..._problems`` is the slow way, which explains. ``fit`` is true exactly when there is no problem at all, of whatever severity.

A trait that the catalog does not know may have any attribute and any state; so a device with one has no unknown members. Several
traits may describe one attribute (the legacy ones do); it is right when each of them says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from itertools import chain, islice
from typing import Any, Final

import msgspec

from homegraph.wire.catalog.compiled import UNREADABLE
from homegraph.wire.catalog.conditions import Attributes, holds, in_words
from homegraph.wire.catalog.facts import TRAIT_PREFIX, UNSET, Command, Field, Trait
from homegraph.wire.catalog.fast import Fast, Part
from homegraph.wire.catalog.fields import check_members, check_unknown
from homegraph.wire.catalog.problems import PROBLEMS_MAX, Kind, Place, Problem, shown
from homegraph.wire.catalog.rules import Scope, check_rules
from homegraph.wire.catalog.suggestions import did_you_mean
from homegraph.wire.query_intent import NOT_STATES

ONLINE: Final = "online"
"""The state that every device has, whatever its traits are."""

_decode: Final = msgspec.json.Decoder(dict[str, Any]).decode

_ONLINE: Final = Field(name=ONLINE, type="boolean")
_NO_TRAIT: Final = Trait(name="", short="")


class Shape:
    """The traits of a device, brought together. ``traits`` are those the catalog knows; ``is_open`` tells that there are others."""

    def __init__(self, traits: tuple[Trait, ...], *, is_open: bool) -> None:
        self.traits = tuple(_beside(trait, traits) for trait in traits)
        self.is_open = is_open
        self._commands = {one.name: (trait, one) for trait in self.traits for one in trait.commands}
        self._described = [field for trait in self.traits for field in trait.attributes]
        self._defaults = {
            one.name: one.default for one in self._described if one.default is not UNSET
        }
        self._nested = [one for one in self._described if _has_defaults(one)]
        self._none_given = Attributes({}, self._defaults)

    def attributes_fit(self, attributes: Mapping[str, Any]) -> bool:
        """Whether attributes have no problem."""
        return self.attributes.fit(attributes, self._counted(attributes), whole=True)

    def read_attributes(self, written: bytes) -> dict[str, Any] | None:
        """Attributes from JSON; None when they have a problem, or are no object."""
        if not self.attributes.has_form(written):
            return None
        try:
            attributes = _decode(written)
        except UNREADABLE:  # within a member that nobody knows
            return None
        kept = self.attributes.is_kept(attributes, self._counted(attributes), whole=True)
        return attributes if kept else None

    def attribute_problems(self, attributes: Mapping[str, Any]) -> tuple[Problem, ...]:
        """What is wrong with attributes, at most PROBLEMS_MAX."""
        return _told(self._attribute_problems(attributes))

    def bind(self, attributes: Mapping[str, Any]) -> Bound:
        """What a device with these attributes may say. They need not be right."""
        return Bound(self, self._counted(attributes))

    def _counted(self, given: Mapping[str, Any]) -> Attributes:
        """Attributes with the defaults of what is missing, within objects, too."""
        if not given:
            return self._none_given
        counted = _filled(self._defaults, given)
        for field in self._nested:
            value = counted.get(field.name)
            if isinstance(value, dict):
                inner = {one.name: one.default for one in field.fields if one.default is not UNSET}
                counted[field.name] = _filled(inner, value)
        return Attributes(given, counted)

    @cached_property
    def attributes(self) -> Fast:
        """The fast way for attributes."""
        parts = [Part(trait, trait.attributes, trait.attribute_rules) for trait in self.traits]
        return Fast(Place.ATTRIBUTE, parts, is_open=self.is_open)

    @cached_property
    def states(self) -> Fast:
        """The fast way for states."""
        online = Part(_NO_TRAIT, (_ONLINE,), ())
        parts = [Part(t, t.states, t.state_rules, t.states_absent_if) for t in self.traits]
        return Fast(Place.STATE, [online, *parts], is_open=self.is_open)

    def _attribute_problems(self, attributes: Mapping[str, Any]) -> Iterator[Problem]:
        counted = self._counted(attributes)
        for trait in self.traits:
            scope = Scope(Place.ATTRIBUTE, attributes, counted, trait)
            yield from check_members(trait.attributes, scope)
            yield from check_rules(trait.attribute_rules, scope)
        if not self.is_open:
            scope = Scope(Place.ATTRIBUTE, attributes, counted, _NO_TRAIT)
            yield from check_unknown(self._described, scope)


class Bound:
    """A device: its traits and its attributes."""

    def __init__(self, shape: Shape, attributes: Attributes) -> None:
        self.shape = shape
        self.attributes = attributes

    # --- states ------------------------------------------------------------------------------------------------------

    def states_fit(self, states: Mapping[str, Any], *, whole: bool) -> bool:
        """Whether states have no problem. ``whole``: they answer a QUERY, so no trait may be left out."""
        if whole:
            if ONLINE not in states:
                return False
            if not NOT_STATES.isdisjoint(states):
                states = {key: states[key] for key in states if key not in NOT_STATES}
        return self.shape.states.fit(states, self.attributes, whole=whole)

    @cached_property
    def reported_fit(self) -> Callable[[Mapping[str, Any]], bool]:
        """``states_fit`` for states of which not all need be there, as a function of its own: for devices that report all the time."""
        return self.shape.states.fitting(self.attributes)

    def state_problems(self, states: Mapping[str, Any], *, whole: bool) -> tuple[Problem, ...]:
        """What is wrong with states, at most PROBLEMS_MAX."""
        return _told(self._state_problems(states, whole=whole))

    def _state_problems(self, states: Mapping[str, Any], *, whole: bool) -> Iterator[Problem]:
        common = Scope(Place.STATE, states, self.attributes, _NO_TRAIT)
        online = msgspec.structs.replace(_ONLINE, required=whole)
        yield from check_members((online,), common)
        for trait in self.shape.traits:
            scope = Scope(Place.STATE, states, self.attributes, trait)
            mentioned = [field.name for field in trait.states if field.name in states]
            if self._is_silent(trait):
                for name in mentioned:
                    what = f"{name} has no place here: the attributes make {trait.short} one-way."
                    yield Problem(
                        kind=Kind.UNEXPECTED,
                        place=Place.STATE,
                        path=(name,),
                        what=what,
                        trait=trait.name,
                        severity="ignored",
                    )
            elif whole or mentioned:
                yield from self._unreportable(trait, scope, whole=whole)
                yield from check_members(trait.states, scope)
                yield from check_rules(trait.state_rules, scope)
        if not self.shape.is_open:
            known = [_ONLINE, *(field for trait in self.shape.traits for field in trait.states)]
            if whole:
                known += [Field(name=name, type="string") for name in NOT_STATES]
            yield from check_unknown(known, common)

    def _unreportable(self, trait: Trait, scope: Scope, *, whole: bool) -> Iterator[Problem]:
        """States that only a QUERY answer has."""
        for name in () if whole else trait.unreported & scope.target.keys():
            what = f"{name} belongs into answers to QUERY only."
            yield Problem(
                kind=Kind.UNEXPECTED,
                place=Place.STATE,
                path=(name,),
                what=what,
                trait=trait.name,
                severity="ignored",
            )

    def _is_silent(self, trait: Trait) -> bool:
        absent = trait.states_absent_if
        return absent is not None and holds(absent, self.attributes, {})

    # --- commands ----------------------------------------------------------------------------------------------------

    def command(self, name: str) -> tuple[Trait, Command] | None:
        """A command of the device by its full name, with its trait; None when its traits have none such."""
        return self.shape._commands.get(name)  # noqa: SLF001  # of this module

    def commands(self) -> tuple[Command, ...]:
        """The commands that the device takes, given its attributes."""
        found = self.shape._commands.values()  # noqa: SLF001
        return tuple(command for trait, command in found if not self._hindrance(trait, command))

    def declared(self) -> tuple[Command, ...]:
        """The commands of its traits, whether or not its attributes allow them."""
        return tuple(command for _, command in self.shape._commands.values())  # noqa: SLF001

    def command_problems(self, name: str, params: Mapping[str, Any]) -> tuple[Problem, ...]:
        """What is wrong with a command and its parameters; a device with unlisted traits takes any command."""
        return _told(self._command_problems(name, params))

    def _command_problems(self, name: str, params: Mapping[str, Any]) -> Iterator[Problem]:
        found = self.command(name)
        if found is None:
            if not self.shape.is_open:
                what = f"No trait of this device has the command {shown(name)}."
                what += did_you_mean(name, self.shape._commands)  # noqa: SLF001
                yield Problem(kind=Kind.UNAVAILABLE, place=Place.PARAM, path=(), what=what)
            return
        trait, command = found
        if hindrance := self._hindrance(trait, command):
            what = f"The device's attributes do not allow {name}: {hindrance}."
            yield Problem(
                kind=Kind.UNAVAILABLE, place=Place.PARAM, path=(), what=what, trait=trait.name
            )
        scope = Scope(Place.PARAM, params, self.attributes, trait)
        yield from check_members(command.params, scope)
        yield from check_rules(command.param_rules, scope)
        yield from check_unknown(command.params, scope)

    def _hindrance(self, trait: Trait, command: Command) -> str:
        """What in the attributes rules a command out; empty when nothing does."""
        absent, when = trait.commands_absent_if, command.when
        if absent is not None and holds(absent, self.attributes, {}):
            return in_words(absent)
        if when is not None and not holds(when, self.attributes, {}):
            return f"it needs that {in_words(when)}"
        return ""

    def result_problems(
        self, name: str, states: Mapping[str, Any], params: Mapping[str, Any] | None = None
    ) -> tuple[Problem, ...]:
        """What is wrong with what a command's answer has beside states (``states`` has both); ``params`` are the command's."""
        found = self.command(name)
        if found is None:
            return ()
        trait, command = found
        scope = Scope(Place.RESULT, states, self.attributes, trait, params or {})
        members = check_members(command.results, scope)
        return _told(chain(members, check_rules(command.result_rules, scope)))

    # --- notifications -----------------------------------------------------------------------------------------------

    def notification_problems(self, key: str, body: Mapping[str, Any]) -> tuple[Problem, ...]:
        """What is wrong with a notification; ``key`` is its name in a report, the short name of the trait.

        Google's pages know more notifications than the catalog, so one of a trait that the device has may be anything.
        """
        names = [trait.short for trait in self.shape.traits]
        found = [(t, n) for t in self.shape.traits for n in t.notifications if n.key == key]
        if not found and key not in names and not self.shape.is_open:
            meant = did_you_mean(key.removeprefix(TRAIT_PREFIX), names)
            what = f"{shown(key)} is no trait of this device.{meant}"
            return (
                Problem(
                    kind=Kind.UNKNOWN,
                    place=Place.NOTIFICATION,
                    path=(),
                    what=what,
                    severity="ignored",
                ),
            )
        told: list[tuple[Problem, ...]] = []
        for trait, one in found:
            scope = Scope(Place.NOTIFICATION, body, self.attributes, trait)
            members = check_members(one.fields, scope)
            unknown = check_unknown(one.fields, scope)
            told.append(_told(chain(members, check_rules(one.rules, scope), unknown)))
        # A trait with two forms: the notification is meant to be the one that it fits best.
        return min(told, key=len, default=())


def _told(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    return tuple(islice(problems, PROBLEMS_MAX))


def _filled(defaults: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """What was given, and the defaults of the rest. Null is a mistake that is told elsewhere; it counts as not given."""
    filled = {**defaults, **given}
    if None in filled.values():
        filled |= {name: value for name, value in defaults.items() if filled[name] is None}
    return filled


def _has_defaults(field: Field) -> bool:
    return any(one.default is not UNSET for one in field.fields)


def _beside(trait: Trait, others: Iterable[Trait]) -> Trait:
    """A trait whose objects may hold what the other traits put into the same object: ``color`` belongs to both legacy traits."""

    def shared(kind: str) -> tuple[Field, ...]:
        twins = [field for other in others if other is not trait for field in getattr(other, kind)]
        return tuple(
            _with_members_of(field, [twin for twin in twins if twin.name == field.name])
            for field in getattr(trait, kind)
        )

    attributes, states = shared("attributes"), shared("states")
    if attributes == trait.attributes and states == trait.states:
        return trait
    return msgspec.structs.replace(trait, attributes=attributes, states=states)


def _with_members_of(field: Field, twins: Iterable[Field]) -> Field:
    names = {one.name for one in field.fields}
    extra = [one for twin in twins for one in twin.fields if one.name not in names]
    if not field.fields or not extra:
        return field
    # Their own trait says when they must be there, and when they may.
    free = (
        msgspec.structs.replace(one, required=False, required_if=None, present_if=None)
        for one in extra
    )
    return msgspec.structs.replace(field, fields=(*field.fields, *free))
