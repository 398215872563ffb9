"""The log is brought into the database beside the writing, and begins anew; no commit fails of it."""

import errno
import os
from pathlib import Path
from threading import current_thread
from types import SimpleNamespace

import apsw
import pytest

from homegraph.store.sqlite import SqliteStore, care, folding
from homegraph.store.sqlite.opening import open_database
from homegraph.testing.store_contract.scene import Scene, stored

pytestmark = pytest.mark.anyio

PAGES = 50
WRITES_MAX = 1_000
"""Over a thousand pages: enough for several folds, too few for SQLite's own bound."""


@pytest.fixture
def path(tmp_path, monkeypatch):
    """Where the database is; its log is folded in early."""
    monkeypatch.setattr(folding, "PAGES_BEFORE_FOLDING", PAGES)
    return tmp_path / "home.db"


def beginnings(path: Path) -> int:
    """How often the log has begun anew (SQLite's file format, 4.1: the checkpoint sequence number)."""
    return int.from_bytes(Path(f"{path}-wal").read_bytes()[12:16], "big")


async def with_a_lamp(store: SqliteStore) -> Scene:
    """A home with one device, whose state can be reported again and again."""
    scene = Scene(store)
    await scene.link()
    await scene.write(stored("lamp", traits=("OnOff",)))
    return scene


async def write_until(scene: Scene, is_enough) -> bool:
    """Report one state after the other; whether it came to be enough."""
    for number in range(WRITES_MAX):
        await scene.report({"lamp": {"on": bool(number % 2)}})
        if is_enough():
            return True
    return False


async def test_the_log_begins_anew_while_somebody_writes(path):
    """What is written goes on; what was written is in the file, and the log does not grow."""
    store = await SqliteStore.open(str(path), ids=str, now=900.0)
    scene = await with_a_lamp(store)
    before = beginnings(path)

    assert await write_until(scene, lambda: beginnings(path) >= before + 3)
    await store.close()
    assert care.check(path) == ()


async def test_a_fold_that_cannot_be_done_is_nobody_elses_trouble(path):
    """Commits go on when the connection that folds is broken, and what they wrote can be read."""
    opened = open_database(path, str, 900.0)
    opened.folding.close()
    store = SqliteStore(opened, str)
    scene = await with_a_lamp(store)

    assert not await write_until(scene, lambda: False)
    states = await store.states("acme", "1836", ["lamp"])
    assert states["lamp"][0].state == b'{"on":true}'
    await store.close()


async def test_the_thread_that_folds_waits_for_the_disk(path, monkeypatch):
    """Whoever commits finds most of what was folded on the disk already: the thread has waited for it after each of its folds."""
    opened, by = open_database(path, str, 900.0), []
    flush = opened.lock.flush

    def noted():
        by.append(current_thread().name)
        flush()

    monkeypatch.setattr(opened.lock, "flush", noted)
    store = SqliteStore(opened, str)
    scene = await with_a_lamp(store)
    before = beginnings(path)

    assert await write_until(scene, lambda: beginnings(path) > before)
    await store.close()
    assert len(by) >= folding.PASSES
    assert set(by) == {"homegraph-folding"}


async def test_a_disk_that_fails_fails_no_commit(path, monkeypatch):
    """The thread is told that the disk has not taken what it folded: SQLite hears of it too, and everybody writes on."""
    opened, failed = open_database(path, str, 900.0), []

    def broken():
        failed.append(True)
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(opened.lock, "flush", broken)
    store = SqliteStore(opened, str)
    scene = await with_a_lamp(store)
    before = beginnings(path)

    assert await write_until(scene, lambda: beginnings(path) >= before + 2)
    assert failed
    await store.close()
    assert care.check(path) == ()


async def test_a_last_step_that_fails_is_made_up_for(path, monkeypatch):
    """The disk was full when the writer did the rest: the next fold begins all the same."""
    committed, failed = folding.Folding.committed, []

    def full():
        failed.append(True)
        raise apsw.FullError

    def commit_on_a_full_disk(self, writer):
        if not failed:
            status = writer.connection.status
            writer = SimpleNamespace(connection=SimpleNamespace(status=status, wal_checkpoint=full))
        committed(self, writer)

    monkeypatch.setattr(folding.Folding, "committed", commit_on_a_full_disk)
    store = await SqliteStore.open(str(path), ids=str, now=900.0)
    scene = await with_a_lamp(store)
    assert await write_until(scene, lambda: failed)
    before = beginnings(path)

    assert await write_until(scene, lambda: beginnings(path) >= before + 2)
    await store.close()
