"""The ``fields`` parameter: which parts of an answer are wanted.

``payload/devices``, ``payload.devices`` and ``payload(devices)`` are the same path; commas separate paths, parentheses hold
several of them below one name, ``*`` stands for every name. So far that is what was measured on Google's servers,
together with two oddities: a trailing comma is fine, and blanks are not trimmed. Below a map the names are its keys, we infer.

``parse_field_mask`` reads a mask, ``check`` holds it against the table of the answer's message, ``apply`` cuts an answer
down to it. A list is looked through: a path names the members of its elements.

The rule that is easily broken: depth is bounded when the mask is read, and nowhere later. Whoever builds a mask by another way
than ``parse_field_mask`` hands ``apply`` a recursion without end.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Final

from homegraph.errors import CallRefused
from homegraph.wire.proto_json import PRIMITIVES, Field, Message

__all__ = ["FieldMask", "parse_field_mask"]

MASK_CHARS_MAX: Final = 4_096
"""Characters of one mask. The longest useful one of this API has under two hundred."""

MASK_DEEP_MAX: Final = 32
"""Names below each other. The deepest answer of this API has six."""

EVERY: Final = "*"

_PIECES: Final = re.compile(r"[(),]|[^(),]+")


@dataclass(slots=True)
class _Node:
    """What is wanted of one value: all of it, or certain members."""

    whole: bool = False
    members: dict[str, _Node] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FieldMask:
    """A mask that was read: as it was written, and as a tree."""

    text: str
    _root: _Node = field(repr=False, compare=False)

    def check(self, message: Message) -> None:
        """Refuse a mask that names something ``message`` does not have.

        Raises:
            CallRefused: FIELD_MASK_INVALID, with the first path that leads nowhere.
        """
        astray = _astray(self._root, message, ())
        if astray is not None:
            raise _refusal(self.text, ".".join(astray))

    def apply(self, answer: dict[str, Any]) -> dict[str, Any]:
        """Return what the mask selects of ``answer``; members keep their order."""
        selected: dict[str, Any] = _selected(self._root, answer)
        return selected


def parse_field_mask(text: str) -> FieldMask:
    """Read a mask.

    Raises:
        CallRefused: FIELD_MASK_INVALID: parentheses that do not match, too long, or too deep.
    """
    if len(text) > MASK_CHARS_MAX:
        raise _refusal(text[:MASK_CHARS_MAX] + "…", "")
    root = node = _Node()
    depth = 0
    groups: list[tuple[_Node, int]] = []  # the values around the one being read, and their depths
    # What is read but not yet used; None behind a closed group, where none may stand.
    path: str | None = ""
    for piece in _PIECES.findall(text):
        if piece == ",":
            _want(text, node, depth, path)
            path = ""
        elif piece == ")" and groups:
            _want(text, node, depth, path)
            node, depth = groups.pop()
            path = None
        elif path is None or piece == ")":
            raise _refusal(text, text)
        elif piece == "(":
            groups.append((node, depth))
            node, depth = _descend(text, node, depth, path)
            path = ""
        else:
            path = piece
    if groups:
        raise _refusal(text, text)
    _want(text, node, depth, path)
    return FieldMask(text, root)


def _descend(text: str, node: _Node, depth: int, path: str) -> tuple[_Node, int]:
    """Go down ``path``, making what is not there yet. An empty path stays where it is."""
    for name in path.replace("/", ".").split(".") if path else ():
        depth += 1
        if depth > MASK_DEEP_MAX:
            raise _refusal(text, text)
        node = node.members.setdefault(name, _Node())
    return node, depth


def _want(text: str, node: _Node, depth: int, path: str | None) -> None:
    if path:
        _descend(text, node, depth, path)[0].whole = True


def _refusal(text: str, path: str) -> CallRefused:
    """Google's words; the field is the whole parameter, the path is written with dots."""
    description = (
        f"Error expanding 'fields' parameter. Cannot find matching fields for path '{path}'."
    )
    return CallRefused("FIELD_MASK_INVALID", description, violations=((text, description),))


def _astray(node: _Node, message: Message, path: tuple[str, ...]) -> tuple[str, ...] | None:
    for name, wanted in node.members.items():
        if name == EVERY:
            continue
        here = (*path, name)
        target = message.by_name.get(name)
        if target is None or target.json_name != name:
            return here
        # The names below a map are its keys, and every key is there.
        within = wanted.members.items() if target.keyed else (("", wanted),)
        for key, inner in within:
            astray = _astray_within(inner, target, (*here, key) if target.keyed else here)
            if astray is not None:
                return astray
    return None


def _astray_within(node: _Node, target: Field, path: tuple[str, ...]) -> tuple[str, ...] | None:
    if target.message is not None:
        return _astray(node, target.message, path)
    if target.kind in PRIMITIVES and node.members:
        return (*path, next(iter(node.members)))
    return None


def _selected(node: _Node, value: Any) -> Any:
    every = node.members.get(EVERY)
    if node.whole or (every is not None and every.whole):
        return value
    if isinstance(value, list):
        return [_selected(node, element) for element in value]
    if not isinstance(value, dict):
        return value
    chosen = {}
    for name, item in value.items():
        wanted = node.members.get(name, every)
        if wanted is not None:
            chosen[name] = _selected(wanted, item)
    return chosen
