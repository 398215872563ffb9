"""What is kept of a linking step by step, and shown to the operator; and what is found wrong with the tokens."""

import json
from base64 import b64encode
from urllib.parse import quote, urlencode

import pytest

from homegraph.graph.linking import STEPS_MAX
from homegraph.testing.fulfillment import Answer
from homegraph.wire.status import REASONS
from support.linking import ODD, TOKENS, a_cloud, asked_of, begin, come_back, served_with, tokens

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
ODD_CODE = "4/0AX+=%&code"


@pytest.fixture
def cloud():
    """A device cloud in which token-2 opens the home of user-2."""
    with a_cloud() as scripted:
        yield scripted


@pytest.fixture
def served(tmp_path, cloud):
    """A server whose project can send users to a login page, with PKCE."""
    with served_with(tmp_path, cloud, pkce=True) as running:
        yield running


def traces_of(served, user="bea", **parameters):
    """The user's linkings, as the admin API tells them."""
    query = urlencode({"project": "acme", "user": user, **parameters})
    answer = served.admin("GET", f"links/trace?{query}")
    assert answer.status == 200
    return answer.json["linkings"]


def steps_of(trace):
    """Each step and its verdict."""
    return [(step["step"], step["verdict"]) for step in trace["steps"]]


def carried(served, **parameters):
    """The answer of the login page, carried here by hand."""
    url = f"https://elsewhere.example/?{urlencode(parameters)}"
    return served.admin("POST", "links/finish", project="acme", url=url)


def test_every_step_of_a_linking(served, cloud):
    """With request and answer, from the address of the login page to the QUERY; nothing secret in any of it."""
    tokens(cloud, refresh_token="refresh/+=%&1")
    _, asked = begin(served)
    come_back(served, state=asked["state"], code=ODD_CODE)
    (trace,) = traces_of(served)
    verifier = cloud.calls[0].body["code_verifier"][0]

    assert (trace["stage"], trace["reason"]) == ("linked", "")
    assert steps_of(trace) == [
        *(("authorize", "ok"), ("callback", "ok"), ("exchange", "ok"), ("sync", "ok")),
        ("query", "ok"),
    ]
    authorize, callback, exchange, sync, _ = trace["steps"]
    assert "client_id=https://home.example/app" in authorize["request"]
    assert "code_challenge=***&code_challenge_method=S256" in authorize["request"]
    assert callback["request"] == "state=***&code=***"
    assert exchange["exchange"]["status"] == 200
    assert json.loads(exchange["exchange"]["response"]["body"])["expires_in"] == 60
    assert "kitchen lamp" in sync["exchange"]["response"]["body"].lower()
    whole = json.dumps(trace)
    secrets = ["token-2", "refresh/", "4/0AX", urlencode({"": ODD_CODE})[1:], verifier]
    assert not [one for one in (*secrets, asked["state"], asked["code_challenge"]) if one in whole]


def test_a_linking_that_failed_early(served, cloud):
    """What the login page has said, and nothing after it."""
    _, asked = begin(served)
    come_back(served, state=asked["state"], error="access_denied", error_description="Not today")
    (trace,) = traces_of(served)

    assert steps_of(trace) == [("authorize", "ok"), ("callback", "LINKING_DENIED")]
    assert "access_denied (Not today)" in trace["message"] == trace["steps"][1]["message"]
    assert "error=access_denied" in trace["steps"][1]["request"]
    assert trace["explanation"]["title"].startswith("The login page has answered")


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (
            Answer(400, b'{"error":"invalid_grant","error_description":"c-o-d-e is old"}'),
            "CODE_REFUSED",
        ),
        (Answer(200, b'{"accessToken":"hidden-secret"}'), "TOKEN_ENDPOINT_FAILED"),
        (Answer(200, b'{"data":{"access_token":"hidden-secret"}}'), "TOKEN_ENDPOINT_FAILED"),
        (Answer(200, b'\xef\xbb\xbf{"access_token":"hidden-secret"}'), "TOKEN_ENDPOINT_FAILED"),
        (Answer(200, rb'{"access_token":"\u00e4-hidden-secret"}'), "TOKEN_ENDPOINT_FAILED"),
        (Answer(200, rb'{"access_token":"hidden-secret\r\nx: y"}'), "TOKEN_ENDPOINT_FAILED"),
        (Answer(500, b"oops"), "TOKEN_ENDPOINT_FAILED"),
    ],
)
def test_an_exchange_that_failed(served, cloud, answer, verdict):
    """The answer is shown, but for what may be secret in it."""
    cloud.answer_token_next(answer)
    _, asked = begin(served)
    page = come_back(served, state=asked["state"], code="c-o-d-e")
    (trace,) = traces_of(served)

    assert steps_of(trace)[1:] == [("callback", "ok"), ("exchange", verdict)]
    assert trace["steps"][2]["exchange"]["status"] == answer.status
    assert trace["reason"] == verdict
    for said in (json.dumps(trace), page.body.decode()):
        assert "c-o-d-e" not in said
        assert "hidden-secret" not in said


