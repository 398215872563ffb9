"""How operations share a transaction: a failure is its own caller's, and trouble of the database is told as such."""

import asyncio
import json
import math
import threading

import apsw
import pytest

from homegraph.errors import HomegraphError, NotFound, StoreUnavailable
from homegraph.graph.effects import Unlink, WriteDevices
from homegraph.store.sqlite import SqliteStore, lane
from homegraph.store.sqlite import store as store_module
from homegraph.testing.store_contract.scene import Scene, stored, target
from support.lanes import Gate, on_writer, turn

pytestmark = pytest.mark.anyio


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
def sizes(monkeypatch):
    """How many operations each transaction had, in order, however slow the machine is: what time does to groups is looked at elsewhere."""
    sizes = []
    monkeypatch.setattr(lane, "LOOP_SECONDS_MAX", math.inf)
    completed = lane.Lane._completed

    def counted(self, group):
        sizes.append(len(group.jobs))
        return completed(self, group)

    monkeypatch.setattr(lane.Lane, "_completed", counted)
    return sizes


async def test_what_waits_together_is_committed_together(store, sizes):
    """A hundred requests that came while the writer was busy are one transaction."""
    scene = Scene(store)
    await scene.link()
    sizes.clear()
    gate = await Gate.hold(store)
    requests = [asyncio.ensure_future(scene.request()) for _ in range(100)]
    await turn()
    await gate.open()
    await asyncio.gather(*requests)

    assert sizes == [1, 100]


async def test_a_batch_is_bounded(store, sizes, monkeypatch):
    """The first of many does not wait for the last."""
    scene = Scene(store)
    await scene.link()
    monkeypatch.setattr(lane, "BATCH_MAX", 10)
    sizes.clear()
    gate = await Gate.hold(store)
    requests = [asyncio.ensure_future(scene.request()) for _ in range(25)]
    await turn()
    await gate.open()
    await asyncio.gather(*requests)

    assert sizes == [1, 10, 10, 5]


async def test_an_operation_that_fails_half_way_harms_nobody(store):
    """It is undone alone; those before and after it in the batch are kept, once each."""
    scene = Scene(store)
    await scene.link("anna", "1836", stored("lamp"))
    await scene.link("ben", "1837")
    claim = await scene.start()
    gate = await Gate.hold(store)
    # Unlinks, and then writes to a list that is nobody's any more: a mistake that shows after something was written.
    mistake = scene.settle(claim, Unlink("anna"), WriteDevices((stored("fan"),), ()))
    calls = [scene.request(target=target("1837")) for _ in range(5)]
    calls += [mistake, store.revoke_key("acme", "unknown", 1.0)]
    calls += [scene.request(target=target("1837")) for _ in range(5)]
    calls = asyncio.gather(*calls, return_exceptions=True)
    await turn()
    await gate.open()
    results = await calls

    assert isinstance(results[5], LookupError)
    assert isinstance(results[6], NotFound)
    assert [one.generation for one in results[:5] + results[7:]] == list(range(1, 11))
    assert await scene.device_ids() == ["lamp"]
    assert await scene.is_linked()
    works = dict(await store.works())
    assert works[target()] == claim.work
    assert works[target("1837")].requested == 10


async def test_an_operation_that_fails_before_it_wrote_is_not_run_twice(store, sizes):
    """Not found is an everyday answer; its neighbours need not be done again for it."""
    scene = Scene(store)
    await scene.link()
    sizes.clear()
    gate = await Gate.hold(store)
    calls = asyncio.gather(
        scene.request(), store.revoke_key("acme", "x", 1.0), scene.request(), return_exceptions=True
    )
    await turn()
    await gate.open()
    await calls

    assert sizes == [1, 3]


async def test_an_error_that_ends_the_transaction_harms_nobody(store):
    """For some errors SQLite undoes all of it at once; what else was in it is done again."""
    scene = Scene(store)
    await scene.link()

    def ended(connection):
        connection.execute("ROLLBACK")
        raise apsw.IOError("gone")

    gate = await Gate.hold(store)
    calls = asyncio.gather(
        scene.request(), on_writer(store, ended), scene.request(), return_exceptions=True
    )
    await turn()
    await gate.open()
    first, error, second = await calls

    assert isinstance(error, StoreUnavailable)
    assert [first.generation, second.generation] == [1, 2]
    assert dict(await store.works())[target()].requested == 2


