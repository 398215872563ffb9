"""The discovery document."""

import json

import pytest

from homegraph.wire.api_v1 import METHODS
from homegraph.wire.discovery import discovery_document
from homegraph.wire.parameters import SYSTEM_PARAMETERS, read_query

DOCUMENT = discovery_document("http://127.0.0.1:4663", "20260101")
SCHEMAS = DOCUMENT["schemas"]


def references(value):
    """Every schema that something in ``value`` refers to."""
    if isinstance(value, dict):
        own = {value["$ref"]} if "$ref" in value else set()
        return own.union(*(references(inner) for inner in value.values()))
    if isinstance(value, list):
        return set().union(*(references(inner) for inner in value))
    return set()


@pytest.mark.parametrize("root", ["http://h:1", "http://h:1/", "https://h/under/"])
def test_the_root_is_that_of_the_caller(root):
    """With one slash at its end; a client puts it before the path of every method."""
    document = discovery_document(root, "20260101")

    assert document["rootUrl"] == document["baseUrl"] == root.rstrip("/") + "/"
    assert (document["servicePath"], document["basePath"]) == ("", "")


def test_the_names_that_clients_are_generated_from():
    """They are Google's, so that the classes of generated clients are called the same."""
    assert {
        name: DOCUMENT[name] for name in ("kind", "id", "name", "version", "canonicalName")
    } == {
        "kind": "discovery#restDescription",
        "id": "homegraph:v1",
        "name": "homegraph",
        "version": "v1",
        "canonicalName": "Home Graph Service",
    }
    assert DOCUMENT["revision"] == "20260101"
    assert list(DOCUMENT["auth"]["oauth2"]["scopes"]) == [
        "https://www.googleapis.com/auth/homegraph"
    ]
    json.dumps(DOCUMENT)


@pytest.mark.parametrize("method", METHODS.values(), ids=lambda method: method.id)
def test_every_method_is_described(method):
    """Under its resource, with its messages and its scope."""
    resource, name = method.id.split(".")
    described = DOCUMENT["resources"][resource]["methods"][name]

    assert described["id"] == f"homegraph.{method.id}"
    assert described["httpMethod"] == method.http
    assert described["scopes"] == [method.scope]
    assert described["response"] == {"$ref": method.response.short}
    assert described["description"] == method.doc
    if method.http == "POST":
        assert described["path"] == described["flatPath"] == method.path[1:]
        assert described["request"] == {"$ref": method.request.short}
        assert (described["parameters"], described["parameterOrder"]) == ({}, [])


def test_deleting_has_a_path_with_slashes_in_it():
    """The name of the user goes into the path unescaped, the request id into the query."""
    delete = DOCUMENT["resources"]["agentUsers"]["methods"]["delete"]

    assert delete["path"] == "v1/{+agentUserId}"
    assert delete["flatPath"] == "v1/agentUsers/{agentUsersId}"
    assert delete["parameterOrder"] == ["agentUserId"]
    assert "request" not in delete
    assert {n: (p["location"], p.get("pattern")) for n, p in delete["parameters"].items()} == {
        "agentUserId": ("path", "^agentUsers/.*$"),
        "requestId": ("query", None),
    }


def test_every_reference_leads_somewhere():
    """And every schema is used and named by its id; a request without a body has none."""
    assert references(DOCUMENT) == set(SCHEMAS)
    assert all(schema["id"] == name for name, schema in SCHEMAS.items())
    assert "DeleteAgentUserRequest" not in SCHEMAS
    assert SCHEMAS["Empty"]["properties"] == {}


@pytest.mark.parametrize(
    ("schema", "name", "expected"),
    [
        ("RequestSyncDevicesRequest", "async", {"type": "boolean"}),
        ("Device", "traits", {"type": "array", "items": {"type": "string"}}),
        ("Device", "customData", {"type": "object", "additionalProperties": {"type": "any"}}),
        ("Device", "name", {"$ref": "DeviceNames"}),
        ("SyncResponsePayload", "devices", {"type": "array", "items": {"$ref": "Device"}}),
        (
            "QueryResponsePayload",
            "deviceMetadata",
            {"type": "object", "additionalProperties": {"$ref": "DeviceMetadata"}},
        ),
        (
            "DeviceMetadata",
            "traitCommitTimestamps",
            {
                "type": "object",
                "additionalProperties": {"type": "string", "format": "google-datetime"},
            },
        ),
        (
            "ReportStateAndNotificationRequest",
            "followUpToken",
            {"type": "string", "deprecated": True},
        ),
        (
            "ReportStateAndNotificationDevice",
            "homeTraits",
            {"type": "array", "items": {"$ref": "HomeTraitUpdates"}},
        ),
    ],
)
def test_kinds_of_fields(schema, name, expected):
    """Each kind in the way of discovery documents."""
    described = dict(SCHEMAS[schema]["properties"][name])

    assert described.pop("description")
    assert described == expected


def test_required_fields_say_so():
    """In words, as Google does."""
    asked = SCHEMAS["QueryRequest"]["properties"]

    assert asked["inputs"]["description"].startswith("Required. ")
    assert not asked["requestId"]["description"].startswith("Required. ")
    assert len(asked["deviceView"]["enum"]) == len(asked["deviceView"]["enumDescriptions"]) == 5


def test_system_parameters_are_those_that_are_read():
    """Each of them is taken out of the query."""
    assert set(DOCUMENT["parameters"]) == set(SYSTEM_PARAMETERS)
    for name, parameter in DOCUMENT["parameters"].items():
        assert parameter["location"] == "query"
        assert read_query(f"{name}={parameter.get('enum', ['json'])[0]}".encode())[1] == []
