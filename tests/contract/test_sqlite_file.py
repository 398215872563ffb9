"""What only a file has: it stays, it has one owner, and it outlives whoever wrote it."""

import contextlib
import itertools
import os
import signal
import subprocess
import sys
import textwrap

import apsw
import pytest

from homegraph.errors import (
    DatabaseInUse,
    SchemaTooNew,
    SettingsError,
    StoreError,
    StoreUnavailable,
)
from homegraph.graph import syncing
from homegraph.graph.effects import BindLink
from homegraph.graph.linking import Linking
from homegraph.graph.model import Mode, Outcome, Placement
from homegraph.graph.refreshing import BackedOff, Failed, Start
from homegraph.graph.syncing import Admission, Retry
from homegraph.store.migrate import migrations
from homegraph.store.port import Declaration
from homegraph.store.sqlite import SqliteStore, care
from homegraph.store.sqlite.opening import LARGE_FROM_BYTES, open_database
from homegraph.testing.store_contract.scene import (
    LEASE_SECONDS,
    TOKENS,
    WORKER,
    Scene,
    api_key,
    exchange,
    first_sync,
    project,
    stored,
    target,
)

pytestmark = pytest.mark.anyio

NOBODY = 65534
"""A user whom no file mode makes an exception for, as it does for root."""


@pytest.fixture
def path(tmp_path):
    """Where the database is, or will be."""
    return tmp_path / "home.db"


@contextlib.asynccontextmanager
async def opened(path, now=900.0):
    """An open store, closed in the end."""
    numbers = itertools.count()
    store = await SqliteStore.open(
        str(path), ids=lambda: f"interrupted-{next(numbers):04}", now=now
    )
    try:
        yield store
    finally:
        await store.close()


async def whole(store):
    """Everything that a store tells."""
    runs = await store.runs(limit=1_000)
    return {
        "projects": await store.projects(),
        "keys": await store.keys("acme"),
        "links": await store.links(),
        "agent users": await store.agent_users(),
        "devices": await store.devices("acme", "1836"),
        "knowledge": await store.knowledge("acme", "1837"),
        "runs": [await store.find_run(run.id) for run in runs],
        "works": await store.works(),
        "counts": await store.counts(),
    }


async def test_everything_is_there_after_a_restart(path):
    """A store that is closed and opened again tells the same."""
    async with opened(path) as store:
        await store.declare([Declaration(project(), (api_key("a"),))], 1_000.0)
        scene = Scene(store)
        await scene.link("anna", "1836", stored("lamp"), stored("plug"))
        await scene.link("ben", "1837")
        await store.unlink("acme", "ben", scene.now)
        await store.place("acme", "1836", "lamp", Placement("Attic", "Sun", ("Ball",)))
        await scene.settle(await scene.start(), exchanges=[exchange()])
        await scene.request()
        await scene.settle(await scene.claim(), step=Retry(1_050.0))
        before = await whole(store)

    async with opened(path) as store:
        assert await whole(store) == before


async def test_runs_of_a_process_that_is_gone(path):
    """They are recorded as interrupted and due again; nobody waits for them any more; back-offs go on."""
    async with opened(path) as store:
        scene = Scene(store)
        await scene.link("anna", "1836")
        await scene.link("ben", "1837")
        running = await scene.start()
        await scene.request(Mode.ASYNC)
        await scene.request(target=target("1837"))
        await scene.settle(await scene.claim(), step=Retry(1_050.0))
        await scene.declare("carl")
        first = await scene.claim()

    async with opened(path, now=1_001.0) as store:
        works = dict(await store.works())
        assert works[target()] == syncing.recover(works[target()], 1_001.0)
        assert (works[target()].due_at, works[target()].requested) == (1_001.0, 2)
        assert works[first_sync("carl")].taken == 0
        assert works[target("1837")].due_at == 1_050.0
        interrupted = {
            run.target: run for run in await store.runs() if run.outcome is Outcome.INTERRUPTED
        }
        assert interrupted.keys() == {target(), first_sync("carl")}
        assert interrupted[target()].started_at == 1_000.0
        lost = [running.lease, first.lease]
        assert await store.heartbeat(lost, 1_001.0, LEASE_SECONDS) == lost
        admitted = await Scene(store).request(Mode.SYNC)
        assert admitted.admission is Admission.START