def test_a_long_answer_is_cut(served, cloud):
    """What a token endpoint says may be a whole page; the beginning is kept, and how long it was."""
    cloud.answer_token_next(Answer(500, b"x" * 20_000))
    _, asked = begin(served)
    come_back(served, state=asked["state"], code="c-o-d-e")
    (trace,) = traces_of(served)

    response = trace["steps"][2]["exchange"]["response"]
    assert (len(response["body"]), response["size"]) == (16_384, 20_000)


def test_a_token_whose_slashes_are_escaped(served, cloud):
    """As PHP writes JSON: the token is used as it is meant, and hidden as it is written."""
    cloud.answer_token_next(
        Answer(
            200, rb'{"access_token":"hidden\/part","refresh_token":"other\/part","expires_in":60}'
        )
    )
    _, asked = begin(served)
    come_back(served, state=asked["state"], code="c-o-d-e")
    (trace,) = traces_of(served)

    exchange = trace["steps"][2]["exchange"]
    assert exchange["response"]["body"] == (
        '{"access_token":"***","refresh_token":"***","expires_in":60}'
    )
    assert "/part" not in json.dumps(trace)


def test_a_token_endpoint_that_repeats_what_it_was_shown(tmp_path, cloud):
    """Basic has the client's secret in base64, and a helpful server says what it got."""
    shown = "Basic " + b64encode(f"acme:{quote(ODD, safe='')}".encode()).decode()
    said = {"error": "invalid_client", "error_description": f"not {shown}", "got": [shown]}
    cloud.answer_token_next(Answer(401, json.dumps(said).encode()))
    with served_with(tmp_path, cloud, client_auth="basic", client_id="acme") as served:
        _, asked = begin(served)
        page = come_back(served, state=asked["state"], code="c-o-d-e")
        (trace,) = traces_of(served)

    assert cloud.calls[0].headers["authorization"] == shown
    assert "not Basic ***" in page.body.decode()
    assert trace["steps"][2]["exchange"]["response"]["body"].endswith('"got": ["Basic ***"]}')
    assert shown.split()[1] not in json.dumps(trace)


def test_who_tried_again_is_in_the_trace(served, cloud):
    """A replayed state, one of another project, one that is refused for its form; however often, within bounds."""
    tokens(cloud)
    _, asked = begin(served)
    come_back(served, state=asked["state"])
    come_back(served, "other", state=asked["state"], code="c")
    come_back(served, state=asked["state"], code="c")
    for _ in range(STEPS_MAX):
        come_back(served, state=asked["state"], code="c")
    (trace,) = traces_of(served)

    verdicts = [verdict for step, verdict in steps_of(trace) if step == "callback"]
    told = [one["message"] for one in trace["steps"] if one["verdict"].startswith("LINKING_")]
    assert told[0] == "The browser came back without code, and without error."
    assert told[1] == REASONS["LINKING_STATE_WRONG"].title
    assert verdicts[:4] == ["LINKING_CALLBACK_WRONG", "LINKING_STATE_WRONG", "ok", "LINKING_USED"]
    assert len(trace["steps"]) == STEPS_MAX + 2  # those of the SYNC are not the linking's own
    assert trace["stage"] == "linked"


