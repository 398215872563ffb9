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

    rows = document(
        {
            ours: [Reading(mine, 1.0) for mine, _ in rounds],
            other: [Reading(theirs, 1.0) for _, theirs in rounds],
        }
    )

    assert [row["ours_is"] for row in rows] == [1.0, 10.0]
    assert "10.0 x" in table(rows)


def _lines(capsys) -> list[str]:
    """The rows of the table that was printed."""
    return capsys.readouterr().out.splitlines()[2:]
