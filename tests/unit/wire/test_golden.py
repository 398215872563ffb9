"""The golden pairs, in both directions: what is written is Google's to the byte, and what is read comes back."""

import json
from pathlib import Path

import pytest

from homegraph.errors import CallRefused
from homegraph.wire.answers import query_answer, report_answer, sync_answer
from homegraph.wire.api_v1 import (
    find_method,
    read_delete,
    read_query_request,
    read_request_sync,
    read_sync,
    route,
)
from homegraph.wire.field_mask import parse_field_mask
from homegraph.wire.parameters import choose_envelope, read_query, require_json_answer
from homegraph.wire.reports import read_report
from homegraph.wire.status import REASONS, ROWS, parse_error, render, render_success

GOLDEN = Path(__file__).parents[2] / "wire"
PAIRS = [json.loads(path.read_text()) for path in sorted(GOLDEN.glob("*/*.json"))]
ERRORS = [pair for pair in PAIRS if pair["row"]]
SUCCESSES = [pair for pair in PAIRS if not pair["row"]]

READERS = {
    "devices.requestSync": read_request_sync,
    "devices.reportStateAndNotification": read_report,
    "devices.query": read_query_request,
    "devices.sync": read_sync,
}

# What the wire finds by itself, without knowing any project or user.
READABLE = {
    "bad-sysparam",
    "bad-alt",
    "alt-unsupported",
    "json-syntax",
    "json-unknown",
    "json-type",
    "json-root",
    "invalid-arg",
}
# What it cannot find without knowing the user's devices, although the row is one of these.
NEEDS_DEVICES = {
    "STATE_NULL",
    "STATE_KEY_UNKNOWN",
    "STATE_OF_UNDECLARED_TRAIT",
    "STATE_KEY_FOREIGN",
    "NOTIFICATION_NOT_SUPPORTED",
}
REQUEST_SYNC_ROWS = READABLE | {
    *(
        "key-invalid",
        "key-expired",
        "unregistered",
        "api-disabled",
        "key-blocked",
        "key-ip",
        "suspended",
    ),
    *(
        "token-refresh",
        "not-found",
        "concurrent",
        "internal",
        "unavailable",
        "deadline",
        "html-404",
    ),
}


def named(pairs):
    """Give each pair the name of its case."""
    return [pytest.param(pair, id=pair["case"]) for pair in pairs]


def read(request):
    """Read the request as the server does before it knows who calls; raises why it is refused."""
    method = route(request["method"], request["path"])
    parameters, rest = read_query(request["query"].encode())
    require_json_answer(parameters)
    if method.id == "agentUsers.delete":
        return read_delete(request["path"].encode(), rest)
    content_type = request["headers"].get("content-type")
    value = READERS[method.id](request["body"].encode(), content_type, rest)
    if parameters.fields:
        parse_field_mask(parameters.fields).check(method.response)
    return value


def written(pair):
    """Write the answer of a success by the writer of its method, from what the answer says."""
    message, pretty = pair["message"], pair["pretty"]
    request_id, payload = message.get("requestId", ""), message.get("payload", {})
    match route(pair["request"]["method"], pair["request"]["path"]).id:
        case "devices.reportStateAndNotification":
            return report_answer(request_id, pretty=pretty)
        case "devices.query":
            return query_answer(request_id, payload["devices"], pretty=pretty)
        case "devices.sync":
            agent_user_id, devices = payload["agentUserId"], payload["devices"]
            return sync_answer(request_id, agent_user_id, devices, pretty=pretty)
        case _:
            return render_success(message, pretty=pretty)


@pytest.mark.parametrize("pair", named(ERRORS))
def test_the_row_is_written_to_the_byte(pair):
    """An error is rendered exactly as the golden answer."""
    rendered = render(pair["reason"], pair["facts"], envelope=pair["envelope"])

    assert pair["response"]["body"] == rendered.body.decode()
    assert pair["response"]["status"] == rendered.http
    headers = {name.decode(): value.decode() for name, value in rendered.headers}
    assert pair["response"]["headers"] == {
        name: headers.get(name) for name in pair["response"]["headers"]
    }


