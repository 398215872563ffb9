"""A server that is away, will not have us, or cannot keep what it is told: said in a sentence, and over when it is over."""

import asyncio

import asyncpg
import pytest

from homegraph.errors import SchemaTooNew, SettingsError, StoreError, StoreUnavailable
from homegraph.store.migrate import migrations
from homegraph.store.postgres import PostgresStore, care, opening, pool
from homegraph.testing.store_contract.scene import Scene, stored, target
from support.postgres import Postgres, again

pytestmark = pytest.mark.anyio

WAIT_SECONDS = 20.0


@pytest.fixture(scope="module")
def server():
    """A server of this module's own: it is stopped and started. Its commits wait for the disk."""
    server = Postgres(options=())
    yield server
    server.close()


@pytest.fixture
async def scene(server):
    """A store on a database of its own, with one linked agent user."""
    store = await PostgresStore.open(await server.fresh(), ids=str, now=900.0)
    scene = Scene(store)
    await scene.link("anna", "1836", stored("lamp"))
    yield scene
    await store.close()


async def refusal(call):
    """Why a call fails, which must be the database's trouble."""
    with pytest.raises(StoreUnavailable) as caught:
        async with asyncio.timeout(WAIT_SECONDS):
            await call
    assert caught.value.hint
    return f"{caught.value.message} {caught.value.hint}"


async def test_a_server_that_is_away(server, scene):
    """Every kind of call says so; when it is back they work again, with nothing restarted and nothing lost."""
    await scene.request()
    server.stop()
    for call in (
        scene.request(),
        scene.report({"lamp": {"online": True}}),
        scene.device_ids(),
        scene.claims(),
        scene.store.check(),
    ):
        assert "reach" in await refusal(call)
    server.start()

    admitted = await again(scene.request)
    assert admitted.generation >= 2
    assert await scene.device_ids() == ["lamp"]
    await again(scene.store.check)


async def test_a_server_that_loses_its_power(server, scene):
    """Every request that was acknowledged is there when it is back."""
    acknowledged = []

    async def ask():
        try:
            while True:
                acknowledged.append((await scene.request()).generation)
        except StoreUnavailable:
            return

    storm = [asyncio.create_task(ask()) for _ in range(8)]
    async with asyncio.timeout(WAIT_SECONDS):
        while len(acknowledged) < 300:
            await scene.store.check()
    await asyncio.to_thread(server.kill)
    await asyncio.gather(*storm)
    server.start()

    works = dict(await again(scene.store.works))
    assert works[target()].requested >= max(acknowledged)


async def test_a_server_that_takes_no_writes(server, scene):
    """A primary that became a standby: reads go on, writes say so, until it is a primary again."""
    await server.run(
        "ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()"
    )
    try:
        async with asyncio.timeout(WAIT_SECONDS):
            while await scene.store.time() and not await is_refused(scene.store.check):
                pass
        assert "it is no longer" not in await refusal(scene.request())
    finally:
        connection = await asyncpg.connect(server.url())
        await connection.execute("SET default_transaction_read_only = off")
        await connection.execute("ALTER SYSTEM RESET default_transaction_read_only")
        await connection.execute("SELECT pg_reload_conf()")
        await connection.close()
    await again(scene.request)


async def is_refused(call):
    """Whether a call is refused now."""
    try:
        await call()
    except StoreUnavailable:
        return True
    return False


async def test_a_server_that_hangs(server, scene, monkeypatch):
    """A statement that waits too long for somebody else's lock is given up, and its caller told; later ones are not held up."""
    monkeypatch.setattr(opening, "STATEMENT_SECONDS", 0.3)
    url = server.url(
        (await server.run("SELECT max(datname) FROM pg_database WHERE datname LIKE 'home_%'"))[0][0]
    )
    store = await PostgresStore.open(url, ids=str, now=900.0)
    blocker = await asyncpg.connect(url)
    try:
        transaction = blocker.transaction()
        await transaction.start()
        await blocker.execute("SELECT * FROM sync_work FOR UPDATE")
        assert "does not answer" in await refusal(Scene(store).request())
        await store.check()
        await transaction.rollback()
        await again(Scene(store).request)
    finally:
        await blocker.close()
        await store.close()


async def test_a_timeout_of_whoever_is_in_charge(server):
    """A statement that PostgreSQL ends because of its statement_timeout: the caller is told so, not that PostgreSQL is away."""
    url = await server.set_up()
    store = await PostgresStore.open(f"{url}?statement_timeout=300", ids=str, now=900.0)
    scene = Scene(store)
    await scene.link("anna", "1836", stored("lamp"))
    blocker = await asyncpg.connect(url)
    try:
        transaction = blocker.transaction()
        await transaction.start()
        await blocker.execute("SELECT * FROM sync_work FOR UPDATE")
        told = await refusal(scene.request())
        assert "due to statement timeout" in told
        assert "raise it for this user" in told
        await transaction.rollback()
        await again(scene.request)
    finally:
        await blocker.close()
        await store.close()


