"""From JSON values and query parameters to the fields of a message, by the rules of proto3-JSON.

A ``Message`` is a table of the fields a request may have. ``bind`` holds a parsed value, and the parameters of the URL or of
a form, against it and returns what is there, under proto names; or it refuses with everything that is wrong, in the words of
Google's transcoder. All complaints of a request come at once, as one error with one line each.

The rules: a field may be spelled in lowerCamelCase or by its proto name; null means absent; a bool may be a word
in a string ("true", "t", "yes", "y", "1", …); a single value may stand for a list of one; nothing unknown is overlooked.

What this module does not do: it does not read bytes (``lenient_json`` does) and does not ask whether a message makes sense,
e.g. whether a required field is there: for the proto layer every field is optional.

Two rules a maintainer could break by accident. Paths in complaints are made of *proto* names, whatever the client
wrote, while an unknown name is shown as it was written. And the walk is driven by the table, never by the value: it goes
no deeper than the tables are nested, so that no request can choose the depth of the recursion.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import msgspec

from homegraph.errors import CallRefused

__all__ = ["Field", "Kind", "Message", "bind"]

Kind = Literal["string", "bool", "message", "struct", "any"]
"""What a field holds. ``struct`` is any JSON object; ``any`` is kept as it comes, where we know no more than Google tells."""

VIOLATIONS_MAX: Final = 32
"""Complaints about one request. A body of unknown names would otherwise be answered with several times its size."""

SHOWN_CHARS_MAX: Final = 1_024
"""Characters of a client's name or value that are repeated in a complaint. Google repeats all of it; we answer no megabytes."""

RECEIVED: Final = "Invalid JSON payload received."

_TRUE: Final = frozenset(("true", "t", "yes", "y", "1"))
_FALSE: Final = frozenset(("false", "f", "no", "n", "0"))

Violation = tuple[str | None, str]
"""Path of the field, where Google names one, and the description."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its proto name, what it holds, and the message in it when that is a message."""

    name: str
    kind: Kind
    repeated: bool = False
    message: Message | None = None

    @property
    def json_name(self) -> str:
        """The lowerCamelCase spelling, which is the only one in answers."""
        head, *rest = self.name.split("_")
        return head + "".join(word.capitalize() for word in rest)


@dataclass(frozen=True, slots=True)
class Message:
    """A message: its full proto name and its fields."""

    name: str
    fields: tuple[Field, ...]
    by_name: Mapping[str, Field] = field(init=False, repr=False, compare=False)
    """Every accepted spelling."""

    def __post_init__(self) -> None:
        spellings = {f.name: f for f in self.fields} | {f.json_name: f for f in self.fields}
        object.__setattr__(self, "by_name", spellings)


def bind(
    message: Message, value: object, parameters: Sequence[tuple[str, str]] = ()
) -> dict[str, Any]:
    """Return the fields of ``message`` that are present, by proto name.

    ``value`` is the parsed body (``{}`` when there is none). Parameters are bound after it, so they win over it; of a field
    that comes twice the last value counts, but every one of them is checked. Values: str, bool, dict for a message or
    struct, list when repeated, and whatever was parsed for ``any``.

    Raises:
        CallRefused: JSON_ROOT, JSON_UNKNOWN_NAME or JSON_TYPE, whichever was found first; the fact ``violations`` has all.
    """
    if not isinstance(value, dict):
        text = f'{RECEIVED} Unknown name "": Root element must be a message.'
        raise CallRefused("JSON_ROOT", text, violations=((None, text),))
    binder = _Binder()
    bound = binder.message(message, value, "")
    for name, text in parameters:
        binder.parameter(message, name, text, bound)
    if binder.violations:
        raise CallRefused(binder.code, binder.violations[0][1], violations=tuple(binder.violations))
    return bound


