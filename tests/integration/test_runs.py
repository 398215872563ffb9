"""Runs that meet a bug of ours, or a database that does not take what they bring."""

import asyncio
import logging
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from homegraph.errors import StoreUnavailable
from homegraph.graph import applying
from homegraph.graph.errands import Errand
from homegraph.graph.model import Cause, Mode, Outcome, Target
from homegraph.service import asking, requesting
from homegraph.service.clock import SystemClock
from homegraph.service.events import DutyFailed, SyncFinished
from homegraph.service.loop import LOOK_AGAIN_SECONDS
from homegraph.service.unsettled import HAND_BACK_AFTER_SECONDS
from homegraph.service.upkeep import (
    BEATS_PER_LEASE,
    MUCH,
    PRUNE_AGAIN_SECONDS,
    PRUNE_EVERY_SECONDS,
    Upkeep,
)
from homegraph.settings.projects import KeySettings, LinkSettings
from homegraph.settings.secret import Secret
from homegraph.store.journal_port import Limits
from homegraph.store.sqlite import SqliteStore, devices
from homegraph.testing.clock import ManualClock
from homegraph.testing.fulfillment import Answer, Home, ScriptedFulfillment, lamp
from homegraph.testing.store_contract.scene import exchange
from support.lanes import turn
from support.served import CALL, JSON, WAIT_SECONDS, Served, an_integration, settings_in


@pytest.fixture
def cloud():
    """A device cloud with the user's home."""
    with ScriptedFulfillment() as scripted:
        yield scripted


def test_a_project_that_hangs_leaves_a_place_for_others(cloud, tmp_path):
    """However many of its runs are due: a quarter of the places is for projects that have none."""
    hold = threading.Event()
    users = [LinkSettings(f"user-{number}", Secret(f"token-{number}")) for number in range(8)]
    cloud.answer_next(*[Answer(hold=hold)] * len(users))
    with ScriptedFulfillment() as calm:
        projects = (
            an_integration(cloud, links=tuple(users)),
            an_integration(calm, id="calm", number="2", api_keys=(KeySettings(Secret("calm")),)),
        )
        with Served(
            settings_in(tmp_path, *projects, concurrency=4, project_concurrency=4)
        ) as served:
            try:
                cloud.wait_for(3)
                served.until_link(lambda link: link.agent_user_id, project="calm")
                body = b'{"agentUserId": "user-1", "async": true}'
                answer = served.send("POST", f"{CALL}?key=calm", headers=JSON, body=body)
                calm.wait_for(2)
                assert (answer.status, len(cloud.intents())) == (200, 3)
            finally:
                hold.set()


def test_a_place_that_a_share_left_over_is_taken_at_once(cloud, tmp_path):
    """Places are shared before it is known how many runs a project has. What one does not need another gets, and nobody need end for it."""
    clock, hold = ManualClock(SystemClock().now()), threading.Event()
    users = {"one": ["ann"], "two": ["bob", "cy", "di"]}
    cloud.homes = {name: Home(name) for names in users.values() for name in names}
    projects = [
        an_integration(
            cloud,
            id=project_id,
            number=str(number),
            api_keys=(),
            links=tuple(LinkSettings(name, Secret(name)) for name in users[project_id]),
        )
        for number, project_id in enumerate(users, 1)
    ]

    async def are_linked(house):
        return all(link.agent_user_id for link in await house.store.links())

    async def ask_for_all(house):
        for project_id, names in users.items():
            for name in names:
                asked = (Target(project_id, name), Mode.ASYNC, Cause.REQUEST, clock.now())
                await house.store.request_sync(*asked, worker="w", lease_seconds=30.0)
        house.runs.changed.set()

    with Served(
        settings_in(tmp_path, *projects, concurrency=4, project_concurrency=4), clock
    ) as served:
        served.until(are_linked)
        before = len(cloud.intents())
        cloud.answer_next(*[Answer(hold=hold)] * 4)
        try:
            served.do(ask_for_all(served.house))
            asked = [call.token for call in cloud.wait_for(before + 3)[before:]]
        finally:
            hold.set()

    assert "ann" in asked
    assert len(set(asked)) == 3


