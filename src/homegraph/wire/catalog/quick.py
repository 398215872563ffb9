"""Reading the usual paths and conditions without generators: what the judges are made of.

Says the same as ``paths`` and ``conditions``, which also know the ways to what they find; here only values count.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from homegraph.wire.catalog.conditions import Attributes, compare, holds
from homegraph.wire.catalog.facts import Condition
from homegraph.wire.catalog.paths import Items, Path, parse
from homegraph.wire.catalog.rules import is_number

Judge: TypeAlias = Callable[[Mapping[str, Any], Attributes], bool]
"""Whether an object is right as far as this is concerned, in the light of the attributes."""

Holds: TypeAlias = Callable[[Attributes, Mapping[str, Any], Mapping[str, Any]], bool]
"""Whether a condition holds: attributes, the object that is checked, the object whose members are brothers."""

Walker: TypeAlias = Callable[[Any], list[Any]]
"""Takes all values at a path out of an object."""

Reader: TypeAlias = Callable[[Mapping[str, Any]], Any]
"""Takes one value out of an object; None when it is not there."""


TWO: Final = 2
"""Items of a list that may have a twin among them."""


def condition_judge(condition: Condition) -> Holds:
    """Whether a condition holds; the usual one, a member by its name, needs no path."""
    several = [condition_judge(one) for one in condition.all or condition.any]
    if condition.all:
        return lambda *world: all(one(*world) for one in several)
    if condition.any:
        return lambda *world: any(one(*world) for one in several)
    if condition.not_ is not None:
        opposite = condition_judge(condition.not_)
        return lambda *world: not opposite(*world)
    op, wanted = condition.op, condition.value
    name = condition.attr or condition.state or condition.param or condition.result
    if not name or "." in name or "[" in name:
        return lambda attributes, target, here: holds(condition, attributes, target, here)
    if not condition.attr:
        return lambda _attributes, target, _here: compare(op, target.get(name), wanted)
    if wanted is True and op == "eq":
        return lambda attributes, _target, _here: attributes.counted.get(name) is True
    if isinstance(wanted, str) and op == "eq":
        return lambda attributes, _target, _here: attributes.counted.get(name) == wanted
    if op in {"present", "min_items"}:
        return lambda attributes, _target, _here: compare(op, attributes.given.get(name), wanted)
    return lambda attributes, _target, _here: compare(op, attributes.counted.get(name), wanted)


def reader(path: str) -> Reader | None:
    """A reader of a member, or of a member of a member; None for other paths."""
    steps = parse(path)
    match steps:
        case (str(name),):
            return lambda target: target.get(name)
        case (str(outer), str(name)):

            def read(target: Mapping[str, Any]) -> Any:
                inner = target.get(outer)
                return inner.get(name) if isinstance(inner, dict) else None

            return read
    return None


def once(read: Reader) -> Callable[[Attributes], Any]:
    """What is read of attributes, read once for all devices that have the same."""

    def found(attributes: Attributes) -> Any:
        value = attributes.read.get(read, _UNREAD)
        if value is _UNREAD:
            value = attributes.read[read] = read(attributes.counted)
        return value

    return found


_UNREAD: Final = object()


def words_at(path: Path) -> Callable[[Attributes], frozenset[str]]:
    """The texts that attributes list at a path."""
    walk = walker(path)
    return once(lambda counted: frozenset(one for one in walk(counted) if isinstance(one, str)))


def limit_reader(limit: float | str | None) -> Callable[[Attributes], float | None] | None:
    """A reader of a limit from the attributes; None when it is not as simple as that."""
    if not isinstance(limit, str):
        return lambda _attributes: limit
    is_negative = limit.startswith("-")
    read = reader(limit.removeprefix("-").removeprefix("attributes."))
    if read is None:
        return None

    def number(counted: Mapping[str, Any]) -> float | None:
        value = read(counted)
        if not is_number(value):
            return None
        return -value if is_negative else value

    return once(number)


def values(
    target: Mapping[str, Any], path: Path, variables: Mapping[str, Any] | None = None
) -> list[Any]:
    """All values at a path."""
    found: list[Any] = [target]
    for step in path:
        if isinstance(step, str):
            found = [one[step] for one in found if isinstance(one, dict) and step in one]
        elif step.member and variables is not None:
            member, wanted = step.member, variables.get(step.variable)
            found = [
                item
                for one in found
                for item in _items(one)
                if isinstance(item, dict) and item.get(member) == wanted
            ]
        else:
            found = [item for one in found for item in _items(one)]
    return found


def walker(path: Path) -> Walker:
    """``values`` of one path that needs no variables, with the usual ways unrolled."""
    match path:
        case (str(name),):
            return lambda target: (
                [target[name]] if isinstance(target, dict) and name in target else []
            )
        case (str(name), Items(member="")):
            return lambda target: _items(target.get(name)) if isinstance(target, dict) else []
        case (Items(member=""), str(name)):
            return lambda target: [
                one[name] for one in _items(target) if isinstance(one, dict) and name in one
            ]
        case (str(outer), str(name)):
            inner = walker((name,))
            return lambda target: inner(target.get(outer)) if isinstance(target, dict) else []
        case (_, _, _, *_):
            head, tail = walker(path[:2]), walker(path[2:])
            return lambda target: [item for one in head(target) for item in tail(one)]
    return lambda target: values(target, path)


def has_twins(found: Sequence[Any]) -> bool:
    """Whether two texts among these are the same."""
    try:
        if len(set(found)) == len(found):
            return False
    except TypeError:  # a list or an object among them: no business of ours
        pass
    texts = [one for one in found if isinstance(one, str)]
    return len(set(texts)) < len(texts)


def _items(value: Any) -> list[Any]:
    """The items of a list, also in its old form, a text with commas."""
    if isinstance(value, str):
        return value.split(",")
    return value if isinstance(value, list) else []
