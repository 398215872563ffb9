"""The benchmark of callers: every caller really calls, and is measured by itself."""

import json
from pathlib import Path

from bench.callers import CALLERS, Reading, document, main, table


def test_the_command(tmp_path: Path, capsys):
    """A short round of all callers: each has its figures, in the file and in the table."""
    file = tmp_path / "callers.json"

    assert main(["--quick", "--json", str(file)]) == 0

    rows = json.loads(file.read_text())
    assert [row["name"] for row in rows] == [caller.name for caller in CALLERS]
    assert all(row["calls_per_second"] > 0 and row["cpu_us"] > 0 for row in rows)
    assert all(row["title"] in line for row, line in zip(rows, _lines(capsys), strict=True))


def test_the_ratio_is_taken_within_a_round():
    """A machine that was slow in one round was slow for everybody."""
    ours, other = CALLERS[0], CALLERS[2]
    rounds = [(1_000.0, 100.0), (500.0, 50.0), (900.0, 60.0)]
    cpu = [(20.0, 400.0), (40.0, 880.0), (30.0, 300.0)]

    rows = document(
        {
            ours: [Reading(one[0], took[0]) for one, took in zip(rounds, cpu, strict=True)],
            other: [Reading(one[1], took[1]) for one, took in zip(rounds, cpu, strict=True)],
        }
    )

    assert [(row["ours_is"], row["cpu_is"]) for row in rows] == [(1.0, 1.0), (10.0, 20.0)]
    assert "10.0 x | 20.0 x" in table(rows)


def _lines(capsys) -> list[str]:
    """The rows of the table that was printed."""
    return capsys.readouterr().out.splitlines()[2:]
