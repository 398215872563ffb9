"""Probes and pages by real sockets: what anybody may ask."""

import asyncio
import base64
import hashlib
import html
import json
import re
from urllib.parse import urljoin

import pytest

from homegraph.service.clock import SystemClock
from homegraph.testing.clock import ManualClock
from homegraph.testing.fulfillment import ScriptedFulfillment
from homegraph.web import ops
from homegraph.web.pages import element
from homegraph.wire.status import REASONS, row_of
from support.served import KEY, Served, an_integration, linked, settings_in


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A server with a linked user."""
    with (
        ScriptedFulfillment() as cloud,
        linked(tmp_path_factory.mktemp("data"), cloud) as running,
    ):
        yield running


# --- probes ------------------------------------------------------------------------------------------------------------


def test_a_server_that_answers_is_alive(served):
    """One word, never from a cache."""
    answer = served.send("GET", "/livez")

    assert (answer.status, answer.body) == (200, b"ok\n")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-type"].startswith("text/plain")


def test_a_server_that_serves_is_ready(served):
    """The first line says it; ?verbose tells what was looked at."""
    assert served.send("GET", "/readyz").body == b"ok\n"
    assert served.send("GET", "/readyz?verbose").body.decode().splitlines() == [
        "ok",
        "[+] serving: yes",
        "[+] database: writable",
        "[+] worker: beating",
    ]


def test_a_probe_may_ask_by_head(served):
    """Health checks often do."""
    assert served.send("HEAD", "/readyz").status == 200


def test_a_server_that_stops_is_alive_and_not_ready(tmp_path):
    """While it drains, nothing new is sent to it."""

    async def stop():
        served.house.loop.stop()

    with Served(settings_in(tmp_path)) as served:
        served.do(stop())

        answer = served.send("GET", "/readyz?verbose")

        assert answer.status == 503
        assert answer.body.decode().splitlines()[:2] == [
            "not ready: serving",
            "[-] serving: stopping",
        ]
        assert served.send("GET", "/livez").status == 200


def test_a_worker_that_is_stuck_is_not_ready(tmp_path):
    """A loop that has not looked at the database lately carries nothing out."""
    with Served(settings_in(tmp_path)) as served, pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(served.house.loop), "is_beating", lambda _: False)

        answer = served.send("GET", "/readyz")
        status = served.admin("GET", "status").json

    assert (answer.status, answer.body) == (503, b"not ready: worker\n")
    assert answer.headers["retry-after"] == "5"
    assert status["ready"] is False


def test_how_long_a_server_is_up(tmp_path):
    """Since its start; a clock that was set back does not make it younger than nothing."""
    clock = ManualClock(SystemClock().now())

    async def move(seconds):
        clock.advance(seconds)

    def up():
        return served.admin("GET", "status").json["uptime_seconds"]

    with Served(settings_in(tmp_path), clock=clock) as served:
        assert up() == 0
        served.do(move(90))
        assert up() == 90
        served.do(move(-3_600))
        assert up() == 0


@pytest.mark.parametrize("file", ["home.db", "home.db-lock"])
@pytest.mark.parametrize("is_replaced", [False, True])
def test_a_database_that_somebody_has_taken_away_is_not_ready(tmp_path, file, is_replaced):
    """What is accepted now goes into a file without a name, or two servers have one file; nobody else would notice."""
    with Served(settings_in(tmp_path, database=f"sqlite:{tmp_path}/home.db")) as served:
        assert served.send("GET", "/readyz").status == 200
        taken = tmp_path / file
        taken.rename(tmp_path / "taken")
        if is_replaced:
            taken.write_bytes((tmp_path / "taken").read_bytes())
        answer = served.send("GET", "/readyz?verbose")
        (tmp_path / "taken").rename(taken)
        again = served.send("GET", "/readyz")

    assert (answer.status, again.status) == (503, 200)
    assert f"{taken} was removed or replaced" in answer.body.decode()


def test_a_database_that_does_not_answer_is_not_waited_for_without_end(tmp_path, monkeypatch):
    """The probe has its own deadline."""
    monkeypatch.setattr("homegraph.service.doctor.DATABASE_SECONDS_MAX", 0.05)

    async def never(_):
        await asyncio.Event().wait()

    with Served(settings_in(tmp_path)) as served:
        monkeypatch.setattr(type(served.house.store), "check", never)

        answer = served.send("GET", "/readyz")

    assert (answer.status, answer.body) == (503, b"not ready: database\n")


def test_probes_tell_nothing_of_anybody(served):
    """They need no token, so no name of a project, user, device or folder is in them."""
    told = served.send("GET", "/readyz?verbose").body + served.send("GET", "/").body

    for name in ("acme", "ann", "user-1", "lamp", KEY, str(served.settings.data_dir)):
        assert name.encode() not in told


# --- pages -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", REASONS)
def test_every_error_has_its_page(served, code):
    """What, why and what to do, with the status it is answered with, commands as code; and the same for programs."""
    reason, row = REASONS[code], row_of(code)
    page = served.send("GET", f"/errors/{code}")
    twin = served.send("GET", f"/errors/{code}.json")

    text = html.unescape(page.body.decode().replace("<code>", "`").replace("</code>", "`"))
    assert page.status == 200
    assert all(said in text for said in (code, reason.title, reason.why, reason.fix))
    assert f"{row.http} {row.status}" in text
    assert all(word in text for word in reason.google_log)
    assert ("Google's own log says" in text) is bool(reason.google_log)
    assert twin.json == {
        "code": code,
        "title": reason.title,
        "why": reason.why,
        "fix": reason.fix,
        "retryable": reason.retryable,
        "http": row.http,
        "status": row.status,
        "google_log": list(reason.google_log),
    }


def test_the_list_of_errors_leads_to_each_of_them(served):
    """In the order of the table."""
    page = served.send("GET", "/errors/").body.decode()

    assert re.findall(r'href="([A-Z_]+)"', page) == list(REASONS)


@pytest.mark.parametrize(
    "path", ["/", "/errors/", "/errors/INTERNAL", "/errors/NOTHING", "/link/nobody", "/r/acme?x=y"]
)
def test_links_stay_below_the_path_that_a_proxy_gives_us(served, path):
    """A proxy may show all of this below a path of its own, which we are not told."""
    page = served.send("GET", path).body.decode()
    links = re.findall(r'href="([^"]+)"', page)
    below = [urljoin(f"http://proxy/home{path}", link) for link in links]

    assert below
    for address in below[:3]:
        ours = address.removeprefix("http://proxy/home")
        assert ours != address
        assert served.send("GET", ours).status in {
            200,
            400,
            403,
        }  # 403: the link page is not for all


@pytest.mark.parametrize(
    ("path", "kind"), [("NOTHING", "text/html"), ("NOTHING.json", "application/json")]
)
def test_an_unknown_error_is_not_found(served, path, kind):
    """404 as page and as JSON."""
    answer = served.send("GET", f"/errors/{path}")

    assert (answer.status, answer.headers["content-type"].partition(";")[0]) == (404, kind)


@pytest.mark.parametrize(
    "path", ["/errors/%3Cscript%3E", "/errors/%22%3Cscript%3E.json", "/%3Cscript%3E"]
)
def test_nothing_that_was_asked_for_becomes_markup(served, path):
    """A path is repeated as text only."""
    answer = served.send("GET", path)
    as_html = answer.headers["content-type"].startswith("text/html")

    assert answer.status == 404
    assert not (as_html and b"<script" in answer.body)


@pytest.mark.parametrize("path", ["/", "/errors/", "/errors/INTERNAL", "/errors/NOTHING"])
def test_a_page_can_do_nothing(served, path):
    """It runs no script, loads nothing, is in no frame; its one style sheet is allowed by its hash."""
    answer = served.send("GET", path)
    page = answer.body.decode()
    policy = answer.headers["content-security-policy"]
    (style,) = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()

    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}';")
    assert "frame-ancestors 'none'" in policy
    assert not re.search(r"<script|<img|<link|<iframe|style=|\son\w+=|http-equiv", page)
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_every_page_says_whose_it_is_not(served):
    """A reader must not take this for Google's."""
    for path in ("/", "/errors/", "/errors/INTERNAL"):
        assert b"not affiliated with Google" in served.send("GET", path).body


