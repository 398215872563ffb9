"""The page that links an account, by real sockets: whom it is shown to, whose browser it binds, and what it says at the end."""

import html
import re
from http.cookies import SimpleCookie
from urllib.parse import urlencode

import pytest

from homegraph.graph.model import LinkState
from homegraph.settings.addresses import ListenAddress
from homegraph.testing.fulfillment import Answer, Home, lamp
from support.linking import (
    a_cloud,
    asked_of,
    begin,
    come_back,
    heard_by,
    link_of,
    served_with,
    tokens,
)

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def cloud():
    """A device cloud in which token-2 opens the home of user-2."""
    with a_cloud() as scripted:
        yield scripted


@pytest.fixture(scope="module")
def served(cloud, tmp_path_factory):
    """A server with the page."""
    with served_with(tmp_path_factory.mktemp("data"), cloud) as running:
        yield running


def fill_in(served, user="bea", **headers):
    """Send the form of the page."""
    body = urlencode({"user": user}).encode()
    return served.send("POST", "/link/acme", headers={**FORM, **headers}, body=body)


def cookie_of(answer):
    """The cookie that was set: name, value and attributes."""
    (morsel,) = SimpleCookie(answer.headers["set-cookie"]).values()
    return morsel


def started(served, user="bea"):
    """A linking that a browser has begun: the state, and what the browser sends with it when it is back."""
    answer = fill_in(served, user)
    morsel = cookie_of(answer)
    return asked_of(answer.headers["location"])["state"], f"{morsel.key}={morsel.value}"


def exchanges_of(cloud):
    """The calls of the token endpoint."""
    return [call for call in cloud.calls if call.path == "/token"]


def test_a_browser_that_brings_nothing(served):
    """It is refused with the reason. What stands behind a # is looked for only where a login page hands out tokens."""
    page = served.send("GET", "/r/acme")

    assert (page.status, b"LINKING_CALLBACK_WRONG" in page.body) == (400, True)
    assert b"The browser came back without state or any other parameter." in page.body
    assert b"<script" not in page.body


def test_a_person_links_an_account(served, cloud):
    """A form, the login page, and a page that names what has arrived."""
    tokens(cloud)
    page = served.send("GET", "/link/acme?user=b%22ea")
    sent = fill_in(
        served, **{"Accept-Language": "de-DE, en;q=0.5", "Sec-Fetch-Site": "same-origin"}
    )
    asked = asked_of(sent.headers["location"])
    morsel = cookie_of(sent)
    arrived = come_back(
        served, state=asked["state"], code="c", cookie=f"a=1; {morsel.key}={morsel.value}"
    )

    assert page.status == 200
    assert 'value="b&quot;ea"' in page.body.decode()
    assert (sent.status, asked["user_locale"]) == (303, "de-DE")
    assert sent.headers["location"].startswith("http://127.0.0.1:9/auth?tenant=1&redirect_uri=")
    assert (morsel["path"], morsel["max-age"], morsel["secure"]) == ("/r/acme", "600", "")
    assert morsel["httponly"]
    assert morsel["samesite"] == "lax"
    assert arrived.status == 200
    assert b"2 devices arrived" in arrived.body
    assert {answer.headers["cache-control"] for answer in (page, sent, arrived)} == {"no-store"}
    assert link_of(served).state is LinkState.LINKED


def test_a_home_with_many_devices(served, cloud):
    """All that arrived are counted and named; of what is to be mended, twenty remarks, and how many more there are."""
    odd = [{**lamp(f"odd-{number}", f"Odd {number}"), "colour": "red"} for number in range(25)]
    cloud.homes["token-4"] = Home("user-4", odd + [lamp(f"lamp-{n}") for n in range(200)])
    tokens(cloud, access_token="token-4")
    state, cookie = started(served, "dee")
    arrived = come_back(served, state=state, code="c", cookie=cookie).body.decode()
    names, remarks = re.findall("<ul>(.*?)</ul>", arrived, re.DOTALL)

    assert "225 devices arrived" in arrived
    assert names.count("<li>") == 225
    assert remarks.count("<li><strong>") == 20
    assert "<li>and 5 more" in remarks