class _Binder:
    """One walk over one request. It collects what is wrong and goes on."""

    __slots__ = ("code", "violations")

    def __init__(self) -> None:
        self.code = ""
        self.violations: list[Violation] = []

    def complain(self, code: str, path: str | None, description: str) -> None:
        if len(self.violations) < VIOLATIONS_MAX:
            self.code = self.code or code
            self.violations.append((path or None, description))

    # the body

    def message(self, message: Message, value: dict[str, Any], path: str) -> dict[str, Any]:
        bound: dict[str, Any] = {}
        for name, item in value.items():
            target = message.by_name.get(name)
            if target is None:
                self.unknown(name, path, "Cannot find field.")
            elif item is not None:
                bound[target.name] = self.field(target, name, item, path)
        return bound

    def field(self, target: Field, name: str, item: object, path: str) -> Any:
        here = f"{path}.{target.name}" if path else target.name
        if not target.repeated:
            return self.single(target, name, item, path, here)
        if not isinstance(item, list):
            return [self.single(target, name, item, path, here)]
        return [
            self.single(target, name, element, path, f"{here}[{index}]")
            for index, element in enumerate(item)
            if element is not None
        ]

    def single(self, target: Field, name: str, item: object, path: str, here: str) -> Any:
        """Check one value. ``path`` leads to the message around it, ``here`` to the value itself."""
        if target.kind == "any":
            return item
        if isinstance(item, list):
            return self.list_refused(target, name, item, path, here)
        if isinstance(item, dict):
            if target.message is not None:
                return self.message(target.message, item, here)
            if target.kind == "struct":
                return item
            # Observed: the path leads to the message around it, and its own name stands where otherwise the type does.
            at = f" at '{path}'" if path else ""
            complaint = f"Invalid value{at} ({target.name}), Starting an object on a scalar field"
            self.complain("JSON_TYPE", path, complaint)
            return None
        return self.scalar(target, item, here)

    def scalar(self, target: Field, item: object, here: str) -> Any:
        if target.kind == "string" and isinstance(item, str):
            return item
        if target.kind == "bool":
            word = _truth(item)
            if word is not None:
                return word
        description = f"Invalid value at '{here}' ({_type_name(target)}), {_as_json(item)}"
        self.complain("JSON_TYPE", here, description)
        return None

    def list_refused(self, target: Field, name: str, item: list[Any], path: str, here: str) -> None:
        if target.kind == "struct":
            self.complain("JSON_TYPE", here, f"Expect a map object but found: {_as_json(item)}")
        else:
            self.unknown(name, path, "Proto field is not repeating, cannot start list.")

    def unknown(self, name: str, path: str, complaint: str) -> None:
        at = f" at '{path}'" if path else ""
        description = f'{RECEIVED} Unknown name "{_shown(name)}"{at}: {complaint}'
        self.complain("JSON_UNKNOWN_NAME", path, description)

    # parameters

    def parameter(self, message: Message, name: str, text: str, bound: dict[str, Any]) -> None:
        """Bind one parameter. A dotted name leads into messages, as in ``payload.request_id``."""
        *outer, last = name.split(".")
        for step in outer:
            target = message.by_name.get(step)
            if target is None or target.message is None or target.repeated:
                self.unbindable(
                    name, f"Field '{_shown(name)}' could not be found in request message."
                )
                return
            inner = bound.get(target.name)
            if not isinstance(inner, dict):
                inner = bound[target.name] = {}
            message, bound = target.message, inner
        target = message.by_name.get(last)
        if target is None:
            self.unbindable(name, f"Field '{_shown(name)}' could not be found in request message.")
        elif target.kind not in ("string", "bool"):
            self.unbindable(
                name,
                f"'{_shown(name)}' is a message type. Parameters can only be bound to primitive types.",
            )
        else:
            value = self.scalar(target, text, ".".join((*outer, target.name)))
            if target.repeated:
                bound.setdefault(target.name, []).append(value)
            else:
                bound[target.name] = value

    def unbindable(self, name: str, complaint: str) -> None:
        self.unknown(name, "", f"Cannot bind query parameter. {complaint}")


def _truth(item: object) -> bool | None:
    """Read a bool or one of the words for it, in any case; a number is none."""
    if isinstance(item, str):
        word = item.lower()
        return True if word in _TRUE else False if word in _FALSE else None
    return item if isinstance(item, bool) else None


def _type_name(target: Field) -> str:
    if target.message is not None:
        return f"type.googleapis.com/{target.message.name}"
    if target.kind == "struct":
        return "type.googleapis.com/google.protobuf.Struct"
    return f"TYPE_{target.kind.upper()}"


def _shown(text: str) -> str:
    return text if len(text) <= SHOWN_CHARS_MAX else text[:SHOWN_CHARS_MAX] + "…"


def _as_json(item: object) -> str:
    if isinstance(item, str):
        item = _shown(item)
    return _shown(msgspec.json.encode(item).decode())
