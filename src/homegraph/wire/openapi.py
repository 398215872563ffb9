"""The OpenAPI document: the API, described for people and for programs that try everything.

It is made of the same tables as the discovery document, and says more: what a request must have, what is understood besides,
and every status that can come back, with its content type. A program that makes calls of it, valid and invalid ones, must
never be surprised.

So requests and answers are described apart. An answer has exactly what the tables say. A request may have ``null`` for every
field that is not required, a word in place of a bool, and anything at all in a field that is kept as it comes; unknown names
are refused. What is understood but not described: proto names (agent_user_id), a single value in place of a list, lenient JSON,
and the letter case of words.

The rule that is easily broken: this document promises. What a reader begins to refuse must be impossible by the schemas here,
and what it begins to take must be possible.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

from homegraph.wire.api_v1 import METHODS, Method
from homegraph.wire.details import SCOPE
from homegraph.wire.messages import messages_in
from homegraph.wire.parameters import SYSTEM_PARAMETERS, XGAFV
from homegraph.wire.proto_json import FALSE, TRUE, Field, Message

__all__ = ["openapi_document"]

JSON = dict[str, Any]

JSON_TYPE: Final = "application/json"

STATUSES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "400": "The request cannot be read, lacks something, or comes at the wrong moment; or the API key is not valid.",
        "401": "The credential is missing, is of the wrong kind, or is not valid.",
        "403": "The caller may not do this, or no token for the fulfillment can be had.",
        "404": "The user or device is not known; or there is no such path, or another HTTP method belongs to it.",
        "429": "The quota is used up, or a call for this user is under way already.",
        "500": "The fulfillment did not answer as it should, or the server has a bug.",
        "503": "The server cannot take the call now.",
        "504": "The work was not over when the time of the call was.",
    }
)
"""Every status of an error, whatever the method is."""

_CREDENTIALS: Final = ("access_token", "oauth_token", "key")
"""System parameters that are described as security schemes."""

_SECURITY_SCHEMES: Final[JSON] = {
    "accessToken": {
        "type": "http",
        "scheme": "bearer",
        "description": f"An access token of a service account, for the scope {SCOPE}.",
    },
    "accessTokenInQuery": {
        "type": "apiKey",
        "in": "query",
        "name": "access_token",
        "description": SYSTEM_PARAMETERS["access_token"],
    },
    "apiKeyInQuery": {
        "type": "apiKey",
        "in": "query",
        "name": "key",
        "description": SYSTEM_PARAMETERS["key"],
    },
    "apiKeyInHeader": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Goog-Api-Key",
        "description": SYSTEM_PARAMETERS["key"],
    },
}

_ANY_TEXT: Final[JSON] = {"type": "string"}

NO_STATES: Final = ("command", "errorCode", "executionStatus", "status")
"""Members of the answers to intents, which a report may not have; ``graph.reporting`` refuses them."""

_STATES: Final[JSON] = {
    "type": "object",
    "propertyNames": {"not": {"enum": list(NO_STATES)}},
    "additionalProperties": {"type": ["array", "boolean", "number", "object", "string"]},
}
_BY_DEVICE: Final[Mapping[str, JSON]] = {
    "states": {"type": "object", "additionalProperties": _STATES},
    "notifications": {"type": "object", "additionalProperties": {"type": "object"}},
}
"""Structs of a report whose members are objects in turn, in states without null: what no table says about requests."""


def openapi_document(root_url: str) -> JSON:
    """Describe the API as it is served below ``root_url``, in OpenAPI 3.1."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "HomeGraph API",
            "version": "v1",
            "description": "Request Sync, Report State and the stored devices and states of a Home Graph.",
        },
        "servers": [{"url": root_url.rstrip("/")}],
        "paths": {_path(method): _path_item(method) for method in METHODS.values()},
        "components": {
            "securitySchemes": _SECURITY_SCHEMES,
            "parameters": {
                _id(name): _system_parameter(name, doc)
                for name, doc in SYSTEM_PARAMETERS.items()
                if name not in (*_CREDENTIALS, "fields")
            },
            "responses": {f"Error{status}": _error(status) for status in STATUSES},
            "schemas": _schemas(),
        },
    }


# --- paths -----------------------------------------------------------------------------------------------------------


def _is_by_body(method: Method) -> bool:
    return method.http == "POST"


def _path(method: Method) -> str:
    return method.path if _is_by_body(method) else f"{method.path}{{agentUserId}}"


def _path_item(method: Method) -> JSON:
    operation: JSON = {
        "operationId": method.id,
        "description": method.doc,
        "parameters": [*_own_parameters(method), *_common_parameters(method)],
        "security": [{"accessToken": []}, {"accessTokenInQuery": []}],
        "responses": {
            "200": {
                "description": method.response.doc,
                "content": _content(_reference(method.response)),
            },
            **{status: {"$ref": f"#/components/responses/Error{status}"} for status in STATUSES},
        },
    }
    if method.accepts_api_key:
        operation["security"] += [{"apiKeyInQuery": []}, {"apiKeyInHeader": []}]
    if _is_by_body(method):
        operation["requestBody"] = {
            "required": True,
            "content": _content(_reference(method.request)),
        }
    return {method.http.lower(): operation}