def test_a_stolen_state_is_in_the_trace(served):
    """Whose browser it was is known; the state is still good."""
    answer = served.send("POST", "/link/acme", headers=FORM, body=b"user=bea")
    asked = asked_of(answer.headers["location"])
    come_back(served, state=asked["state"], code="c")
    (trace,) = traces_of(served)

    assert steps_of(trace) == [("authorize", "ok"), ("callback", "LINKING_OTHER_BROWSER")]
    assert trace["stage"] == "waiting"


def test_the_newest_linking_comes_first(served):
    """As many as are asked for."""
    begun = [begin(served)[0]["linking"] for _ in range(3)]

    assert [trace["linking"] for trace in traces_of(served, limit=2)] == begun[:0:-1]
    assert traces_of(served, "nobody") == []
    assert served.admin("GET", "links/trace?project=other&user=bea").status == 404
    assert len(traces_of(served, limit=20)) == 3
    assert served.admin("GET", "links/trace?project=acme&user=bea&limit=21").status == 400


def test_a_first_sync_that_failed_is_in_the_trace(served, cloud):
    """With its answer and the reason."""
    tokens(cloud)
    cloud.answer_next(Answer(404, b"no home here"))
    _, asked = begin(served)
    come_back(served, state=asked["state"], code="c")
    (trace,) = traces_of(served)

    assert steps_of(trace)[3:] == [("sync", "FULFILLMENT_REFUSED")]
    assert trace["steps"][3]["exchange"]["response"]["body"] == "no home here"
    assert trace["run"]


def test_a_query_that_failed_is_in_the_trace(served, cloud):
    """The account is linked all the same, and the finding stands beside the QUERY."""
    tokens(cloud)
    cloud.answer_query_next(Answer(500))
    _, asked = begin(served)
    come_back(served, state=asked["state"], code="c")
    (trace,) = traces_of(served)

    assert (trace["stage"], steps_of(trace)[3:]) == (
        "linked",
        [("sync", "ok"), ("query", "first-query-failed")],
    )
    assert [one["rule"] for one in trace["steps"][4]["findings"]] == ["first-query-failed"]


def test_a_link_that_breaks_in_the_first_query_is_told_everywhere(served, cloud):
    """The page, whoever waits, who carries the answer by hand, and the trace: nobody is told that all is well."""
    said = []
    for user, carry in (("bea", come_back), ("carl", carried)):
        tokens(cloud)
        cloud.answer_query_next(Answer(401, b"{}"))
        cloud.answer_token_next(Answer(400, b'{"error":"invalid_grant"}'))
        begun, asked = begin(served, user)
        said.append(carry(served, state=asked["state"], code="c"))
        which = f"linking?project=acme&linking={begun['linking']}"
        said.append(served.admin("GET", which).json)
    page, waited, by_hand, _ = said
    (trace,) = traces_of(served)

    assert page.status == 403
    assert b"the link is broken already" in page.body
    assert by_hand.json["error"]["reason"] == "TOKEN_REFUSED"
    assert (waited["stage"], waited["reason"]) == ("failed", "TOKEN_REFUSED")
    assert (waited["link"]["state"], waited["explanation"]["fix"][:23]) == (
        "broken",
        "Link the account again.",
    )
    assert (trace["stage"], trace["reason"]) == ("failed", "TOKEN_REFUSED")
    assert [step["step"] for step in trace["steps"]][3:] == ["sync", "query", "refresh"]


