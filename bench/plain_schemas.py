"""The fields of the catalog as JSON Schema and as pydantic models: what those can say of a device, without conditions and rules.

Made as a user of these libraries would make them for speed: unknown members refused, nothing converted, validators built once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Protocol

import jsonschema_rs
from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from homegraph.wire.catalog import facts
from homegraph.wire.catalog.facts import Trait

ONLINE = facts.Field(name="online", type="boolean", required=True)


class Schema(Protocol):
    """Checks the plain part of a device."""

    def attributes_fit(self, attributes: Mapping[str, Any]) -> bool: ...
    def states_fit(self, states: Mapping[str, Any]) -> bool: ...


class JsonSchema:
    """By jsonschema-rs."""

    def __init__(self, traits: Sequence[Trait]) -> None:
        attributes = [field for trait in traits for field in trait.attributes]
        states = [ONLINE, *(field for trait in traits for field in trait.states)]
        self.attributes_fit = jsonschema_rs.Draft202012Validator(_object(attributes)).is_valid
        self.states_fit = jsonschema_rs.Draft202012Validator(_object(states)).is_valid


class Models:
    """By pydantic."""

    def __init__(self, traits: Sequence[Trait]) -> None:
        attributes = [field for trait in traits for field in trait.attributes]
        states = [ONLINE, *(field for trait in traits for field in trait.states)]
        self._attributes = _model(attributes).__pydantic_validator__
        self._states = _model(states).__pydantic_validator__

    def attributes_fit(self, attributes: Mapping[str, Any]) -> bool:
        """Whether attributes have their forms."""
        return _is_valid(self._attributes, attributes)

    def states_fit(self, states: Mapping[str, Any]) -> bool:
        """Whether states have their forms."""
        return _is_valid(self._states, states)


def _is_valid(validator: Any, value: Mapping[str, Any]) -> bool:
    try:
        validator.validate_python(value)
    except ValidationError:
        return False
    return True


def _object(fields: Sequence[facts.Field]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {field.name: _schema(field) for field in fields},
        "required": [field.name for field in fields if field.required],
        "additionalProperties": False,
    }


def _schema(field: facts.Field) -> dict[str, Any]:
    said: dict[str, Any] = {
        "minimum": field.min,
        "maximum": field.max,
        "exclusiveMaximum": field.exclusive_max,
        "minItems": field.min_items,
        "minProperties": field.min_props,
        "maxProperties": field.max_props,
    }
    schema = {key: value for key, value in said.items() if value is not None}
    if field.type == "enum":
        return {"enum": list(field.values)}
    if field.items is not None:
        return {"type": "array", "items": _schema(field.items), **schema}
    if field.map_values is not None:
        return {"type": "object", "additionalProperties": _schema(field.map_values), **schema}
    if field.fields:
        return {**_object(field.fields), **schema}
    return {"type": field.type, **schema}


def _model(fields: Sequence[facts.Field]) -> type[BaseModel]:
    members: dict[str, Any] = {
        field.name: (_type(field), ... if field.required else None) for field in fields
    }
    return create_model("Members", __config__=ConfigDict(extra="forbid", strict=True), **members)


def _type(field: facts.Field) -> Any:
    if field.type == "enum":
        return Literal[field.values]
    if field.items is not None:
        items = _type(field.items)
        return Annotated[list[items], Field(min_length=field.min_items)]  # type: ignore[valid-type]
    if field.map_values is not None:
        values = _type(field.map_values)
        bounds = Field(min_length=field.min_props, max_length=field.max_props)
        return Annotated[dict[str, values], bounds]  # type: ignore[valid-type]
    if field.fields:
        return _model(field.fields)
    plain = {"boolean": bool, "integer": int, "number": float, "string": str}[field.type]
    if field.type in {"integer", "number"}:
        return Annotated[plain, Field(ge=field.min, le=field.max, lt=field.exclusive_max)]
    return plain