@pytest.mark.parametrize(
    ("sql", "url", "words"),
    [
        (
            "CREATE ROLE nobody_may LOGIN CONNECTION LIMIT 0",
            "postgresql://nobody_may:hunter2@{}/postgres",
            "too many connections",
        ),
        ("SELECT 1", "postgresql://no_such:hunter2@{}/postgres", "no_such"),
        ("SELECT 1", "postgresql://postgres:hunter2@{}/no_such", "no_such"),
        ("SELECT 1", "postgresql://postgres:hunter2@{}/postgres?sslmode=require", "TLS"),
        ("SELECT 1", "postgresql://postgres:hunter2@127.0.0.1:1/postgres", "reached"),
        ("SELECT 1", "postgresql://postgres:hunter2@no-such-host.invalid/postgres", "reached"),
        ("CREATE DATABASE hasty", "postgresql://postgres:hunter2@{}/hasty", "synchronous_commit"),
        (
            "CREATE DATABASE latin TEMPLATE template0 ENCODING LATIN1 LOCALE 'C'",
            "postgresql://postgres:hunter2@{}/latin",
            "UTF-8",
        ),
    ],
    ids=["full", "role", "database", "tls", "port", "host", "hasty", "latin"],
)
async def test_databases_that_cannot_be_used(server, monkeypatch, sql, url, words):
    """Each is said in words, without the password."""
    monkeypatch.setattr(pool, "ACQUIRE_SECONDS", 0.1)
    await server.run(sql)
    if "hasty" in sql:
        await server.run("ALTER DATABASE hasty SET synchronous_commit = off")
    place = f"127.0.0.1:{server.port}"
    with pytest.raises(StoreUnavailable) as caught:
        await PostgresStore.open(url.format(place), ids=str, now=900.0)
    told = f"{caught.value.message} {caught.value.hint}"
    assert words in told
    assert "hunter2" not in told


@pytest.mark.parametrize(
    "url", ["postgresql://me:hunter2@db:port/x", "postgresql://me:hunter2@db/x?sslmode=none"]
)
async def test_addresses_that_cannot_be_read(url):
    """They are a mistake in the settings, and are not repeated."""
    with pytest.raises(SettingsError) as caught:
        await PostgresStore.open(url, ids=str, now=900.0)
    assert "hunter2" not in f"{caught.value.message} {caught.value.hint}"


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("sslmod=require", 'unrecognized configuration parameter "sslmod"'),
        ("channel_binding=require", 'unrecognized configuration parameter "channel_binding"'),
        ("statement_timeout=soon", 'invalid value for parameter "statement_timeout"'),
        ("block_size=1", 'parameter "block_size" cannot be changed'),
        ("sslmode=verify-full&sslrootcert=/no/ca.pem", "sslrootcert of the database's URL: /no/ca"),
    ],
)
async def test_parameters_that_cannot_be_had(server, asked, words):
    """They are a mistake in the settings, and named; also for the commands that take care of a database."""
    url = f"postgresql://postgres:hunter2@127.0.0.1:{server.port}/postgres?{asked}"
    for call in (lambda: PostgresStore.open(url, ids=str, now=900.0), lambda: care.condition(url)):
        with pytest.raises(SettingsError) as caught:
            await call()
        told = f"{caught.value.message} {caught.value.hint}"
        assert words in told
        assert "hunter2" not in told


@pytest.mark.parametrize("table", ["theirs", "migration"])
async def test_a_database_of_somebody_else(server, table):
    """Another program's tables are left alone, also when one has the name of ours that remembers migrations."""
    url = await server.fresh()
    name = url.rpartition("/")[2]
    await server.run(f"CREATE TABLE {table} (version text, name text)", database=name)
    with pytest.raises(StoreError, match="not homegraph's"):
        await PostgresStore.open(url, ids=str, now=900.0)
    tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    assert await server.run(tables, database=name) == [(table,)]


async def test_a_database_of_a_newer_homegraph(server):
    """It is refused when something was removed from it; so is one whose migrations read differently. What was added does not matter."""
    url = await server.set_up()
    name = url.rpartition("/")[2]
    await server.run("INSERT INTO migration VALUES (9999, 'pre', 'future', 'x', 0)", database=name)
    await (await PostgresStore.open(url, ids=str, now=900.0)).close()
    await server.run("INSERT INTO migration VALUES (9999, 'post', 'future', 'x', 0)", database=name)
    with pytest.raises(SchemaTooNew, match="9999_post_future"):
        await PostgresStore.open(url, ids=str, now=900.0)
    await server.run(
        "DELETE FROM migration WHERE number = 9999",
        "UPDATE migration SET digest = 'x'",
        database=name,
    )
    with pytest.raises(StoreError, match="0001_pre_first was applied with another text"):
        await PostgresStore.open(url, ids=str, now=900.0)


async def test_servers_that_start_together(server):
    """The schema is set up once, by one of them; what was applied is remembered."""
    url = await server.fresh()
    stores = await asyncio.gather(*(PostgresStore.open(url, ids=str, now=900.0) for _ in range(4)))
    for store in stores:
        await store.close()
    applied = await server.run(
        "SELECT number, phase, name, digest, applied_at FROM migration ORDER BY 1, 2 DESC",
        database=url.rpartition("/")[2],
    )
    assert applied == [
        (one.number, one.phase, one.name, one.digest, 900.0) for one in migrations("postgres")
    ]


async def test_a_store_that_is_closed(scene):
    """What was accepted is finished, and later calls are told; again is no error."""
    asked = [asyncio.ensure_future(scene.request()) for _ in range(20)]
    await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
    await scene.store.close()
    assert sorted([(await one).generation for one in asked]) == [*range(1, 21)]
    for call in (scene.request(), scene.device_ids(), scene.store.check()):
        assert "closed" in await refusal(call)
    await scene.store.close()
