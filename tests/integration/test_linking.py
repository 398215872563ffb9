"""Linking an account by real sockets: from the address of the login page to the devices that arrived, and what is refused."""

import json
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import parse_qs, urlencode

import pytest

from homegraph.errors import StoreUnavailable
from homegraph.graph.model import LinkState
from homegraph.service import authorizing
from homegraph.service.events import LinkChanged, LinkingStarted
from homegraph.settings.projects import LinkSettings
from homegraph.settings.secret import Secret
from homegraph.store.sqlite import SqliteStore
from homegraph.testing.fulfillment import Answer, Home, lamp
from homegraph.wire.authorization import challenge
from support.linking import (
    ODD,
    TOKENS,
    a_cloud,
    begin,
    come_back,
    heard_by,
    link_of,
    served_with,
    tokens,
)
from support.server import until

PAGE = (Path(__file__).parents[2] / "docs/reference/http.md").read_text()


def example(call):
    """The document under the heading of a call of the admin API."""
    section = PAGE.partition(f"\n### `{call}`\n")[2].partition("\n### ")[0]
    return json.loads(re.findall(r"```json\n(.*?)```", section, re.DOTALL)[0])


@pytest.fixture
def cloud():
    """A device cloud in which token-2 opens the home of user-2."""
    with a_cloud() as scripted:
        yield scripted


@pytest.fixture
def served(tmp_path, cloud):
    """A server whose project can send users to a login page."""
    with served_with(tmp_path, cloud) as running:
        yield running


def test_a_user_links_an_account(served, cloud):
    """From the login page to a page that names the devices; QUERY follows, and the caller of Request Sync is known."""
    tokens(cloud)
    begun, asked = begin(served)
    page = come_back(served, state=asked["state"], code=ODD)

    assert page.status == 200
    assert page.headers["cache-control"] == "no-store"
    assert b"Kitchen lamp" in page.body
    assert b"2 devices arrived" in page.body
    assert begun["redirect_uri"] == asked["redirect_uri"] == f"{served.url}/r/acme"
    assert (link_of(served).state, link_of(served).agent_user_id) == (LinkState.LINKED, "user-2")
    assert [call.intent.rpartition(".")[2] for call in cloud.calls] == ["", "SYNC", "QUERY"]
    assert served.request_sync("user-2").status == 200


def test_the_login_page_is_asked_as_google_asks(served):
    """State without anything to escape, no scope unless there is one, the query of the setting kept."""
    begun, asked = begin(served, locale="de-DE")
    url = begun["authorization_url"]

    assert url.startswith("http://127.0.0.1:9/auth?tenant=1&redirect_uri=")
    assert list(asked) == [
        *("tenant", "redirect_uri", "client_id", "response_type", "state", "user_locale")
    ]
    assert asked["user_locale"] == "de-DE"
    assert f"state={asked['state']}&" in url


def test_the_code_is_exchanged_as_google_does(tmp_path, cloud):
    """The redirect URI to the character, odd codes and secrets whole, PKCE when it is set, a form as answer."""
    form = urlencode({"access_token": "token-2", "token_type": "bearer", "expires_in": "60"})
    cloud.answer_token_next(Answer(200, form.encode()))
    uri = "https://oauth-redirect.example/r/acme?x=a%2Fb"
    with served_with(tmp_path, cloud, pkce=True, scopes=("a", "b"), redirect_uri=uri) as served:
        _, asked = begin(served)
        page = come_back(served, state=asked["state"], code=ODD)
    sent = parse_qs(cloud.calls[0].raw.decode())

    assert page.status == 200
    assert asked["scope"] == "a b"
    assert asked["code_challenge_method"] == "S256"
    assert asked["code_challenge"] == challenge(sent.pop("code_verifier")[0])
    assert sent == {
        "grant_type": ["authorization_code"],
        "code": [ODD],
        "redirect_uri": [uri],
        "client_id": ["https://home.example/app"],
        "client_secret": [ODD],
    }


def test_an_answer_is_carried_here_by_hand(served, cloud):
    """Where the redirect cannot reach us, its address is enough. Whoever listens is told of each step."""
    tokens(cloud)
    heard = []
    with served.house.events.listening(heard.append):
        begun, asked = begin(served)
        answer = urlencode({"state": asked["state"], "code": "c"})
        url = f"https://elsewhere.example/r/acme?{answer}"
        done = served.admin("POST", "links/finish", project="acme", url=url)

    assert heard[:2] == [
        LinkingStarted("acme", "bea"),
        LinkChanged("acme", "bea", LinkState.LINKING, ""),
    ]

    assert sorted(begun) == sorted(example("POST /-/api/links/start"))
    assert sorted(done.json) == sorted(example("POST /-/api/links/finish"))
    assert (done.json["state"], done.json["agent_user_id"]) == ("linked", "user-2")


