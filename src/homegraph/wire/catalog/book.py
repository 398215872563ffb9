"""The catalog as one value: traits, types and commands by their names.

There is one that comes with the package, ``builtin()``; a project that knows of more makes another from it.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping, Sequence
from functools import cache, cached_property, lru_cache
from typing import Any, Final

import msgspec

from homegraph.wire.catalog import __name__ as package
from homegraph.wire.catalog.facts import (
    TRAIT_PREFIX,
    TYPE_PREFIX,
    Command,
    Common,
    DeviceType,
    Trait,
    Traits,
    Types,
)
from homegraph.wire.catalog.proving import faults
from homegraph.wire.catalog.shapes import ONLINE, Shape
from homegraph.wire.catalog.suggestions import nearest

SHAPES_KEPT_MAX: Final = 1_024
"""Combinations of traits whose shapes are kept: a house has a dozen, a thousand houses little more."""


class CatalogError(ValueError):
    """A document is no catalog; the message says where and why."""


class Catalog:
    """Traits and device types by their full names."""

    def __init__(
        self, common: Common, traits: Mapping[str, Trait], types: Mapping[str, DeviceType]
    ) -> None:
        self.common = common
        self.traits = traits
        self.types = types
        self._shape = lru_cache(maxsize=SHAPES_KEPT_MAX)(self._new_shape)

    def shape(self, traits: tuple[str, ...]) -> Shape:
        """What devices with these traits may say."""
        return self._shape(traits)

    def shape_of_any(self, listed: Sequence[str]) -> Shape:
        """The same of whatever a stranger lists. A shape is kept by the words that it was asked for, so those are few and short ones."""
        known = dict.fromkeys(name for name in listed if name in self.traits)
        others = ("",) if any(name not in known for name in listed) else ()
        return self._shape((*known, *others))

    def state_keys(self, trait: str) -> frozenset[str] | None:
        """The names of the states that may be reported of a trait; None for a trait that is not known.

        A trait without states has none, which is not None. ``online`` is not among them.
        """
        known = self.traits.get(trait)
        return None if known is None else known.state_names

    def nearest_trait(self, name: str) -> str:
        """The full name of the trait that is meant by an unknown one, "" when there is none."""
        return _nearest(name, self.traits, TRAIT_PREFIX)

    def nearest_type(self, name: str) -> str:
        """The full name of the type that is meant by an unknown one, "" when there is none."""
        return _nearest(name, self.types, TYPE_PREFIX)

    @cached_property
    def commands(self) -> Mapping[str, tuple[Trait, Command]]:
        """Every command by its full name, with its trait; of two traits with one command the current one counts."""
        ordered = sorted(self.traits.values(), key=lambda trait: trait.status == "current")
        return {one.name: (trait, one) for trait in ordered for one in trait.commands}

    @cached_property
    def exclusive_traits(self) -> frozenset[str]:
        """Traits that belong to types which have no others."""
        types = self.types.values()
        return frozenset(name for one in types if one.exclusive for name in one.required_traits)

    @cached_property
    def error_codes(self) -> frozenset[str]:
        """The words known as ``errorCode``."""
        codes = self.common.error_codes
        listed = {*codes.platform_2021, *codes.seen_elsewhere}
        for trait in self.traits.values():
            listed.update(trait.errors, trait.related_errors)
        return frozenset(listed)

    def extended(self, document: bytes) -> Catalog:
        """This catalog with more traits and types: JSON of the same format with ``traits`` and ``types``, both optional.

        A trait that is known already gains attributes, states and commands; those with a known name are replaced.

        Raises:
            CatalogError: the document has another form; the message names the place.
        """
        try:
            extra = msgspec.json.decode(document, type=_Extra)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
            raise CatalogError(str(exc)) from exc
        traits, types = dict(self.traits), dict(self.types)
        for index, one in enumerate(extra.traits):
            whole = _merged(traits[one.name], one) if one.name in traits else one
            fault = next(faults(one, f"$.traits[{index}]", whole), None)
            if fault is not None:
                raise CatalogError(fault)
            traits[one.name] = whole
        types.update((one.name, one) for one in extra.types)
        return Catalog(self.common, traits, types)

    def _new_shape(self, traits: tuple[str, ...]) -> Shape:
        # A trait that is listed twice is one trait.
        known = {name: self.traits[name] for name in traits if name in self.traits}
        return Shape(tuple(known.values()), is_open=len(known) < len(set(traits)))


class _Extra(msgspec.Struct, forbid_unknown_fields=True):
    traits: tuple[Trait, ...] = ()
    types: tuple[DeviceType, ...] = ()


@cache
def builtin() -> Catalog:
    """The catalog that comes with the package. Read once, when somebody asks."""
    traits = msgspec.json.decode(_read("traits.json"), type=Traits)
    types = msgspec.json.decode(_read("device_types.json"), type=Types)
    return Catalog(
        traits.common,
        {trait.name: trait for trait in traits.traits},
        {type_.name: type_ for type_ in types.types},
    )


def state_keys(trait: str) -> frozenset[str] | None:
    """``Catalog.state_keys`` of the builtin catalog."""
    return builtin().state_keys(trait)


def _read(name: str) -> bytes:
    data = pkgutil.get_data(package, name)
    if data is None:  # pragma: no cover  # only a loader that cannot read files says so
        raise FileNotFoundError(name)
    return data


def _nearest(name: str, known: Mapping[str, Any], prefix: str) -> str:
    """Compare last parts: people forget the prefix, or write it differently."""
    last = name.rpartition(".")[2]
    found = nearest(last, [one.removeprefix(prefix) for one in known])
    return prefix + found if found else ""


def _merged(known: Trait, extra: Trait) -> Trait:
    """A trait with what an extra one adds."""

    def joined(before: tuple[Any, ...], after: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple({one.name: one for one in (*before, *after)}.values())

    return msgspec.structs.replace(
        known,
        attributes=joined(known.attributes, extra.attributes),
        states=joined(known.states, extra.states),
        commands=joined(known.commands, extra.commands),
        attribute_rules=(*known.attribute_rules, *extra.attribute_rules),
        state_rules=(*known.state_rules, *extra.state_rules),
        notifications=(*known.notifications, *extra.notifications),
        errors=(*known.errors, *extra.errors),
        sensors=joined(known.sensors, extra.sensors),
    )


__all__ = ["ONLINE", "Catalog", "CatalogError", "builtin", "state_keys"]
