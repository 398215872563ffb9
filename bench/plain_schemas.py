"""A device and its states as JSON Schema and as pydantic models: what those can say of them, without conditions and rules.

Made as a user of these libraries would make them for speed: unknown members refused, nothing converted, validators built once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Final, Literal, Protocol

import jsonschema_rs
import msgspec
from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from homegraph.wire.catalog import facts
from homegraph.wire.catalog.facts import Trait

ONLINE = facts.Field(name="online", type="boolean", required=True)


def _text(name: str, *, required: bool = False) -> facts.Field:
    return facts.Field(name=name, type="string", required=required)


def _texts(name: str, *, required: bool = False) -> facts.Field:
    return facts.Field(name=name, type="array", required=required, items=_text(""))


_NAME: Final = (_text("name", required=True), _texts("defaultNames"), _texts("nicknames"))
_INFO: Final = tuple(map(_text, ("manufacturer", "model", "hwVersion", "swVersion")))
_OTHER: Final = (_text("deviceId", required=True), _text("agentId"))
_DEVICE: Final = (
    _text("id", required=True),
    _text("type", required=True),
    _texts("traits", required=True),
    facts.Field(name="name", type="object", required=True, fields=_NAME),
    facts.Field(name="willReportState", type="boolean", required=True),
    facts.Field(name="notificationSupportedByAgent", type="boolean"),
    _text("roomHint"),
    _text("structureHint"),
    facts.Field(name="deviceInfo", type="object", fields=_INFO),
    facts.Field(name="customData", type="object"),
    facts.Field(
        name="otherDeviceIds",
        type="array",
        items=facts.Field(name="", type="object", fields=_OTHER),
    ),
)
"""A device as SYNC lists it, but for its attributes: the members of ``graph.checks.device_forms.DeviceForm``."""


class Schema(Protocol):
    """Checks the plain part of a device."""

    def definition_fits(self, definition: bytes) -> bool: ...
    def device_fits(self, device: Mapping[str, Any]) -> bool: ...
    def states_fit(self, states: Mapping[str, Any]) -> bool: ...


class JsonSchema:
    """By jsonschema-rs, which takes what was decoded; msgspec decodes faster than anything else here."""

    def __init__(self, traits: Sequence[Trait]) -> None:
        attributes, states = _fields(traits)
        decode = msgspec.json.Decoder().decode
        device = _object(_DEVICE)
        device["properties"]["attributes"] = _object(attributes)
        is_valid = jsonschema_rs.Draft202012Validator(device).is_valid
        self.definition_fits = lambda definition: is_valid(decode(definition))
        self.device_fits = is_valid
        self.states_fit = jsonschema_rs.Draft202012Validator(_object(states)).is_valid


class Models:
    """By pydantic, which reads JSON by itself."""

    def __init__(self, traits: Sequence[Trait]) -> None:
        attributes, states = _fields(traits)
        device = _model(_DEVICE, attributes=(_model(attributes), None))
        self._device = device.__pydantic_validator__
        self._states = _model(states).__pydantic_validator__

    def definition_fits(self, definition: bytes) -> bool:
        """Whether JSON is a device that has its form."""
        return _is_valid(self._device.validate_json, definition)

    def device_fits(self, device: Mapping[str, Any]) -> bool:
        """Whether a device that was decoded has its form."""
        return _is_valid(self._device.validate_python, device)

    def states_fit(self, states: Mapping[str, Any]) -> bool:
        """Whether states have their forms."""
        return _is_valid(self._states.validate_python, states)


def _is_valid(validate: Callable[[Any], Any], value: object) -> bool:
    try:
        validate(value)
    except ValidationError:
        return False
    return True


def _fields(traits: Sequence[Trait]) -> tuple[list[facts.Field], list[facts.Field]]:
    """The attributes and the states of a device with these traits."""
    attributes = [field for trait in traits for field in trait.attributes]
    return attributes, [ONLINE, *(field for trait in traits for field in trait.states)]


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


def _model(fields: Sequence[facts.Field], **more: Any) -> type[BaseModel]:
    members: dict[str, Any] = {
        field.name: (_type(field), ... if field.required else None) for field in fields
    }
    members |= more
    return create_model("Members", __config__=ConfigDict(extra="forbid", strict=True), **members)


_PYTHON: Final[Mapping[str, Any]] = {
    "boolean": bool,
    "integer": int,
    "number": float,
    "string": str,
    "object": dict[str, Any],
}


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
    plain = _PYTHON[field.type]
    if field.type in {"integer", "number"}:
        return Annotated[plain, Field(ge=field.min, le=field.max, lt=field.exclusive_max)]
    return plain
