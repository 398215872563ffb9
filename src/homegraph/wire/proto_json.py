"""From JSON values and query parameters to the fields of a message and back, by the rules of proto3-JSON.

A ``Message`` is a table of fields; those of the API are in ``messages``. ``bind`` holds a parsed value, and the parameters of
the URL or of a form, against it and returns what is there, under proto names; or it refuses with everything that is wrong, in
the words of Google's transcoder. All complaints of a request come at once, as one error with one line each. ``write`` goes the
other way: it cuts an object that somebody else has made down to what a message can hold.

The rules of reading: a field may be spelled in lowerCamelCase or by its proto name; null means absent; a bool may be a word
in a string ("true", "t", "yes", "y", "1", …); a single value may stand for a list of one; nothing unknown is overlooked.

What this module does not do: it does not read bytes (``lenient_json`` does) and does not ask whether a message makes sense,
e.g. whether a required field is there: for the proto layer every field is optional.

Two rules a maintainer could break by accident. Paths in complaints are made of *proto* names, whatever the client
wrote, while an unknown name is shown as it was written. And the walk is driven by the table, never by the value: it goes
no deeper than the tables are nested, so that no request can choose the depth of the recursion.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, Final, Literal

import msgspec

from homegraph.errors import CallRefused

__all__ = ["FALSE", "PRIMITIVES", "TRUE", "Enum", "Field", "Kind", "Message", "bind", "write"]

Kind = Literal["string", "bool", "enum", "timestamp", "message", "struct", "any"]
"""What a field holds. ``timestamp`` is a string of RFC 3339, ``struct`` any JSON object, ``any`` any JSON at all."""

PRIMITIVES: Final = frozenset(("string", "bool", "enum", "timestamp"))
"""What has no members."""

VIOLATIONS_MAX: Final = 32
"""Complaints about one request. A body of unknown names would otherwise be answered with several times its size."""

SHOWN_CHARS_MAX: Final = 1_024
"""Characters of a client's name or value that are repeated in a complaint. Google repeats all of it; we answer no megabytes."""

RECEIVED: Final = "Invalid JSON payload received."

TRUE: Final = frozenset(("true", "t", "yes", "y", "1"))
FALSE: Final = frozenset(("false", "f", "no", "n", "0"))

Violation = tuple[str | None, str]
"""Path of the field, where Google names one, and the description."""


