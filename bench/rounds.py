"""Takes the turns: every round measures every scenario once, so that whatever disturbs the machine disturbs all of them.

A scenario that keeps runs waiting is prepared like this: as many runs as the server starts for one project are begun for users
set aside for it, and the fulfillment holds their replies. What comes then can only be recorded. Afterwards the replies are
released and everything is worked off, outside the measurement, before the next scenario.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bench import calls, load, processes
from bench.credentials import access_token
from bench.homes import LARGE_HOMES, user
from bench.measure import cpu_seconds, percentile, rss_mib
from bench.postgres import Postgres, postgres
from bench.scenarios import Call, Scenario, Server

BLOCKERS: Final = 16
"""Runs of one project at once: the default of the setting ``project_concurrency``."""


SQLITE: Final = "sqlite:bench.db"
"""A file in the folder of the run."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured, and on which database. ``calls`` is a round's number of calls for a scenario of share 1."""

    rounds: int
    calls: int
    connections: int
    users: int
    devices: int
    database: str = SQLITE


@dataclass(frozen=True, slots=True)
class Reading:
    """One scenario in one round. ``cpu_us`` is the server's CPU time per call, ``driver_cpu_us`` generator's and stub's.

    ``database_cpu_us`` is PostgreSQL's; SQLite's is the server's own.
    """

    calls: int
    errors: int
    ops_per_second: float
    cpu_us: float
    driver_cpu_us: float
    p50_ms: float
    p99_ms: float
    rss_mib: float
    database_cpu_us: float = 0.0


@dataclass(slots=True)
class Bench:
    """The processes of a run. A server has a fulfillment of its own where it asks one, so that both see the same changes."""

    plan: Plan
    servers: dict[Server, processes.Process]
    stubs: dict[Server, processes.Stub]
    access_tokens: dict[Server, str]
    postgres: Postgres | None = None
    next_user: int = 0
    linked: dict[Server, int] = field(default_factory=dict)
    """How many were linked besides, each of them new."""

    def measure(self, scenario: Scenario) -> Reading:
        """One scenario, once. Raises Broken when a call was not answered as it must be."""
        server = self.servers[scenario.server]
        requests = self._requests(scenario)
        if scenario.server in self.stubs:
            self.stubs[scenario.server].tell("changes", scenario.changes.value)
        with self._held(scenario):
            if scenario.is_drain:
                self._drive(scenario, scenario.call, requests, self.plan.connections)
            before, driver_before = cpu_seconds(server.pid), self._driver_cpu(scenario)
            database_before = self._database_cpu(scenario)
            if scenario.is_drain:
                tally = self._drain(scenario, len(requests))
            else:
                tally = self._drive(scenario, scenario.call, requests, self._connections(scenario))
            cpu = cpu_seconds(server.pid) - before
            driver_cpu = self._driver_cpu(scenario) - driver_before
            database_cpu = self._database_cpu(scenario) - database_before
        ordered = sorted(tally.latencies)
        return Reading(
            calls=len(requests),
            errors=tally.errors,
            ops_per_second=len(requests) / tally.seconds,
            cpu_us=cpu / len(requests) * 1e6,
            driver_cpu_us=driver_cpu / len(requests) * 1e6,
            p50_ms=percentile(ordered, 50) * 1e3,
            p99_ms=percentile(ordered, 99) * 1e3,
            rss_mib=rss_mib(server.pid),
            database_cpu_us=database_cpu / len(requests) * 1e6,
        )

    def _connections(self, scenario: Scenario) -> int:
        """As many as the plan says; of large homes only half are asked at a time, so that none is asked twice at once."""
        most = LARGE_HOMES // 2 if scenario.is_large else self.plan.connections
        return min(most, self.plan.connections)

    def _drive(
        self, scenario: Scenario, call: Call, requests: list[bytes], connections: int
    ) -> load.Tally:
        port = self.servers[scenario.server].port
        tally = load.drive(port, requests, connections, calls.wanted(call))
        if tally.errors:
            raise processes.Broken(
                f"{scenario.name}: {tally.errors} errors, the first: {tally.wrong}"
            )
        return tally

    def _drain(self, scenario: Scenario, runs: int) -> load.Tally:
        """Let go of what is held, and wait until so many runs that waited have been answered. Nobody waits for one of them."""
        stub = self.stubs[scenario.server]
        wanted = stub.tell("served", 0)["served"] + BLOCKERS + runs
        started = time.perf_counter()
        stub.tell("release")
        stub.tell("served", wanted)
        seconds = time.perf_counter() - started
        return load.Tally(seconds, [seconds])

    def _requests(self, scenario: Scenario) -> list[bytes]:
        """A round's calls. Users go round over all rounds, the first ones are the blockers', the last ones have large homes."""
        count = max(1, int(self.plan.calls * scenario.share))
        token = self.access_tokens.get(scenario.server, "")
        if scenario.call is Call.LINK:
            return self._begun_linkings(scenario.server, count)
        if scenario.is_large:
            numbers = (self.plan.users + n % LARGE_HOMES for n in range(count))
            return [calls.request(scenario.call, number, token) for number in numbers]
        if scenario.is_one_user:
            return [calls.request(scenario.call, 0, token)] * count
        users = self.plan.users - BLOCKERS
        chosen = ((self.next_user + n) % users + BLOCKERS for n in range(count))
        requests = [calls.request(scenario.call, number, token) for number in chosen]
        self.next_user = (self.next_user + count) % users
        return requests

    def _begun_linkings(self, which: Server, count: int) -> list[bytes]:
        """What ends so many linkings of new users, which are begun here."""
        server = self.servers[which]
        assert isinstance(server, processes.Homegraph)
        first = self._known(which)
        self.linked[which] = self.linked.get(which, 0) + count
        return [
            calls.finish_linking(number, *server.begin_linking(user(number)), server.admin_token)
            for number in range(first, first + count)
        ]

    def _known(self, which: Server) -> int:
        """How many users a server has."""
        return self.plan.users + LARGE_HOMES + self.linked.get(which, 0)

    @contextmanager
    def _held(self, scenario: Scenario) -> Iterator[None]:
        stub = self.stubs.get(scenario.server)
        if not scenario.is_held or stub is None:
            yield
            return
        stub.tell("hold")
        begin = Call.REQUEST_SYNC_ASYNC
        blockers = [calls.request(begin, number) for number in range(BLOCKERS)]
        self._drive(scenario, begin, blockers, 1)
        stub.tell("held", BLOCKERS)
        try:
            yield
        finally:
            stub.tell("release")
        server = self.servers[scenario.server]
        assert isinstance(server, processes.Homegraph)
        server.wait_idle(self._known(scenario.server))

    def _driver_cpu(self, scenario: Scenario) -> float:
        stub = self.stubs.get(scenario.server)
        pids = [os.getpid()] + ([stub.pid] if stub else [])
        return sum(map(cpu_seconds, pids))

    def _database_cpu(self, scenario: Scenario) -> float:
        """All of PostgreSQL's processes; one that ends meanwhile is not counted, and they seldom do."""
        if scenario.server is not Server.POSTGRES or self.postgres is None:
            return 0.0
        return sum(map(cpu_seconds, self.postgres.pids()))


