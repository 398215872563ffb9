"""The benchmark runs against the server as it is shipped."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from bench.processes import can_proxy
from bench.scenarios import PROXY, SCENARIOS

ROOT = Path(__file__).parents[2]


def _ran(module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A program of the benchmark, to its end."""
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_every_scenario_can_be_measured(tmp_path: Path):
    """One short round of all scenarios: every call is answered 200, every figure is there."""
    file = tmp_path / "run.json"

    done = _ran("bench", "--quick", "--rounds", "1", "--json", str(file))

    assert done.returncode == 0, done.stderr
    scenarios = json.loads(file.read_text())["scenarios"]
    measured = [scenario.name for scenario in SCENARIOS if scenario != PROXY or can_proxy()]
    assert [scenario["name"] for scenario in scenarios] == measured
    assert ("LEFT OUT" in done.stderr) is not can_proxy()
    assert all(scenario["errors"] == 0 for scenario in scenarios)
    assert all(scenario["cpu_ratio"]["median"] > 0 for scenario in scenarios)


def test_rows_on_postgresql_are_measured_in_the_same_rounds(tmp_path: Path):
    """A row and its twin on PostgreSQL have the same floor; what the database itself costs is counted apart."""
    file, words = tmp_path / "run.json", "--quick --rounds 1 --scenario floor --scenario report"

    done = _ran("bench", "--postgres", "--json", str(file), *words.split())

    assert done.returncode == 0, done.stderr
    _, sqlite, postgres = json.loads(file.read_text())["scenarios"]
    assert (sqlite["name"], postgres["name"]) == ("report", "report-pg")
    assert sqlite["database_cpu_us"]["max"] == 0 < postgres["database_cpu_us"]["median"]
    assert postgres["cpu_ratio"]["median"] > 0


def test_a_database_that_was_grown_serves_everybody(tmp_path: Path):
    """Homes that were copied are homes: every call about any of them is answered as it must be."""
    file, words = tmp_path / "large.json", "--users 80 --rounds 1 --calls 80"

    done = _ran("bench.large", "--json", str(file), *words.split())

    assert done.returncode == 0, done.stderr
    found = json.loads(file.read_text())
    assert found["users"] == 80
    found_of_many = [row["many"] for row in found["calls"]]
    assert all(one["calls_per_second"] > 0 and one["ratio"] > 0 for one in found_of_many)


def test_some_seconds_of_mixed_calls(tmp_path: Path):
    """A short soak: all calls are answered as they must be, at the rate that was found."""
    file, words = tmp_path / "soak.json", "--minutes 0.03 --users 80"

    done = _ran("bench.soak", "--json", str(file), *words.split())

    found = json.loads(file.read_text())
    assert "calls without an error" in done.stdout, done.stderr
    assert found["calls"] > 0.5 * found["rate"] * found["seconds"]
    assert found["runs_kept"] > 0