def test_how_a_linking_stands_is_told(served, cloud):
    """At once, or as soon as it has ended; a linking that nobody began is named."""
    tokens(cloud)
    begun, asked = begin(served)
    which = f"linking?project=acme&linking={begun['linking']}"
    before = served.admin("GET", which).json
    with ThreadPoolExecutor(2) as pool:
        hold = threading.Event()
        cloud.answer_next(Answer(hold=hold))
        page = pool.submit(come_back, served, state=asked["state"], code="c")
        cloud.wait_for(1)
        during = served.admin("GET", which).json
        waiting = pool.submit(served.admin, "GET", f"{which}&seconds=20")
        hold.set()
        assert page.result().status == 200
        after = waiting.result().json
    unknown = served.admin("GET", "linking?project=acme&linking=x")

    documented = example("GET /-/api/linking")
    assert [sorted(told) for told in (before, during, after)] == [sorted(documented)] * 3
    assert sorted(after["link"]) == sorted(documented["link"])
    assert [told["stage"] for told in (before, during, after)] == ["waiting", "syncing", "linked"]
    assert (before["link"], during["link"]["state"]) == (None, "linking")
    assert [device["name"] for device in after["devices"]] == ["fan", "Kitchen lamp"]
    assert unknown.status == 404


def test_a_trace_has_the_members_of_its_reference(served, cloud):
    """The linking, and each of its steps."""
    tokens(cloud)
    _, asked = begin(served)
    come_back(served, state=asked["state"], code="c")
    (trace,) = served.admin("GET", "links/trace?project=acme&user=bea").json["linkings"]
    (documented,) = example("GET /-/api/links/trace")["linkings"]

    assert list(trace) == list(documented)
    assert list(trace["steps"][2]) == list(documented["steps"][0])
    assert sorted(trace["steps"][2]["exchange"]) == sorted(documented["steps"][0]["exchange"])


def test_a_linking_that_has_failed_says_why(served, cloud):
    """What the token endpoint said, and what to do; without a wait."""
    cloud.answer_token_next(Answer(400, b'{"error":"invalid_grant"}'))
    begun, asked = begin(served)
    come_back(served, state=asked["state"], code="c")
    told = served.admin("GET", f"linking?project=acme&linking={begun['linking']}&seconds=20").json

    assert (told["stage"], told["reason"], told["link"]) == ("failed", "CODE_REFUSED", None)
    assert told["message"] == "The token endpoint refused the code: invalid_grant."
    assert told["explanation"]["title"] == "The token endpoint has refused the code."


def test_a_sync_of_somebody_else_says_nothing_of_a_linking(served, cloud):
    """Nobody's first SYNC is of an agent user yet; whose it was counts."""
    exchange = threading.Event()
    cloud.answer_token_next(
        Answer(200, json.dumps(TOKENS).encode(), hold=exchange),
        Answer(200, json.dumps({**TOKENS, "access_token": "of nobody"}).encode()),
    )
    mine, asked = begin(served)
    with ThreadPoolExecutor(1) as pool:
        page = pool.submit(come_back, served, state=asked["state"], code="c")
        until(lambda: len(cloud.calls) == 1, "the first code is being exchanged")
        _, asked_too = begin(served, "carl")
        refused = come_back(served, state=asked_too["state"], code="c")
        exchange.set()
        linked = page.result()
    found = served.admin("GET", f"linking?project=acme&linking={mine['linking']}").json

    assert (refused.status != 200, linked.status) == (True, 200)
    assert (found["stage"], found["reason"]) == ("linked", "")


def test_the_syncs_of_a_busy_project_are_no_news_of_a_linking(tmp_path, cloud, monkeypatch):
    """Whoever waits for a linking looks at what it may have led to, and not again with every sync that ends meanwhile."""
    looks, find_linking = [], SqliteStore.find_linking

    async def noted(store, *which):
        looks.append(which)
        return await find_linking(store, *which)

    links = (LinkSettings("ann", Secret("token-1")),)
    cloud.homes["token-1"] = Home()
    with served_with(tmp_path, cloud, links=links) as served, ThreadPoolExecutor(1) as pool:
        served.until_link(lambda link: link.agent_user_id)
        begun, asked = begin(served)
        monkeypatch.setattr(SqliteStore, "find_linking", noted)
        which = f"linking?project=acme&linking={begun['linking']}"
        waiting = pool.submit(served.admin, "GET", f"{which}&seconds=20")
        until(lambda: looks, "somebody looks")
        storm = [served.request_sync("user-1").status for _ in range(60)]
        seen = len(looks)
        tokens(cloud)
        come_back(served, state=asked["state"], code="c")

        assert waiting.result().json["stage"] == "linked"
        assert (set(storm), seen < len(storm) / 2) == ({200}, True)