def measure(
    chosen: tuple[Scenario, ...], plan: Plan, folder: Path
) -> Iterator[tuple[int, Scenario, Reading]]:
    """All rounds, as they come: (number of the round from 1, scenario, reading). One warm-up round is not handed out."""
    with ExitStack() as stack, processes.pinned(processes.DRIVER_CORE):
        bench = _start(chosen, plan, folder, stack)
        for scenario in chosen:
            bench.measure(scenario)
        for number in range(1, plan.rounds + 1):
            for scenario in chosen:
                yield number, scenario, bench.measure(scenario)


def _start(chosen: tuple[Scenario, ...], plan: Plan, folder: Path, stack: ExitStack) -> Bench:
    wanted = {scenario.server for scenario in chosen}
    bench = Bench(plan, {}, {}, {})
    if Server.FLOOR in wanted:
        bench.servers[Server.FLOOR] = stack.enter_context(processes.floor())
    if wanted & {Server.HOMEGRAPH, Server.PROXY}:
        stub = stack.enter_context(processes.stub(plan.users, plan.devices, LARGE_HOMES))
        bench.stubs |= {Server.HOMEGRAPH: stub, Server.PROXY: stub}
    if Server.PROXY in wanted:
        bench.servers[Server.PROXY] = stack.enter_context(processes.proxy(folder, stub))
    if Server.HOMEGRAPH in wanted:
        _serve(bench, Server.HOMEGRAPH, folder / "served", plan.database, stack)
    if Server.POSTGRES in wanted:
        bench.stubs[Server.POSTGRES] = stack.enter_context(
            processes.stub(plan.users, plan.devices, LARGE_HOMES)
        )
        bench.postgres = stack.enter_context(postgres())
        _serve(bench, Server.POSTGRES, folder / "on-postgres", bench.postgres.address(), stack)
    return bench


def _serve(bench: Bench, which: Server, folder: Path, database: str, stack: ExitStack) -> None:
    folder.mkdir()
    users = bench.plan.users + LARGE_HOMES
    server = stack.enter_context(
        processes.homegraph(folder, bench.stubs[which], users, database=database)
    )
    bench.servers[which] = server
    bench.access_tokens[which] = access_token(server)
