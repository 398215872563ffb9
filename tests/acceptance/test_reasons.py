"""Refusals: Google's answer to the byte, and beside it which of a dozen causes it was."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest

from homegraph.testing.fulfillment import Answer, Home, ScriptedFulfillment
from support.homes import KEY, NUMBER, Setup, configuration, wait_for_links
from support.server import Reply, Server, until
from support.users import link_of

GOLDEN: Final = Path(__file__).parents[1] / "wire" / "requestSync"
"""Google's answers, byte for byte, each with where it was seen."""

RESTRICTED: Final = "AIzaSyRESTRICTED"
ELSEWHERE: Final = "AIzaSyELSEWHERE"
EXPIRED: Final = "AIzaSyEXPIRED"
NOBODYS: Final = "AIzaSyNOBODYS"
OTHERS: Final = "AIzaSyOTHERS"
SWITCHED_OFF: Final = "AIzaSyOFF"
SUSPENDED: Final = "AIzaSySUSPENDED"

LONG_AGO: Final = datetime(2020, 1, 31, tzinfo=UTC)


def _world(cloud: ScriptedFulfillment, explain: bool) -> dict[str, Any]:
    """Four projects that have everything wrong that a caller can run into."""
    cloud.homes = {
        "token-1": Home("user-1"),
        "token-2": Home("user-2"),
        "token-gone": Home("user-gone"),
        "token-other": Home("user-other"),
    }
    keys = [
        KEY,
        {"key": RESTRICTED, "methods": ["devices.query"]},
        {"key": ELSEWHERE, "addresses": ["192.0.2.0/24"]},
        {"key": EXPIRED, "expires": LONG_AGO},
    ]
    off = {"fulfillment_url": cloud.url, "number": NUMBER, "api_keys": [SWITCHED_OFF]}
    suspended = {"fulfillment_url": cloud.url, "number": NUMBER, "api_keys": [SUSPENDED]}
    other = {
        "fulfillment_url": cloud.url,
        "api_keys": [OTHERS],
        "links": [{"user": "me", "access_token": "token-other"}],
    }
    return configuration(
        cloud,
        links={"me": "token-1", "you": "token-2", "gone": "token-gone"},
        project={"api_keys": keys},
        server={"explain": explain},
        others={
            "off": {**off, "api_enabled": False},
            "other": other,
            "suspended": {**suspended, "suspended": True},
        },
    )


class World:
    """A server with everything wrong, and a key that was revoked on it."""

    def __init__(self, cloud: ScriptedFulfillment, server: Server) -> None:
        self.cloud = cloud
        self.server = server
        wait_for_links(server, "linked")
        made = server.admin_post("keys", project="acme")
        self.revoked = made["key"]
        server.admin_post("keys/revoke", project="acme", id=made["id"])
        server.admin_post("links/unlink", project="acme", user="gone")

    def call(self, key: str, agent_user_id: str = "user-1", **parts: Any) -> Reply:
        """Request Sync with this key."""
        return self.server.call(json.dumps({"agentUserId": agent_user_id}), key=key, **parts)


@pytest.fixture(scope="module")
def world(shared_cloud: ScriptedFulfillment, shared_start: Any) -> World:
    """Explains, as it does by default."""
    return World(shared_cloud, shared_start(_world(shared_cloud, explain=True)))


@pytest.fixture(scope="module")
def silent(shared_cloud: ScriptedFulfillment, shared_start: Any) -> World:
    """The same world with ``explain = false``."""
    return World(shared_cloud, shared_start(_world(shared_cloud, explain=False), name="silent"))


def _second_call(world: World) -> Reply:
    hold = threading.Event()
    world.cloud.answer_next(Answer(hold=hold))
    before = len(world.cloud.intents())
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(world.call, KEY)
        world.cloud.wait_for(before + 1)
        second = world.call(KEY)
        hold.set()
        assert first.result().status == 200
    return second


CASES: Final[Mapping[str, tuple[Callable[[World], Reply], int, str, str]]] = {
    "unknown key": (lambda w: w.call(NOBODYS), 400, "API_KEY_UNKNOWN", "key-invalid"),
    "revoked key": (lambda w: w.call(w.revoked), 400, "API_KEY_REVOKED", "key-revoked"),
    "expired key": (lambda w: w.call(EXPIRED), 400, "API_KEY_EXPIRED", "key-expired"),
    "no key": (lambda w: w.call(""), 403, "CREDENTIAL_MISSING", "unregistered"),
    "disabled API": (lambda w: w.call(SWITCHED_OFF), 403, "API_DISABLED", "api-disabled"),
    "suspended": (lambda w: w.call(SUSPENDED), 403, "PROJECT_SUSPENDED", "suspended"),
    "restricted key": (lambda w: w.call(RESTRICTED), 403, "API_KEY_RESTRICTED", "key-blocked"),
    "key for elsewhere": (lambda w: w.call(ELSEWHERE), 403, "API_KEY_IP_REFUSED", "key-ip"),
    "never linked": (
        lambda w: w.call(KEY, "nobody"),
        404,
        "AGENT_USER_NEVER_LINKED",
        "not-found",
    ),
    "unlinked": (
        lambda w: w.call(KEY, "user-gone"),
        404,
        "AGENT_USER_UNLINKED",
        "not-found-unlinked",
    ),
    "key of another project": (
        lambda w: w.call(KEY, "user-other"),
        404,
        "AGENT_USER_OF_OTHER_PROJECT",
        "not-found-other-project",
    ),
    "second waiting call": (_second_call, 429, "SYNC_IN_FLIGHT", "concurrent"),
}
"""What a caller does wrong: the call, the status, our reason, and the golden pair of Google's bytes."""


