"""A reply to SYNC that is the last one once more is known without being read, and never taken for more than it is."""

import json
import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from homegraph.service import asking
from homegraph.service.clock import SystemClock
from homegraph.settings.projects import LinkSettings
from homegraph.settings.secret import Secret
from homegraph.store.sqlite import SqliteStore
from homegraph.testing.clock import ManualClock
from homegraph.testing.fulfillment import Answer, Home, ScriptedFulfillment, lamp
from support.served import Served, an_integration, settings_in


@pytest.fixture(scope="module")
def cloud():
    """A device cloud with the user's home."""
    with ScriptedFulfillment() as scripted:
        yield scripted


@pytest.fixture(scope="module")
def served(cloud, tmp_path_factory):
    """A server whose user is linked, and a list may shrink as it likes."""
    project = an_integration(cloud, shrink_guard=False)
    with Served(settings_in(tmp_path_factory.mktemp("known"), project)) as one:
        one.until_link(lambda link: link.agent_user_id)
        yield one


@pytest.fixture
def looks(monkeypatch):
    """What is looked at, in order: replies that are read, lists that are compared with one."""
    seen = []
    known, read = SqliteStore.known, asking.read_sync_reply

    async def compared(store, target, fingerprints):
        seen.append("list")
        return await known(store, target, fingerprints)

    def taken_apart(body):
        seen.append("reply")
        return read(body)

    monkeypatch.setattr(SqliteStore, "known", compared)
    monkeypatch.setattr(asking, "read_sync_reply", taken_apart)
    return seen


def stored(served):
    """The devices that are stored, as the cloud has sent them, by id."""
    found = served.do(served.house.store.devices("acme", "user-1"))
    return {one.id: json.loads(one.definition) for one in found}


def newest(served):
    """The newest run."""
    (run,) = served.do(served.house.store.runs("acme", "user-1", limit=1))
    return run


def ask(served):
    """Request Sync, which must succeed; its run."""
    answer = served.request_sync()
    assert answer.status == 200, answer.body
    return newest(served)


def test_a_reply_that_comes_again_is_not_read(cloud, served, looks):
    """Neither it nor the list is looked at, however often it comes; the exchange is in the journal as ever."""
    cloud.home.devices = [lamp("lamp"), lamp("plug")]
    ask(served)
    looks.clear()
    again = [ask(served), ask(served)]

    assert looks == []
    for run in again:
        assert (run.outcome, run.findings, run.reason) == ("done", (), "")
        assert run.changes == type(run.changes)()
    _, (exchange,) = served.do(served.house.store.find_run(again[1].id))
    assert [one["id"] for one in json.loads(exchange.response_body)["payload"]["devices"]] == [
        "lamp",
        "plug",
    ]
    cloud.home.devices.append(lamp("fan"))
    assert ask(served).changes.added == ("fan",)
    assert looks == ["reply", "list"]


LISTS = (
    [lamp("lamp"), lamp("plug")],
    [lamp("lamp"), lamp("plug", "Outlet")],
    [lamp("plug"), lamp("lamp")],
    [lamp("lamp")],
    [lamp("lamp"), lamp("lamp")],
    [lamp("lamp", traits=["action.devices.traits.Unknown"])],
)
USUAL, REFUSED, NAMELESS = "usual", "refused", "nameless"


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(
        st.tuples(st.sampled_from(range(len(LISTS))), st.sampled_from([USUAL, REFUSED, NAMELESS])),
        min_size=4,
        max_size=12,
    )
)
def test_whatever_came_before_the_list_is_the_last_that_was_taken(cloud, served, steps):
    """Lists that come again and others, answers that fail, replies without the intent's id: in any order."""
    for index, how in steps:
        cloud.home.devices = devices = LISTS[index]
        before = stored(served)
        if how == REFUSED:
            cloud.answer_next(Answer(503))
        elif how == NAMELESS:
            body = {"payload": {"agentUserId": "user-1", "devices": devices}}
            cloud.answer_next(Answer(200, json.dumps(body).encode()))
        answer = served.request_sync()

        assert (answer.status == 200) is (how != REFUSED)
        expected = before if how == REFUSED else {one["id"]: one for one in reversed(devices)}
        assert stored(served) == expected


def test_what_is_said_about_a_reply_is_said_each_time(cloud, served, looks):
    """A reply with a finding of its own is read whenever it comes."""
    cloud.home.devices = [lamp("lamp"), lamp("lamp")]
    found = [[one.rule for one in ask(served).findings] for _ in range(3)]

    assert found == [["device-id-duplicate"]] * 3
    assert looks.count("reply") == 3


def test_of_two_links_both_are_heard(cloud, tmp_path, looks):
    """Two links are two replies, and the last one is the list: none of them is known by itself."""
    cloud.homes["token-2"] = Home("user-1", [lamp("lamp"), lamp("fan")])

    async def is_idle(house):
        return not await house.store.works()

    links = LinkSettings("ann", Secret("token-1")), LinkSettings("zoe", Secret("token-2"))
    project = an_integration(cloud, links=links)
    with Served(settings_in(tmp_path, project), ManualClock(SystemClock().now())) as served:
        for link in links:
            served.until_link(lambda one: one.agent_user_id, user=link.user)
        served.until(
            is_idle
        )  # the second one has asked for a run, which starts at once: the clock stands still
        for _ in range(2):
            looks.clear()
            ask(served)

            assert looks.count("reply") == 2
        assert list(stored(served)) == ["fan", "lamp"]


def test_a_known_reply_that_comes_late_is_told_so(cloud, tmp_path):
    """What does not stand in the reply is looked at each time."""
    cloud.home.devices = [lamp("lamp")]
    clock, hold = ManualClock(SystemClock().now()), threading.Event()

    async def pass_time(_):
        clock.advance(5.5)

    with Served(settings_in(tmp_path, an_integration(cloud)), clock=clock) as served:
        served.until_link(lambda link: link.agent_user_id)
        ask(served)
        before = len(cloud.intents())
        cloud.answer_next(Answer(hold=hold))
        late = threading.Thread(target=ask, args=(served,))
        late.start()
        try:
            cloud.wait_for(before + 1)
            served.do(pass_time(served.house))
        finally:
            hold.set()
            late.join()
        late_run = newest(served)

    assert [one.rule for one in late_run.findings] == ["reply-slow"]
