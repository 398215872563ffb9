"""The benchmark measures what it says: driven as a command, its figures are looked at for shape only."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bench import homes

from homegraph.service.interpreter import interpreter

ROOT = Path(__file__).parents[3]
SECONDS_MAX = 60.0


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command, with few calls."""
    return subprocess.run(
        [sys.executable, "-m", "bench", "--quick", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
    )


class Stub:
    """The benchmark's fulfillment as a process, with three users of four devices."""

    def __init__(self, port: int) -> None:
        self.port = port

    def post(self, path: str, token: str = "", request_id: str = "1") -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS_MAX)
        body = json.dumps(
            {"inputs": [{"intent": "action.devices.SYNC"}], "requestId": request_id},
            separators=(",", ":"),
        )
        connection.request("POST", path, body, {"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, json.loads(content) if content else None

    def tell(self, command: str) -> dict[str, int]:
        return self.post(f"/-/{command}")[1]

    def names(self, user: int) -> list[str]:
        _, reply = self.post("/smarthome", f"bench-access-token-{user:06}")
        return [device["name"]["name"] for device in reply["payload"]["devices"]]


@pytest.fixture
def stub() -> Iterator[Stub]:
    """A stub that ends with the test, by itself."""
    with subprocess.Popen(
        [sys.executable, "-m", "bench.stub", "3", "4"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin
        assert process.stdout
        try:
            yield Stub(int(process.stdout.readline()))
        finally:
            process.stdin.close()
            assert process.wait(SECONDS_MAX) == 0


def test_a_run_is_a_table_and_a_file(tmp_path: Path):
    """The file holds environment, plan, every reading and the ratio; the table has a line per scenario."""
    file = tmp_path / "results" / "run.json"

    done = bench("--scenario", "floor", "--rounds", "3", "--json", str(file))

    assert done.returncode == 0, done.stderr
    assert "| bare uvicorn POST " in done.stdout
    result = json.loads(file.read_text())
    assert set(result) == {"schema", "environment", "plan", "scenarios"}
    assert result["environment"]["sqlite_synchronous"] == "FULL"
    assert {"cpu", "cores", "libraries", "revision"} < set(result["environment"])
    assert result["environment"]["python"] == interpreter()[0]
    (floor,) = result["scenarios"]
    assert floor["name"] == "floor"
    assert floor["errors"] == 0
    assert len(floor["rounds"]) == result["plan"]["rounds"] == 3
    assert floor["cpu_ratio"] == {"median": 1.0, "min": 1.0, "max": 1.0}
    assert 0 < floor["cpu_us"]["min"] <= floor["cpu_us"]["median"] <= floor["cpu_us"]["max"]
    assert 0 < floor["p50_ms"]["median"] <= floor["p99_ms"]["median"]


def test_an_unknown_scenario_is_refused():
    """A misspelt scenario measures nothing and names those that there are."""
    done = bench("--scenario", "flor")

    assert done.returncode == 2
    assert "sync-one" in done.stderr


def test_devices_have_the_announced_size(stub: Stub):
    """A device of the stub has 800 bytes, and the reply repeats the request's id."""
    _, reply = stub.post("/smarthome", "bench-access-token-000001", "18446744073709551615")

    assert reply["requestId"] == "18446744073709551615"
    assert reply["payload"]["agentUserId"] == "user-000001"
    sizes = {
        len(json.dumps(device, separators=(",", ":"))) for device in reply["payload"]["devices"]
    }
    assert sizes == {800}


@pytest.mark.parametrize(("change", "changed"), [("none", 0), ("one", 1), ("all", 4)])
def test_the_stub_changes_as_many_devices_as_told(stub: Stub, change: str, changed: int):
    """From reply to reply so many devices get another name, in the home that was asked for."""
    before, other = stub.names(0), stub.names(1)
    stub.tell(f"changes/{change}")

    after = stub.names(0)

    assert sum(old != new for old, new in zip(before, after, strict=True)) == changed
    stub.tell("changes/none")
    assert stub.names(1) == other


def test_a_wrong_token_is_refused(stub: Stub):
    """The stub checks the bearer: a server that sent a wrong token would measure nothing."""
    assert stub.post("/smarthome", "bench-access-token-000009")[0] == 401


def test_the_stub_says_what_it_has_served(stub: Stub):
    """Waiting for a number of replies ends when they have been sent."""
    stub.names(0)
    stub.names(1)

    assert stub.tell("served/2") == {"served": 2, "held": 0}


@pytest.mark.parametrize("number", [0, 7, 999_999, 1_000_000, 12_345_678])
def test_a_copied_home_is_its_own_users(number):
    """Devices, states and changes are those of the user, each device as long as everybody else's."""
    home = homes.Home(number, 3)
    home.change_one()
    payload = json.loads(b'{"requestId":"1"' + home.rest)["payload"]
    ids = [homes.device_id(number, index) for index in range(3)]

    assert payload["agentUserId"] == homes.user(number)
    assert [one["id"] for one in payload["devices"]] == ids
    assert [one["name"]["name"][-1] for one in payload["devices"]] == ["0", "1", "0"]
    assert {len(json.dumps(one, separators=(",", ":"))) for one in payload["devices"]} == {
        homes.DEVICE_BYTES
    }
    assert list(json.loads(b'{"requestId":"1"' + home.states)["payload"]["devices"]) == ids