def test_a_place_that_becomes_free_during_a_look_is_taken(cloud, tmp_path, monkeypatch):
    """All runs of a project may end while the loop asks what is due. Nobody wakes it afterwards, and the clock stands still here."""
    clock, hold = ManualClock(SystemClock().now()), threading.Event()
    cloud.homes["token-2"] = Home("user-2")
    users = (LinkSettings("ann", Secret("token-1")), LinkSettings("bob", Secret("token-2")))
    settings = settings_in(tmp_path, an_integration(cloud, links=users), project_concurrency=1)
    projects_due = SqliteStore.projects_due

    async def are_linked(house):
        links = await house.store.links("acme")
        return all(link.agent_user_id for link in links)

    async def look(house):
        house.runs.changed.set()

    async def is_done(house):
        return await house.store.runs("acme", "user-2")

    with Served(settings, clock=clock) as served:
        served.until(are_linked)
        cloud.answer_next(Answer(hold=hold))
        before = len(cloud.intents())

        async def slow(store, now):
            due = await projects_due(store, now)
            hold.set()
            await served.house.runs.drain(WAIT_SECONDS)
            return due

        served.request_sync("user-1", **{"async": True})
        cloud.wait_for(before + 1)
        served.request_sync("user-2", **{"async": True})
        with monkeypatch.context() as patch:
            patch.setattr(SqliteStore, "projects_due", slow)
            served.do(look(served.house))
            served.until(is_done)


def test_a_run_begins_after_what_it_answers(cloud, tmp_path, monkeypatch):
    """Also when that was asked for while the loop looked: by these times it is told which SYNC came after a grant."""
    clock, target = ManualClock(SystemClock().now()), Target("acme", "user-1")
    projects_due = SqliteStore.projects_due

    async def merged(house):
        (run, *_) = await house.store.runs("acme", "user-1")
        return run if run.merged == 2 else None

    with Served(settings_in(tmp_path, an_integration(cloud)), clock=clock) as served:
        served.until_link(lambda link: link.agent_user_id)
        assert served.request_sync().status == 200

        async def slow(store, now):
            due = await projects_due(store, now)
            if due:
                clock.advance(1.0)
                asked = (target, Mode.ASYNC, Cause.REQUEST, clock.now())
                await store.request_sync(*asked, worker="w", lease_seconds=30.0)
            return due

        with monkeypatch.context() as patch:
            patch.setattr(SqliteStore, "projects_due", slow)
            served.request_sync(**{"async": True})
            served.until(merged)
        run = served.do(merged(served.house))

    assert run.started_at == clock.now()


def test_an_idle_server_looks_when_it_is_time(tmp_path, monkeypatch):
    """While time stands still its database is not asked what is due; then once."""
    clock, looks = ManualClock(SystemClock().now()), []
    due = SqliteStore.projects_due

    async def look(store, now):
        looks.append(now)
        return await due(store, now)

    async def wait(house, seconds):
        clock.advance(seconds)
        for _ in range(20):  # as many turns as anybody would have needed who looks again at once
            await house.store.counts()

    monkeypatch.setattr(SqliteStore, "projects_due", look)
    started = clock.now()
    with Served(settings_in(tmp_path), clock=clock) as served:
        served.do(wait(served.house, 0))
        assert looks == [started]
        served.do(wait(served.house, LOOK_AGAIN_SECONDS))
        assert looks == [started, started + LOOK_AGAIN_SECONDS]


def test_a_clock_that_is_set_back_during_a_look_puts_no_look_off(tmp_path, monkeypatch):
    """An hour back while the database is asked: the next look is a few seconds away, not an hour."""
    clock, looks = ManualClock(SystemClock().now()), []
    due, next_due = SqliteStore.projects_due, SqliteStore.next_due_at

    async def look(store, now):
        looks.append(now)
        return await due(store, now)

    async def set_back(store, now):
        if len(looks) == 1:
            clock.advance(-3_600)
        return await next_due(store, now)

    async def wait(house, seconds):
        clock.advance(seconds)
        for _ in range(20):  # as many turns as the loop needs
            await house.store.counts()

    monkeypatch.setattr(SqliteStore, "projects_due", look)
    monkeypatch.setattr(SqliteStore, "next_due_at", set_back)
    with Served(settings_in(tmp_path), clock=clock) as served:
        served.do(wait(served.house, 0))
        served.do(wait(served.house, LOOK_AGAIN_SECONDS))

    assert len(looks) == 2
    assert looks[1] < looks[0]


