"""The reasons: our explanation of every error."""

import re
from pathlib import Path

import pytest

from homegraph import errors
from homegraph.wire.reasons import DOMAIN, REASONS
from homegraph.wire.rows import ROWS

PROMISED = [
    "SYSTEM_PARAMETER_INVALID",
    "ALT_INVALID",
    "ALT_UNSUPPORTED",
    "FIELD_MASK_INVALID",
    "QUERY_TOO_LARGE",
    "JSON_SYNTAX",
    "JSON_UNKNOWN_NAME",
    "JSON_TYPE",
    "JSON_ROOT",
    "BODY_ENCODING",
    "BODY_TOO_LARGE",
    "BODY_TOO_SLOW",
    "FIELD_REQUIRED",
    "FIELD_TOO_LONG",
    "AGENT_USER_PREFIX_MISSING",
    "MESSAGE_UNREADABLE",
    "PAYLOAD_REQUIRED",
    "STATE_NOT_OBJECT",
    "STATE_NULL",
    "STATE_TYPE_WRONG",
    "STATE_WORD_UNKNOWN",
    "STATE_OUT_OF_RANGE",
    "STATE_EMPTY",
    "STATE_KEY_UNKNOWN",
    "STATE_OF_UNDECLARED_TRAIT",
    "STATE_KEY_FOREIGN",
    "NOTIFICATION_NOT_SUPPORTED",
    "CREDENTIAL_MISSING",
    "API_KEY_UNKNOWN",
    "API_KEY_REVOKED",
    "API_KEY_EXPIRED",
    "API_KEY_NOT_ACCEPTED",
    "ACCESS_TOKEN_MISSING",
    "ACCESS_TOKEN_UNKNOWN",
    "SCOPE_MISSING",
    "CREDENTIALS_DISAGREE",
    "ASSERTION_UNREADABLE",
    "ASSERTION_LIFETIME",
    "ASSERTION_AUDIENCE",
    "ASSERTION_SIGNATURE",
    "ASSERTION_SCOPE",
    "SERVICE_ACCOUNT_UNKNOWN",
    "GRANT_TYPE_UNSUPPORTED",
    "TOKEN_REQUEST_UNREADABLE",
    "TOKEN_REQUESTS_TOO_MANY",
    "API_DISABLED",
    "API_KEY_RESTRICTED",
    "API_KEY_IP_REFUSED",
    "PROJECT_SUSPENDED",
    "QUOTA_EXHAUSTED",
    "AGENT_USER_NEVER_LINKED",
    "AGENT_USER_UNLINKED",
    "AGENT_USER_OF_OTHER_PROJECT",
    "FIRST_SYNC_FAILED",
    "FIRST_SYNC_PENDING",
    "AGENT_USER_SETTLING",
    "DEVICE_UNKNOWN",
    "DEVICE_NOT_FOUND",
    "SYNC_IN_FLIGHT",
    "LINK_BROKEN",
    "TOKEN_REFUSED",
    "TOKEN_ENDPOINT_FAILED",
    "TOKEN_FAILED",
    "TOKEN_REJECTED",
    "LINKING_STATE_WRONG",
    "LINKING_EXPIRED",
    "LINKING_USED",
    "LINKING_OTHER_BROWSER",
    "LINKING_OTHER_USER",
    "LINKING_FORM_FOREIGN",
    "LINK_PAGE_CLOSED",
    "LINKING_CALLBACK_WRONG",
    "LINKING_DENIED",
    "LINKING_NOT_CONFIGURED",
    "LINKING_INTERRUPTED",
    "CODE_REFUSED",
    "ADDRESS_REFUSED",
    "FULFILLMENT_UNREACHABLE",
    "FULFILLMENT_UNTRUSTED",
    "FULFILLMENT_TIMEOUT",
    "FULFILLMENT_FAILED",
    "FULFILLMENT_REFUSED",
    "REPLY_UNUSABLE",
    "REPLY_GARBLED",
    "REPLY_TOO_LARGE",
    "REPLY_ERROR_PAYLOAD",
    "SYNC_DEADLINE",
    "SERVER_BUSY",
    "SERVER_STOPPING",
    "STORE_UNAVAILABLE",
    "INTERNAL",
    "KEY_MISMATCH",
    "PRECONDITION",
    "ROUTE_UNKNOWN",
    "METHOD_NOT_ALLOWED_HERE",
    "NOT_FOUND",
    "NOT_ALLOWED",
    "ADMIN_TOKEN_WRONG",
    "HOST_REFUSED",
    "SETTINGS",
    "EXPORT_UNUSABLE",
]


