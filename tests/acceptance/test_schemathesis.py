"""The OpenAPI document keeps its promises: schemathesis makes calls of it, valid and invalid ones, of a real server.

Every answer must have a declared status, content type, headers and schema; none may be a 5xx; what the document allows must be
accepted, unless there is no such user or device, and what it forbids must be refused.

Two of its checks contradict Google, and are left out: ``unsupported_method`` wants 405 where Google answers 404, and
``ignored_auth`` wants 401 or 403 for a wrong API key, which at Google is 400.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from homegraph.testing.fulfillment import Home, ScriptedFulfillment, lamp
from support.google import access_token, key_file
from support.homes import Setup
from support.schemathesis_hooks import DEVICE, LEAVER, USER
from support.server import Server

CASES_MIN: Final = 2_000
EXAMPLES: Final = 300
"""Generated calls of each method, valid and invalid; those that the document's bounds suggest come besides."""

SEED: Final = 20_261_122
RUN_SECONDS_MAX: Final = 900
"""Only a run that hangs takes that long; a good one takes half a minute, and five where four others want the same two cores."""

AGAINST_GOOGLE: Final = ("unsupported_method", "ignored_auth")

TESTS: Final = Path(__file__).parents[1]


@pytest.fixture
def setup(cloud: ScriptedFulfillment, start: Any) -> Setup:
    """Two linked users. The lamp may report whatever it likes: one of its traits is in no catalog."""
    traits = ["action.devices.traits.OnOff", "action.devices.traits.OfTheFuture"]
    devices = [lamp(DEVICE, traits=traits, notificationSupportedByAgent=True)]
    cloud.homes = {"token-1": Home(USER, devices), "token-2": Home(LEAVER, devices)}
    server = {"log_level": "warning", "quota_per_minute": 1_000_000}
    return Setup.up(cloud, start, links={"me": "token-1", "you": "token-2"}, server=server)


def run(server: Server, token: str, folder: Path) -> tuple[int, str, dict[str, Any]]:
    """Have schemathesis try the server; returns its exit code, what it says, and its report."""
    report = folder / "report.json"
    ran = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "run", f"{server.url}/openapi.json"),
            *("--header", f"Authorization: Bearer {token}"),
            *("--checks", "all", "--exclude-checks", ",".join(AGAINST_GOOGLE)),
            *("--max-examples", str(EXAMPLES), "--seed", str(SEED), "--continue-on-failure"),
            *("--report", "json", "--report-json-path", str(report)),
        ],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": str(TESTS),
            "SCHEMATHESIS_HOOKS": "support.schemathesis_hooks",
        },
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS_MAX,
        check=False,
    )
    return ran.returncode, ran.stdout + ran.stderr, json.loads(report.read_text())


def test_the_document_promises_nothing_that_is_not_kept(setup: Setup, tmp_path: Path) -> None:
    """Two thousand calls and more, from a fixed seed, many of which reach what is stored."""
    token = access_token(key_file(setup.server))

    code, said, report = run(setup.server, token, tmp_path)

    assert code == 0, said
    assert report["operations"]["tested"] == 5
    assert report["failures"] == report["errors"] == []
    assert report["test_cases"]["generated"] >= CASES_MIN
    accepted = {name: rate["fuzzing"]["accepted"] for name, rate in report["valid_rates"].items()}
    assert accepted.pop("DELETE /v1/agentUsers/{agentUserId}") == 1
    assert len(accepted) == 4
    assert min(accepted.values()) >= EXAMPLES // 10, accepted
    assert setup.server.admin("status")["ready"]
    assert "Traceback" not in setup.server.errors