def _own_parameters(method: Method) -> list[JSON]:
    """The fields of a request that has no body."""
    if _is_by_body(method):
        return []
    return [
        {
            "name": "agentUserId",
            "in": "path",
            "required": True,
            "description": "The user's id in your own system. A slash in it may be sent as it is.",
            "schema": {"type": "string", "minLength": 1},
        },
        *(
            {"name": f.json_name, "in": "query", "description": f.doc, "schema": _ANY_TEXT}
            for f in method.request.fields
            if not f.required
        ),
    ]


def _common_parameters(method: Method) -> list[JSON]:
    """The system parameters; what ``fields`` may name depends on the answer."""
    names = [field.json_name for field in method.response.fields]
    mask = {
        "name": "fields",
        "in": "query",
        "description": SYSTEM_PARAMETERS["fields"],
        "schema": {"type": "string", "enum": ["", "*", *names]},
    }
    others = [name for name in SYSTEM_PARAMETERS if name not in (*_CREDENTIALS, "fields")]
    return [mask, *({"$ref": f"#/components/parameters/{_id(name)}"} for name in others)]


def _id(name: str) -> str:
    return name.removeprefix("$.")


def _system_parameter(name: str, doc: str) -> JSON:
    # A wrong prettyPrint is not refused (measured), so it is any text.
    words = {XGAFV: ["1", "2"], "alt": ["json", ""]}.get(name)
    schema = _ANY_TEXT if words is None else {**_ANY_TEXT, "enum": words}
    return {"name": name, "in": "query", "description": doc, "schema": schema}


# --- answers ---------------------------------------------------------------------------------------------------------


def _content(schema: JSON) -> JSON:
    return {JSON_TYPE: {"schema": schema}}


def _reference(message: Message) -> JSON:
    return {"$ref": f"#/components/schemas/{message.short}"}


def _error(status: str) -> JSON:
    content = _content({"$ref": "#/components/schemas/Error"})
    if status == "404":
        content["text/html"] = {"schema": _ANY_TEXT}
    return {"description": STATUSES[status], "content": content}


_ERROR: Final[JSON] = {
    "type": "object",
    "description": "An error, in either of Google's formats.",
    "required": ["error"],
    "additionalProperties": False,
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "status"],
            "additionalProperties": False,
            "properties": {
                "code": {"type": "integer", "description": "The HTTP status."},
                "message": {"type": "string", "description": "What is wrong, in Google's words."},
                "errors": {
                    "type": "array",
                    "description": "The same in the older format; with $.xgafv=1, and for discovery-based libraries.",
                    "items": {"type": "object"},
                },
                "status": {"type": "string", "description": "The name of the google.rpc.Code."},
                "details": {
                    "type": "array",
                    "description": "Messages of google.rpc, such as ErrorInfo, BadRequest and Help.",
                    "items": {
                        "type": "object",
                        "required": ["@type"],
                        "properties": {"@type": {"type": "string"}},
                    },
                },
            },
        }
    },
}


# --- messages --------------------------------------------------------------------------------------------------------


def _schemas() -> JSON:
    requests = _without_kept(m.request for m in METHODS.values() if _is_by_body(m))
    answers = messages_in(*(method.response for method in METHODS.values()))
    schemas = {name: _schema(message, _answered) for name, message in answers.items()}
    schemas |= {name: _schema(message, _requested) for name, message in requests.items()}
    return {"Error": _ERROR, **dict(sorted(schemas.items()))}


def _without_kept(roots: Iterable[Message]) -> dict[str, Message]:
    """The messages of requests that are looked into."""
    found: dict[str, Message] = {}
    left = list(roots)
    while left:
        message = left.pop()
        found[message.short] = message
        left += [f.message for f in message.fields if f.message is not None and not f.kept]
    return found


def _schema(message: Message, describe: Callable[[Field], JSON]) -> JSON:
    schema: JSON = {
        "type": "object",
        "description": message.doc,
        "additionalProperties": False,
        "properties": {field.json_name: describe(field) for field in message.fields},
    }
    required = [field.json_name for field in message.fields if field.required]
    if required:  # only requests have such fields
        schema["required"] = required
    return schema


def _answered(field: Field) -> JSON:
    """What an answer has in a field."""
    schema = _one(field)
    if field.repeated:
        schema = {"type": "array", "items": schema}
    elif field.keyed:
        schema = {"type": "object", "additionalProperties": schema}
    return {**schema, "description": field.doc}


def _requested(field: Field) -> JSON:
    """What a request may have in a field."""
    told: JSON = {"description": field.doc}
    if field.deprecated:
        told["deprecated"] = True
    if field.kept:
        return told
    schema = _BY_DEVICE.get(field.name) or _one(field)
    if field.kind == "bool":
        # Words are understood in any letter case; OpenAPI has no way of saying so that people could read.
        schema = {"anyOf": [schema, {"type": "string", "enum": sorted(TRUE | FALSE)}]}
    if field.repeated:
        schema = {"type": "array", "items": schema}
    if not field.required:
        return {"anyOf": [schema, {"type": "null"}], **told}
    bound = {"array": "minItems", "string": "minLength"}.get(schema.get("type", ""))
    return {**schema, bound: 1, **told} if bound else {**schema, **told}


def _one(field: Field) -> JSON:
    """The schema of one value."""
    if field.message is not None:
        return _reference(field.message)
    if field.enum is not None:
        return {"type": "string", "enum": list(field.enum.words)}
    return dict(_KINDS[field.kind])


_KINDS: Final[dict[str, JSON]] = {
    "string": {"type": "string"},
    "bool": {"type": "boolean"},
    "timestamp": {"type": "string", "format": "date-time"},
    "struct": {"type": "object"},
}
