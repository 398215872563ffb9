"""Real input: SYNC answers that the code of products makes, packages of npm that thousands of houses run, and what is found in them.

Each script beside ``products/package.json`` runs a package's own code on a set of devices and prints the answer. What Google would
refuse is named here device by device, with the rule that the product really breaks; anything else that is ``refused`` is our mistake.
Where node and npm are missing this is skipped, and says so; never in CI.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest

from homegraph import lint
from support.node import installed, tool

pytestmark = pytest.mark.node

HERE: Final = Path(__file__).parent / "products"
SECONDS_MAX: Final = 60


@pytest.fixture(scope="module")
def packages() -> Path:
    """The folder with the products."""
    return installed(HERE)


def answer(script: str, packages: Path) -> dict[str, Any]:
    """What a product answers to SYNC."""
    ran = subprocess.run(
        [tool("node"), str(HERE / script)],
        env={**os.environ, "NODE_PATH": str(packages)},
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    document: dict[str, Any] = json.loads(ran.stdout)
    return document


def refused(document: dict[str, Any]) -> set[tuple[str, str, str]]:
    """What Google would refuse: rule, device, and the last step of the path."""
    return {
        (one.rule, one.device_id, one.path.rpartition("/")[2])
        for one in lint(document, intent="SYNC")
        if one.severity == "refused"
    }


def test_node_red(packages: Path) -> None:
    """A device of each of the 81 types that the node offers, as its editor fills them in."""
    document = answer("node_red.js", packages)

    devices = document["payload"]["devices"]
    assert len({one["type"] for one in devices}) == len(devices) == 81
    assert len({trait for one in devices for trait in one["traits"]}) > 20
    assert refused(document) == {
        # Detectors begin without a sensor in the editor; the schema asks for at least one.
        ("attribute-size", "node-CARBON_MONOXIDE_DETECTOR", "sensorStatesSupported"),
        ("attribute-size", "node-SMOKE_DETECTOR", "sensorStatesSupported"),
    }


def test_iobroker(packages: Path) -> None:
    """Sixteen things as the package's own detector sees them: lights of every kind, windows, a thermostat, a player."""
    document = answer("iobroker.js", packages)

    devices = document["payload"]["devices"]
    assert len(devices) == 16
    assert len({one["type"] for one in devices}) == 7
    assert refused(document) == {
        # A thermometer is made a thermostat without modes; the schema requires the list, read-only or not.
        ("attribute-missing", "test.0.outside", "availableThermostatModes"),
    }
