"""Which run of another process answers a caller who waits here."""

import asyncio
from types import SimpleNamespace

import msgspec
import pytest

from homegraph.graph.model import Cause, Link, LinkState, Mode, Outcome, Run, Target, Tokens
from homegraph.service import elsewhere
from homegraph.service.elsewhere import SKEW_SECONDS, Request, find_answer
from homegraph.service.listening import Listeners
from homegraph.testing.clock import ManualClock
from support.lanes import turn

TARGET = Target("acme", "1836")
ASKED = Request(TARGET, 7, 1_000.0)


def run(
    run_id,
    finished_at=1_002.0,
    *,
    started_at=991.0,
    taken=7,
    outcome=Outcome.DONE,
    target=TARGET,
    mode=Mode.SYNC,
):
    """A run that has ended."""
    times = (990.0, started_at, finished_at)
    return Run(run_id, target, Cause.REQUEST, mode, outcome, *times, 1, 1, taken=taken)


def test_the_first_that_took_the_request():
    """Of several, which are listed newest first; one that ended at the very time counts, and when it is said to have begun does not."""
    assert find_answer([run("b", 1_003.0, taken=8), run("a", 1_000.0)], ASKED).id == "a"
    assert find_answer([run("a", 1_000.0 - SKEW_SECONDS)], ASKED).id == "a"


@pytest.mark.parametrize(
    "other",
    [
        run("a", 1_000.0 - 2 * SKEW_SECONDS),
        run("a", taken=6),
        run("a", 1_000.0 - SKEW_SECONDS / 2, taken=6),
        run("a", outcome=Outcome.INTERRUPTED),
        run("a", taken=0, started_at=999.9),
        run("a", target=Target("acme", "1837")),
        run("a", target=Target.of_first_sync("acme", "anna")),
    ],
    ids=[
        "another life",
        "asked for before",
        "ended before",
        "died",
        "of before",
        "another",
        "first sync",
    ],
)
def test_runs_that_answer_somebody_else(other):
    """One that took only what was asked for before, however near its times are, that is run again, or that is another's."""
    assert find_answer([other], ASKED) is None
    assert find_answer([run("b"), other], ASKED).id == "b"


def test_a_run_of_any_mode_answers():
    """One that died is run again in async mode, whoever waits for it."""
    died = run("a", 1_000.0, outcome=Outcome.INTERRUPTED)

    assert find_answer([run("b", mode=Mode.ASYNC), died], ASKED).id == "b"


def test_a_run_of_the_release_before_answers_by_its_time():
    """While servers are exchanged one by one, some keep runs that do not say what they took."""
    assert find_answer([run("a", taken=0, started_at=1_000.0)], ASKED).id == "a"


def test_it_is_looked_for_again_only_when_it_is_time(monkeypatch):
    """Where processes share a database: what ended elsewhere is found by the next look, and nobody looks in between."""
    monkeypatch.setattr(elsewhere, "LOOK_SECONDS", 0.01)
    clock, looks = ManualClock(), asyncio.Queue()
    listed = [[], [], [run("a", 1_001.0)]]

    class Shared:
        is_shared = True

        async def runs(self, *_, **__):
            looks.put_nowait(clock.now())
            return listed.pop(0)

    async def story():
        house = SimpleNamespace(store=Shared(), clock=clock)
        with Listeners().listen(TARGET) as listening:
            asked = asyncio.create_task(elsewhere.outcome(house, listening, ASKED, 20.0))
            seen = [await looks.get()]
            for _ in range(2):
                await turn()
                assert looks.empty()
                clock.advance(0.01)
                seen.append(await looks.get())
            return await asked, [round(at - seen[0], 2) for at in seen]

    assert asyncio.run(story()) == (None, [0.0, 0.01, 0.02])


@pytest.mark.parametrize(("is_here", "looks"), [(True, 0), (False, 1)])
def test_a_run_of_this_process_is_hardly_looked_for(monkeypatch, is_here, looks):
    """It tells its caller itself; a thousand callers of a slow fulfillment would otherwise ask the database all the time."""
    monkeypatch.setattr(elsewhere, "LOOK_SECONDS", 0.0)
    monkeypatch.setattr(elsewhere, "LOOK_AT_OURS_SECONDS", 3_600.0)
    seen = []

    class Shared:
        is_shared = True

        async def runs(self, *_, **__):
            seen.append(1)
            return [run("a", 1_001.0)]

    async def story():
        house = SimpleNamespace(store=Shared(), clock=ManualClock())
        listeners = Listeners()
        with listeners.listen(TARGET) as listening:
            request = ASKED._replace(is_here=is_here)
            asked = asyncio.create_task(elsewhere.outcome(house, listening, request, 20.0))
            for _ in range(9):
                await turn()
            listeners.tell(TARGET, 7, None)
            return await asked

    assert asyncio.run(story()) is None
    assert len(seen) == looks


@pytest.mark.parametrize(
    ("state", "agent_user_id", "problem", "told"),
    [
        (LinkState.LINKED, "1836", "", "linked"),
        (LinkState.BROKEN, "1836", "TOKEN_REFUSED", "linked"),
        (LinkState.LINKING, "", "", "nothing"),
        (LinkState.LINKING, "", "FULFILLMENT_TIMEOUT", "FULFILLMENT_TIMEOUT"),
        (LinkState.BROKEN, "", "TOKEN_REFUSED", "FULFILLMENT_TIMEOUT"),
        (LinkState.UNLINKED, "1836", "FULFILLMENT_TIMEOUT", "FULFILLMENT_TIMEOUT"),
    ],
    ids=["linked", "broken in its QUERY", "under way", "failed", "refused", "ended"],
)
def test_a_first_sync_is_told_by_its_link(monkeypatch, state, agent_user_id, problem, told):
    """Among thousands of others in the journal: only of one that failed, or whose link has ended, is the run looked for."""
    monkeypatch.setattr(elsewhere, "LOOK_SECONDS", 0.01)
    clock, first, read = ManualClock(), Target.of_first_sync("acme", "anna"), []
    failed = msgspec.structs.replace(run("a", target=first), reason="FULFILLMENT_TIMEOUT")
    link = Link("acme", "anna", state, Tokens(b""), 1.0, agent_user_id, problem=problem)
    looked = asyncio.Event()

    class Shared:
        is_shared = True

        async def find_link(self, *_):
            looked.set()
            return link

        async def runs(self, *asked, **_):
            read.append(asked)
            return [failed]

    async def story():
        house = SimpleNamespace(store=Shared(), clock=clock)
        request = Request(first, 7, 1_000.0)
        with Listeners().listen(first) as listening:
            asked = asyncio.create_task(elsewhere.outcome(house, listening, request, 20.0))
            await looked.wait()
            await turn()
            if not asked.done():
                asked.cancel()
                return "nothing"
            failure = await asked
            assert failure is None or not failure.hint  # then its reason says what to do
            return failure.code if failure else "linked"

    assert asyncio.run(story()) == told
    assert read == ([("acme", "")] if told == "FULFILLMENT_TIMEOUT" else [])