def test_a_link_that_is_mended_tells_the_sync_after_it(served, cloud):
    """The SYNC of its agent user that the new grant was tried with."""
    for _ in range(2):
        tokens(cloud)
        begun, asked = begin(served)
        come_back(served, state=asked["state"], code="c")
    told = served.admin("GET", f"linking?project=acme&linking={begun['linking']}").json

    assert (told["stage"], len(told["devices"])) == ("linked", 2)
    assert begun["link"]["state"] == "linked"


def test_a_state_comes_back_once(served, cloud):
    """A second callback is refused and recorded, and harms nothing."""
    tokens(cloud)
    _, asked = begin(served)
    come_back(served, state=asked["state"], code="c")
    codes = heard_by(served)
    again = come_back(served, state=asked["state"], code="c")

    assert (again.status, codes) == (400, ["LINKING_USED"])
    assert b"LINKING_USED" in again.body
    assert link_of(served).state is LinkState.LINKED
    assert len([call for call in cloud.calls if call.path == "/token"]) == 1


def test_looking_at_the_callback_uses_nothing_up(served, cloud):
    """A scanner's HEAD before the browser's GET harms nobody."""
    _, asked = begin(served)
    looked = served.send("HEAD", f"/r/acme?{urlencode({'state': asked['state'], 'code': 'c'})}")
    calls = list(cloud.calls)
    tokens(cloud)

    assert (looked.status, calls) == (200, [])
    assert come_back(served, state=asked["state"], code="c").status == 200


@pytest.mark.parametrize("form", ["{}A", "x", "{}ü", "A{}"])
def test_a_state_that_is_not_ours_is_refused(served, cloud, form):
    """Changed, made up or unreadable: nothing is asked of anybody, and it is recorded."""
    codes = heard_by(served)
    _, asked = begin(served)
    page = come_back(served, state=form.format(asked["state"]), code="c")

    assert (page.status, codes) == (400, ["LINKING_STATE_WRONG"])
    assert cloud.calls == []
    assert link_of(served) is None


def test_a_state_is_good_for_its_project_only(served):
    """A state of acme at another project's callback is refused."""
    codes = heard_by(served, "other")
    _, asked = begin(served)

    assert come_back(served, "other", state=asked["state"], code="c").status == 400
    assert codes == ["LINKING_STATE_WRONG"]


def test_what_the_login_page_says_is_shown(served):
    """access_denied with its words, escaped; the state is used up by it."""
    _, asked = begin(served)
    page = come_back(
        served, state=asked["state"], error="access_denied", error_description="<b>No</b>"
    )
    later = come_back(served, state=asked["state"], code="c")

    assert page.status == 400
    assert b"access_denied (&lt;b&gt;No&lt;/b&gt;)" in page.body
    assert b"LINKING_USED" in later.body


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (400, b'{"error":"invalid_grant"}', "CODE_REFUSED"),
        (500, b"oops", "TOKEN_ENDPOINT_FAILED"),
        (200, b"<html>", "TOKEN_ENDPOINT_FAILED"),
    ],
)
def test_an_exchange_that_fails_links_nothing(served, cloud, status, body, code):
    """The page names what failed, and whoever listens is told; no link is made."""
    codes = heard_by(served)
    cloud.answer_token_next(Answer(status, body))
    _, asked = begin(served)

    assert code in come_back(served, state=asked["state"], code="c").body.decode()
    assert (codes, link_of(served)) == ([code], None)


@pytest.mark.parametrize(("wanted", "state"), [("fail", "unlinked"), ("keep", "linking")])
def test_a_first_sync_that_fails(tmp_path, cloud, wanted, state):
    """It fails the linking, as at Google, unless the project wants the link to be kept."""
    tokens(cloud)
    cloud.answer_next(Answer(500), Answer(500))
    with served_with(tmp_path, cloud, first_sync_failure=wanted) as served:
        _, asked = begin(served)
        page = come_back(served, state=asked["state"], code="c")
        link = link_of(served)

    assert b"FULFILLMENT_FAILED" in page.body
    assert (link.state, link.problem) == (state, "FULFILLMENT_FAILED")
    assert bool(link.tokens.sealed_access) is (wanted == "keep")