async def test_a_clock_that_was_set_back(path):
    """What waits until a time that was right for a clock of before does not wait for it again: it is due at the next start."""
    async with opened(path) as store:
        scene = Scene(store, now=90_000.0)
        await scene.link("anna", "1836")
        await scene.request()
        await scene.settle(await scene.claim(), step=Retry(90_050.0))
        await scene.link("ben", "1837")
        await scene.request(target=target("1837"))

    async with opened(path, now=1_000.0) as store:
        works = dict(await store.works())
        assert [works[target(one)].due_at for one in ("1836", "1837")] == [1_000.0, 1_000.0]
        assert works[target()].attempts == 1


async def test_a_refresh_of_a_process_that_is_gone(path):
    """Its turn is over: the next one does not wait for a lease. A token endpoint that failed is not asked earlier for that."""
    async with opened(path) as store:
        scene = Scene(store)
        await scene.link("anna", "1836")
        await scene.link("ben", "1837")
        turn = ("acme", "anna", TOKENS, 1_000.0)
        assert (await store.begin_refresh(*turn, lease_seconds=LEASE_SECONDS))[0] == Start()
        await store.follow_tokens("acme", "ben", Failed(TOKENS, "HTTP 503", 0.5), 1_000.0)

    async with opened(path, now=1_000.5) as store:
        assert (await store.begin_refresh(*turn, lease_seconds=LEASE_SECONDS))[0] == Start()
        backed_off, _ = await store.begin_refresh(
            "acme", "ben", TOKENS, 1_000.5, lease_seconds=LEASE_SECONDS
        )
        assert backed_off == BackedOff(1_001.0, "HTTP 503")


async def test_a_linking_of_a_process_that_is_gone(path):
    """Used and not granted: nobody knows what became of its code. The others, and a grant with its first SYNC, stay as they were."""
    async with opened(path) as store:
        await Scene(store).declare()
        for name in ("waiting", "used", "granted"):
            await store.start_linking(
                Linking(name, "acme", name, "https://x", 1_000.0, 1_600.0, b"v"), 1_000.0
            )
        await store.use_linking("acme", "used", 1_001.0)
        used = await store.use_linking("acme", "granted", 1_001.0)
        link, _ = await store.grant(used, TOKENS, 1_002.0)
    async with opened(path) as store:
        found = [await store.find_linking("acme", name) for name in ("waiting", "used", "granted")]
        works = await store.works()
        kept = await store.find_link("acme", "granted")

    assert [one.outcome for one in found] == ["", "LINKING_INTERRUPTED", "granted"]
    assert [one.sealed_verifier for one in found] == [b"v", b"", b""]
    assert [due for due, _ in works] == [first_sync("granted")]
    assert kept == link


async def test_a_sync_mode_caller_of_before_holds_nobody_off(path):
    """A call that waited for the next run died with its process."""
    async with opened(path) as store:
        scene = Scene(store)
        await scene.link()
        await scene.request()
        claim = await scene.claim()
        await scene.request(Mode.SYNC)
        await scene.settle(claim)
        assert (await scene.request(Mode.SYNC)).admission is Admission.REFUSE

    async with opened(path, now=1_000.0) as store:
        assert (await Scene(store).request(Mode.SYNC)).admission is Admission.START


STORM = """
    import asyncio, sys
    from homegraph.graph.model import Mode
    from homegraph.store.sqlite import SqliteStore
    from homegraph.testing.store_contract.scene import Scene, stored, target

    async def main():
        store = await SqliteStore.open(sys.argv[1], ids=str, now=900.0)
        scene = Scene(store)
        await scene.link("anna", "1836", stored("lamp"))
        await scene.link("ben", "1837", stored("plug"))
        await scene.start(target("1837"))

        async def ask():
            while True:
                admitted = await scene.request()
                sys.stdout.write(f"{admitted.generation}\\n")
                sys.stdout.flush()

        await asyncio.gather(*(ask() for _ in range(8)))

    asyncio.run(main())
"""


