"""Paths of the catalog's format: which values of a JSON document a rule is about.

``a.b`` is a member of a member, ``[]`` every item of a list, ``[name=$key]`` the items whose member ``name`` is the variable
``key``. What is not there is not selected, and neither is what has another form: that is found where forms are checked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final, TypeAlias

import msgspec

Where: TypeAlias = tuple[str | int, ...]
"""The way to a value: member names and places in lists."""

_STEP: Final = re.compile(
    r"(?P<name>[^.\[\]]+)|(?P<each>\[\])|\[(?P<member>\w+)=\$(?P<variable>\w+)\]|\."
)


class Items(msgspec.Struct, frozen=True):
    """Every item of a list; with ``member`` only those whose member is the variable."""

    member: str = ""
    variable: str = ""


Path: TypeAlias = tuple[str | Items, ...]


@cache
def parse(path: str) -> Path:
    """Read a path. The catalog has a few hundred of them, extended by what projects bring at start."""
    steps: list[str | Items] = []
    for match in _STEP.finditer(path):
        if match["name"]:
            steps.append(match["name"])
        elif match["each"]:
            steps.append(Items())
        elif match["member"]:
            steps.append(Items(match["member"], match["variable"]))
    return tuple(steps)


def select(
    value: Any, path: Path, variables: Mapping[str, Any] | None = None, at: Where = ()
) -> Iterator[tuple[Where, Any]]:
    """Every value at a path, with the way to it. As deep as the path, which is ours, whatever the value is."""
    if not path:
        yield at, value
        return
    step, rest = path[0], path[1:]
    if isinstance(step, str):
        if isinstance(value, Mapping) and step in value:
            yield from select(value[step], rest, variables, (*at, step))
        return
    # A list may come in its old form, as one text with commas.
    items = value.split(",") if isinstance(value, str) else value
    if not isinstance(items, list):
        return
    for index, item in enumerate(items):
        if step.member and not (
            isinstance(item, Mapping)
            and variables is not None
            and item.get(step.member) == variables.get(step.variable)
        ):
            continue
        yield from select(item, rest, variables, (*at, index))


def first(value: Any, path: str) -> Any:
    """The first value at a path; None when there is none."""
    return next((found for _, found in select(value, parse(path))), None)