def test_a_first_sync_that_takes_too_long_for_a_browser(served, cloud, monkeypatch):
    """The page does not wait for ever, and says so; the SYNC goes on, and the account is linked all the same."""
    monkeypatch.setattr(authorizing, "SYNC_CALL_SECONDS", 0.01)
    hold = threading.Event()
    tokens(cloud)
    cloud.answer_next(Answer(hold=hold))
    _, asked = begin(served)
    page = come_back(served, state=asked["state"], code="c")
    hold.set()

    assert (page.status, b"SYNC_DEADLINE" in page.body) == (504, True)
    served.until_link(lambda link: link.state is LinkState.LINKED, user="bea")


def test_the_page_names_devices_and_tells_the_gravest_first(served, cloud):
    """Of many findings a few are told: which device each is about, and none that matters behind twenty that do not."""
    old = {"traits": ["action.devices.traits.OnOff", "action.devices.traits.ColorSpectrum"]}
    many = [lamp(f"lamp-{number}", f"Lamp {number}", **old) for number in range(21)]
    cloud.homes["token-2"] = Home("user-2", many, {"lamp-20": {"online": "yes"}})
    tokens(cloud)
    _, asked = begin(served)
    page = come_back(served, state=asked["state"], code="c").body.decode()

    _, _, told = page.partition("What the developer should mend")
    assert told.index("online is") < told.index("is a trait of former times")
    assert "refused: </strong>Lamp 20: online is" in told
    assert "advice: </strong>Lamp 3: ColorSpectrum is a trait of former times." in told


def test_linking_again_keeps_the_placement(served, cloud):
    """A new grant for a link that is there: its devices stay where the user put them."""
    for _ in range(2):
        tokens(cloud)
        _, asked = begin(served)
        assert come_back(served, state=asked["state"], code="c").status == 200
        served.admin(
            "POST", "devices/place", project="acme", agent_user="user-2", device="fan", room="Attic"
        )
    (fan, _) = served.do(served.house.store.devices("acme", "user-2"))

    assert fan.placement.room == "Attic"


def test_a_database_that_goes_away_behind_a_grant(served, cloud, monkeypatch):
    """The account is linked, so the page does not say that it is not; what arrived is told elsewhere."""
    tokens(cloud)
    _, asked = begin(served)

    async def away(*_):
        raise StoreUnavailable("The database does not answer.")

    monkeypatch.setattr(SqliteStore, "find_linking", away)
    page = come_back(served, state=asked["state"], code=ODD)

    assert (page.status, b"bea is linked to acme" in page.body) == (200, True)
    assert b"homegraph links show" in page.body


def test_a_database_that_is_away_when_somebody_comes_back(served, monkeypatch):
    """A page says so: it is no bug of the server's."""

    async def away(*_):
        raise StoreUnavailable("The database does not answer.")

    monkeypatch.setattr(SqliteStore, "find_project", away)
    page = served.send("GET", "/r/acme")

    assert (page.status, page.headers["retry-after"]) == (503, "5")
    assert b"STORE_UNAVAILABLE" in page.body


def test_a_project_that_is_not_ready_for_it(tmp_path, cloud):
    """Without the address of a login page nobody is sent anywhere, and unknown projects are named."""
    with served_with(tmp_path, cloud, authorization_url="") as served:
        refused = served.admin("POST", "links/start", project="acme", user="bea")
        unknown = served.admin("POST", "links/start", project="other", user="bea")

    assert refused.json["error"]["reason"] == "LINKING_NOT_CONFIGURED"
    assert unknown.json["error"]["reason"] == "NOT_FOUND"


def test_a_first_sync_that_fails_is_told_by_the_api(served, cloud):
    """``links/finish`` answers with what the linking failed with."""
    tokens(cloud)
    cloud.answer_next(Answer(404))
    _, asked = begin(served)
    url = f"http://x/?{urlencode({'state': asked['state'], 'code': 'c'})}"
    told = served.admin("POST", "links/finish", project="acme", url=url)

    assert told.json["error"]["reason"] == "FULFILLMENT_REFUSED"


def test_what_is_no_address_is_refused_by_the_api(served):
    """An address of which a part is missing is the caller's mistake, and is not repeated: there may be a code in it."""
    told = served.admin("POST", "links/finish", project="acme", url="http://[half/r/acme?code=c")

    assert (told.status, told.json["error"]["reason"]) == (400, "SETTINGS")
    assert told.json["error"]["message"] == "url: is not an address"
