"""What a reported state may hold: the catalog's problems, as far as a report is refused for them.

The catalog finds everything that is wrong with the states of a device; a report is refused only for what Google is known to refuse:
another type (null included), a word that does not exist, a number out of its bounds, which the attributes of the device may
narrow (section 7.1 of the protocol notes: openPercent 120). A trait that is not complete, a value that the attributes do not
list, a state of a trait that is one-way: those are stored, and are findings elsewhere.

Devices of one make have the same traits and attributes, so what is compiled for one serves them all. A state that is right costs
about a microsecond.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, TypeAlias

import msgspec

from homegraph.wire.catalog.book import Catalog
from homegraph.wire.catalog.problems import Kind, Problem
from homegraph.wire.catalog.shapes import Bound

CHECKERS_KEPT_MAX: Final = 1_024
"""Combinations of traits and attributes that are kept compiled, at some kilobytes each: as many as a thousand makes have."""

REFUSED: Final[Mapping[Kind, str]] = {
    Kind.TYPE: "STATE_TYPE_WRONG",
    Kind.ENUM: "STATE_WORD_UNKNOWN",
    Kind.RANGE: "STATE_OUT_OF_RANGE",
}
"""The reasons of refused reports, by the kind of the problem."""

StateCheck: TypeAlias = Callable[[tuple[str, ...], bytes, Mapping[str, Any]], Sequence[Problem]]
"""Finds what is refused in the states of a device; its traits and its attributes (JSON, b"" for none) come first."""


def checker(catalog: Catalog) -> StateCheck:
    """The check by a catalog, with a memory of its own. A pure function for all that can be seen."""

    @lru_cache(maxsize=CHECKERS_KEPT_MAX)
    def bound(traits: tuple[str, ...], attributes: bytes) -> Bound:
        given = msgspec.json.decode(attributes, type=dict[str, Any]) if attributes else {}
        return catalog.shape(traits).bind(given)

    def check(
        traits: tuple[str, ...], attributes: bytes, states: Mapping[str, Any]
    ) -> Sequence[Problem]:
        device = bound(traits, attributes)
        if device.states_fit(states, whole=False):
            return ()
        problems = device.state_problems(states, whole=False)
        return [one for one in problems if one.kind in REFUSED and one.severity == "refused"]

    return check
