"""What can be wrong with a value that the catalog describes.

A problem is a fact with a place; what it means for a device or a call is decided by whoever asked. The kinds are few and
closed: a rule of ``graph.checks`` stands for a kind at a place.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Final

import msgspec

from homegraph.wire.catalog.paths import Where

PROBLEMS_MAX: Final = 64
"""Problems of one object that are told; who has made more has one cause for them all."""

SHOWN_MAX: Final = 80
"""Characters of a foreign value that a sentence quotes."""

WORDS_TOLD_MAX: Final = 12
"""Allowed words that a sentence lists."""


class Place(StrEnum):
    """Which object of a device is meant."""

    ATTRIBUTE = "attribute"
    STATE = "state"
    PARAM = "param"
    RESULT = "result"
    NOTIFICATION = "notification"


class Kind(StrEnum):
    """What is wrong."""

    MISSING = "missing"  # a required member is not there
    TYPE = "type"  # another JSON type than described, null included
    ENUM = "enum"  # a word that is none of the allowed ones
    RANGE = "range"  # a number out of its bounds
    SIZE = "size"  # too few or too many items or members, or text of another form
    UNKNOWN = "unknown"  # a member that nothing describes
    UNEXPECTED = "unexpected"  # a member that has no place here, given the others
    ALTERNATIVES = "alternatives"  # none, or too many, of members that stand for each other
    DUPLICATE = "duplicate"  # a name that must be unique is not
    UNLISTED = "unlisted"  # a value that the attributes do not list
    ORDER = "order"  # a lower bound above its upper bound, or too close to it
    CONFLICT = "conflict"  # values that contradict each other
    DEPRECATED = "deprecated"  # still understood
    UNAVAILABLE = "unavailable"  # a command that this device does not have


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong: ``path`` leads to it from the object that was checked; ``trait`` is a full name.

    ``severity`` is what Google does about it as far as is known: ``refused`` by the published schema, ``ignored``, or ``advice``.
    """

    kind: Kind
    place: Place
    path: Where
    what: str
    trait: str = ""
    severity: str = "refused"


def shown(value: Any) -> str:
    """A foreign value as JSON, cut."""
    try:
        text = msgspec.json.encode(value).decode()
    except (
        TypeError,
        ValueError,
        RecursionError,
    ):  # what no JSON text can hold, or nobody should print
        text = "…"
    return text if len(text) <= SHOWN_MAX else f"{text[:SHOWN_MAX]}…"


def listed(words: Sequence[str]) -> str:
    """Words that are allowed; of many the first ones."""
    more = ["…"] if len(words) > WORDS_TOLD_MAX else []
    return ", ".join([*(word or '""' for word in words[:WORDS_TOLD_MAX]), *more])


def number(value: float) -> str:
    """A number as a person writes it: all digits that it is exact to, and no more."""
    return f"{value:.15g}"


def limits(low: float | None, high: float | None) -> str:
    """From where to where; one end may be open."""
    ends = " to ".join(number(end) for end in (low, high) if end is not None)
    if high is None:
        return f"{ends} or more"
    return ends if low is not None else f"{ends} or less"
