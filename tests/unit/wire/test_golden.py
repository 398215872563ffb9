"""The golden pairs, in both directions: what is written is Google's to the byte, and what is read comes back."""

import json
from pathlib import Path

import pytest

from homegraph.errors import CallRefused
from homegraph.wire.api_v1 import METHODS, read_request_sync
from homegraph.wire.field_mask import parse_field_mask
from homegraph.wire.parameters import choose_envelope, read_query, require_json_answer
from homegraph.wire.status import REASONS, ROWS, parse_error, render, render_success

GOLDEN = Path(__file__).parents[2] / "wire"
PAIRS = [json.loads(path.read_text()) for path in sorted(GOLDEN.glob("*/*.json"))]
ERRORS = [pair for pair in PAIRS if pair["row"]]
SUCCESSES = [pair for pair in PAIRS if not pair["row"]]
METHOD = METHODS["/v1/devices:requestSync"]

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


def refusal_of(request):
    """Read the request as the server does before it knows who calls, and return why it is refused."""
    parameters, rest = read_query(request["query"].encode())
    require_json_answer(parameters)
    content_type = request["headers"].get("content-type")
    sync = read_request_sync(request["body"].encode(), content_type, rest)
    if parameters.fields:
        parse_field_mask(parameters.fields).check(METHOD.response)
    return sync


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
    written = render_success(pair["message"], pretty=pair["pretty"])

    assert pair["response"]["body"] == written.decode()


@pytest.mark.parametrize("pair", named(SUCCESSES))
def test_the_request_of_a_success_is_read(pair):
    """Every request that Google takes is understood."""
    sync = refusal_of(pair["request"])
    parameters, _ = read_query(pair["request"]["query"].encode())

    assert sync.agent_user_id == "user-1"
    assert pair["pretty"] == parameters.pretty_print


@pytest.mark.parametrize(
    "pair",
    named(
        [
            p
            for p in ERRORS
            if p["row"] in READABLE
            and p["given"] == "linked"
            and "requestSync" in p["request"]["path"]
        ]
    ),
)
def test_the_request_of_a_refusal_is_refused_for_the_reason_of_the_pair(pair):
    """What the wire refuses by itself is refused with the reason and the facts that the answer is made of."""
    with pytest.raises(CallRefused) as refused:
        refusal_of(pair["request"])

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


def test_every_row_of_request_sync_has_a_pair():
    """No row that Request Sync can answer is without a golden pair, and the pairs name rows and reasons that exist."""
    covered = {pair["row"] for pair in ERRORS}

    assert set() == REQUEST_SYNC_ROWS - covered
    assert set() == covered - set(ROWS)
    assert all(REASONS[pair["reason"]].row == pair["row"] for pair in ERRORS)


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
