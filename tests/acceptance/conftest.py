"""What every acceptance test starts from: a device cloud in this process, and the real command as processes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from homegraph.testing.fulfillment import ScriptedFulfillment
from support.homes import Setup
from support.postgres import Postgres
from support.server import Server

Start = Callable[..., Server]


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL of the module's own, which may maltreat it."""
    postgres = Postgres()
    yield postgres
    postgres.close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder drives the real command."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("acceptance")


@contextmanager
def _starting(folder: Path) -> Iterator[Start]:
    servers: list[Server] = []

    def start(
        config: Mapping[str, Any],
        *,
        name: str = "server",
        ready: bool = True,
        variables: Mapping[str, str] | None = None,
    ) -> Server:
        server = Server(folder / name, config, variables=variables)
        servers.append(server)
        return server.start() if ready else server

    try:
        yield start
    finally:
        for server in servers:
            server.end()
            # pytest shows it with the report of a test that has failed, and only then.
            sys.stderr.write(server.story())


@pytest.fixture
def cloud() -> Iterator[ScriptedFulfillment]:
    """A device cloud with one home: ``token-1``, agent user ``user-1``, one lamp."""
    with ScriptedFulfillment() as cloud:
        yield cloud


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start servers; whatever becomes of them, nothing is left running."""
    with _starting(tmp_path) as start:
        yield start


@pytest.fixture
def setup(cloud: ScriptedFulfillment, start: Start) -> Setup:
    """A cloud and its server, the only link linked already."""
    return Setup.up(cloud, start)


@pytest.fixture(scope="module")
def shared_start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """``start`` for a server that all tests of a module use."""
    with _starting(tmp_path_factory.mktemp("shared")) as start:
        yield start


@pytest.fixture(scope="module")
def shared_cloud() -> Iterator[ScriptedFulfillment]:
    """``cloud`` for a server that all tests of a module use."""
    with ScriptedFulfillment() as cloud:
        yield cloud
