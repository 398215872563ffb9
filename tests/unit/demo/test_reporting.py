"""What the sample cloud tells the Home Graph by itself, and what it does when nobody listens."""

import asyncio
import contextlib

import pytest

from homegraph import ApiError, ServerUnreachable
from homegraph.demo.cloud import reporting
from homegraph.demo.cloud.homes import first_homes
from homegraph.demo.cloud.reporting import ATTEMPTS_MAX, Reporter


class HomeGraph:
    """Records the calls; answers what it was told to, then well. ``calls`` ends the wait of a test."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.calls = asyncio.Queue()

    async def request_sync(self, agent_user_id, *, async_):
        self._answer(("sync", agent_user_id, async_))

    async def report_state(self, agent_user_id, states, *, notifications):
        self._answer(("report", agent_user_id, states, notifications))

    def _answer(self, call):
        self.calls.put_nowait(call)
        if self.answers:
            raise self.answers.pop(0)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    """Nobody waits for another attempt."""
    monkeypatch.setattr(reporting, "AGAIN_SECONDS", 0.0)


def told(home_graph_of, cause, calls, *, linked=True, reports_states=True):
    """The first calls after ``cause(reporter, home)``; no more than these have come."""

    async def run():
        home, other = first_homes().values()
        home_graph = home_graph_of()
        reporter = Reporter(lambda user: linked or user == "user-2")
        reporter.client, reporter.reports_states = home_graph, reports_states
        cause(reporter, home)
        working = asyncio.create_task(reporter.work())
        async with asyncio.timeout(20):
            heard = [await home_graph.calls.get() for _ in range(calls)]
            reporter.list_changed(other)  # what is left of the first home comes before it
            assert await home_graph.calls.get() == ("sync", "user-2", True)
        working.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await working
        return heard

    return asyncio.run(run())


def switched(reporter, home):
    """A lamp is switched three times, and a plug once."""
    for on in (True, False, True):
        home.devices["lamp"].state["on"] = on
        reporter.states_changed(home, "lamp")
    reporter.states_changed(home, "freezer", {"OnOff": {"priority": 0}})


LAMP = {"online": True, "on": True, "brightness": 60, "color": {"temperatureK": 2700}}
REPORT = (
    "report",
    "user-1",
    {"lamp": LAMP, "freezer": {"online": True, "on": True}},
    {"freezer": {"OnOff": {"priority": 0}}},
)


def test_changes_are_told_together_as_they_are_now():
    """Three changes of a lamp are one state; all states of a device go along."""
    assert told(HomeGraph, switched, 1) == [REPORT]


def test_a_failure_that_passes_is_tried_again():
    """With what is new by then."""
    assert told(lambda: HomeGraph(ServerUnreachable("gone")), switched, 2) == [REPORT, REPORT]


def test_it_does_not_try_for_ever():
    """A Home Graph that stays away is given up for these news."""
    away = [ServerUnreachable("gone")] * (ATTEMPTS_MAX + 1)

    assert told(lambda: HomeGraph(*away), switched, ATTEMPTS_MAX) == [REPORT] * ATTEMPTS_MAX


def test_a_failure_that_stays_is_dropped():
    """Repeating would change nothing."""
    refusal = ApiError("no", http_status=404, status="NOT_FOUND")

    assert told(lambda: HomeGraph(refusal), switched, 1) == [REPORT]


def test_a_new_list_is_followed_by_request_sync():
    """Without waiting for the SYNC. An API key does for that, and for nothing else."""

    def cause(reporter, home):
        reporter.list_changed(home)
        switched(reporter, home)

    assert told(HomeGraph, cause, 1, reports_states=False) == [("sync", "user-1", True)]
    assert told(HomeGraph, cause, 2) == [("sync", "user-1", True), REPORT]


def test_nobody_is_told_of_a_home_that_is_not_linked():
    """Nor of a device that is gone."""

    def gone(reporter, home):
        reporter.states_changed(home, "lamp")
        home.remove("lamp")

    assert told(HomeGraph, switched, 0, linked=False) == []
    assert told(HomeGraph, gone, 0) == []
