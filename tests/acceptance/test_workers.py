"""Several processes on one address: they are one server to callers, to its log, and to whoever starts, stops or kills it."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from subprocess import PIPE, Popen
from typing import Any, Final

import grpc
import pytest

from homegraph.testing.fulfillment import Answer, Home, ScriptedFulfillment
from support.homes import KEY, Setup, configuration, wait_for_links
from support.postgres import Postgres
from support.server import WAIT_SECONDS, Server, until
from support.stubs import stubs

WORKERS: Final = 3
SETTINGS_CODE: Final = 2
UNAVAILABLE_CODE: Final = 1
KILLED_CODE: Final = 137
INTERRUPTED_CODE: Final = 130


def on(url: str, cloud: ScriptedFulfillment, **parts: Any) -> dict[str, Any]:
    """The file of a server with workers."""
    server = {"database": url, "workers": WORKERS, "lease_seconds": 3, "grpc_listen": "127.0.0.1:0"}
    return configuration(cloud, server=server, **parts)


@pytest.fixture
def setup(postgres: Postgres, cloud: ScriptedFulfillment, start: Any) -> Setup:
    """A cloud and its server, on a new database."""
    found = Setup(cloud, start(on(postgres.fresh_url(), cloud)))
    wait_for_links(found.server, "linked")
    return found


def processes(server: Server) -> list[int]:
    """The workers that say that they are alive."""
    return [one["process"] for one in server.admin("instances")["instances"]]


def is_there(process: int) -> bool:
    """Whether a process has not ended."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def all_ended(workers: list[int]) -> None:
    """Wait until nothing is left of them."""
    until(lambda: not any(map(is_there, workers)), "all workers have ended")


def test_workers_are_one_server(setup: Setup) -> None:
    """One address, one banner, one token, one farewell; each is known by its id, in the log and in the list of instances."""
    server = setup.server
    assert server.banner.count("API") == 1
    assert "Workers       3" in server.banner
    assert server.cli("status", "--wait").code == 0
    until(lambda: len(processes(server)) == WORKERS, "all are alive")
    found = server.show("status", "--cluster")["instances"]
    assert {one["address"] for one in found} == {server.url}
    assert len({one["process"] for one in found}) == WORKERS
    ids = [one["id"] for one in found]
    assert server.admin("status")["instance"] in ids
    table = server.cli("status", "--cluster").out
    assert all(one in table for one in ids)

    with ThreadPoolExecutor(8) as callers:
        calls = [callers.submit(setup.request_sync, is_async=True) for _ in range(40)]
        assert {call.result().status for call in calls} == {200}
    (line,) = [line for line in server.banner.splitlines() if line.split()[:1] == ["gRPC"]]
    for number in range(2 * WORKERS):
        apart = [("homegraph.test", number)]  # else channels to one address share a connection
        with grpc.insecure_channel(line.split()[1], apart) as channel:
            stub = stubs().grpc.HomeGraphApiServiceStub(channel)
            asked = stubs().pb.RequestSyncDevicesRequest(agent_user_id="user-1", **{"async": True})
            stub.RequestSyncDevices(asked, metadata=(("x-goog-api-key", KEY),))
    server.wait_until_idle()
    assert any(f'"instance":"{one}"' in server.errors for one in ids)

    assert server.stop() == 0
    assert server.errors.count("stopping; kept: postgresql://") == 1
    all_ended([one["process"] for one in found])


def test_a_worker_that_dies_is_replaced(setup: Setup) -> None:
    """Kill -9 of one under a run: callers find the others, its run is executed again, and there are as many as before."""
    server = setup.server
    until(lambda: len(processes(server)) == WORKERS, "all are alive")
    gate = threading.Event()
    setup.cloud.answer_next(Answer(hold=gate))
    asked = len(setup.cloud.intents())
    assert setup.request_sync(is_async=True).status == 200
    setup.cloud.wait_for(asked + 1)
    started = [line for line in server.errors.splitlines() if '"sync.started"' in line]
    ids = {one["id"]: one["process"] for one in server.admin("instances")["instances"]}
    busy = ids[json.loads(started[-1])["instance"]]
    os.kill(busy, signal.SIGKILL)
    gate.set()
    for _ in range(10):
        assert setup.request_sync(is_async=True).status == 200
    server.wait_for_line("worker.ended")
    until(lambda: len(set(processes(server)) - {busy}) == WORKERS, "another one is in its place")
    server.wait_until_idle()
    outcomes = [run["outcome"] for run in server.admin("runs")["runs"]]
    assert outcomes.count("interrupted") == 1
    assert server.stop() == 0


def test_when_none_is_left_the_server_ends(setup: Setup) -> None:
    """All workers are killed at once: the server ends, with the exit code of one that was killed, and says what happened."""
    server = setup.server
    until(lambda: len(processes(server)) == WORKERS, "all are alive")
    for process in processes(server):
        os.kill(process, signal.SIGKILL)

    assert server.wait() == KILLED_CODE
    assert '"left":0' in server.errors