@pytest.mark.parametrize("pair", named(ERRORS))
def test_the_golden_answer_is_read_back(pair):
    """The client's error has the code, message and details of the answer, and a hint of ours."""
    error = json.loads(pair["response"]["body"])["error"]

    read = parse_error(pair["response"]["status"], pair["response"]["body"].encode())

    assert (error["code"], error["message"], error["status"]) == (
        read.http_status,
        read.message,
        read.status,
    )
    assert error.get("details", []) == list(read.details)
    assert pair["response"]["body"] == read.body


@pytest.mark.parametrize("pair", named(SUCCESSES))
def test_a_success_is_written_to_the_byte(pair):
    """A success is rendered exactly as the golden answer."""
    assert pair["response"]["body"] == written(pair).decode()
    assert pair["message"] == json.loads(pair["response"]["body"])


@pytest.mark.parametrize("pair", named(SUCCESSES))
def test_the_request_of_a_success_is_read(pair):
    """Every request that Google takes is understood."""
    value = read(pair["request"])
    parameters, _ = read_query(pair["request"]["query"].encode())

    assert value.agent_user_id == "user-1"
    # Request Sync has no request id, and deleting answers none.
    assert pair["message"].get("requestId", "") in (getattr(value, "request_id", ""), "")
    assert pair["pretty"] == parameters.pretty_print


@pytest.mark.parametrize(
    "pair",
    named(
        [
            p
            for p in ERRORS
            if p["row"] in READABLE
            and p["reason"] not in NEEDS_DEVICES
            and p["given"] in ("linked", "reported")
        ]
    ),
)
def test_the_request_of_a_refusal_is_refused_for_the_reason_of_the_pair(pair):
    """What the wire refuses by itself is refused with the reason and the facts that the answer is made of."""
    with pytest.raises(CallRefused) as refused:
        read(pair["request"])

    assert pair["reason"] == refused.value.code
    rendered = render(refused.value.code, refused.value.facts, envelope=pair["envelope"])
    assert pair["response"]["body"] == rendered.body.decode()


@pytest.mark.parametrize("pair", named(ERRORS))
def test_the_envelope_follows_from_the_request(pair):
    """Which format the answer has can be seen from the query and two headers."""
    request = pair["request"]
    api_client = request["headers"].get("x-goog-api-client")
    try:
        xgafv = read_query(request["query"].encode())[0].xgafv
    except CallRefused as refused:
        xgafv = refused.facts["xgafv"]

    assert pair["envelope"] == choose_envelope(xgafv, None, api_client and api_client.encode())


def test_every_row_has_a_pair():
    """No row that the API can answer is without a golden pair, and the pairs name rows and reasons that exist."""
    covered = {pair["row"] for pair in ERRORS}
    by_request_sync = {p["row"] for p in ERRORS if "requestSync" in p["request"]["path"]}
    elsewhere = {row for row in ROWS if row.startswith("admin-")} | {"token-request", "token-limit"}

    assert set() == REQUEST_SYNC_ROWS - by_request_sync
    assert set(ROWS) - elsewhere == covered
    assert all(REASONS[pair["reason"]].row == pair["row"] for pair in ERRORS)


def test_the_rpc_of_an_answer_is_that_of_the_path():
    """Where Google names the method in the details, it is the one that was called."""
    for pair in ERRORS:
        if "method" in pair["facts"]:
            assert pair["facts"]["method"] == find_method(pair["request"]["path"]).rpc


def test_every_pair_is_explained():
    """File names, evidence marks and the words for the server's state are those of the README."""
    readme = (GOLDEN / "README.md").read_text()
    given = readme.partition("## Given")[2]

    for path in GOLDEN.glob("*/*.json"):
        pair = json.loads(path.read_text())
        assert path.stem == pair["case"]
        assert f"| {pair['evidence']} |" in readme
        assert f"`{pair['given']}`" in given
        assert pair["source"]