def test_what_is_wrong_with_the_tokens_is_told_everywhere(served, cloud):
    """In the trace, on the page, and to whoever waits."""
    wrong = {**TOKENS, "expires_in": "60"}
    del wrong["refresh_token"]
    cloud.answer_token_next(Answer(200, json.dumps(wrong).encode()))
    begun, asked = begin(served)
    page = come_back(served, state=asked["state"], code="c")
    told = served.admin("GET", f"linking?project=acme&linking={begun['linking']}").json
    (trace,) = traces_of(served)

    rules = ["token-expires-in-type", "token-refresh-missing"]
    assert [one["rule"] for one in trace["steps"][2]["findings"]] == rules
    assert [one["rule"] for one in told["findings"]] == rules
    assert b"not a number of seconds" in page.body
    assert told["stage"] == "linked"


# --- the implicit flow -------------------------------------------------------------------------------------------------


@pytest.fixture
def implicit(tmp_path, cloud):
    """A server whose project's login page hands out tokens itself."""
    with served_with(tmp_path, cloud, flow="implicit", token_url="") as running:
        yield running


def test_a_token_in_the_fragment(implicit, cloud):
    """The page sends it here as a form, once; there is no exchange, and no refresh token."""
    _, asked = begin(implicit)
    page = implicit.send("GET", "/r/acme")
    body = urlencode({"access_token": "token-2", "token_type": "bearer", "state": asked["state"]})
    headers = {**FORM, "Origin": implicit.url}
    arrived = implicit.send("POST", "/r/acme", headers=headers, body=body.encode())
    again = implicit.send("POST", "/r/acme", headers=headers, body=body.encode())
    (trace,) = traces_of(implicit)

    assert asked["response_type"] == "token"
    assert b"<noscript>" in page.body
    assert "script-src 'sha256-" in page.headers["content-security-policy"]
    assert (arrived.status, again.status) == (200, 400)
    assert b"2 devices arrived" in arrived.body
    assert steps_of(trace)[:3] == [
        ("authorize", "ok"),
        ("callback", "ok"),
        ("callback", "LINKING_USED"),
    ]
    assert "token-2" not in json.dumps(trace)
    assert [call.path for call in cloud.calls if call.path == "/token"] == []


def test_a_fragment_is_carried_here_by_hand(implicit):
    """Where scripts are switched off; a token that ends is told as what it is."""
    _, asked = begin(implicit)
    fragment = urlencode({"access_token": "token-2", "expires_in": 60, "state": asked["state"]})
    done = implicit.admin(
        "POST", "links/finish", project="acme", url=f"http://x/r/acme#{fragment}", user="bea"
    )
    (trace,) = traces_of(implicit)

    assert (done.status, done.json["state"]) == (200, "linked")
    rules = [one["rule"] for one in trace["steps"][1]["findings"]]
    assert rules == ["token-type-missing", "token-refresh-missing"]


@pytest.mark.parametrize(
    ("headers", "parameters", "code"),
    [
        ({"Origin": "http://evil.example"}, {"access_token": "token-2"}, "LINKING_FORM_FOREIGN"),
        ({}, {"code": "c"}, "LINKING_CALLBACK_WRONG"),
        ({}, {"error": "access_denied"}, "LINKING_DENIED"),
    ],
)
def test_a_fragment_that_is_refused(implicit, headers, parameters, code):
    """From another page, or without a token."""
    _, asked = begin(implicit)
    body = urlencode({"state": asked["state"], **parameters}).encode()
    answer = implicit.send("POST", "/r/acme", headers={**FORM, **headers}, body=body)

    assert code.encode() in answer.body


def test_a_refusal_in_the_query(implicit):
    """Some login pages say no there: it is read at once, without a script."""
    _, asked = begin(implicit)
    said = urlencode({"error": "access_denied", "state": asked["state"]})

    assert b"LINKING_DENIED" in implicit.send("GET", f"/r/acme?{said}").body


@pytest.mark.parametrize("project", ["acme", "nobody"])
def test_a_page_that_runs_something_is_shown_in_the_implicit_flow_only(served, project):
    """Elsewhere an address without a query is what it is: a callback that brings nothing, whether or not there is the project."""
    page = served.send("GET", f"/r/{project}")

    assert page.status == 400
    assert b"LINKING_CALLBACK_WRONG" in page.body
    assert "script-src" not in page.headers["content-security-policy"]