@pytest.mark.parametrize("case", CASES)
def test_each_cause_is_told_by_its_name(world: World, case: str) -> None:
    """The details name the cause first, and lead to a page that says what to do."""
    call, status, reason, _ = CASES[case]

    reply = call(world)

    assert (reply.status, reply.reasons[0]) == (status, reason)
    links = [link for detail in reply.json["error"]["details"] for link in detail.get("links", ())]
    ours = [link for link in links if link["url"].startswith(world.server.url)]
    assert ours[0]["url"] == f"{world.server.url}/errors/{reason}"
    assert ours[0]["description"]
    page = world.server.call(b"", method="GET", path=f"/errors/{reason}")
    assert (page.status, reason in page.text) == (200, True)


def test_all_causes_are_told_apart(world: World) -> None:
    """Twelve mistakes, twelve reasons: no two of them look alike."""
    told = [call(world).reasons[0] for call, *_ in CASES.values()]

    assert len(set(told)) == len(CASES) == 12


@pytest.mark.parametrize("case", CASES)
def test_without_explanation_the_bytes_are_googles(silent: World, case: str) -> None:
    """With ``explain = false`` nobody can tell the answer from Google's."""
    call, status, _, golden = CASES[case]

    reply = call(silent)

    assert reply.status == status
    assert reply.text == _golden(golden, _key_of(case))


@pytest.mark.parametrize("case", CASES)
def test_the_explanation_only_adds(world: World, case: str) -> None:
    """Code, message, status and Google's own details are the same with our explanation; ours come after them."""
    call, _, _, golden = CASES[case]
    googles = json.loads(_golden(golden, _key_of(case)))["error"]

    ours = call(world).json["error"]

    known = len(googles.get("details", []))
    assert ours["details"][:known] == googles.get("details", [])
    assert len(ours["details"]) > known
    assert {**ours, "details": None} == {**googles, "details": None}


def test_success_is_never_explained(world: World, silent: World) -> None:
    """A success has no room for anything: scripts compare its text with {}."""
    assert world.call(KEY).body == silent.call(KEY).body == b"{}\n"


def test_a_first_sync_that_fails(cloud: ScriptedFulfillment, start: Any) -> None:
    """The link is there, but its first SYNC fails: the caller learns that, not that nobody was ever linked."""
    cloud.answer_next(*[Answer(500, b"")] * 100)
    server = start(configuration(cloud))
    until(lambda: server.admin("links")["links"][0]["problem"], "the first SYNC has failed")

    reply = server.call('{"agentUserId": "user-1"}', key=KEY)

    assert (reply.status, reply.reasons[0]) == (404, "FIRST_SYNC_FAILED")
    assert "AGENT_USER_NEVER_LINKED" in reply.reasons[1:]
    link = link_of(server, "me")
    assert (link["state"], link["problem"]) == ("linking", "FULFILLMENT_FAILED")
    assert link["next_attempt_at"]
    assert link["explanation"]["fix"]


def test_a_first_sync_that_fails_at_first(cloud: ScriptedFulfillment, start: Any) -> None:
    """The device cloud comes up after us: its first SYNC is tried again until it works, and then all is well."""
    cloud.answer_next(Answer(503, b""))
    server = start(configuration(cloud))
    wait_for_links(server, "linked")

    assert server.call('{"agentUserId": "user-1"}', key=KEY).status == 200
    outcomes = [run["outcome"] for run in server.admin("runs")["runs"]]
    assert outcomes == ["done", "done", "retrying"]


def test_a_first_sync_that_hangs(cloud: ScriptedFulfillment, start: Any) -> None:
    """While the first SYNC is under way the caller is told to wait for it."""
    hold = threading.Event()
    cloud.answer_next(Answer(hold=hold))
    server = start(configuration(cloud))
    cloud.wait_for(1)

    reply = server.call('{"agentUserId": "user-1"}', key=KEY)
    hold.set()

    assert (reply.status, reply.reasons[0]) == (404, "FIRST_SYNC_PENDING")


def test_a_key_is_refused_from_the_moment_of_its_revocation(setup: Setup) -> None:
    """A key that worked a moment ago does not work in the next call after it was revoked."""
    made = setup.server.admin_post("keys", project="acme")
    assert setup.request_sync(key=made["key"]).status == 200

    setup.server.admin_post("keys/revoke", project="acme", id=made["id"])

    reply = setup.request_sync(key=made["key"])
    assert (reply.status, reply.reasons[0]) == (400, "API_KEY_REVOKED")


def _golden(name: str, key: str) -> str:
    """Google's bytes; an answer that repeats the key that was sent repeats ours."""
    pair = json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))
    body: str = pair["response"]["body"]
    return body.replace("AIzaSyEXAMPLE", key)


def _key_of(case: str) -> str:
    return SUSPENDED if case == "suspended" else KEY
