"""The catalog: which traits and device types there are, and what belongs to them.

Two files of facts, in a format of our own, one entry per line:

``traits.json``
    ``traits`` has for each trait its full ``name``, whether it is ``current``, its attributes, states, commands and
    notifications with their types, bounds and rules, the errors of its commands, and what it was checked against. ``common`` has
    what belongs to every device.
``device_types.json``
    ``types`` has for each type its full ``name`` and label, and which traits it should have.

They are read when somebody asks for the first time, not when this package is imported: most processes never ask. Only what is
asked for is kept.

The facts are collected from public schemas, pages and implementations, and Google adds to the traits without notice. So an
unknown trait is no error here, it is None, and whoever asks decides what that means. ``online`` belongs to no trait: every
device has it.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from functools import cache
from typing import Final

import msgspec

__all__ = ["ONLINE", "state_keys"]

ONLINE: Final = "online"
"""The state that every device has, whatever its traits are."""


class _State(msgspec.Struct):
    name: str
    reportable: bool


class _Trait(msgspec.Struct):
    name: str
    states: list[_State]


class _Traits(msgspec.Struct):
    traits: list[_Trait]


def state_keys(trait: str) -> frozenset[str] | None:
    """Return the names of the states that may be reported of a trait, by its full name; None for a trait that is not known.

    A trait without states has none, which is not None. ``ONLINE`` is not among them.
    """
    return _state_keys_by_trait().get(trait)


@cache
def _state_keys_by_trait() -> Mapping[str, frozenset[str]]:
    catalog = msgspec.json.decode(_read("traits.json"), type=_Traits)
    return {
        trait.name: frozenset(state.name for state in trait.states if state.reportable)
        for trait in catalog.traits
    }


def _read(name: str) -> bytes:
    data = pkgutil.get_data(__name__, name)
    if data is None:  # pragma: no cover  # only a loader that cannot read files says so
        raise FileNotFoundError(name)
    return data
