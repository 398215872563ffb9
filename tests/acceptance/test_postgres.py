"""Servers on PostgreSQL: one, one that dies, and two that share a database."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import pytest

from homegraph.testing.fulfillment import Answer, Home, ScriptedFulfillment, lamp
from support.accounts import REPORT, call, create, fetch
from support.homes import KEY, Setup, configuration, wait_for_links
from support.postgres import Postgres
from support.server import homegraph, until
from support.users import link_of

SEALED_WITH: Final = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
"""Servers that share a database share the key that tokens in it are sealed with."""

ROUNDS: Final = 5
CALLERS: Final = 4
"""Of each server, at the same time, whenever the token has ended."""

REVOKED_SECONDS_MAX: Final = 1.0
"""The longest that a server may believe what another one has revoked."""


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL whose commits wait for the disk."""
    postgres = Postgres(options=())
    yield postgres
    postgres.close()


def refused_soon(call: Callable[[], int]) -> None:
    """Call until it is refused; what is sent later than a second after now must be."""
    revoked_at = time.monotonic()
    sent_at = revoked_at
    while call() == 200:
        assert sent_at < revoked_at + REVOKED_SECONDS_MAX
        sent_at = time.monotonic()


def on(url: str, cloud: ScriptedFulfillment, **parts: Any) -> dict[str, Any]:
    """The file of a server on a database."""
    server = {"database": url, "encryption_key": SEALED_WITH, "lease_seconds": 3}
    return configuration(cloud, server=server, **parts)


def test_a_home_outlives_its_server(
    postgres: Postgres, cloud: ScriptedFulfillment, start: Any
) -> None:
    """Requests, reports and queries are as with a file; all of it is there after a stop and after kill -9; no password is shown."""
    url = postgres.fresh_url().replace("postgres@", "postgres:hunter2@")
    server = start(on(url, cloud))
    setup = Setup(cloud, server)
    wait_for_links(server, "linked")
    assert (setup.request_sync().status, setup.request_sync(is_async=True).status) == (200, 200)
    token = fetch(create(setup))
    report = '{"agentUserId": "user-1", "payload": {"devices": {"states": {"lamp": {"on": true}}}}}'
    bearer = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    assert server.call(report, path=REPORT, headers=bearer).status == 200

    assert server.stop() == 0
    server.restart()
    cloud.homes["token-1"].devices = [lamp("lamp"), lamp("second")]
    assert setup.request_sync().status == 200
    server.kill()
    server.restart()

    query = '{"agentUserId": "user-1", "inputs": [{"payload": {"devices": [{"id": "lamp"}]}}]}'
    answered = server.call(query, path="/v1/devices:query", headers=bearer)
    assert answered.json["payload"]["devices"]["lamp"]["on"] is True
    assert server.device_ids("user-1") == ["lamp", "second"]
    assert "hunter2" not in server.banner + server.story() + str(server.admin("status"))
    assert f"postgresql://127.0.0.1:{postgres.port}/" in server.banner


def test_without_the_driver(tmp_path: Path) -> None:
    """A server that is to use PostgreSQL says what to install, and repeats no password."""
    (tmp_path / "asyncpg.py").write_text("raise ModuleNotFoundError('asyncpg')")
    variables = {"PYTHONPATH": str(tmp_path), "HOMEGRAPH_DATABASE": "postgresql://me:hunter2@db/x"}
    flags = ("--listen", "127.0.0.1:0", "--data-dir", str(tmp_path / "data"))
    done = homegraph("serve", *flags, folder=tmp_path, variables=variables)

    assert done.code != 0
    assert "pip install 'homegraph[postgres]'" in done.err
    assert "hunter2" not in done.err + done.out


def test_commands_that_take_care_of_files(tmp_path: Path) -> None:
    """They leave a PostgreSQL database to its own tools."""
    done = homegraph("db", "check", "--db", "postgresql://me:hunter2@db/x", folder=tmp_path)

    assert done.code != 0
    assert "pg_dump" in done.err
    assert "hunter2" not in done.err + done.out


def test_what_one_server_revokes_the_other_refuses(
    postgres: Postgres, cloud: ScriptedFulfillment, start: Any
) -> None:
    """A key, and a token, within a second; until then both servers had been called with them."""
    url = postgres.fresh_url()
    one = Setup(cloud, start(on(url, cloud), name="one"))
    two = Setup(cloud, start(on(url, cloud), name="two"))
    wait_for_links(two.server, "linked")
    made = one.server.admin_post("keys", project="acme")
    path = create(one)
    token = fetch(path)
    for server in (one.server, two.server):
        assert (
            server.call('{"agentUserId": "user-1", "async": true}', key=made["key"]).status == 200
        )
        assert call(server, token).status == 200

    one.server.admin_post("keys/revoke", project="acme", id=made["id"])
    refused_soon(lambda: two.request_sync(is_async=True, key=made["key"]).status)
    key_id = json.loads(path.read_text())["private_key_id"]
    one.server.admin_post("service-accounts/revoke", project="acme", id=key_id)
    refused_soon(lambda: call(two.server, token).status)
    assert two.request_sync(key=KEY).status == 200


