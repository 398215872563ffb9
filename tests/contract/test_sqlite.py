"""The store's contract, kept by SQLite: in a file and in memory."""

import itertools

import pytest
from hypothesis import settings

from homegraph.store.sqlite import SqliteStore
from homegraph.testing.store_contract import (
    StatesMachine,
    StoreContract,
    StoreMachine,
)

pytestmark = pytest.mark.anyio


def open_store(database):
    """Open a store whose interrupted runs have ids in order."""
    numbers = itertools.count()
    return SqliteStore.open(database, ids=lambda: f"interrupted-{next(numbers):04}", now=900.0)


@pytest.fixture(params=["file", ":memory:"])
async def store(request, tmp_path):
    """An open, empty store."""
    path = str(tmp_path / "home.db") if request.param == "file" else request.param
    store = await open_store(path)
    yield store
    await store.close()


class TestSqlite(StoreContract):
    """Every sentence of the port."""


class SqliteMachine(StoreMachine):
    """In memory: the file has the same code behind it, and costs a disk."""

    async def open_store(self):
        return await open_store(":memory:")


TestSqliteMachine = SqliteMachine.TestCase
TestSqliteMachine.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


class SqliteStatesMachine(StatesMachine):
    """In memory as well."""

    async def open_store(self):
        return await open_store(":memory:")


TestSqliteStatesMachine = SqliteStatesMachine.TestCase
TestSqliteStatesMachine.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
