"""The OpenAPI document."""

import json

import pytest

from homegraph.errors import CallRefused
from homegraph.graph.reporting import FOREIGN_KEYS
from homegraph.wire.api_v1 import METHODS, read_query_request, read_request_sync, read_sync
from homegraph.wire.openapi import STATUSES, openapi_document
from homegraph.wire.parameters import SYSTEM_PARAMETERS, read_query
from homegraph.wire.reports import read_report
from homegraph.wire.status import ROWS, render, render_html_404

DOCUMENT = openapi_document("http://127.0.0.1:4663/")
COMPONENTS = DOCUMENT["components"]
SCHEMAS = COMPONENTS["schemas"]
OPERATIONS = {
    operation["operationId"]: (path, http, operation)
    for path, item in DOCUMENT["paths"].items()
    for http, operation in item.items()
}
READERS = {
    "RequestSyncDevicesRequest": read_request_sync,
    "ReportStateAndNotificationRequest": read_report,
    "QueryRequest": read_query_request,
    "SyncRequest": read_sync,
}


def found(value):
    """Every reference in ``value``."""
    if isinstance(value, dict):
        own = {value["$ref"]} if "$ref" in value else set()
        return own.union(*(found(inner) for inner in value.values()))
    if isinstance(value, list):
        return set().union(*(found(inner) for inner in value))
    return set()


def resolved(reference):
    """What a reference leads to."""
    value = DOCUMENT
    for step in reference.removeprefix("#/").split("/"):
        value = value[step]
    return value


def test_every_method_is_an_operation():
    """At its path, by its HTTP method."""
    assert {(o[0], o[1].upper()) for o in OPERATIONS.values()} == {
        (m.path if m.http == "POST" else "/v1/agentUsers/{agentUserId}", m.http)
        for m in METHODS.values()
    }
    assert set(OPERATIONS) == {method.id for method in METHODS.values()}
    assert DOCUMENT["servers"] == [{"url": "http://127.0.0.1:4663"}]
    assert DOCUMENT["openapi"] == "3.1.0"
    json.dumps(DOCUMENT)


def test_every_reference_leads_somewhere():
    """And everything described is used."""
    references = found(DOCUMENT)

    assert all(resolved(reference) for reference in references)
    described = {
        f"#/components/{kind}/{name}"
        for kind in ("schemas", "parameters", "responses")
        for name in COMPONENTS[kind]
    }
    assert references == described


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_status_is_declared(name):
    """Whatever row of Google's catalogue the answer has, its status is there with its content type."""
    responses = OPERATIONS[name][2]["responses"]
    public = {str(row.http) for row in ROWS.values() if not row.id.startswith("admin-")}

    assert public == set(STATUSES)
    assert set(responses) == {"200", *STATUSES}
    for status in STATUSES:
        content = resolved(responses[status]["$ref"])["content"]
        assert set(content) == {"application/json"} | ({"text/html"} if status == "404" else set())
    assert dict(render_html_404("/").headers)[b"content-type"].startswith(b"text/html")
    assert dict(render("INTERNAL").headers)[b"content-type"].startswith(b"application/json")


def test_credentials():
    """A key is good for Request Sync only; an access token for everything."""
    for name, (_, _, operation) in OPERATIONS.items():
        schemes = {scheme for alternative in operation["security"] for scheme in alternative}
        keys = {"apiKeyInQuery", "apiKeyInHeader"} if name == "devices.requestSync" else set()
        assert schemes == {"accessToken", "accessTokenInQuery"} | keys
        assert schemes <= set(COMPONENTS["securitySchemes"])


@pytest.mark.parametrize("name", OPERATIONS)
def test_system_parameters(name):
    """Each is a parameter, or a credential; and the values that are told are understood."""
    parameters = [
        resolved(p["$ref"]) if "$ref" in p else p for p in OPERATIONS[name][2]["parameters"]
    ]
    query = {p["name"]: p["schema"] for p in parameters if p["in"] == "query"}

    assert set(SYSTEM_PARAMETERS) - set(query) == {"key", "access_token", "oauth_token"}
    for system, schema in query.items():
        for word in schema.get("enum", ["x"]):
            read_query(f"{system}={word}".encode())


def test_deleting_has_its_fields_in_path_and_query():
    """The user in the path, the request id in the query, and no body."""
    operation = OPERATIONS["agentUsers.delete"][2]
    own = [(p["name"], p["in"], p.get("required", False)) for p in operation["parameters"][:2]]

    assert own == [("agentUserId", "path", True), ("requestId", "query", False)]
    assert "requestBody" not in operation
    assert "DeleteAgentUserRequest" not in SCHEMAS


