"""Taking care of a database on PostgreSQL: what it is, and its schema while servers of two versions use it."""

import asyncio
from contextlib import asynccontextmanager, suppress

import asyncpg
import pytest
from msgspec.structs import replace

from homegraph import __version__
from homegraph.cli.app import run
from homegraph.errors import StoreError, StoreUnavailable
from homegraph.store.migrate import migrations, read
from homegraph.store.port import Instance
from homegraph.store.postgres import PostgresStore, care, opening
from homegraph.testing.store_contract.scene import Scene, exchange
from support.server import Done

pytestmark = pytest.mark.anyio

PRE = read("9998_pre_add_spare.sql", "CREATE TABLE spare (a int);")
POST = read("9998_post_drop_spare.sql", "DROP TABLE spare;")
LABELS = [one.label for one in migrations("postgres")]
SILENT_SECONDS = 15.0


def instance(version, seen_at):
    """A server that says it is alive."""
    return Instance("a", "http://192.0.2.1:4663", "one", 4_711, version, seen_at, seen_at)


async def migrated(url, *, dry_run=False):
    """What ``care.migrate`` did."""
    done = await care.migrate(url, 900.0, silent_seconds=SILENT_SECONDS, dry_run=dry_run)
    return [one.label for one in done]


async def test_the_commands(postgres, tmp_path, monkeypatch, capsys):
    """An empty database lacks everything; a dry run says so and does nothing, and after the real one nothing is lacking."""
    url = (await postgres.fresh()).replace("postgres@", "postgres:hunter2@")
    monkeypatch.setenv("HOMEGRAPH_DATABASE", url)
    monkeypatch.chdir(tmp_path)

    async def db(*arguments):
        code = await asyncio.to_thread(run, ("db", *arguments))
        shown = capsys.readouterr()
        assert "hunter2" not in shown.out + shown.err
        return Done(code, shown.out, shown.err)

    shown = (await db("status", "--json")).json
    assert (shown["applied"], shown["pending"]) == ([], LABELS)
    planned = (await db("migrate", "--dry-run", "--json")).json
    assert planned == {"dry_run": True, "migrations": LABELS}
    assert (await db("migrate")).out.splitlines() == LABELS
    shown = (await db("status", "--json")).json
    assert (shown["applied"], shown["pending"]) == (LABELS, [])
    assert shown["database"].startswith(f"postgresql://127.0.0.1:{postgres.port}/")
    assert shown["size_bytes"] > 0
    assert f"newest    {LABELS[-1]}" in (await db("status")).out
    assert "up to date" in (await db("migrate")).err
    await (await PostgresStore.open(url, ids=str, now=900.0)).close()

    for arguments in (("backup", "copy.db"), ("restore", "copy.db", "--yes"), ("check",)):
        refused = await db(*arguments)
        assert refused.code == 2
        assert "pg_dump" in refused.err


async def test_what_removes_waits_for_the_old_servers(postgres, monkeypatch):
    """A new server adds what it needs and leaves the rest; that is removed when no server of another version is alive any more."""
    url = await postgres.set_up()
    newer = (*migrations("postgres"), PRE, POST)
    monkeypatch.setattr(opening, "migrations", lambda _dialect: newer)
    store = await PostgresStore.open(url, ids=str, now=900.0)
    try:
        now = await store.time()
        await store.appear(instance("0.0.1", now), 0.0)
        found = await care.condition(url)
        assert found.applied[-1].label == PRE.label
        assert found.pending == (POST,)
        for dry_run in (True, False):
            with pytest.raises(
                StoreError, match=r"another version .*: 0.0.1 on one \(process 4711\)"
            ):
                await migrated(url, dry_run=dry_run)

        await store.appear(instance("0.0.1", now - SILENT_SECONDS - 60.0), 0.0)
        assert await migrated(url, dry_run=True) == [POST.label]
        await store.appear(instance(__version__, now), 0.0)
        assert await migrated(url) == [POST.label]
        assert (await care.condition(url)).pending == ()
    finally:
        await store.close()


