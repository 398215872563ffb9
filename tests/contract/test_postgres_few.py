"""A server that grants fewer connections than a process asks for: calls wait for those that are there, and the server is left alone."""

import asyncio

import asyncpg
import pytest

from homegraph.errors import StoreUnavailable
from homegraph.graph.model import Mode
from homegraph.store.postgres import PostgresStore, hints, pool
from homegraph.testing.store_contract.scene import Scene, stored

pytestmark = pytest.mark.anyio

WAIT_SECONDS = 20.0


async def opened(url, connections=16):
    """A store, and its scene with one home."""
    store = await PostgresStore.open(url, ids=str, now=900.0, connections_max=connections)
    scene = Scene(store)
    await scene.link("anna", "1836", stored("lamp"))
    async with asyncio.timeout(WAIT_SECONDS):
        while store._hints._connection is None:
            await store.projects()
    return store, scene


async def calls(scene, count=40):
    """Calls of many kinds that want a connection each, at once."""
    await asyncio.gather(
        *(scene.store.projects() for _ in range(count)),
        *(scene.device_ids() for _ in range(count)),
        *(scene.request(Mode.ASYNC) for _ in range(count)),
        *(scene.report({"lamp": {"on": True}}) for _ in range(count)),
        *(scene.store.check() for _ in range(count)),
    )


async def turn():
    """Let the loop have one turn."""
    turned = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(turned.set_result, None)
    await turned


def refusals(server, url):
    """How often the server has refused a connection of the user of an address."""
    user = url.partition("//")[2].partition("@")[0]
    return server.log().count(f'too many connections for role "{user}"')


async def raised(server, url, connections):
    """Grant other many."""
    user = url.partition("//")[2].partition("@")[0]
    await server.run(f"ALTER ROLE {user} CONNECTION LIMIT {connections}")


async def test_calls_wait_for_the_connections_that_are_there(postgres, monkeypatch):
    """All calls of a storm are served by three connections; the server is not asked again by each of them, and people are told."""
    monkeypatch.setattr(pool, "FURTHER_SECONDS", 600.0)
    url = await postgres.of_few(3)
    store, scene = await opened(url)
    await calls(scene)
    asked = refusals(postgres, url)
    assert 0 < asked < 40  # those that came at once
    assert "connections, and gets no more. PostgreSQL says: too many" in store.shortage.message
    assert "CONNECTION LIMIT" in store.shortage.hint

    for _ in range(3):
        await calls(scene)
    assert refusals(postgres, url) == asked
    await store.close()


async def test_more_are_asked_for_when_it_is_time(postgres, monkeypatch):
    """One call at a time asks again; as soon as one is granted all that are needed are had, and nothing is short any more."""
    monkeypatch.setattr(pool, "FURTHER_SECONDS", 0.05)
    url = await postgres.of_few(3)
    store, scene = await opened(url)
    await calls(scene)
    assert store.shortage is not None
    await raised(postgres, url, -1)
    async with asyncio.timeout(WAIT_SECONDS):
        while store.shortage is not None:
            await calls(scene)
    await store.close()


async def test_whoever_listens_leaves_the_server_alone_as_well(postgres, monkeypatch):
    """Where there is no connection for it, a process goes on without hints, and does not ask for one again and again."""
    monkeypatch.setattr(hints, "AGAIN_SECONDS", 0.0)
    monkeypatch.setattr(hints, "FURTHER_SECONDS", 600.0)
    url = await postgres.of_few(1)
    store = await PostgresStore.open(url, ids=str, now=900.0)
    async with asyncio.timeout(WAIT_SECONDS):
        while refusals(postgres, url) == 0:
            await store.projects()
    for _ in range(100):
        await store.projects()
    assert refusals(postgres, url) == 1
    await store.close()


async def test_with_as_few_as_can_be(postgres):
    """A process that asks for two, of which one listens, gets its calls through the other one, and is refused nothing."""
    url = await postgres.of_few(2)
    store, scene = await opened(url, 2)
    await calls(scene)
    assert refusals(postgres, url) == 0
    assert store.shortage is None
    await store.close()


async def test_nobody_who_leaves_takes_a_connection_with_him(postgres):
    """Callers that are cancelled under way, in line, and as it is their turn: the others are served, and nothing is left begun."""
    url = await postgres.of_few(2)
    store, scene = await opened(url, 2)
    for turns in range(24):
        waiting = [asyncio.ensure_future(scene.device_ids()) for _ in range(8)]
        for _ in range(turns):
            await turn()
        for one in waiting[::2]:
            one.cancel()
        await asyncio.gather(*waiting[::2], return_exceptions=True)
        assert await asyncio.gather(*waiting[1::2]) == [["lamp"]] * 4
        begun = "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'"
        assert await postgres.run(begun) == [(0,)]
    assert refusals(postgres, url) == 0
    await store.close()


async def test_when_others_have_all(postgres, monkeypatch):
    """Whoever needs the first one waits until there is one, and is told why not when it takes too long; so is whoever opens the store."""
    monkeypatch.setattr(pool, "FIRST_SECONDS", 0.05)
    url = await postgres.of_few(1)
    other = await asyncpg.connect(url)
    opening = asyncio.ensure_future(PostgresStore.open(url, ids=str, now=900.0))
    async with asyncio.timeout(WAIT_SECONDS):
        while refusals(postgres, url) < 3:
            await postgres.run("SELECT 1")
    assert not opening.done()
    await other.close()
    store = await opening
    assert await store.projects() == []

    monkeypatch.setattr(pool, "ACQUIRE_SECONDS", 0.3)
    with pytest.raises(StoreUnavailable, match="too many connections") as refused:
        await PostgresStore.open(url, ids=str, now=900.0)
    assert "database_connections" in refused.value.hint
    await store.close()


async def test_connections_that_nobody_needs_are_given_back(postgres, monkeypatch):
    """After a storm a process keeps what it uses."""

    async def held():
        asked = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'postgres' AND datname = $1"
        connection = await asyncpg.connect(postgres.url())
        try:
            return await connection.fetchval(asked, url.rpartition("/")[2])
        finally:
            await connection.close()

    url = await postgres.fresh()
    store, scene = await opened(url)
    await calls(scene)
    assert await held() > 3
    monkeypatch.setattr(pool, "IDLE_SECONDS", 0.0)
    async with asyncio.timeout(WAIT_SECONDS):
        while await held() > 2:  # the one that is used, and the one that listens
            await store.projects()
    await store.close()
