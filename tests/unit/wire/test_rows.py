"""The rows: Google's catalogue."""

import pytest

from homegraph.wire.details import FACTS, fill
from homegraph.wire.rows import GRPC_CODES, ROWS, Exit, status_of_http

EXPECTED = {
    # id: HTTP status, status, number in gRPC, exit code
    "bad-sysparam": (400, "INVALID_ARGUMENT", 3, 2),
    "bad-alt": (400, "INVALID_ARGUMENT", 3, 2),
    "alt-unsupported": (400, "INVALID_ARGUMENT", 3, 2),
    "json-syntax": (400, "INVALID_ARGUMENT", 3, 2),
    "json-unknown": (400, "INVALID_ARGUMENT", 3, 2),
    "json-type": (400, "INVALID_ARGUMENT", 3, 2),
    "json-root": (400, "INVALID_ARGUMENT", 3, 2),
    "invalid-arg": (400, "INVALID_ARGUMENT", 3, 2),
    "precondition": (400, "FAILED_PRECONDITION", 9, 1),
    "key-invalid": (400, "INVALID_ARGUMENT", 3, 4),
    "key-expired": (400, "INVALID_ARGUMENT", 3, 4),
    "unregistered": (403, "PERMISSION_DENIED", 7, 4),
    "no-cred": (401, "UNAUTHENTICATED", 16, 4),
    "key-only": (401, "UNAUTHENTICATED", 16, 4),
    "bad-token": (401, "UNAUTHENTICATED", 16, 4),
    "cred-mismatch": (400, "INVALID_ARGUMENT", 3, 4),
    "scope": (403, "PERMISSION_DENIED", 7, 4),
    "api-disabled": (403, "PERMISSION_DENIED", 7, 4),
    "key-blocked": (403, "PERMISSION_DENIED", 7, 4),
    "key-ip": (403, "PERMISSION_DENIED", 7, 4),
    "suspended": (403, "PERMISSION_DENIED", 7, 4),
    "token-refresh": (403, "PERMISSION_DENIED", 7, 4),
    "not-found": (404, "NOT_FOUND", 5, 5),
    "device-not-found": (404, "NOT_FOUND", 5, 5),
    "html-404": (404, "NOT_FOUND", 5, 5),
    "concurrent": (429, "RESOURCE_EXHAUSTED", 8, 6),
    "quota": (429, "RESOURCE_EXHAUSTED", 8, 6),
    "internal": (500, "INTERNAL", 13, 1),
    "unavailable": (503, "UNAVAILABLE", 14, 3),
    "deadline": (504, "DEADLINE_EXCEEDED", 4, 7),
    "token-request": (400, "INVALID_ARGUMENT", 3, 4),
    "token-limit": (429, "RESOURCE_EXHAUSTED", 8, 6),
    "admin-invalid": (400, "INVALID_ARGUMENT", 3, 2),
    "admin-unauthenticated": (401, "UNAUTHENTICATED", 16, 4),
    "admin-linking": (400, "INVALID_ARGUMENT", 3, 2),
    "admin-refused": (403, "PERMISSION_DENIED", 7, 4),
    "admin-not-found": (404, "NOT_FOUND", 5, 5),
}


def test_every_row_has_its_codes():
    """HTTP, gRPC and exit codes are those of the catalogue, and no row is missing or added unseen."""
    found = {row.id: (row.http, row.status, row.grpc, row.exit) for row in ROWS.values()}

    assert found == EXPECTED


def test_the_evidence_of_every_row_is_a_known_mark():
    """A row says how well it is known."""
    assert {row.evidence for row in ROWS.values()} <= set("SOMCIR")


@pytest.mark.parametrize("row", ROWS.values(), ids=list(ROWS))
def test_a_row_needs_no_facts(row):
    """Without any fact a row still has a message without holes, unless the message is a fact itself."""
    message = row.message.format_map(fill({}))

    assert "{" not in message
    assert message or row.message in ("{text}", "{descriptions}")
    assert isinstance(row.details(fill({}), message), tuple)


def test_only_credential_errors_ask_for_another_credential():
    """WWW-Authenticate comes with every 401, and with the 403 of a missing scope; error= only when there was a token."""
    asking = {row.id: row.www_authenticate for row in ROWS.values() if row.www_authenticate}

    assert {row.id for row in ROWS.values() if row.http == 401} | {"scope"} == set(asking)
    assert {"bad-token", "scope"} == {row for row, value in asking.items() if "error=" in value}
    assert all(value.startswith('Bearer realm="') for value in asking.values())


@pytest.mark.parametrize(
    ("http", "status"),
    [
        (400, "INVALID_ARGUMENT"),
        (404, "NOT_FOUND"),
        (409, "ABORTED"),
        (429, "RESOURCE_EXHAUSTED"),
        (503, "UNAVAILABLE"),
        (418, "FAILED_PRECONDITION"),
        (599, "INTERNAL"),
        (302, "UNKNOWN"),
        (0, "UNKNOWN"),
    ],
)
def test_an_http_status_alone_names_a_code(http, status):
    """An answer without a status is given the one that its HTTP status stands for."""
    assert status == status_of_http(http)
    assert status in GRPC_CODES


def test_exit_codes_are_documented_numbers():
    """The numbers of exit codes are a promise to scripts."""
    assert {1, 2, 3, 4, 5, 6, 7, 70} == {int(code) for code in Exit}


def test_facts_that_follow_from_others():
    """The activation page and the consumer follow from the project number; violations become lines."""
    full = fill(
        {"project_number": 12, "violations": (("a", "first"), (None, "second")), "other": 1}
    )

    assert full["project"] == "projects/12"
    assert full["activation_url"].endswith("/homegraph.googleapis.com/overview?project=12")
    assert full["descriptions"] == "first\nsecond"
    assert set(FACTS) < set(full)