NAMES = ("$.xgafv ", "agentUserId ", "alt ", "alt=", "aud ", "fields ", "fulfillment_url ", "iat ")
"""Sentences may begin with a name that is spelled in lower case."""


def leaves(family):
    """The errors of a family that are raised, i.e. those that nothing inherits from."""
    below = family.__subclasses__()
    return [leaf for kind in below for leaf in leaves(kind)] if below else [family]


def test_no_code_disappears():
    """Programs compare codes, so a code once promised stays."""
    assert set() == set(PROMISED) - set(REASONS)
    assert set() == set(REASONS) - set(PROMISED), "a new code must be promised here"
    assert all(re.fullmatch(r"[A-Z][A-Z_]+[A-Z]", code) for code in REASONS)
    assert DOMAIN == "homegraph"


def test_every_refusal_in_the_code_has_a_reason():
    """A code that is raised somewhere and stands in no table would be shown as an internal error."""
    package = Path(errors.__file__).parent
    raised = {
        code
        for path in package.rglob("*.py")
        for code in re.findall(r'CallRefused\(\s*"([A-Z_]+)"', path.read_text())
    }

    assert "FIELD_REQUIRED" in raised
    assert set() == raised - set(REASONS)


@pytest.mark.parametrize("reason", REASONS.values(), ids=list(REASONS))
def test_a_reason_explains_itself(reason):
    """Every reason belongs to a row and says what happened, why, and what to do, in whole sentences without holes."""
    assert reason.row in ROWS
    assert REASONS[reason.code] is reason
    for text in (reason.title, reason.why, reason.fix):
        assert text[0].isupper() or text.startswith(NAMES)
        assert text.endswith((".", "}."))
        assert "  " not in text
        assert "\n" not in text
    assert len(reason.title) <= 100
    assert reason.title.count(". ") == 0


def test_every_row_has_a_reason():
    """No error answer is without an explanation."""
    assert set(ROWS) == {reason.row for reason in REASONS.values()}


@pytest.mark.parametrize(
    "kind",
    [*leaves(errors.FulfillmentError), *leaves(errors.TokenError)],
    ids=lambda kind: kind.code,
)
def test_outcomes_of_a_sync_are_reasons(kind):
    """Whatever goes wrong at a fulfillment or token endpoint can be explained, and both agree whether it may pass."""
    reason = REASONS[kind.code]

    assert kind.retryable == reason.retryable
    assert ROWS[reason.row].http in (403, 500)


def test_the_most_common_reason_of_a_row_comes_first():
    """Where only the row is known, the first reason of it is told."""
    first = {}
    for reason in REASONS.values():
        first.setdefault(reason.row, reason.code)

    assert first["not-found"] == "AGENT_USER_NEVER_LINKED"
    assert first["invalid-arg"] == "FIELD_REQUIRED"
    assert first["key-invalid"] == "API_KEY_UNKNOWN"
    assert first["token-refresh"] == "LINK_BROKEN"
    assert first["deadline"] == "SYNC_DEADLINE"


def test_what_googles_logs_say_leads_to_a_reason():
    """The words that developers have published (protocol.md 4 and 9); who has nothing but them finds out what is meant."""
    told = {}
    for reason in REASONS.values():
        for word in reason.google_log:
            told.setdefault(word, []).append(reason.code)

    assert told == {
        "OPEN_AUTH_FAILURE": [
            "LINK_BROKEN",
            "TOKEN_REFUSED",
            "TOKEN_ENDPOINT_FAILED",
            "TOKEN_FAILED",
            "TOKEN_REJECTED",
        ],
        "GAL_BAD_3P_RESPONSE": ["TOKEN_ENDPOINT_FAILED"],
        "BACKEND_FAILURE_URL_ERROR": ["FULFILLMENT_REFUSED"],
        "BACKEND_FAILURE_URL_TIMEOUT": ["FULFILLMENT_TIMEOUT"],
        "BACKEND_FAILURE_URL_UNREACHABLE": [
            "FULFILLMENT_UNREACHABLE",
            "FULFILLMENT_UNTRUSTED",
            "FULFILLMENT_FAILED",
        ],
        "json_response_invalid_format": ["REPLY_UNUSABLE", "REPLY_ERROR_PAYLOAD"],
        "DEVICE_NOT_FOUND": ["DEVICE_UNKNOWN"],
        "RESOURCE_EXHAUSTED": ["SYNC_IN_FLIGHT"],
    }