def test_the_page_can_run_nothing(served):
    """It loads nothing, and no other site may show it in a frame."""
    policy = served.send("GET", "/link/acme").headers["content-security-policy"]

    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy


def test_a_stolen_state_is_good_in_no_other_browser(served, cloud):
    """It is refused and recorded before its first use; its own browser may use it afterwards, once."""
    codes = heard_by(served)
    state, cookie = started(served, "carl")
    other_state, other_cookie = started(served, "carl")
    name = cookie.partition("=")[0]
    thieves = ["", other_cookie, f"{name}={other_cookie.partition('=')[2]}", f"{name}="]
    refused = [come_back(served, state=state, code="c", cookie=one) for one in thieves]
    assert link_of(served, "carl") is None
    exchanges = len(exchanges_of(cloud))

    tokens(cloud)
    arrived = come_back(served, state=state, code="c", cookie=cookie)
    again = come_back(served, state=state, code="c", cookie=cookie)

    assert [answer.status for answer in refused] == [400] * 4
    assert all(b"LINKING_OTHER_BROWSER" in answer.body for answer in refused)
    assert codes == ["LINKING_OTHER_BROWSER"] * 4 + ["LINKING_USED"]
    assert (arrived.status, again.status) == (200, 400)
    assert len(exchanges_of(cloud)) == exchanges + 1
    assert other_state != state


def test_what_the_command_began_may_end_in_any_browser(served, cloud):
    """And the command may finish what a browser began, if it is the user's that is named."""
    tokens(cloud)
    _, asked = begin(served, "dora")
    assert come_back(served, state=asked["state"], code="c").status == 200

    tokens(cloud)
    codes = heard_by(served)
    state, _ = started(served, "emil")
    url = f"https://x/?{urlencode({'state': state, 'code': 'c'})}"
    wrong = served.admin("POST", "links/finish", project="acme", url=url, user="dora")
    done = served.admin("POST", "links/finish", project="acme", url=url, user="emil")

    assert wrong.json["error"]["reason"] == "LINKING_OTHER_USER"
    assert codes == ["LINKING_OTHER_USER"]
    assert (done.status, done.json["user"]) == (200, "emil")


@pytest.mark.parametrize("came_from", ["same-origin", "none"])
def test_a_form_of_its_own_begins_a_linking(served, came_from):
    """None is what a browser says when its user has sent the form anew, by himself."""
    assert fill_in(served, **{"Sec-Fetch-Site": came_from}).status == 303


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "http://[half-an-address"},
    ],
)
def test_a_form_of_another_page_begins_nothing(served, headers):
    """Neither of a strange site, nor of another server on this machine."""
    answer = fill_in(served, **headers)

    assert (answer.status, "set-cookie" in answer.headers) == (403, False)
    assert b"LINKING_FORM_FOREIGN" in answer.body


def test_a_browser_that_only_knows_origin_is_believed(served):
    """Where the connection is not safe from strangers, browsers say no more."""
    assert fill_in(served, Origin=served.url).status == 303


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_strange_host_is_refused(served, method):
    """A page elsewhere whose name was made to point here sees nothing."""
    answer = served.send(method, "/link/acme", headers={"Host": "evil.example", **FORM})

    assert answer.status == 403
    assert b"HOST_REFUSED" in answer.body