async def test_a_full_disk(store):
    """It is told as unavailable to everybody who wrote, and the store goes on when there is space again."""
    scene = Scene(store)
    await scene.link()
    pages = await on_writer(
        store,
        lambda connection: connection.execute("PRAGMA page_count").fetchone()[0],
    )
    await on_writer(
        store, lambda connection: connection.execute(f"PRAGMA max_page_count = {pages}")
    )
    many = [stored(f"device-{number}", "x" * 500) for number in range(100)]
    claim = await scene.start()
    with pytest.raises(StoreUnavailable, match="full"):
        await scene.settle(claim, WriteDevices(tuple(many), ()))
    assert await scene.device_ids() == []
    await on_writer(store, lambda connection: connection.execute("PRAGMA max_page_count = 999999"))

    await scene.settle(claim, WriteDevices(tuple(many), ()))
    assert len(await scene.device_ids()) == 100


async def test_a_database_that_somebody_holds(store, path):
    """A shell or a backup that keeps the lock makes it unavailable, for as long as it does."""
    scene = Scene(store)
    await scene.link()
    await on_writer(store, lambda connection: connection.set_busy_timeout(0))
    other = apsw.Connection(path)
    other.execute("BEGIN IMMEDIATE")
    results = await asyncio.gather(
        store.check(),
        scene.request(),
        store.place("acme", "1836", "x", None),
        return_exceptions=True,
    )
    assert [type(result) for result in results] == [StoreUnavailable] * 3
    assert len({id(result) for result in results}) == 3
    assert isinstance(results[0].__cause__, apsw.BusyError)
    other.execute("ROLLBACK")
    other.close()

    await store.check()


async def test_a_mistake_of_ours_is_not_dressed_up(store):
    """What is not the database's trouble is no StoreUnavailable."""
    with pytest.raises(apsw.SQLError) as caught:
        await on_writer(store, lambda connection: connection.execute("SELECT nonsense"))

    assert not isinstance(caught.value, HomegraphError)


async def test_too_many_wait(store, monkeypatch):
    """Beyond the bound callers are refused at once, and those within it are served."""
    monkeypatch.setattr(lane, "QUEUE_MAX", 3)
    gate = await Gate.hold(store)
    waiting = [asyncio.ensure_future(store.check()) for _ in range(3)]
    await turn()
    with pytest.raises(StoreUnavailable, match="3 operations wait"):
        await store.check()
    await gate.open()

    await asyncio.gather(*waiting)
    await store.check()


async def test_a_reader_does_not_write(store):
    """The second connection cannot, even by mistake."""
    with pytest.raises(StoreUnavailable):
        await store._reader.call(lambda db: db.run("probe"))


async def test_what_was_told_is_seen_at_once(store):
    """However many others read in the same turn of the loop: whoever is told of a commit finds it."""
    scene = Scene(store)
    await scene.link("anna", "1836", *(stored(f"lamp-{n}", traits=("OnOff",)) for n in range(16)))

    async def report_and_look(number):
        for turn_ in range(8):
            state = {"on": bool((turn_ + number) % 2)}
            await scene.report({f"lamp-{number}": state})
            seen = await store.states("acme", "1836", [f"lamp-{number}"])
            assert json.loads(seen[f"lamp-{number}"][0].state) == state

    await asyncio.gather(*map(report_and_look, range(16)))


async def test_a_small_read_that_cannot_be_made_at_once(store):
    """Then it waits its turn at the reader, and is answered all the same."""
    scene = Scene(store)
    await scene.link("anna", "1836", stored("lamp", traits=("OnOff",)))
    before = await store.states("acme", "1836", ["lamp"])
    store._glance._database.connection.close()

    assert await store.states("acme", "1836", ["lamp"]) == before == {"lamp": ()}
    assert await store.find_key(b"nobody's") is None


async def test_an_opening_that_is_cancelled(path, monkeypatch):
    """The file is given back as soon as it was opened."""
    tasks = asyncio.all_tasks()
    entered, leave = threading.Event(), threading.Event()
    open_database = store_module.open_database

    def held_up(*args):
        entered.set()
        leave.wait()
        return open_database(*args)

    monkeypatch.setattr(store_module, "open_database", held_up)
    opening = asyncio.ensure_future(SqliteStore.open(path, ids=str, now=900.0))
    await asyncio.to_thread(entered.wait)
    opening.cancel()
    leave.set()
    await asyncio.gather(*(asyncio.all_tasks() - tasks), return_exceptions=True)
    await turn()
    monkeypatch.undo()

    assert opening.cancelled()
    store = await SqliteStore.open(path, ids=str, now=900.0)
    await store.close()


def test_a_loop_that_ends_first(path):
    """A store that nobody closed does not trouble the thread that still has something to tell."""

    async def main():
        store = await SqliteStore.open(path, ids=str, now=900.0)
        return store, Gate(store)

    store, gate = asyncio.run(main())
    gate.event.set()
    for one in (store._writer, store._reader):
        one._groups.put(None)
        one._thread.join()
    store._lock.release()
