"""A PostgreSQL for the benchmark: the one that the tests start, with its commits on the disk and its processes counted.

It shares the server's machine and is not pinned: what it costs stands in a column of its own, and throughput of these rows says
how fast both are together.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psutil
from tests.support.postgres import Postgres as Started

DURABLE: Final = ("fsync=on", "synchronous_commit=on", "shared_buffers=256MB")


class Postgres:
    """One that runs."""

    def __init__(self, started: Started) -> None:
        self._started = started
        pid = int((started.data / "postmaster.pid").read_text().split()[0])
        self._postmaster = psutil.Process(pid)

    def address(self) -> str:
        """A new database."""
        url: str = self._started.fresh_url()
        return url

    def pids(self) -> list[int]:
        """All of its processes."""
        children = self._postmaster.children(recursive=True)
        return [self._postmaster.pid, *(child.pid for child in children)]


@contextmanager
def postgres() -> Iterator[Postgres]:
    """A server, until the context ends."""
    started = Started(options=DURABLE)
    try:
        yield Postgres(started)
    finally:
        started.close()
