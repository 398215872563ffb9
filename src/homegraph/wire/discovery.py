"""The discovery document: the API, described for Google's client libraries.

Some libraries make themselves from this document when they start (Python's ``discovery.build``), others are generated from
it and only want another root. It is made of the tables in ``messages`` and ``api_v1``, so that it cannot say something else than
what is read. Its layout and the names in it are Google's, the sentences are ours.

``ownerDomain`` and ``canonicalName`` are Google's as well, since generators make package and class names of them.

What this module does not do: it does not know where it is served. The root is handed in, as the caller sees it, which behind a
proxy is not what the server sees.
"""

from __future__ import annotations

from typing import Any, Final

from homegraph.wire.api_v1 import AGENT_USERS, METHODS, Method
from homegraph.wire.details import SCOPE
from homegraph.wire.messages import messages_in
from homegraph.wire.parameters import SYSTEM_PARAMETERS, XGAFV
from homegraph.wire.proto_json import Field, Message

__all__ = ["discovery_document"]

JSON = dict[str, Any]

_STRING: Final[JSON] = {"type": "string"}

_PARAMETER_TYPES: Final[dict[str, JSON]] = {
    XGAFV: {
        **_STRING,
        "enum": ["1", "2"],
        "enumDescriptions": ["With a list of errors.", "Without it."],
    },
    "alt": {
        **_STRING,
        "default": "json",
        "enum": ["json", "media", "proto"],
        "enumDescriptions": ["JSON.", "Not offered here.", "Not offered here."],
    },
    "prettyPrint": {"type": "boolean", "default": "true"},
}
"""Those that are not any string."""


_KINDS: Final[dict[str, JSON]] = {
    "string": _STRING,
    "bool": {"type": "boolean"},
    "timestamp": {**_STRING, "format": "google-datetime"},
    "struct": {"type": "object", "additionalProperties": {"type": "any"}},
}


def discovery_document(root_url: str, revision: str) -> JSON:
    """Describe the API as it is served below ``root_url``, in the way of ``discovery#restDescription``.

    ``revision`` is a date, "YYYYMMDD".
    """
    root = root_url.rstrip("/") + "/"
    return {
        "kind": "discovery#restDescription",
        "discoveryVersion": "v1",
        "id": "homegraph:v1",
        "name": "homegraph",
        "canonicalName": "Home Graph Service",
        "version": "v1",
        "version_module": True,
        "revision": revision,
        "title": "HomeGraph API",
        "description": "Request Sync, Report State and the stored devices and states of a Home Graph.",
        "ownerDomain": "google.com",
        "ownerName": "Google",
        "documentationLink": root,
        "protocol": "rest",
        "rootUrl": root,
        "mtlsRootUrl": root,
        "baseUrl": root,
        "basePath": "",
        "servicePath": "",
        "batchPath": "batch",
        "fullyEncodeReservedExpansion": True,
        "auth": {"oauth2": {"scopes": {SCOPE: {"description": "All methods of the API."}}}},
        "parameters": {
            name: {**_PARAMETER_TYPES.get(name, _STRING), "location": "query", "description": doc}
            for name, doc in sorted(SYSTEM_PARAMETERS.items())
        },
        "resources": _resources(),
        "schemas": _schemas(),
    }


def _resources() -> JSON:
    resources: JSON = {}
    for method in METHODS.values():
        resource, _, name = method.id.partition(".")
        methods = resources.setdefault(resource, {"methods": {}})["methods"]
        methods[name] = _described(method)
    return resources


def _described(method: Method) -> JSON:
    path = method.path.lstrip("/")
    described: JSON = {
        "id": f"homegraph.{method.id}",
        "description": method.doc,
        "httpMethod": method.http,
        "path": path,
        "flatPath": path,
        "parameterOrder": [],
        "parameters": {},
        "scopes": [method.scope],
        "response": {"$ref": method.response.short},
    }
    if method.http == "POST":
        described["request"] = {"$ref": method.request.short}
        return described
    # The path holds the name of the agent user, which may have slashes in it; what is left of the request is in the query.
    described |= {
        "path": path.replace(AGENT_USERS, "{+agentUserId}"),
        "flatPath": f"{path}{{agentUsersId}}",
        "parameterOrder": ["agentUserId"],
        "parameters": {
            field.json_name: {**_one(field), "location": "query", "description": _doc(field)}
            for field in method.request.fields
        },
    }
    described["parameters"]["agentUserId"] |= {
        "location": "path",
        "required": True,
        "pattern": f"^{AGENT_USERS}.*$",
    }
    return described


def _schemas() -> JSON:
    # What is not sent as a body has no schema.
    roots = [m.request for m in METHODS.values() if m.http == "POST"]
    roots += [m.response for m in METHODS.values()]
    return {name: _schema(message) for name, message in messages_in(*roots).items()}


def _schema(message: Message) -> JSON:
    return {
        "id": message.short,
        "type": "object",
        "description": message.doc,
        "properties": {field.json_name: _property(field) for field in message.fields},
    }


def _property(field: Field) -> JSON:
    schema = _one(field)
    if field.repeated:
        schema = {"type": "array", "items": schema}
    elif field.keyed:
        schema = {"type": "object", "additionalProperties": schema}
    schema["description"] = _doc(field)
    if field.deprecated:
        schema["deprecated"] = True
    return schema


def _one(field: Field) -> JSON:
    """The schema of one value of a field."""
    if field.message is not None:
        return {"$ref": field.message.short}
    if field.enum is not None:
        words = field.enum.words
        return {**_STRING, "enum": list(words), "enumDescriptions": list(words.values())}
    return dict(_KINDS[field.kind])


def _doc(field: Field) -> str:
    return f"Required. {field.doc}" if field.required else field.doc
