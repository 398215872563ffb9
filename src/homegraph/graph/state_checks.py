"""What a reported state may hold: the catalog's problems, as far as a report is refused for them.

The catalog finds everything that is wrong with the states of a device; a report is refused only for what Google is known to refuse:
another type (null included), a word that does not exist, a number out of its bounds, which the attributes of the device may
narrow (section 7.1 of the protocol notes: openPercent 120), a color that says nothing. A trait that is not complete, a value that the attributes do not
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

CHECKERS_KEPT_MAX: Final = 1_024
"""Combinations of traits and attributes that are kept compiled, at some kilobytes each: as many as a thousand makes have."""

REFUSED: Final[Mapping[Kind, str]] = {
    Kind.TYPE: "STATE_TYPE_WRONG",
    Kind.ENUM: "STATE_WORD_UNKNOWN",
    Kind.RANGE: "STATE_OUT_OF_RANGE",
    Kind.ALTERNATIVES: "STATE_EMPTY",
}
"""The reasons of refused reports, by the kind of the problem. Of alternatives only none is refused: a color without a color."""

DeviceCheck: TypeAlias = Callable[[Mapping[str, Any]], Sequence[Problem]]
"""Finds what is refused in the states of a device."""

StateCheck: TypeAlias = Callable[[tuple[str, ...], bytes], DeviceCheck]
"""The check of devices with certain traits and attributes (JSON, b"" for none)."""


def checker(catalog: Catalog) -> StateCheck:
    """The checks by a catalog, with a memory of their own. Pure functions for all that can be seen."""

    @lru_cache(maxsize=CHECKERS_KEPT_MAX)
    def of_device(traits: tuple[str, ...], attributes: bytes) -> DeviceCheck:
        given = msgspec.json.decode(attributes, type=dict[str, Any]) if attributes else {}
        device = catalog.shape(traits).bind(given)
        fits = device.reported_fit

        def check(states: Mapping[str, Any]) -> Sequence[Problem]:
            if fits(states):
                return ()
            problems = device.state_problems(states, whole=False)
            return [
                one for one in problems if one.severity == "refused" and _is_refused(one, states)
            ]

        return check

    return of_device


def _is_refused(problem: Problem, states: Mapping[str, Any]) -> bool:
    if problem.kind is Kind.ALTERNATIVES:
        # Seen at Google with ``color: {}`` (Domoticz-Google-Assistant 253); what it makes of two colors at once is not known.
        return len(problem.path) == 1 and states.get(str(problem.path[0])) == {}
    return problem.kind in REFUSED
