"""Errors in gRPC: the code of the row, Google's message, and the details that REST answers, too."""

from types import SimpleNamespace

import grpc
import pytest
from google.protobuf import json_format
from google.rpc import error_details_pb2, status_pb2

from homegraph.errors import CallRefused, StoreUnavailable
from homegraph.rpc import refusals
from homegraph.rpc.calls import address_in
from homegraph.rpc.refusals import DETAILS_BYTES_MAX, DETAILS_KEY, refusal_of
from homegraph.service.explaining import told_of
from homegraph.settings.server import Settings
from homegraph.wire.status import REASONS, row_of, status_of

HELP = "http://127.0.0.1:4663/errors/"
EXPLAINED = SimpleNamespace(settings=Settings())
BARE = SimpleNamespace(settings=Settings(explain=False))
FACTS = {
    "violations": (("agent_user_id", "wrong"),),
    "wrong_fields": (("agent_user_id", "missing"), (None, "no path")),
    "metadata": {"agentUserId": "user-1"},
    "token_reason": "ACCESS_TOKEN_EXPIRED",
}


def told(refusal):
    """The status in the trailers, its details as JSON."""
    (trailer,) = [value for name, value in refusal.trailers if name == DETAILS_KEY]
    status = status_pb2.Status.FromString(trailer)
    return status, [json_format.MessageToDict(detail) for detail in status.details]


@pytest.mark.parametrize("code", REASONS)
def test_every_reason_is_told_as_in_rest(code):
    """Code, message and each detail are those of the one table."""
    error = CallRefused(code, **FACTS)
    refusal = refusal_of(EXPLAINED, error, HELP)

    _, facts, explain = told_of(EXPLAINED, error, HELP)
    expected = status_of(code, facts, explain=explain)
    status, details = told(refusal)
    assert (refusal.code.value[0], refusal.message) == (row_of(code).grpc, expected.message)
    assert (status.code, status.message) == (row_of(code).grpc, expected.message)
    assert details == [
        # proto3-JSON leaves out an empty map
        {name: value for name, value in detail.items() if value != {}}
        for detail in expected.details
    ]


def test_without_explanation_everything_is_googles():
    """Then most errors have no details at all, and no trailer either."""
    assert refusal_of(BARE, CallRefused("NOT_FOUND"), HELP).trailers == ()
    _, details = told(refusal_of(BARE, CallRefused("API_KEY_UNKNOWN"), HELP))
    assert [detail["@type"].rpartition(".")[2] for detail in details] == [
        "ErrorInfo",
        "LocalizedMessage",
    ]


def test_errors_of_other_kinds():
    """A database that does not answer is told as such; a code that nobody knows is a bug of ours."""
    assert refusal_of(BARE, StoreUnavailable(), HELP).code is grpc.StatusCode.UNAVAILABLE
    assert refusal_of(BARE, CallRefused("NO_SUCH_REASON"), HELP).code is grpc.StatusCode.INTERNAL


def test_few_of_many_mistakes_are_named():
    """Trailers are small; the first mistakes are the ones to mend first."""
    wrong = tuple((f"states[{n}]", "is null") for n in range(64))

    _, details = told(refusal_of(EXPLAINED, CallRefused("STATE_NULL", wrong_fields=wrong), HELP))
    (named,) = [d["fieldViolations"] for d in details if "fieldViolations" in d]
    assert [each["field"] for each in named] == [f"states[{n}]" for n in range(10)]


@pytest.mark.parametrize("where", ["metadata", "wrong_fields"])
def test_details_have_a_bound(where):
    """A caller with long names gets the error, without the detail that would break his bound on headers."""
    long = "x" * DETAILS_BYTES_MAX
    facts = {"metadata": {"devices": long}, "wrong_fields": (("states", long),)}

    status, details = told(
        refusal_of(EXPLAINED, CallRefused("STATE_NULL", **{where: facts[where]}), HELP)
    )
    assert 0 < status.ByteSize() <= DETAILS_BYTES_MAX
    assert details[-1]["@type"].endswith("Help")
    assert long not in str(details)


def test_details_may_be_all_too_large(monkeypatch):
    """Then there is no trailer, and still an error."""
    monkeypatch.setattr(refusals, "DETAILS_BYTES_MAX", 10)

    refusal = refusal_of(EXPLAINED, CallRefused("NOT_FOUND"), HELP)
    assert (refusal.code, refusal.trailers) == (grpc.StatusCode.NOT_FOUND, ())


def test_a_library_of_google_reads_the_details():
    """By the types that its users import."""
    status, _ = told(refusal_of(EXPLAINED, CallRefused("NOT_FOUND"), HELP))

    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    assert (info.reason, info.domain) == ("NOT_FOUND", "homegraph")


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("ipv4:127.0.0.1:50000", "127.0.0.1"),
        ("ipv6:%5B::1%5D:50000", "::1"),
        ("ipv6:[2001:db8::1]:50000", "2001:db8::1"),
        ("unix:", ""),
        ("unix:/run/homegraph.sock", ""),
        ("unknown", ""),
        ("", ""),
    ],
)
def test_the_address_of_a_caller(peer, address):
    """As gRPC names peers; without an address a key that is restricted to some is refused."""
    assert address_in(peer) == address