@pytest.mark.parametrize(
    ("step", "bound"),
    [("read_sync_reply", "READ_AT_ONCE_MAX_BYTES"), ("judge", "AT_ONCE_MAX_BYTES")],
)
def test_a_long_reply_is_looked_into_beside_everything_else(
    cloud, tmp_path, monkeypatch, step, bound
):
    """A fulfillment that sends thousands of odd devices keeps nobody waiting but its own run."""
    looks, go_on = threading.Event(), threading.Event()
    look = getattr(asking, step)

    def slow(*asked):
        looks.set()
        assert go_on.wait(WAIT_SECONDS)
        return look(*asked)

    with Served(settings_in(tmp_path, an_integration(cloud))) as served:
        served.until_link(lambda link: link.agent_user_id)
        cloud.homes["token-1"] = Home("user-1", [lamp("lamp"), *map(lamp, "abcdefgh")])
        with monkeypatch.context() as patch:
            patch.setattr(asking, bound, 100)
            patch.setattr(asking, step, slow)
            answer = served.request_sync(**{"async": True})
            assert looks.wait(WAIT_SECONDS)
            meanwhile = served.send("GET", "/livez")
            go_on.set()
            served.until(has_all)

    assert (answer.status, meanwhile.status) == (200, 200)


async def has_all(house):
    """Whether the user has all nine devices."""
    return len(await house.store.devices("acme", "user-1")) == 9


def test_a_bug_ends_the_run_visibly_and_is_not_repeated(cloud, tmp_path, monkeypatch, caplog):
    """The caller gets an internal error at once, the run is recorded as failed, and the next one works."""

    def broken(*_):
        raise ZeroDivisionError("ours")

    with Served(settings_in(tmp_path, an_integration(cloud))) as served:
        served.until_link(lambda link: link.agent_user_id)
        with monkeypatch.context() as patch, caplog.at_level(logging.CRITICAL):
            patch.setattr(applying, "compare", broken)
            answer = served.request_sync()
        (newest, *_) = served.do(served.house.store.runs("acme", "user-1"))
        again = served.request_sync()

    assert (answer.status, answer.reason) == (500, "INTERNAL")
    assert (newest.outcome, newest.reason) == ("failed", "INTERNAL")
    assert again.status == 200


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_a_bug_in_storing_what_came_ends_the_run(cloud, tmp_path, monkeypatch, caplog, mode):
    """It would come again with every lease; so nothing of it is kept but the run, which says so, and the list stays as it was."""

    def broken(*_):
        raise ZeroDivisionError("ours")

    async def is_over(house):
        return await house.store.runs("acme", "user-1")  # the first SYNC has a target of its own

    with Served(settings_in(tmp_path, an_integration(cloud))) as served:
        served.until_link(lambda link: link.agent_user_id)
        before = served.do(served.house.store.devices("acme", "user-1"))
        cloud.home.devices.append(lamp("another"))
        with monkeypatch.context() as patch, caplog.at_level(logging.CRITICAL):
            patch.setattr(devices, "write", broken)
            answer = served.request_sync(**{"async": mode == "async"})
            served.until(is_over)
        (newest, *_) = served.do(served.house.store.runs("acme", "user-1"))
        after = served.do(served.house.store.devices("acme", "user-1"))
        again = served.request_sync()
        renewed = served.do(served.house.store.devices("acme", "user-1"))

    assert answer.status == (200 if mode == "async" else 500)
    assert (newest.outcome, newest.reason, newest.attempt) == ("failed", "INTERNAL", 1)
    assert after == before
    assert again.status == 200
    assert len(renewed) == len(before) + 1


def test_a_run_that_could_not_be_stored_is_executed_again_soon(cloud, tmp_path, monkeypatch):
    """Some seconds later, long before its lease ends, and not before: a disk that is nearly full would be asked without a pause."""
    clock = ManualClock(SystemClock().now())
    failed = []

    async def full(*_):
        raise StoreUnavailable("The disk is full.")

    async def is_told(_):
        return failed

    async def is_done(house):
        runs = await house.store.runs("acme", "user-1")
        return [run.outcome for run in runs] == [Outcome.DONE]

    async def look(house):
        clock.advance(HAND_BACK_AFTER_SECONDS - 1)
        house.runs.changed.set()

    async def wait(_):
        clock.advance(LOOK_AGAIN_SECONDS)

    with Served(settings_in(tmp_path, an_integration(cloud)), clock=clock) as served:
        served.until_link(lambda link: link.agent_user_id)
        served.house.events.subscribe(
            lambda event: failed.append(event.duty) if isinstance(event, DutyFailed) else None
        )
        with monkeypatch.context() as patch:
            patch.setattr(SqliteStore, "settle", full)
            assert served.request_sync(**{"async": True}).status == 200
            served.until(is_told)
        assert failed == ["run"]
        served.do(look(served.house))
        assert served.request_sync("nobody").status == 404
        assert len(cloud.intents()) == 2
        served.do(wait(served.house))
        served.until(is_done)

    assert len(cloud.intents()) == 3


