"""Messages of protobuf, and the plain values that readers and answers of ``wire`` work with.

``read`` turns a request into its fields by their proto names, as ``proto_json.bind`` does for JSON. ``write`` fills an answer from a
JSON object, spelled as answers are. Both walk the tables, so what has no number stays outside of both.

A Struct knows one kind of number, the double. A whole number becomes an int here, so that the same report is stored as the same
JSON whichever door it came through. Two things that a Struct can carry and JSON can not: a number that is none, which is
refused, and a value that says nothing, which is null.

JSON can be nested deeper than other people's protobuf reads (a hundred messages, of which one object takes three). A member of a
Struct that is nested too deeply for them, or a number beyond the double, is left out of answers, as ``proto_json.write``
leaves out what a message has no place for.

The rule that is easily broken: this is the one place that touches messages without types. Nobody else here may reach into one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, Final

from homegraph.errors import CallRefused
from homegraph.rpc.proto_files import numbered
from homegraph.wire.proto_json import Field, Message

__all__ = ["LEVELS_MAX", "read", "write"]

LEVELS_MAX: Final = 30
"""Levels of objects and lists within a Struct of an answer. Thirty-three are refused by protobuf's parsers with their defaults."""

EXACT_MAX: Final = 2**53
"""Up to here every whole number is a double of its own."""

DOUBLE_MAX: Final = 2**1023
"""An integer up to here surely is some double."""

# --- reading ---------------------------------------------------------------------------------------------------------


def read(table: Message, message: Any) -> dict[str, Any]:
    """Return the fields that are set, by their proto names; what nobody knows is skipped.

    Raises:
        CallRefused: MESSAGE_UNREADABLE, for a number that is none.
    """
    return {
        described.name: _read(table.by_name[described.name], value)
        for described, value in message.ListFields()
    }


def _read(field: Field, value: Any) -> Any:
    if field.keyed:
        return {key: _read_one(field, value[key]) for key in value}
    if field.repeated:
        return [_read_one(field, each) for each in value]
    return _read_one(field, value)


def _read_one(field: Field, value: Any) -> Any:
    if field.message is not None:
        return read(field.message, value)
    return _struct(value) if field.kind == "struct" else value


def _struct(struct: Any) -> dict[str, Any]:
    return {name: _value(value) for name, value in struct.fields.items()}


def _value(value: Any) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        return _struct(value.struct_value)
    if kind == "list_value":
        return [_value(each) for each in value.list_value.values]
    if kind == "number_value":
        return _number(value.number_value)
    return None if kind in (None, "null_value") else getattr(value, kind)


def _number(number: float) -> float:
    if not math.isfinite(number):
        text = "A number in a Struct is NaN or infinite."
        raise CallRefused("MESSAGE_UNREADABLE", text, wrong_fields=((None, text),))
    is_whole = number.is_integer() and abs(number) <= EXACT_MAX
    return int(number) if is_whole else number


# --- writing ---------------------------------------------------------------------------------------------------------


def write(table: Message, message: Any, value: Mapping[str, Any]) -> None:
    """Fill a message from the JSON object that ``value`` is; its members have the types that the table says."""
    for field in numbered(table):
        item = value.get(field.json_name)
        if item is not None:
            _write(field, message, item)


def _write(field: Field, message: Any, item: Any) -> None:
    if field.keyed:
        target = getattr(message, field.name)
        for key, each in item.items():
            _write_one(field, target[key], each)
    elif field.repeated and field.message is not None:
        target = getattr(message, field.name)
        for each in item:
            _write_one(field, target.add(), each)
    elif field.repeated:
        getattr(message, field.name).extend(item)
    elif field.message is not None or field.kind == "struct":
        target = getattr(message, field.name)
        target.SetInParent()  # an empty message is there, too
        _write_one(field, target, item)
    else:
        setattr(message, field.name, item)


def _write_one(field: Field, target: Any, item: Mapping[str, Any]) -> None:
    if field.message is not None:
        write(field.message, target, item)
        return
    for name, member in item.items():
        if _fits(member):
            _fill(target.fields[name], member)


def _fill(target: Any, item: object) -> None:
    """Fill a ``google.protobuf.Value``. It recurses no deeper than ``_fits`` has allowed."""
    if isinstance(item, dict):
        target.struct_value.SetInParent()
        for name, member in item.items():
            _fill(target.struct_value.fields[name], member)
    elif isinstance(item, list):
        target.list_value.SetInParent()
        for element in item:
            _fill(target.list_value.values.add(), element)
    elif isinstance(item, str):
        target.string_value = item
    elif isinstance(item, bool):
        target.bool_value = item
    elif item is None:
        target.null_value = 0
    else:
        target.number_value = item


def _fits(member: object) -> bool:
    """Whether a member of a Struct can be read by everybody. Level by level: what is looked at may be as deep as it likes."""
    level: Iterable[object] = (member,)
    for _ in range(LEVELS_MAX):
        below: list[object] = []
        for item in level:
            if isinstance(item, dict):
                below += item.values()
            elif isinstance(item, list):
                below += item
            elif isinstance(item, int) and abs(item) > DOUBLE_MAX:
                return False
        if not below:
            return True
        level = below
    return False