def test_the_front_page_shows_the_call_for_this_server(served):
    """A line that works once key and user are filled in."""
    page = html.unescape(served.send("GET", "/").body.decode())

    assert f"curl -X POST '{served.url}/v1/devices:requestSync?key=API_KEY'" in page


def test_links_start_where_the_server_is_said_to_be(tmp_path):
    """Behind a proxy base_url counts, not the socket."""
    settings = settings_in(tmp_path, base_url="https://home.example/graph")
    with Served(settings) as served:
        error = served.request_sync().json["error"]

    assert error["details"][-1]["links"][0]["url"] == (
        "https://home.example/graph/errors/API_KEY_UNKNOWN"
    )


def test_a_bug_in_a_page_is_told_in_the_log_only(served, monkeypatch, caplog):
    """500 with an id, in the API's format."""

    def broken(_):
        raise RuntimeError("the driver's own words")

    monkeypatch.setattr(ops, "described", broken)

    answer = served.send("GET", "/errors/INTERNAL.json")

    assert (answer.status, answer.reason) == (500, "INTERNAL")
    assert b"driver" not in answer.body
    assert "the driver's own words" in caplog.text


def test_a_page_takes_no_other_method(served):
    """Pages are for reading."""
    assert served.send("POST", "/livez").status == 405
    assert served.send("DELETE", "/errors/INTERNAL").status == 405


def test_what_is_text_stays_text():
    """Children and attributes are escaped, unless they are elements."""
    inner = element("b", "<&>")

    assert element("p", inner, '"<', title='"<') == (
        '<p title="&quot;&lt;"><b>&lt;&amp;&gt;</b>"&lt;</p>'
    )


def test_an_unknown_project_leaves_the_probe_alone(tmp_path):
    """A fulfillment that is down is no reason not to serve."""
    with ScriptedFulfillment() as cloud:
        project = an_integration(cloud, fulfillment_url="http://127.0.0.1:9/smarthome")
        with Served(settings_in(tmp_path, project)) as served:
            served.until_link(lambda link: link.problem)

            assert served.send("GET", "/readyz").status == 200
            assert json.loads(served.admin("GET", "status").body)["ready"] is True