def test_a_mask_may_name_the_members_of_the_answer():
    """Those of the answer itself; of Request Sync it has none."""
    masks = {
        name: next(p for p in operation["parameters"] if p.get("name") == "fields")["schema"][
            "enum"
        ]
        for name, (_, _, operation) in OPERATIONS.items()
    }

    assert masks["devices.requestSync"] == ["", "*"]
    assert masks["devices.query"] == ["", "*", "requestId", "payload"]


GOOD = {
    "RequestSyncDevicesRequest": {"agentUserId": "u", "async": "yes"},
    "ReportStateAndNotificationRequest": {
        "agentUserId": "u",
        "requestId": None,
        "payload": {"devices": {"states": {"1": {"on": None}}, "homeTraits": 5}},
    },
    "QueryRequest": {
        "agentUserId": "u",
        "inputs": [{"payload": {"devices": [{"id": "1"}]}}],
        "deviceView": None,
    },
    "SyncRequest": {"agentUserId": "u"},
}


@pytest.mark.parametrize("name", GOOD)
def test_what_the_schemas_require_is_required(name):
    """Without a required field, or with an unknown one, the reader refuses; with null for any other it does not."""
    read, good, schema = READERS[name], GOOD[name], SCHEMAS[name]

    def refusal(body):
        try:
            read(json.dumps(body).encode(), None)
        except CallRefused as error:
            return error.code
        return None

    assert refusal(good) is None
    assert schema["additionalProperties"] is False
    assert refusal({**good, "stranger": 1}) == "JSON_UNKNOWN_NAME"
    for member, described in schema["properties"].items():
        if member in schema["required"]:
            assert refusal({**good, member: None}) in ("FIELD_REQUIRED", "PAYLOAD_REQUIRED")
        else:
            assert {"type": "null"} in described["anyOf"]
            assert refusal({**good, member: None}) is None


@pytest.mark.parametrize(
    ("schema", "member", "expected"),
    [
        ("RequestSyncDevicesRequest", "agentUserId", {"type": "string", "minLength": 1}),
        (
            "RequestSyncDevicesRequest",
            "async",
            {
                "anyOf": [
                    {
                        "anyOf": [
                            {"type": "boolean"},
                            {
                                "type": "string",
                                "enum": [
                                    "0",
                                    "1",
                                    "f",
                                    "false",
                                    "n",
                                    "no",
                                    "t",
                                    "true",
                                    "y",
                                    "yes",
                                ],
                            },
                        ]
                    },
                    {"type": "null"},
                ]
            },
        ),
        (
            "QueryRequest",
            "inputs",
            {
                "type": "array",
                "items": {"$ref": "#/components/schemas/QueryRequestInput"},
                "minItems": 1,
            },
        ),
        (
            "ReportStateAndNotificationDevice",
            "states",
            {
                "anyOf": [
                    {
                        "type": "object",
                        "additionalProperties": {
                            "type": "object",
                            "propertyNames": {"not": {"enum": sorted(FOREIGN_KEYS)}},
                            "additionalProperties": {
                                "type": ["array", "boolean", "number", "object", "string"]
                            },
                        },
                    },
                    {"type": "null"},
                ]
            },
        ),
        (
            "ReportStateAndNotificationDevice",
            "notifications",
            {
                "anyOf": [
                    {"type": "object", "additionalProperties": {"type": "object"}},
                    {"type": "null"},
                ]
            },
        ),
        ("ReportStateAndNotificationDevice", "homeTraits", {}),
        (
            "ReportStateAndNotificationRequest",
            "followUpToken",
            {"anyOf": [{"type": "string"}, {"type": "null"}], "deprecated": True},
        ),
        (
            "ReportStateAndNotificationRequest",
            "payload",
            {"$ref": "#/components/schemas/StateAndNotificationPayload"},
        ),
        ("Device", "willReportState", {"type": "boolean"}),
        ("Device", "traits", {"type": "array", "items": {"type": "string"}}),
        (
            "QueryResponsePayload",
            "devices",
            {"type": "object", "additionalProperties": {"type": "object"}},
        ),
        (
            "DeviceMetadata",
            "traitCommitTimestamps",
            {
                "type": "object",
                "additionalProperties": {"type": "string", "format": "date-time"},
            },
        ),
    ],
)
def test_requests_are_described_as_they_are_read_and_answers_as_they_are_written(
    schema, member, expected
):
    """A request may have more than the table says, an answer has exactly that."""
    described = dict(SCHEMAS[schema]["properties"][member])

    assert described.pop("description")
    assert described == expected


def test_an_error_is_as_it_is_rendered():
    """Both formats have the members that the schema tells."""
    members = SCHEMAS["Error"]["properties"]["error"]

    error = json.loads(render("QUOTA_EXHAUSTED", envelope=1).body)["error"]

    assert set(error) == set(members["properties"])
    assert set(members["required"]) <= set(json.loads(render("SYNC_IN_FLIGHT").body)["error"])
