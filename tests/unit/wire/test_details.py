"""Google's own details."""

import pytest

from homegraph.wire import details
from homegraph.wire.details import fill

BUILDERS = [
    details.bad_request,
    details.bad_token,
    details.credentials_missing,
    details.key_blocked,
    details.key_invalid,
    details.key_ip,
    details.no_details,
    details.quota,
    details.scope_missing,
    details.service_disabled,
    details.suspended,
]
FACTS = fill(
    {
        "project_number": "12",
        "violations": ((None, "unknown"), ("a.b", "wrong")),
        "token_reason": "ACCESS_TOKEN_EXPIRED",
        "consumer": "api_key:AIza",
        "ip": "192.0.2.1",
    }
)


@pytest.mark.parametrize("build", BUILDERS)
def test_details_are_rpc_messages(build):
    """Every detail names its type first; an ErrorInfo is Google's, with texts only in its metadata."""
    for detail in build(FACTS, "message"):
        assert next(iter(detail)) == "@type"
        assert detail["@type"].startswith("type.googleapis.com/google.rpc.")
        if detail["@type"].endswith("ErrorInfo"):
            assert list(detail) == ["@type", "reason", "domain", "metadata"]
            assert detail["domain"] == "googleapis.com"
            assert all(type(value) is str for value in detail["metadata"].values())


def test_a_violation_names_its_field_only_when_there_is_one():
    """An unknown name at the top has no field, anything deeper has."""
    (detail,) = details.bad_request(FACTS, "")

    assert detail["fieldViolations"] == [
        {"description": "unknown"},
        {"field": "a.b", "description": "wrong"},
    ]
    assert details.bad_request(fill({}), "") == ()


def test_a_token_error_has_details_only_when_the_cause_has_a_name():
    """Older answers to a bad token have none."""
    assert details.bad_token(fill({}), "") == ()
    (info,) = details.bad_token(FACTS, "")
    assert info["reason"] == "ACCESS_TOKEN_EXPIRED"


def test_the_message_is_repeated_in_english():
    """Where Google repeats the message it is the same text."""
    for build in (details.key_invalid, details.key_blocked, details.key_ip, details.suspended):
        assert {
            "@type": details.TYPE + "LocalizedMessage",
            "locale": "en-US",
            "message": "words",
        } in build(FACTS, "words")


def test_facts_reach_the_metadata():
    """The project, the address and the suspended consumer can be read by a program."""
    assert details.key_ip(FACTS, "")[0]["metadata"]["callerIp"] == "192.0.2.1"
    assert details.suspended(FACTS, "")[0]["metadata"]["containerInfo"] == "api_key:AIza"
    disabled = details.service_disabled(FACTS, "")
    assert disabled[0]["metadata"]["containerInfo"] == "12"
    assert disabled[0]["metadata"]["activationUrl"] == disabled[2]["links"][0]["url"]
    assert details.quota(FACTS, "")[0]["metadata"]["consumer"] == "projects/12"
    assert details.key_blocked(FACTS, "")[0]["metadata"]["methodName"].endswith(
        ".RequestSyncDevices"
    )
    assert details.scope_missing(FACTS, "")[0]["reason"] == "ACCESS_TOKEN_SCOPE_INSUFFICIENT"
    assert details.credentials_missing(FACTS, "")[0]["metadata"]["service"] == details.SERVICE
    assert details.no_details(FACTS, "") == ()