def test_workers_end_with_whoever_watches_them(setup: Setup) -> None:
    """Kill -9 of the watching process: nothing is left that answers or runs."""
    until(lambda: len(processes(setup.server)) == WORKERS, "all are alive")
    workers = processes(setup.server)

    setup.server.kill()

    all_ended(workers)


@pytest.mark.parametrize(
    ("signals", "stop"),
    [
        ((signal.SIGTERM, signal.SIGINT), Server.terminate),
        ((signal.SIGHUP,), Server.hang_up),
    ],
)
def test_a_caller_is_answered_before_workers_end(
    setup: Setup, signals: tuple[signal.Signals, ...], stop: Callable[[Server], None]
) -> None:
    """All processes are told, as by a service manager or a terminal that closes: the caller who waits gets his answer, the code is 0."""
    until(lambda: len(processes(setup.server)) == WORKERS, "all are alive")
    workers = processes(setup.server)
    gate = threading.Event()
    setup.cloud.answer_next(Answer(hold=gate))
    asked = len(setup.cloud.intents())
    with ThreadPoolExecutor(1) as pool:
        caller = pool.submit(setup.request_sync)
        setup.cloud.wait_for(asked + 1)
        for process in workers:
            for number in signals:
                os.kill(process, number)
        stop(setup.server)
        setup.server.wait_for_line("stopping; kept:")
        gate.set()
        assert caller.result().status == 200

    assert setup.server.wait() == 0
    all_ended(workers)


def test_a_second_signal_ends_all_at_once(setup: Setup) -> None:
    """Whoever asks twice does not want to wait for the run under way."""
    until(lambda: len(processes(setup.server)) == WORKERS, "all are alive")
    workers = processes(setup.server)
    gate = threading.Event()
    setup.cloud.answer_next(Answer(hold=gate))
    asked = len(setup.cloud.intents())
    assert setup.request_sync(is_async=True).status == 200
    setup.cloud.wait_for(asked + 1)

    setup.server.terminate()
    setup.server.wait_for_line("stopping; kept:")
    setup.server.terminate()

    assert setup.server.wait() == INTERRUPTED_CODE
    assert setup.server.errors.count("stopping; kept:") == 1
    all_ended(workers)
    gate.set()


DEAF: Final = """
import signal
from homegraph.server.workers import Watch
from homegraph.service import lines

def work(leash):
    leash.tell_ready()
    while True:
        signal.pause()

watch = Watch(2, lambda: print("ready", flush=True), lambda: None, lines.logger("json", "info"), patience_seconds=0.1)
raise SystemExit(watch.run(work))
"""


def test_a_worker_that_hangs_is_not_waited_for_without_end() -> None:
    """Two workers that hear nothing: they are killed, the log says so, and the server ends with the code of one that was."""
    command = [sys.executable, "-c", DEAF]
    with Popen(command, stdout=PIPE, stderr=PIPE, text=True) as watching:
        assert watching.stdout is not None
        assert watching.stdout.readline() == "ready\n"
        watching.terminate()
        try:
            _, errors = watching.communicate(timeout=WAIT_SECONDS)
        finally:
            watching.kill()

    killed = [line for line in map(json.loads, errors.splitlines()) if "killed" in line["event"]]
    assert watching.returncode == KILLED_CODE
    assert len({line["process"] for line in killed}) == 2
    all_ended([line["process"] for line in killed])


def test_one_sync_call_at_a_time_whoever_is_asked(
    postgres: Postgres, cloud: ScriptedFulfillment, start: Any
) -> None:
    """While a call in sync mode is in flight at one worker, it is 429 at once at every other, and other users are served."""
    cloud.homes["token-2"] = Home("user-2")
    file = on(postgres.fresh_url(), cloud, links={"me": "token-1", "you": "token-2"})
    setup = Setup(cloud, start(file))
    wait_for_links(setup.server, "linked")
    gate = threading.Event()
    cloud.answer_next(Answer(hold=gate))
    asked = len(cloud.intents())
    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(setup.request_sync)
        cloud.wait_for(asked + 1)
        others = [pool.submit(setup.request_sync) for _ in range(7 * 3)]
        assert {call.result().status for call in others} == {429}
        assert setup.request_sync("user-2").status == 200
        gate.set()
        assert first.result().status == 200


def test_why_workers_cannot_start_is_said_once(
    postgres: Postgres, cloud: ScriptedFulfillment, start: Any
) -> None:
    """A database that is not there, a file of SQLite, an address that is taken: the exit code is that of one process."""
    url = postgres.url("not_there")
    away = start(on(url, cloud), name="away", ready=False)
    away.spawn()
    assert away.wait() == UNAVAILABLE_CODE
    assert away.errors.count("not_there") == 1

    file = start(on("sqlite:home.db", cloud), name="file", ready=False)
    file.spawn()
    assert file.wait() == SETTINGS_CODE
    assert "workers: an SQLite file belongs to one process" in file.errors

    first = start(on(postgres.fresh_url(), cloud), name="first")
    second = start(on(postgres.fresh_url(), cloud), name="second", ready=False)
    second.spawn("--listen", f"127.0.0.1:{first.port}")
    assert second.wait() == SETTINGS_CODE
    assert "cannot listen on" in second.errors
