"""The store's contract, kept by PostgreSQL."""

import itertools

import pytest
from hypothesis import settings

from homegraph.store.postgres import PostgresStore
from homegraph.testing.store_contract import (
    StatesMachine,
    StoreContract,
    StoreMachine,
)

pytestmark = pytest.mark.anyio

SERVER = {}
"""The server, for the machines, which take no fixtures."""


@pytest.fixture(scope="module", autouse=True)
def server(postgres):
    """One server; its database is emptied for each store."""
    SERVER["server"] = postgres


async def open_store():
    """Open an empty store whose interrupted runs have ids in order."""
    numbers = itertools.count()
    url = await SERVER["server"].emptied()
    return await PostgresStore.open(url, ids=lambda: f"interrupted-{next(numbers):04}", now=900.0)


@pytest.fixture
async def store():
    """An open, empty store."""
    store = await open_store()
    yield store
    await store.close()


class TestPostgres(StoreContract):
    """Every sentence of the port."""


class PostgresMachine(StoreMachine):
    """On the same database."""

    async def open_store(self):
        return await open_store()


TestPostgresMachine = PostgresMachine.TestCase
TestPostgresMachine.settings = settings(max_examples=12, stateful_step_count=30, deadline=None)


class PostgresStatesMachine(StatesMachine):
    """The same."""

    async def open_store(self):
        return await open_store()


TestPostgresStatesMachine = PostgresStatesMachine.TestCase
TestPostgresStatesMachine.settings = settings(
    max_examples=12, stateful_step_count=30, deadline=None
)
