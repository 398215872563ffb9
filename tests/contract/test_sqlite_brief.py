"""Brief operations are carried out on the loop's own thread, committed by another, and keep every promise of the lane."""

import asyncio
import threading

import apsw
import pytest
from msgspec.structs import replace

from homegraph.errors import NotFound, StoreUnavailable
from homegraph.graph.applying import fingerprints
from homegraph.graph.effects import BindLink, NoteProblem, RekeyLink, Unlink, WriteDevices
from homegraph.graph.syncing import Finish
from homegraph.store.port import Settlement
from homegraph.store.sqlite import SqliteStore, lane
from homegraph.store.sqlite.brief import (
    BRIEF_BYTES_MAX,
    BRIEF_DEVICES_MAX,
    is_brief,
    is_brief_settlement,
)
from homegraph.testing.store_contract.scene import Scene, exchange, stored, target
from support.lanes import Gate, on_writer, turn

pytestmark = pytest.mark.anyio

HERE = threading.get_ident()


@pytest.fixture
def path(tmp_path):
    """Where the database is."""
    return str(tmp_path / "home.db")


@pytest.fixture
async def store(path):
    """An open store on a file."""
    store = await SqliteStore.open(path, ids=str, now=900.0)
    yield store
    await store.close()


@pytest.fixture
def commits(monkeypatch):
    """In which thread each transaction was ended, and how many operations it had."""
    commits = []
    completed = lane.Lane._completed

    def noted(self, group):
        if self._begin == "begin_write":
            commits.append((threading.get_ident() == HERE, len(group.jobs)))
        return completed(self, group)

    monkeypatch.setattr(lane.Lane, "_completed", noted)
    return commits


def where(_):
    """Whether this is the loop's thread."""
    return threading.get_ident() == HERE


def probe(db, number):
    """Write, and say where."""
    db.run("probe")
    return number, where(db)


def half(db):
    """Write, and fail."""
    db.run("probe")
    raise LookupError("half done")


async def writes(store):
    """How often the probe was written."""
    return await on_writer(
        store, lambda connection: connection.execute("SELECT writes FROM probe").fetchone()[0]
    )


async def test_brief_work_is_done_here_and_committed_there(store, commits):
    """What came in one turn of the loop is one transaction, whose commit never holds the loop up."""
    calls = [store._writer.call_brief(probe, number) for number in range(20)]

    assert await asyncio.gather(*calls) == [(number, True) for number in range(20)]
    assert commits == [(False, 20)]
    assert await writes(store) == 20


async def test_what_is_not_brief_takes_the_others_along(store, commits):
    """A group with a long operation in it is carried out by the thread, all of it and in order."""
    calls = [
        store._writer.call_brief(probe, 0),
        store._writer.call(probe, 1),
        store._writer.call_brief(probe, 2),
    ]

    assert await asyncio.gather(*calls) == [(0, False), (1, False), (2, False)]
    assert commits == [(False, 3)]


async def test_one_group_at_a_time(store, commits):
    """What comes during a commit waits for it, and is the next group."""
    gate = await Gate.hold(store)
    calls = [store._writer.call_brief(probe, number) for number in range(5)]
    await turn()
    assert not any(call.done() for call in calls)
    await gate.open()
    await asyncio.gather(*calls)

    assert commits == [(False, 1), (False, 5)]


async def test_a_failure_before_anything_was_written(store, commits):
    """It is told to its caller; the others share the commit."""

    def refuse(_):
        raise NotFound("nothing here")

    calls = [
        store._writer.call_brief(probe, 0),
        store._writer.call_brief(refuse),
        store._writer.call_brief(probe, 2),
    ]
    results = await asyncio.gather(*calls, return_exceptions=True)

    assert results[::2] == [(0, True), (2, True)]
    assert isinstance(results[1], NotFound)
    assert commits == [(False, 3)]


async def test_a_failure_after_something_was_written(store):
    """It is undone alone: every other operation is done, once."""
    calls = [store._writer.call_brief(probe, number) for number in range(3)]
    calls.insert(1, store._writer.call_brief(half))
    results = await asyncio.gather(*calls, return_exceptions=True)

    assert isinstance(results[1], LookupError)
    assert [result[0] for result in results[:1] + results[2:]] == [0, 1, 2]
    assert await writes(store) == 3


async def test_nobody_is_told_before_the_commit(store):
    """When the commit fails, what was carried out here is undone, and everybody hears of the failure."""
    fails = False
    await on_writer(store, lambda connection: connection.set_commit_hook(lambda: fails))
    fails = True
    calls = [store._writer.call_brief(probe, number) for number in range(3)]
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(result) for result in results] == [apsw.ConstraintError] * 3
    fails = False

    assert await writes(store) == 0
    assert await store._writer.call_brief(probe, 7) == (7, True)


async def test_a_full_disk(store):
    """Brief operations are told that it is, and go on when there is space again."""
    scene = Scene(store)
    await scene.link("anna", "1836", stored("lamp", traits=("OnOff",)))
    (pages,) = await on_writer(
        store, lambda connection: connection.execute("PRAGMA page_count").fetchone()
    )
    await on_writer(
        store, lambda connection: connection.execute(f"PRAGMA max_page_count = {pages}")
    )
    long = {"lamp": {"on": "x" * 50_000}}
    results = await asyncio.gather(*(scene.report(long) for _ in range(3)), return_exceptions=True)
    assert [type(result) for result in results] == [StoreUnavailable] * 3
    await on_writer(store, lambda connection: connection.execute("PRAGMA max_page_count = 999999"))

    assert (await scene.report(long)).is_accepted