def test_callers_who_wait_are_bounded(cloud, tmp_path, monkeypatch):
    """One too many is told so at once, and may ask without waiting."""
    with Served(settings_in(tmp_path, an_integration(cloud))) as served:
        served.until_link(lambda link: link.agent_user_id)
        monkeypatch.setattr(requesting, "SYNC_CALLS_MAX", 0)
        refused = served.request_sync()
        taken = served.request_sync(**{"async": True})

    assert (refused.status, refused.reason, taken.status) == (503, "SERVER_BUSY", 200)


def test_a_run_that_outlasts_its_lease_is_not_executed_twice(cloud, tmp_path, monkeypatch):
    """Its lease is prolonged for as long as it goes on, and also after a heartbeat that the database did not take."""
    clock, hold = ManualClock(SystemClock().now()), threading.Event()
    settings = settings_in(tmp_path, an_integration(cloud), lease_seconds=30)
    failed = []

    async def full(*_):
        raise StoreUnavailable("The disk is full.")

    async def pass_time(house):
        clock.advance(settings.lease_seconds / BEATS_PER_LEASE)
        house.runs.changed.set()

    async def is_prolonged(house):
        async with asyncio.timeout(WAIT_SECONDS):
            while True:
                ((_, work),) = await house.store.works()
                if work.lease_until == clock.now() + settings.lease_seconds:
                    return work.fence

    async def has_failed(_):
        return "heartbeat" in failed

    async def is_idle(house):
        return not await house.store.works()

    with Served(settings, clock=clock) as served:
        served.until_link(lambda link: link.agent_user_id)
        served.house.events.subscribe(
            lambda event: failed.append(event.duty) if isinstance(event, DutyFailed) else None
        )
        cloud.answer_next(Answer(hold=hold))
        assert served.request_sync(**{"async": True}).status == 200
        cloud.wait_for(2)
        with monkeypatch.context() as patch:
            patch.setattr(SqliteStore, "heartbeat", full)
            served.do(pass_time(served.house))
            served.until(has_failed)
        for _ in range(BEATS_PER_LEASE):
            served.do(pass_time(served.house))
            assert served.do(is_prolonged(served.house)) == 1
        hold.set()
        served.until(is_idle)

    assert len(cloud.intents()) == 2


def test_a_journal_is_cut_sooner_where_much_is_written(cloud, tmp_path, monkeypatch):
    """After many rows went at once the next cut comes after a second; after few, or none, it comes after ten."""
    clock, kept = ManualClock(SystemClock().now()), 5
    settings = settings_in(tmp_path, an_integration(cloud), exchanges_kept=kept)
    start, cuts, prune = clock.now(), [], SqliteStore.prune

    async def noted(store, limits, now):
        cuts.append(now - start)
        return await prune(store, limits, now)

    async def write(store, beyond):
        errand = Errand(
            id=f"e-{beyond}",
            project_id="acme",
            agent_user_id="user-1",
            user_id="ann",
            intent="EXECUTE",
            started_at=start,
            devices=(),
        )
        there = (await store.counts()).exchanges
        await store.start_errand(errand)
        await store.finish_errand(errand, exchanges=[exchange(start)] * (kept + beyond - there))

    async def pass_time(store, *steps):
        for seconds in steps:
            clock.advance(seconds)
            await store.check()  # whoever woke up has had its turn
        async with asyncio.timeout(WAIT_SECONDS):
            while cuts[-1] != clock.now() - start or (await store.counts()).exchanges != kept:
                await store.check()

    monkeypatch.setattr(SqliteStore, "prune", noted)
    with Served(settings, clock=clock) as served:
        served.until_link(lambda link: link.agent_user_id)
        store = served.house.store
        for beyond, steps in (
            (MUCH, (PRUNE_EVERY_SECONDS - 1, 1)),
            (MUCH - 1, (PRUNE_AGAIN_SECONDS,)),
            (1, (PRUNE_AGAIN_SECONDS, PRUNE_EVERY_SECONDS - PRUNE_AGAIN_SECONDS)),
        ):
            served.do(write(store, beyond))
            served.do(pass_time(store, *steps))

    assert sorted(set(cuts)) == [0, 10, 11, 21]