def test_another_loopback_name_leads_to_the_one_of_the_redirect(served):
    """The cookie of one name is not sent to the other."""
    port = served.url.rpartition(":")[2]
    answer = served.send("GET", "/link/acme?user=bea", headers={"Host": f"localhost:{port}"})

    assert (answer.status, answer.headers["location"]) == (303, f"{served.url}/link/acme?user=bea")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"user=", "expected a name"),
        (b"", "expected a name"),
        (b"user=" + b"x" * 257, "expected a name"),
        (b"user=a%00", "expected a name"),
        (b"\xff", "is not a form"),
        (b"user=%ff", "is not a form"),
        (b"&".join([b"a=1"] * 11), "is not a form"),
        (b"user=" + b"x" * 5_000, "The body has more than 4096 bytes."),
    ],
)
def test_a_form_that_cannot_be(served, body, words):
    """What is wrong is said."""
    answer = served.send("POST", "/link/acme", headers=FORM, body=body)

    assert answer.status == 400
    assert words in html.unescape(answer.body.decode())


def test_projects_that_cannot_be_linked(tmp_path, cloud):
    """One that is not there, and one without a login page."""
    with served_with(tmp_path, cloud, authorization_url="") as served:
        answers = [served.send("GET", f"/link/{project}") for project in ("acme", "other")]

    assert [answer.status for answer in answers] == [400, 404]
    assert b"LINKING_NOT_CONFIGURED" in answers[0].body


@pytest.mark.parametrize(
    ("listen", "link_page", "status"),
    [
        ("127.0.0.1", "off", 403),
        ("0.0.0.0", "local", 403),
        ("0.0.0.0", "open", 200),
        ("localhost", "local", 200),
    ],
)
def test_whom_the_page_is_shown_to(tmp_path, cloud, listen, link_page, status):
    """Everybody who reaches it could link accounts, so an open server has it only when it is told so."""
    settings = {"listen": ListenAddress(listen, 0), "link_page": link_page}
    redirect = "http://127.0.0.1:1/r/acme"
    with served_with(tmp_path, cloud, server=settings, redirect_uri=redirect) as served:
        headers = {"Host": "127.0.0.1"}
        answers = [
            served.send("GET", "/link/acme", headers=headers),
            served.send("POST", "/link/acme", headers={**headers, **FORM}, body=b"user=a"),
        ]
        failed = come_back(served, state="x", code="c").body

    assert [answer.status for answer in answers] == [status, {200: 303}.get(status, status)]
    assert (b"LINK_PAGE_CLOSED" in answers[0].body) is (status != 200)
    assert (b"Start again" in failed) is (status == 200)


@pytest.mark.parametrize(
    ("way", "path"), [("/graph/r/acme", "/graph/r/acme"), ("/graph;Domain=example/r/acme", "/")]
)
def test_the_cookie_goes_where_the_browser_comes_back(tmp_path, cloud, way, path):
    """With the path that a proxy has given the redirect URI, if a cookie may have it, and over TLS only when that is the way."""
    with served_with(tmp_path, cloud, redirect_uri=f"https://home.example{way}") as served:
        morsel = cookie_of(fill_in(served))

    assert (morsel["path"], morsel["secure"], morsel["domain"]) == (path, True, "")


def test_a_redirect_that_leads_elsewhere_is_told(tmp_path, served, cloud):
    """Before anybody wonders at a page that is not ours: where it leads, and what to do then."""
    uri = "https://oauth-redirect.example/r/acme"
    with served_with(tmp_path, cloud, redirect_uri=uri) as other:
        page = other.send("GET", "/link/acme").body.decode()

    assert f"<code>{uri}</code>" in page
    assert "homegraph link acme --paste -" in page
    assert b"--paste" not in served.send("GET", "/link/acme").body


def test_a_linking_that_fails_can_be_started_again(served, cloud):
    """The reason in words, and a way back to the form with the name filled in."""
    state, cookie = started(served, "fritz")
    cloud.answer_next(Answer(404))
    tokens(cloud)
    page = come_back(served, state=state, code="c", cookie=cookie)

    assert b"FULFILLMENT_REFUSED" in page.body
    assert re.search(rb'<a href="(\.\./link/acme\?user=fritz)">Start again</a>', page.body)
