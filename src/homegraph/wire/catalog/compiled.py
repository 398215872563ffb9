"""The fields of several traits as one msgspec type: the fast half of validation.

One conversion checks forms, words, bounds, what nested objects must have and that nothing unknown is there. What a type cannot say
(conditions, unique items) is looked at again: ``is_conditional`` tells where.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from typing import Annotated, Any, Final, Literal

import msgspec

from homegraph.wire.catalog.facts import NUMBER_MAX, Field

_PLAIN: Final[Mapping[str, Any]] = {"boolean": bool, "string": str}


REFUSALS: Final = (msgspec.ValidationError, OverflowError)
"""What ``msgspec.convert`` raises when an object has not the form of a type."""

UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What a decoder raises when bytes are no JSON, or JSON that has not the form of its type."""


def members_type(
    fields: Sequence[Field], *, is_open: bool, optional: bool, untyped: Container[str] = ()
) -> Any:
    """The type of an object with these members. With ``optional`` none must be there; ``is_open`` lets others be.

    Names in ``untyped`` may be anything. An old form (``alt_type``) is no form here: it has a problem, if only a mild one.
    """
    members: list[Any] = []
    names: dict[str, str] = {}
    for index, field in enumerate({field.name: field for field in fields}.values()):
        # A member may be called what no Python name can be; only its encoded name matters.
        python_name = f"m{index}"
        names[python_name] = field.name
        type_ = Any if field.name in untyped else _type(field)
        if optional or not field.required or field.required_if is not None:
            members.append((python_name, type_, msgspec.UNSET))
        else:
            members.append((python_name, type_))
    return msgspec.defstruct(
        "Members", members, rename=names, kw_only=True, forbid_unknown_fields=not is_open, gc=False
    )


def is_conditional(field: Field) -> bool:
    """Whether the type says too little about a field or something in it."""
    if field.required_if or field.present_if or field.unique_items:
        return True
    if field.fields and field.min_props is not None:
        return True
    nested = (*field.fields, *filter(None, (field.items, field.map_values)))
    return any(map(is_conditional, nested))


def _type(field: Field) -> Any:
    if field.type in _PLAIN:
        return _PLAIN[field.type]
    if field.type == "enum":
        return Literal[field.values]
    if field.type in {"integer", "number"}:
        return _number(field)
    if field.type == "array":
        items = Any if field.items is None else _type(field.items)
        # A tuple is made with one piece of memory, a list with two.
        return Annotated[tuple[items, ...], msgspec.Meta(min_length=field.min_items)]  # type: ignore[valid-type]
    if field.type == "map" or not field.fields:
        values = Any if field.map_values is None else _type(field.map_values)
        bounds = msgspec.Meta(min_length=field.min_props, max_length=field.max_props)
        return Annotated[dict[str, values], bounds]  # type: ignore[valid-type]
    return members_type(field.fields, is_open=False, optional=False)


def _number(field: Field) -> Any:
    """A whole number may be written as 5.0: in the JSON of Google's own messages every number is a double."""
    bounds: dict[str, Any] = {"ge": -NUMBER_MAX if field.min is None else field.min}
    if field.exclusive_max is None:
        bounds["le"] = NUMBER_MAX if field.max is None else field.max
    else:
        bounds["lt"] = field.exclusive_max
    if field.type == "integer":
        bounds["multiple_of"] = 1
    return Annotated[float, msgspec.Meta(**bounds)]
