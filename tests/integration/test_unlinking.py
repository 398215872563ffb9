"""Unlinking by real sockets: what the fulfillment is told, with which token, and that nothing keeps a link alive."""

import json
import queue
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from homegraph.graph.model import LinkState
from homegraph.service import unlinking
from homegraph.service.clock import SystemClock
from homegraph.service.events import Disconnected, LinkChanged
from homegraph.settings.projects import LinkSettings
from homegraph.settings.secret import Secret
from homegraph.store.sqlite import SqliteStore
from homegraph.testing.clock import ManualClock
from homegraph.testing.fulfillment import (
    DISCONNECT,
    SYNC,
    Answer,
    Home,
    ScriptedFulfillment,
    lamp,
)
from support.served import WAIT_SECONDS, Served, an_integration, linked, settings_in


@pytest.fixture
def cloud():
    """A device cloud with the user's home."""
    with ScriptedFulfillment() as scripted:
        yield scripted


@pytest.fixture
def served(tmp_path, cloud):
    """A server with a linked user."""
    with linked(tmp_path, cloud) as running:
        yield running


@contextmanager
def two_users(tmp_path, cloud):
    """A server with two users behind one agent user, both linked: ann, and bea with a token of her own."""
    cloud.homes["token-b"] = Home("user-1", [lamp("lamp")])
    links = (
        LinkSettings("ann", Secret("token-1"), Secret("refresh-1")),
        LinkSettings("bea", Secret("token-b"), Secret("refresh-2")),
    )
    with Served(settings_in(tmp_path, an_integration(cloud, links=links))) as served:
        for user in ("ann", "bea"):
            served.until_link(lambda link: link.state is LinkState.LINKED, user=user)
        yield served


def unlink(served, user="ann"):
    """End a link as its user."""
    return served.admin("POST", "links/unlink", project="acme", user=user)


def heard_by(served):
    """What fulfillments are told from now on: why they were not, or an empty text."""
    codes = []
    served.house.events.subscribe(
        lambda event: codes.append(event.code) if isinstance(event, Disconnected) else None
    )
    return codes


def link_of(served, user="ann"):
    """The link, as the store has it."""
    return served.do(served.house.store.find_link("acme", user))


@pytest.mark.parametrize("answer", [b"null", b"", b"{}", b'{"requestId":"1","payload":{}}'])
def test_the_fulfillment_is_told_first(served, cloud, answer):
    """With the token that is good until then; whatever it answers is fine. Then tokens and devices are gone."""
    codes = heard_by(served)
    cloud.answer_disconnect_next(Answer(body=answer, headers=(("X-Odd", "1"),)))
    done = unlink(served)
    (call,) = cloud.intents(DISCONNECT)

    assert (done.status, done.json["state"], codes) == (200, "unlinked", [""])
    assert call.token == "token-1"
    assert sorted(call.body) == ["inputs", "requestId"]
    assert call.body["inputs"] == [{"intent": DISCONNECT}]
    assert not link_of(served).tokens.sealed_access
    assert served.request_sync().reason == "AGENT_USER_UNLINKED"


def test_whoever_listens_is_told_whose_link_has_ended(served):
    """First that the fulfillment knows, then that the link is gone: so it stands in the log."""
    heard = []
    with served.house.events.listening(heard.append):
        unlink(served)

    assert heard == [
        Disconnected("acme", "ann"),
        LinkChanged("acme", "ann", LinkState.UNLINKED, ""),
    ]


def test_a_token_that_has_ended_is_refreshed_for_it(served, cloud):
    """DISCONNECT needs a valid token as any intent does."""
    cloud.homes["token-2"] = cloud.homes.pop("token-1")
    cloud.refresh_tokens["refresh-1"] = "token-2"
    codes = heard_by(served)

    assert unlink(served).json["state"] == "unlinked"
    assert [call.token for call in cloud.intents(DISCONNECT)] == ["token-1", "token-2"]
    assert codes == [""]


@pytest.mark.parametrize(
    ("answer", "code"),
    [(Answer(500), "FULFILLMENT_FAILED"), (Answer(404), "FULFILLMENT_REFUSED")],
)
def test_a_fulfillment_that_cannot_be_told_keeps_no_link(served, cloud, answer, code):
    """The link ends all the same, and the journal says what was said."""
    cloud.answer_disconnect_next(answer)
    codes = heard_by(served)

    assert (unlink(served).json["state"], codes) == ("unlinked", [code])
    (errand,) = served.admin("GET", "errands").json["errands"]
    assert (errand["intent"], errand["ok"], errand["reason"]) == ("DISCONNECT", False, code)


def test_a_fulfillment_that_hangs_has_its_time(served, cloud, monkeypatch):
    """Then the link ends."""
    monkeypatch.setattr(unlinking, "GOODBYE_SECONDS", 0.05)
    hold = threading.Event()
    cloud.answer_disconnect_next(Answer(hold=hold))
    codes = heard_by(served)
    done = unlink(served)
    hold.set()

    assert (done.json["state"], codes) == ("unlinked", ["FULFILLMENT_TIMEOUT"])


def test_what_is_told_is_in_the_journal(served):
    """With its exchange, the token masked."""
    unlink(served)
    (errand,) = served.admin("GET", "errands").json["errands"]
    shown = served.admin("GET", f"errand?id={errand['id']}").json

    assert (errand["intent"], errand["ok"], errand["user"]) == ("DISCONNECT", True, "ann")
    (exchange,) = shown["exchanges"]
    assert (exchange["intent"], exchange["status"]) == ("DISCONNECT", 200)
    assert "token-1" not in json.dumps(shown)


