"""The pool of connections under callers who come, leave and break things by chance: nobody waits for ever, nothing is lent twice or lost."""

import asyncio
import random

import asyncpg
import pytest

from homegraph.store.postgres import pool

pytestmark = pytest.mark.anyio

CALLERS = 300
WAIT_SECONDS = 5.0
"""Only a failing test waits that long."""


@pytest.fixture
def anyio_backend():
    """The event loop that the driver knows."""
    return "asyncio"


class Connection:
    """A connection as the driver makes them, to a server that counts them."""

    def __init__(self, server):
        self.server = server
        self.closed = False
        server.alive.add(self)

    def is_closed(self):
        return self.closed

    def terminate(self):
        self.closed = True
        self.server.alive.discard(self)

    async def close(self):
        await turns(1)
        self.terminate()

    async def reset(self, *, timeout):  # noqa: ASYNC109  # the driver's name
        assert timeout == pool.CLEAR_SECONDS
        await turns(self.server.chance.randrange(5))
        if self.server.chance.random() < 0.2:
            raise asyncpg.InterfaceError("it broke")


class Server:
    """Grants so many connections at a time, and now and then none."""

    def __init__(self, chance):
        self.chance = chance
        self.limit = chance.randint(1, 4)
        self.is_down = False
        self.alive = set()

    async def connect(self):
        await turns(self.chance.randrange(9))
        if self.is_down:
            raise ConnectionRefusedError("there is no server")
        if len(self.alive) >= self.limit:
            raise asyncpg.TooManyConnectionsError("too many clients")
        return Connection(self)


async def turns(count):
    """Let the loop have some turns."""
    for _ in range(count):
        turned = asyncio.Event()
        asyncio.get_running_loop().call_soon(turned.set)
        await turned.wait()


async def use(lender, chance, lent):
    """Take a connection, have it alone for a while, give it back in whatever state."""
    connection = await lender.take()
    assert connection not in lent
    lent.add(connection)
    in_doubt = chance.random() < 0.05
    try:
        await turns(chance.randrange(5))
        if chance.random() < 0.05:
            connection.terminate()
    except asyncio.CancelledError:
        in_doubt = True
        raise
    finally:
        lent.discard(connection)
        lender.give_back(connection, in_doubt=in_doubt)


@pytest.mark.parametrize("seed", range(24))
async def test_by_chance(monkeypatch, seed):
    """Who is not cancelled gets a connection, unless the server was away; in the end none is left."""
    monkeypatch.setattr(pool, "FIRST_SECONDS", 0.005)
    monkeypatch.setattr(pool, "FURTHER_SECONDS", 0.01)
    chance = random.Random(seed)
    server = Server(chance)
    lender = pool.Pool(server.connect, chance.randint(1, 6))
    lent = set()
    callers = []
    for _ in range(CALLERS):
        callers.append(asyncio.ensure_future(use(lender, chance, lent)))
        await turns(chance.randrange(3))
        match chance.randrange(100):
            case 0 | 7 | 8 | 9:
                server.is_down = True
            case 1 | 2 | 3 | 4:
                server.is_down = False
            case 5:
                lender.expire()
            case 6:
                for connection in list(server.alive):
                    connection.terminate()
            case number if number > 85:
                chance.choice(callers).cancel()
    server.is_down = False
    outcomes = await asyncio.gather(*callers, return_exceptions=True)
    kinds = {type(outcome) for outcome in outcomes}
    assert kinds <= {type(None), asyncio.CancelledError, ConnectionRefusedError}
    lender.give_back(await lender.take())
    await lender.close()
    assert server.alive == set()


async def test_one_that_cannot_be_made(monkeypatch):
    """Who waited for it is told at once as well: nobody has one that could come back."""
    monkeypatch.setattr(pool, "ACQUIRE_SECONDS", 600.0)
    server = Server(random.Random(0))
    server.is_down = True
    lender = pool.Pool(server.connect, 1)
    async with asyncio.timeout(WAIT_SECONDS):
        outcomes = await asyncio.gather(*(lender.take() for _ in range(3)), return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {ConnectionRefusedError}
    await lender.close()


async def test_one_that_came_back_under_an_attempt(monkeypatch):
    """Who has tried in vain to have another one made takes it, although nobody gives one back any more."""
    monkeypatch.setattr(pool, "ACQUIRE_SECONDS", 600.0)
    server = Server(random.Random(0))
    lender = pool.Pool(server.connect, 2)
    first = await lender.take()
    server.limit = 1
    trying = asyncio.ensure_future(lender.take())
    await turns(1)
    lender.give_back(first)
    async with asyncio.timeout(WAIT_SECONDS):
        assert await trying is first
    lender.give_back(first)
    await lender.close()