def test_a_server_that_stops_cuts_no_more(cloud, tmp_path):
    """A journal that has been allowed less may have millions of rows too many: who stops leaves them to the next server."""

    async def cuts_until(stopped_after):
        house, cuts = served.house, []

        class Long:
            """A journal that is too long by so much that it takes many cuts."""

            async def prune(self, *_):
                cuts.append(await house.store.prune(limits, house.clock.now()))
                if len(cuts) == stopped_after:
                    upkeep.stop()
                return int(len(cuts) < 9 * stopped_after)

        limits = Limits(runs_max=1, exchanges_max=1, age_max_seconds=1.0)
        upkeep = Upkeep(Long(), house.runs, house.clock, house.events, limits, 30.0, None)
        await upkeep.prune()
        return len(cuts)

    with Served(settings_in(tmp_path, an_integration(cloud))) as served:
        assert served.do(cuts_until(3)) == 3


def test_a_run_whose_lease_is_lost_is_stopped(cloud, tmp_path, monkeypatch):
    """Another one executes it by now; what this one is waiting for would be thrown away."""
    clock, hold = ManualClock(SystemClock().now()), threading.Event()
    settings = settings_in(tmp_path, an_integration(cloud), lease_seconds=30)

    async def full(*_):
        raise StoreUnavailable("The disk is full.")

    async def pass_time(seconds):
        clock.advance(seconds)

    async def fences_of(house, count):
        async with asyncio.timeout(WAIT_SECONDS):
            while len(house.runs.leases) != count:
                await house.store.counts()
        return [lease.fence for lease in house.runs.leases]

    with Served(settings, clock=clock) as served:
        served.until_link(lambda link: link.agent_user_id)
        for _ in range(2):
            cloud.answer_next(Answer(hold=hold, hold_seconds=2 * WAIT_SECONDS))
        assert served.request_sync(**{"async": True}).status == 200
        cloud.wait_for(2)
        with monkeypatch.context() as patch:
            patch.setattr(SqliteStore, "heartbeat", full)
            served.do(pass_time(settings.lease_seconds + 1))
            cloud.wait_for(3)
        assert served.do(fences_of(served.house, 2)) == [1, 2]
        served.do(pass_time(settings.lease_seconds / BEATS_PER_LEASE))
        left = served.do(fences_of(served.house, 1))
        hold.set()

    assert left == [2]


def test_a_run_that_is_stored_already_is_not_stopped(cloud, tmp_path, monkeypatch):
    """Its lease is over then, and a heartbeat may be told so before the run is told that it is stored: its caller has his answer all the same."""
    clock, hold, finished = ManualClock(SystemClock().now()), threading.Event(), []
    settings = settings_in(tmp_path, an_integration(cloud), lease_seconds=30)
    settle, heartbeat = SqliteStore.settle, SqliteStore.heartbeat
    stored, beaten = asyncio.Event(), asyncio.Event()

    async def told_late(store, settlement, now):
        after = await settle(store, settlement, now)
        stored.set()
        await beaten.wait()
        return after

    async def beat_late(store, leases, *others):
        await stored.wait()
        lost = await heartbeat(store, leases, *others)
        asyncio.get_running_loop().call_later(0, beaten.set)  # after what he does who hears of it
        return lost

    async def pass_time():
        clock.advance(settings.lease_seconds / BEATS_PER_LEASE)

    with Served(settings, clock=clock) as served, ThreadPoolExecutor(1) as pool:
        served.until_link(lambda link: link.agent_user_id)
        served.house.events.subscribe(
            lambda event: finished.append(event) if isinstance(event, SyncFinished) else None
        )
        cloud.answer_next(Answer(hold=hold))
        caller = pool.submit(served.request_sync)
        cloud.wait_for(2)
        with monkeypatch.context() as patch:
            patch.setattr(SqliteStore, "settle", told_late)
            patch.setattr(SqliteStore, "heartbeat", beat_late)
            served.do(pass_time())
            hold.set()
            assert caller.result(WAIT_SECONDS).status == 200

    assert len(finished) == 1


def test_who_waits_for_a_run_elsewhere_is_answered_before_the_end(cloud, tmp_path):
    """By that run, if it ends within the grace; else he is told that the server stops. This process has no run in hands for him."""

    async def story(runs):
        with runs.listeners.listen(Target("acme", "1")) as first:
            stops = asyncio.create_task(runs.drain(WAIT_SECONDS))
            await turn()
            runs.listeners.tell(first.target, 1, None)
            answered = await first.outcome_of(1, WAIT_SECONDS)
        await stops
        with runs.listeners.listen(Target("acme", "2")) as second:
            await runs.drain(0.0)
            refused = await second.outcome_of(1, WAIT_SECONDS)
        return answered, refused.code

    with Served(settings_in(tmp_path, an_integration(cloud))) as served:
        served.until_link(lambda link: link.agent_user_id)
        assert served.do(story(served.house.runs)) == (None, "SERVER_STOPPING")