@dataclass(frozen=True, slots=True)
class Enum:
    """The words that an enum field may hold, and what each means. The first is the default."""

    name: str
    words: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its proto name, what it holds, and the message or enum in it when that is one.

    ``keyed`` is a map from strings to such values. ``number`` is that of the .proto, 0 where none is public. A field that is
    ``kept`` is bound as it comes, without a look into it: its shape is known, but young, and Google still adds to it. ``doc``
    is our description of it, in one or two sentences; ``required`` says that a call without it is refused, by whoever
    reads the call.
    """

    name: str
    kind: Kind
    repeated: bool = False
    message: Message | None = None
    _: KW_ONLY
    keyed: bool = False
    enum: Enum | None = None
    number: int = 0
    kept: bool = False
    required: bool = False
    deprecated: bool = False
    doc: str = ""
    json_name: str = field(init=False, repr=False, compare=False)
    """The lowerCamelCase spelling, which is the only one in answers."""

    def __post_init__(self) -> None:
        head, *rest = self.name.split("_")
        camel = head + "".join(word.capitalize() for word in rest)
        object.__setattr__(self, "json_name", camel)


@dataclass(frozen=True, slots=True)
class Message:
    """A message: its full proto name, its fields in the order in which they are written, and what it is for."""

    name: str
    fields: tuple[Field, ...]
    doc: str = ""
    by_name: Mapping[str, Field] = field(init=False, repr=False, compare=False)
    """Every accepted spelling."""

    def __post_init__(self) -> None:
        spellings = {f.name: f for f in self.fields} | {f.json_name: f for f in self.fields}
        object.__setattr__(self, "by_name", spellings)

    @property
    def short(self) -> str:
        """The name without its package."""
        return self.name.rpartition(".")[2]


def bind(
    message: Message, value: object, parameters: Sequence[tuple[str, str]] = ()
) -> dict[str, Any]:
    """Return the fields of ``message`` that are present, by proto name.

    ``value`` is the parsed body (``{}`` when there is none). Parameters are bound after it, so they win over it; of a field
    that comes twice the last value counts, but every one of them is checked. Values: str, bool, dict for a message, struct
    or map, list when repeated, and whatever was parsed for ``any`` and what is kept.

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
        if target.kept:
            return item
        if target.keyed:
            return self.map(target, item, here)
        if not target.repeated:
            return self.single(target, name, item, path, here)
        if not isinstance(item, list):
            return [self.single(target, name, item, path, here)]
        return [
            self.single(target, name, element, path, f"{here}[{index}]")
            for index, element in enumerate(item)
            if element is not None
        ]

    def map(self, target: Field, item: object, here: str) -> dict[str, Any]:
        if not isinstance(item, dict):
            self.map_wanted(item, here)
            return {}
        return {
            key: self.single(target, key, element, here, f"{here}[{_as_json(key)}]")
            for key, element in item.items()
        }

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
        if isinstance(item, str) and (
            target.kind in ("string", "timestamp")
            or (target.enum is not None and item in target.enum.words)
        ):
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
            self.map_wanted(item, here)
        else:
            self.unknown(name, path, "Proto field is not repeating, cannot start list.")

    def map_wanted(self, item: object, here: str) -> None:
        self.complain("JSON_TYPE", here, f"Expect a map object but found: {_as_json(item)}")

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
            if (
                target is None
                or target.message is None
                or target.repeated
                or target.keyed
                or target.kept
            ):
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
        elif target.keyed or target.kind not in PRIMITIVES:
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
        return True if word in TRUE else False if word in FALSE else None
    return item if isinstance(item, bool) else None


def _type_name(target: Field) -> str:
    shape = target.message or target.enum
    if shape is not None:
        return f"type.googleapis.com/{shape.name}"
    if target.kind in ("struct", "timestamp"):
        return f"type.googleapis.com/google.protobuf.{target.kind.capitalize()}"
    return f"TYPE_{target.kind.upper()}"


def _shown(text: str) -> str:
    return text if len(text) <= SHOWN_CHARS_MAX else text[:SHOWN_CHARS_MAX] + "…"


def _as_json(item: object) -> str:
    if isinstance(item, str):
        item = _shown(item)
    return _shown(msgspec.json.encode(item).decode())


# --- writing ---------------------------------------------------------------------------------------------------------


def write(message: Message, value: Mapping[str, Any]) -> dict[str, Any]:
    """Cut a JSON object, spelled as in answers, down to what ``message`` can hold.

    As proto3-JSON has it: the fields in the order of the table; no member that the message does not know; no default, i.e. no
    "", false or empty list or map. A message or struct that is there stays, even when it is empty. What has the wrong type
    is left out: this is for objects that a stranger has made, and was allowed to make a little wrong.
    """
    written = {}
    for target in message.fields:
        item = _written(target, value.get(target.json_name))
        if item is not None:
            written[target.json_name] = item
    return written


def _written(target: Field, item: object) -> Any:
    """A field's value, or None when it is left out."""
    if target.keyed:
        pairs = item.items() if isinstance(item, dict) else ()
        return {
            key: one for key, each in pairs if (one := _value(target, each)) is not None
        } or None
    if target.repeated:
        elements = item if isinstance(item, list) else ()
        return [one for each in elements if (one := _value(target, each)) is not None] or None
    one = _value(target, item)
    default = next(iter(target.enum.words)) if target.enum is not None else ""
    return None if one is False or one == default else one


def _value(target: Field, item: object) -> Any:
    """One value of the field's kind, or None when it is none."""
    if target.kind == "any":
        return item
    if target.kind == "bool":
        return item if isinstance(item, bool) else None
    if target.enum is not None:
        return item if isinstance(item, str) and item in target.enum.words else None
    if target.kind in PRIMITIVES:
        return item if isinstance(item, str) else None
    if not isinstance(item, dict):
        return None
    return item if target.message is None else write(target.message, item)
