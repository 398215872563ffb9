"""Stores live on asyncio; those on PostgreSQL share one server."""

import pytest

from support.postgres import Postgres

pytest.register_assert_rewrite("homegraph.testing.store_contract")  # before any test imports it


@pytest.fixture
def anyio_backend():
    """The event loop that async tests and fixtures run on."""
    return "asyncio"


@pytest.fixture(scope="session")
def postgres():
    """A PostgreSQL, started for the first test that wants one."""
    server = Postgres()
    yield server
    server.close()