async def test_a_lock_of_somebody_else(store, path):
    """The thread waits for it; the loop goes on meanwhile."""
    waited_here = []
    await on_writer(store, lambda connection: connection.set_busy_handler(waited_here.append))
    other = apsw.Connection(path)
    other.execute("BEGIN IMMEDIATE")
    call = store._writer.call_brief(probe, 0)
    await turn()
    assert await store.find_key(b"nobody's") is None
    assert not call.done()
    other.execute("ROLLBACK")
    other.close()

    assert await call == (0, False)
    assert waited_here == []
    assert await store._writer.call_brief(probe, 1) == (1, True)


async def test_the_share_of_the_loop(store, commits):
    """A group ends when its time is over, what is left follows in order, and the thread does everything for a while."""
    now, told = 100.0, []

    def ask(number):
        call = store._writer.call_brief(slow, number)
        call.add_done_callback(lambda call: told.append(call.result()))
        return call

    def slow(db, number):
        nonlocal now
        now += lane.LOOP_SECONDS_MAX / 2
        if number == 0:
            calls.append(ask(5))  # who comes meanwhile is behind those who wait
        return probe(db, number)

    store._writer._clock = lambda: now
    calls = [ask(number) for number in range(5)]
    await asyncio.gather(*calls)
    await calls[-1]
    assert told == [(0, True), (1, True), (2, True), (3, False), (4, False), (5, False)]
    assert commits == [(False, 3), (False, 3)]

    assert not await store._writer.call_brief(where)
    now += lane.DETOUR_SECONDS
    assert await store._writer.call_brief(where)


async def test_what_wrote_nothing_needs_no_commit(store, commits):
    """A group that only reads is over at once, and holds no lock: the next one begins as usual. With a write among it, it is as any other."""
    reads = [store._writer.call_brief(where) for _ in range(3)]
    assert await asyncio.gather(*reads) == [True, True, True]
    assert commits == []

    mixed = store._writer.call_brief(where), store._writer.call_brief(probe, 1)
    assert await asyncio.gather(*mixed) == [True, (1, True)]
    assert commits == [(False, 2)]
    assert await writes(store) == 1


async def test_few_definitions_are_read_here(store, monkeypatch):
    """What a run compares a few changed devices with is read without another thread; many are read by the reader's."""
    completed, asked = lane.Lane._completed, []
    monkeypatch.setattr(
        lane.Lane,
        "_completed",
        lambda self, group: (asked.append(self._begin), completed(self, group))[1],
    )
    scene = Scene(store)
    many = [stored(f"lamp-{number}") for number in range(BRIEF_DEVICES_MAX + 1)]
    await scene.link("anna", "1836", *many)
    asked.clear()

    few = await store.known(target(), fingerprints(one.definition for one in many[2:]))
    assert few.definitions == {one.device_id: one.definition for one in many[:2]}
    assert asked == []
    assert len((await store.known(target(), ())).definitions) == len(many)
    assert asked == ["begin_read"]


async def test_a_caller_who_is_cancelled(store):
    """What it asked for is carried out all the same."""
    gate = await Gate.hold(store)
    call = asyncio.ensure_future(store._writer.call_brief(probe, 0))
    await turn()
    call.cancel()
    await gate.open()

    assert await writes(store) == 1
    assert call.cancelled()


async def test_closing_carries_out_what_waits(path):
    """Brief operations that were accepted are on the disk when the store is closed."""
    store = await SqliteStore.open(path, ids=str, now=900.0)
    calls = [store._writer.call_brief(probe, number) for number in range(3)]
    await store.close()
    assert [call.result() for call in calls] == [(0, True), (1, True), (2, True)]
    with pytest.raises(StoreUnavailable, match="closed"):
        store._writer.call_brief(probe, 3)

    store = await SqliteStore.open(path, ids=str, now=900.0)
    assert await writes(store) == 3
    await store.close()


async def test_what_is_brief(store):
    """A few devices, a few bodies; whatever ends or moves a list is not."""
    scene = Scene(store)
    await scene.link()
    claim = await scene.start()
    few = tuple(stored(f"lamp-{number}") for number in range(BRIEF_DEVICES_MAX))
    many = (*few, stored("fan"))

    def is_brief_with(*effects, body=b""):
        one = replace(exchange(), response_body=body)
        return is_brief_settlement(
            Settlement(claim.lease, claim.work, Finish(), scene.record(claim), effects, (one,))
        )

    assert is_brief(few)
    assert not is_brief(few, many)
    assert is_brief_with(WriteDevices(few, ("fan",)), NoteProblem("anna", "TIMEOUT"))
    assert not is_brief_with(WriteDevices(many, ()))
    assert not is_brief_with(WriteDevices((), tuple(one.device_id for one in many)))
    for end in (BindLink("anna", "1836", ()), RekeyLink("anna", "1837"), Unlink("anna")):
        assert not is_brief_with(end)
    assert not is_brief_with(body=b"x" * BRIEF_BYTES_MAX)