def test_a_redirect_that_repeats_the_token(served, cloud):
    """Where the fulfillment sends us is told without it, as of any other intent."""
    cloud.answer_disconnect_next(
        Answer(302, headers=(("Location", "https://elsewhere.example/token-1"),))
    )
    unlink(served)
    (errand,) = served.admin("GET", "errands").json["errands"]
    shown = served.admin("GET", f"errand?id={errand['id']}").json

    assert "https://elsewhere.example/***" in shown["devices"][0]["message"]
    assert "token-1" not in json.dumps(shown)


def test_unlinking_again_tells_nobody(served, cloud):
    """It has ended already; one that never was is named."""
    unlink(served)
    again = unlink(served)

    assert (again.status, again.json["state"]) == (200, "unlinked")
    assert len(cloud.intents(DISCONNECT)) == 1
    assert unlink(served, "nobody").status == 404


def test_a_broken_link_ends_without_a_word(served, cloud):
    """There is no token that the fulfillment would believe."""
    served.admin("POST", "links/revoke", project="acme", user="ann")

    assert unlink(served).json["state"] == "unlinked"
    assert cloud.intents(DISCONNECT) == []


def test_the_developer_is_told_nothing_of_his_own_doing(served, cloud):
    """DELETE agentUsers ends the links, and sends no DISCONNECT."""
    served.do(served.house.store.delete_agent_user("acme", "user-1", served.house.clock.now()))

    assert link_of(served).state is LinkState.UNLINKED
    assert cloud.intents(DISCONNECT) == []


def test_who_waits_for_a_sync_is_told_that_the_user_is_gone(served, cloud):
    """At once: no run will answer him, since the one under way has lost what it ran for."""
    hold = threading.Event()
    before = len(cloud.intents(SYNC))
    cloud.answer_next(Answer(hold=hold))
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(served.request_sync)
        cloud.wait_for(before + 1)
        unlink(served)
        answer = waiting.result(10)
        hold.set()

    assert (answer.status, answer.reason) == (404, "AGENT_USER_UNLINKED")


def test_who_waits_for_a_sync_of_another_link_goes_on_waiting(tmp_path, cloud):
    """One of two users leaves: the agent user stays, and so does the answer to the call."""
    with two_users(tmp_path, cloud) as served:
        hold = threading.Event()
        before = len(cloud.intents(SYNC))
        cloud.answer_next(Answer(hold=hold))
        with ThreadPoolExecutor(1) as threads:
            waiting = threads.submit(served.request_sync)
            cloud.wait_for(before + 1)
            unlink(served)
            assert not waiting.done()
            hold.set()
            assert waiting.result(10).status == 200


def test_devices_stay_for_the_other_user(tmp_path, cloud):
    """Two users behind one agent user: each is told of by his own token; with the last one the devices go."""
    with two_users(tmp_path, cloud) as served:
        unlink(served)
        after_one = served.admin("GET", "devices?project=acme&agent_user=user-1")
        unlink(served, "bea")
        after_both = served.admin("GET", "devices?project=acme&agent_user=user-1")

    assert [device["id"] for device in after_one.json["devices"]] == ["lamp"]
    assert after_both.status == 404
    assert [call.token for call in cloud.intents(DISCONNECT)] == ["token-1", "token-b"]


def test_one_user_with_two_projects(tmp_path, cloud):
    """Two agent users behind one user: each project has its own, and unlinking one leaves the other."""
    cloud.homes["token-b"] = Home("user-b", [lamp("fan")])
    other = an_integration(
        cloud,
        id="other",
        api_keys=(),
        links=(LinkSettings("ann", Secret("token-b"), Secret("refresh-2")),),
    )
    with Served(settings_in(tmp_path, an_integration(cloud), other)) as served:
        for project in ("acme", "other"):
            served.until_link(lambda link: link.state is LinkState.LINKED, project=project)
        unlink(served)
        left = served.admin("GET", "devices?project=other&agent_user=user-b")
        gone = served.admin("GET", "devices?project=acme&agent_user=user-1")

    assert [device["id"] for device in left.json["devices"]] == ["fan"]
    assert gone.status == 404
    assert [call.token for call in cloud.intents(DISCONNECT)] == ["token-1"]


def test_an_unlinking_that_was_left_behind_is_ended_in_its_time(tmp_path, cloud, monkeypatch):
    """Another process may be telling the fulfillment just now, so a note is left alone while it is young; then the link ends."""
    clock, looks = ManualClock(SystemClock().now()), queue.SimpleQueue()
    unlinkings = SqliteStore.unlinkings

    async def look(store, before):
        found = await unlinkings(store, before)
        looks.put(found)
        return found

    async def leave(house):
        clock.advance(1.0)
        await house.store.begin_unlink("acme", "ann", clock.now())

    async def wait(seconds):
        clock.advance(seconds)

    monkeypatch.setattr(SqliteStore, "unlinkings", look)
    with Served(settings_in(tmp_path, an_integration(cloud)), clock) as served:
        served.until_link(lambda link: link.state is LinkState.LINKED)
        assert looks.get(timeout=WAIT_SECONDS) == []
        served.do(leave(served.house))
        served.do(wait(unlinking.LEFT_SECONDS - 1.0))
        assert (looks.get(timeout=WAIT_SECONDS), cloud.intents(DISCONNECT)) == ([], [])
        served.do(wait(unlinking.LEFT_SECONDS))
        assert looks.get(timeout=WAIT_SECONDS) == [("acme", "ann")]
        served.until_link(lambda link: link.state is LinkState.UNLINKED)

    assert len(cloud.intents(DISCONNECT)) == 1