def test_a_server_with_another_key_does_not_start(
    postgres: Postgres, cloud: ScriptedFulfillment, start: Any
) -> None:
    """It says what to do; the key is given up only when no server is left, and then the one that has the old one is refused."""
    file = on(postgres.fresh_url(), cloud)
    one = Setup(cloud, start(file, name="one"))
    wait_for_links(one.server, "linked")
    del file["server"]["encryption_key"]
    two = start(file, name="two", ready=False)
    two.spawn()

    assert two.wait() == 2
    assert "is missing" in two.errors
    assert f"at {two.data_dir / 'encryption.key'} " in two.errors
    assert "Traceback" not in two.errors
    assert one.request_sync().status == 200
    accept = ("db", "accept-key", "--yes", "--config", str(two.config_file), "--data-dir")
    refused = two.cli(*accept, str(two.data_dir))
    assert refused.code != 0
    assert f"The server at {one.server.url} uses the database" in refused.err
    one.server.stop()
    assert two.cli(*accept, str(two.data_dir)).code == 0
    two.start()
    two.stop()
    one.server.spawn()
    assert one.server.wait() == 2
    assert "and this server has the key" in one.server.errors


def test_what_a_dead_server_left_the_other_does(
    postgres: Postgres, cloud: ScriptedFulfillment, start: Any
) -> None:
    """A run under way when its server is killed is run again by the other one, when its lease has ended."""
    url = postgres.fresh_url()
    one = Setup(cloud, start(on(url, cloud), name="one"))
    wait_for_links(one.server, "linked")
    gate = threading.Event()
    cloud.answer_next(Answer(hold=gate))
    asked = len(cloud.intents())
    assert one.request_sync(is_async=True).status == 200
    cloud.wait_for(asked + 1)
    two = start(on(url, cloud), name="two")
    one.server.kill()
    cloud.homes["token-1"].devices = [lamp("lamp"), lamp("other")]
    gate.set()

    until(lambda: two.device_ids("user-1") == ["lamp", "other"], "the run was executed again")
    outcomes = [run["outcome"] for run in two.admin("runs")["runs"]]
    assert "interrupted" in outcomes


def test_two_servers_refresh_a_token_once(
    postgres: Postgres, cloud: ScriptedFulfillment, start: Any
) -> None:
    """Each refresh token is good for one time, and costs the grant when it is shown again: the servers take turns, and the link lives."""
    url = postgres.fresh_url()
    cloud.rotating = True
    cloud.refresh_tokens["refresh-1"] = "token-2"
    link = {"user": "me", "access_token": "token-1", "refresh_token": "refresh-1"}
    servers = [
        start(on(url, cloud, project={"links": [link]}), name=name) for name in ("one", "two")
    ]
    wait_for_links(servers[1], "linked")
    asked = {
        "project": "acme",
        "agent_user": "user-1",
        "devices": ["lamp"],
        "params": ["on=true"],
    }

    for number in range(ROUNDS):
        cloud.homes = {f"token-2{'-next' * number}": Home()}
        with ThreadPoolExecutor(2 * CALLERS) as pool:
            calls = [pool.submit(one.admin_post, "execute", **asked) for one in servers * CALLERS]
            assert all(call.result()["ok"] for call in calls)

        assert sum(call.path == "/token" for call in cloud.calls) == number + 1
    assert link_of(servers[0], "me")["state"] == "linked"


def test_a_caller_is_answered_whoever_executes_the_run(
    postgres: Postgres, cloud: ScriptedFulfillment, start: Any
) -> None:
    """A call in sync mode joins a run that only the other server has room for, and hears how it ended."""
    url = postgres.fresh_url()
    cloud.homes["token-2"] = Home("user-2")
    file = on(url, cloud, links={"me": "token-1", "you": "token-2"})
    file["server"]["concurrency"] = 1
    one = Setup(cloud, start(file, name="one"))
    wait_for_links(one.server, "linked")
    two = Setup(cloud, start(file, name="two"))
    gates = [threading.Event(), threading.Event()]
    cloud.answer_next(*(Answer(hold=gate) for gate in gates))
    with ThreadPoolExecutor() as callers:
        asked = len(cloud.intents())
        busy = callers.submit(two.request_sync, "user-2")
        cloud.wait_for(asked + 1)
        assert one.request_sync(is_async=True).status == 200
        cloud.wait_for(asked + 2)
        joined = callers.submit(two.request_sync)
        until(lambda: two.server.errors.count('"mode":"sync"') == 2, "the call has joined")
        again = callers.submit(one.request_sync)
        assert again.result().status == 429
        gates[1].set()
        assert (joined.result().status, joined.result().text) == (200, "{}\n")
        gates[0].set()
        assert busy.result().status == 200