LIST_BEFORE_0023 = """
SELECT intent, user_id, url, started_at, took, request_headers, request_body, status, response_headers, response_body,
  response_size, error
FROM exchange WHERE owner_id = 'run-0002'
"""
INSERT_BEFORE_0023 = """
INSERT INTO exchange (project_id, owner_id, intent, user_id, url, started_at, took, request_headers, request_body, status,
  response_headers, response_body, response_size, error)
VALUES ('acme', 'run-0002', 'SYNC', 'anna', 'x', 1, 1, '{}', '', 200, '{}', repeat('x', 9000)::bytea, 9000, '')
"""
"""What servers said before bodies were packed."""


async def test_exchanges_of_two_versions(postgres, monkeypatch):
    """What was written before, and by a server of before later, is read as it was; that one finds no body where it is packed, and does not fail."""
    url = await postgres.fresh()
    name = url.rpartition("/")[2]
    with monkeypatch.context() as before:
        known = tuple(one for one in migrations("postgres") if one.number < 23)
        before.setattr(opening, "migrations", lambda _dialect: known)
        await (await PostgresStore.open(url, ids=str, now=900.0)).close()
    await postgres.run(INSERT_BEFORE_0023, database=name)
    store = await PostgresStore.open(url, ids=str, now=900.0)
    try:
        scene = Scene(store)
        await scene.link()
        ours = replace(exchange(), response_body=b"y" * 9_000, response_size=9_000)
        await scene.settle(await scene.start(), exchanges=[ours])
        await postgres.run(INSERT_BEFORE_0023, database=name)
        _, exchanges = await store.find_run("run-0002")
        theirs = await postgres.run(LIST_BEFORE_0023, database=name)
    finally:
        await store.close()

    long = b"x" * 9_000
    assert [one.response_body for one in exchanges] == [long, ours.response_body, long]
    assert [row[-3:-1] for row in theirs] == [(long, 9_000), (b"", 9_000), (long, 9_000)]


async def test_two_at_once(postgres):
    """They are done one after the other: the second has nothing to do."""
    url = await postgres.fresh()
    done = await asyncio.gather(migrated(url), migrated(url))
    assert sorted(done) == [[], LABELS]


@asynccontextmanager
async def reading(url, table):
    """A transaction that has read a table, as pg_dump has, and does not end."""
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            await connection.fetch(f"SELECT 1 FROM {table}")
            yield connection
    finally:
        await connection.close()


async def test_a_server_at_work_that_wants_tables_the_other_way_round(postgres, monkeypatch):
    """One of the two has to give way. When it is the change of the schema, it is made again, and nobody hears of it."""
    url = await postgres.fresh()
    with monkeypatch.context() as before:
        known = tuple(one for one in migrations("postgres") if one.number < 23)
        before.setattr(opening, "migrations", lambda _dialect: known)
        await (await PostgresStore.open(url, ids=str, now=900.0)).close()
    async with reading(url, "sync_work") as at_work:
        changing = asyncio.create_task(
            migrated(url)
        )  # it has `exchange`, and waits for `sync_work`
        while not await at_work.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
            pass
        with suppress(asyncpg.DeadlockDetectedError):  # the database may choose it, too
            await at_work.execute("SELECT 1 FROM exchange")
    assert await changing == LABELS[len(known) :]


async def test_a_table_that_somebody_reads_is_not_waited_for(postgres, monkeypatch):
    """Everybody would wait behind it. The server does not start, the command does nothing, and both say why; afterwards they do it."""
    url = await postgres.fresh()
    with monkeypatch.context() as before:
        known = tuple(one for one in migrations("postgres") if one.number < 26)
        pending = LABELS[len(known) :]
        before.setattr(opening, "migrations", lambda _dialect: known)
        await (await PostgresStore.open(url, ids=str, now=900.0)).close()
    monkeypatch.setattr(opening, "TABLE_SECONDS", 0.01)
    refused = "0026_pre_known_replies cannot be applied while somebody reads"
    async with reading(url, "sync_work"):
        with pytest.raises(StoreUnavailable, match=refused):
            await PostgresStore.open(url, ids=str, now=900.0)
        with pytest.raises(StoreUnavailable, match=refused):
            await migrated(url)
        assert await migrated(url, dry_run=True) == pending
    assert await migrated(url) == pending