@contextlib.contextmanager
def process(code, *args):
    """Another Python process; killed in the end if it still runs."""
    command = [sys.executable, "-c", textwrap.dedent(code), *map(str, args)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        try:
            yield child
        finally:
            child.kill()


async def test_a_process_that_is_killed(path):
    """Every request that was acknowledged before the kill is there, and what was under way is run again."""
    with process(STORM, path) as child:
        for _ in range(300):
            assert child.stdout.readline().strip().isdigit()
        child.send_signal(signal.SIGKILL)
        acknowledged = child.stdout.read().split(b"\n")
        child.wait()

    # The last line may be torn; every whole one was acknowledged.
    generations = [int(line) for line in acknowledged[:-1]] or [300]
    async with opened(path, now=2_000.0) as store:
        works = dict(await store.works())
        assert works[target()].requested >= max(generations)
        assert works[target("1837")].due_at == 2_000.0
        interrupted = [run.target for run in await store.runs("acme", "1837")]
        assert interrupted == [target("1837")]
        scene = Scene(store, now=2_000.0, runs=1_000)
        assert await scene.device_ids() == ["lamp"]
        for claim in await scene.claims():
            await scene.settle(claim)
        assert await store.works() == []


HOLD = """
    import asyncio, sys
    from homegraph.store.sqlite import SqliteStore

    async def main():
        await SqliteStore.open(sys.argv[1], ids=str, now=900.0)
        sys.stdout.write("open\\n")
        sys.stdout.flush()
        sys.stdin.read()

    asyncio.run(main())
"""


async def test_a_file_has_one_owner(path):
    """A second process is refused with the file and the owner's number, and gets it when the owner dies. Earlier owners are forgotten."""
    path.with_name("home.db-lock").write_text("12345678901")
    with process(HOLD, path) as child:
        assert child.stdout.readline() == b"open\n"
        with pytest.raises(DatabaseInUse, match=rf"home.db is in use by process {child.pid}\."):
            async with opened(path):
                pass
    async with opened(path) as store:
        await store.check()


async def test_an_owner_within_this_process(path, tmp_path):
    """Another name of the file does not make it another file; a file that was closed is free."""
    alias = tmp_path / "alias.db"
    alias.symlink_to(path)
    async with opened(path):
        for name in (path, alias, f"sqlite:{path}", tmp_path / "." / "home.db"):
            with pytest.raises(DatabaseInUse, match=f"in use by process {os.getpid()}"):
                async with opened(name):
                    pass
    async with opened(alias) as store:
        await store.check()


async def test_memory_has_no_owner():
    """Stores in memory are as many as anybody likes, and do not know each other."""
    async with opened(":memory:") as one, opened("sqlite::memory:") as two:
        await one.declare([Declaration(project())], 1_000.0)
        assert await two.projects() == []


async def test_files_are_for_their_owner_only(path, tmp_path):
    """Tokens are in them: nobody else may read the database, its log, or the lock."""
    async with opened(path) as store:
        await store.check()
        modes = {file.name: file.stat().st_mode & 0o777 for file in tmp_path.iterdir()}

    assert modes == dict.fromkeys(["home.db", "home.db-lock", "home.db-shm", "home.db-wal"], 0o600)


async def test_a_lock_that_cannot_be_had_is_said_in_words(path, tmp_path):
    """Whoever takes care of a file that he may not lock is told so, and nothing is done to it."""
    async with opened(path):
        pass
    lock = tmp_path / "home.db-lock"
    lock.unlink()
    lock.mkdir()
    copy = tmp_path / "copy.db"
    care.backup(path, copy)

    with pytest.raises(StoreUnavailable, match=r"home.db cannot be used: Is a directory"):
        care.migrate(path, 1_000.0)
    with pytest.raises(StoreUnavailable, match=r"home.db cannot be used: Is a directory"):
        care.restore(path, copy)
    assert care.check(path) == ()


@pytest.mark.parametrize(
    "database",
    [
        "postgresql://anna:secret@db/home",
        "mysql:home",
        "file:home.db",
        "sqlite://home.db",
        "",
        "sqlite:",
    ],
)
async def test_addresses_of_something_else(database):
    """They are refused, without repeating what may be a password."""
    with pytest.raises(SettingsError) as caught:
        async with opened(database):
            pass
    assert "secret" not in caught.value.message
    assert "sqlite:home.db" in caught.value.hint


async def test_places_that_cannot_be_a_database(tmp_path):
    """No folder, a folder, a text: each is said in words, and leaves no lock behind."""
    (tmp_path / "text").write_text("This is no database. " * 100)
    for place in ("missing/home.db", ".", "text"):
        with pytest.raises(StoreError, match="cannot be"):
            async with opened(tmp_path / place):
                pass
    (tmp_path / "text").unlink()
    async with opened(tmp_path / "text") as store:
        await store.check()


@pytest.mark.parametrize("table", ["theirs", "migration"])
async def test_a_database_of_somebody_else(path, table):
    """Another program's tables are left alone, also when one has the name of ours that remembers migrations."""
    with contextlib.closing(apsw.Connection(str(path))) as theirs:
        theirs.execute(f"CREATE TABLE {table} (a); INSERT INTO {table} VALUES (1)")
        with pytest.raises(StoreError, match="not homegraph's"):
            async with opened(path):
                pass
        assert theirs.execute("SELECT name FROM sqlite_schema").fetchall() == [(table,)]


async def test_a_large_file_has_a_larger_cache(path):
    """The inner pages of very many homes stay in memory; in a small file the cache is walked through too often to be large."""

    def cache_kib():
        opened = open_database(path, itertools.count, 0.0)
        try:
            return -opened.writer.connection.pragma("cache_size")
        finally:
            opened.close()

    small = cache_kib()
    os.truncate(path, LARGE_FROM_BYTES)  # sparse: it takes no room
    large = cache_kib()

    assert (small, large) == (32 * 1024, 160 * 1024)


async def test_a_database_of_a_newer_homegraph(path):
    """It is refused; so is one whose migrations read differently. Nothing in it is touched."""
    async with opened(path):
        pass
    with contextlib.closing(apsw.Connection(str(path))) as file:
        file.execute("INSERT INTO migration VALUES (9999, 'pre', 'future', 'x', 0.0)")
    with pytest.raises(SchemaTooNew, match="9999_pre_future"):
        async with opened(path):
            pass
    with contextlib.closing(apsw.Connection(str(path))) as file:
        file.execute("DELETE FROM migration WHERE number = 9999; UPDATE migration SET digest = 'x'")
    with pytest.raises(StoreError, match="0001_pre_first was applied with another text"):
        async with opened(path):
            pass


async def test_a_migration_that_was_applied_is_remembered(path):
    """Each with its digest and when, once."""
    for now in (900.0, 901.0):
        async with opened(path, now):
            pass
    with contextlib.closing(apsw.Connection(str(path))) as file:
        rows = file.execute("SELECT number, phase, name, digest, applied_at FROM migration")
        applied = {row[:4]: row[4] for row in rows}

    ours = [(one.number, one.phase, one.name, one.digest) for one in migrations("sqlite")]
    assert applied == dict.fromkeys(ours, 900.0)


async def test_a_name_that_is_taken_while_a_copy_is_made(path, tmp_path):
    """What came meanwhile stays, and is named; nothing else is left."""
    to = tmp_path / "copy.db"
    async with opened(path):
        with pytest.raises(SettingsError, match=f"{to} is there already"):
            care.backup(path, to, lambda *_: to.write_text("precious"))

    assert [one.read_text() for one in tmp_path.glob("copy.db*")] == ["precious"]


async def test_a_file_of_another_user(path, tmp_path):
    """Who may not look into the server's folder is told as whom to come, whatever he wants of the file."""
    async with opened(path):
        pass
    tmp_path.chmod(0)
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(NOBODY)
    try:
        for asked in (care.condition, care.check, care.is_there):
            with pytest.raises(StoreUnavailable, match="Permission denied") as refused:
                asked(path)
            assert "the one who runs the server" in refused.value.hint
    finally:
        if is_root:
            os.seteuid(0)
        tmp_path.chmod(0o700)


async def test_the_worker_of_before_cannot_settle(path):
    """A claim that was handed out before a restart is nobody's after it."""
    async with opened(path) as store:
        scene = Scene(store)
        await scene.declare("anna")
        claim = await scene.claim(worker=WORKER)

    async with opened(path, now=1_001.0) as store:
        again = Scene(store, runs=10)
        with pytest.raises(StoreError):
            await again.settle(claim, BindLink("anna", "1836", ()))
        scene = await Scene(store, now=1_001.0).claim(worker=WORKER)
        assert scene.lease.fence > claim.lease.fence
