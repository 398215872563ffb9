"""Whether a condition of the catalog's format holds.

``attr`` looks into the device's attributes, ``field`` at a brother in the same object, the others into the object that is checked. A
missing attribute counts with its default; without one ``eq`` is false and ``ne`` is true.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from homegraph.wire.catalog.facts import Condition
from homegraph.wire.catalog.paths import first

OPERATORS: Final = ("eq", "ne", "present", "contains", "min_items")
"""How a condition may compare."""


class Attributes(msgspec.Struct, frozen=True):
    """A device's attributes as they were given, and with the defaults of its traits filled in.

    ``read`` is what judges have read in ``counted``, by who has read it: the devices of one model are judged by the same attributes.
    """

    given: Mapping[str, Any]
    counted: Mapping[str, Any]
    read: dict[Any, Any] = {}  # each has its own


def holds(
    condition: Condition,
    attributes: Attributes,
    target: Mapping[str, Any],
    here: Mapping[str, Any] | None = None,
) -> bool:
    """Whether it holds. ``target`` is the object that is checked, ``here`` the one inside it whose members are brothers."""
    if condition.all:
        return all(holds(one, attributes, target, here) for one in condition.all)
    if condition.any:
        return any(holds(one, attributes, target, here) for one in condition.any)
    if condition.not_ is not None:
        return not holds(condition.not_, attributes, target, here)
    if condition.attr:
        # Whether it is there is asked of what was given; what it is, with the defaults.
        given = condition.op in {"present", "min_items"}
        value = first(attributes.given if given else attributes.counted, condition.attr)
    elif condition.field:
        value = first(target if here is None else here, condition.field)
    else:
        value = first(target, condition.state or condition.param or condition.result)
    return compare(condition.op, value, condition.value)


def in_words(condition: Condition, *, mark: str = "") -> str:
    """When something holds, to follow "where" or "if". ``mark`` stands around names and values."""
    if condition.all or condition.any:
        word = " and " if condition.all else " or "
        return word.join(in_words(one, mark=mark) for one in condition.all or condition.any)
    if condition.not_ is not None:
        turned = _told(condition.not_, mark, _OPPOSITES)
        return turned or f"not ({in_words(condition.not_, mark=mark)})"
    return _told(condition, mark, _WORDS)


_WORDS: Final = {
    "eq": "{name} is {value}",
    "ne": "{name} is not {value}",
    "present": "{name} is given",
    "contains": "{name} has {value}",
    "min_items": "{name} has {count} or more entries",
}
_OPPOSITES: Final = {
    "eq": _WORDS["ne"],
    "ne": _WORDS["eq"],
    "present": "{name} is not given",
    "contains": "{name} does not have {value}",
    "min_items": "{name} has fewer than {count} entries",
}


def _told(condition: Condition, mark: str, words: Mapping[str, str]) -> str:
    """One comparison; empty for several. Without a mark it is said which names are attributes, as nobody is on their page."""
    if not condition.op:
        return ""
    name = (
        condition.attr or condition.state or condition.param or condition.result or condition.field
    )
    value = msgspec.json.encode(condition.value).decode()
    about = "the attribute " if condition.attr and not mark else ""
    return words[condition.op].format(
        name=f"{about}{mark}{name}{mark}", value=f"{mark}{value}{mark}", count=value
    )


def compare(op: str, value: Any, wanted: Any) -> bool:
    """Compare a value, None for one that is missing."""
    match op:
        case "present":
            return value is not None
        case "eq":
            return _same(value, wanted)
        case "ne":
            return not _same(value, wanted)
        case "contains":
            # A list may come in its old form, as one text with commas.
            items = value.split(",") if isinstance(value, str) else value
            return isinstance(items, list) and wanted in items
        case _:  # min_items: OPERATORS has no other, and ``proving`` lets none in
            return isinstance(value, list) and len(value) >= wanted


def _same(one: Any, two: Any) -> bool:
    """Python finds 1 and true equal; JSON does not."""
    return isinstance(one, bool) is isinstance(two, bool) and bool(one == two)
