"""The benchmark of a large database: how readings become ratios."""

from bench import large
from bench.large import Reading
from bench.scenarios import Call


def test_the_large_database_stands_beside_the_small_one_of_the_same_round():
    """A round in which the machine was slower does not change the ratio."""
    rounds = [
        {
            Call.QUERY: {
                "few": Reading(few, 10, 0),
                "many": Reading(many, 15, 4),
                "some": Reading(few, 11, 0),
            }
        }
        for few, many in ((100, 50), (200, 80), (300, 180))
    ]

    row = large._row(Call.QUERY, rounds)

    assert (row["many"]["ratio"], row["many"]["cpu_ratio"]) == (0.5, 1.5)
    assert (row["few"]["calls_per_second"], row["many"]["calls_per_second"]) == (200, 80)
    shown = large.table(
        {
            "users": 5_000,
            "file_gib": 1.5,
            "ready_seconds": {"few": 0.5, "many": 0.6},
            "rss_mib": [80, 150, 151],
            "calls": [row],
        }
    )
    assert shown.splitlines()[-1] == (
        "| query, two devices | 200 (10) | 80 (15); 0.50, 1.50; 4.0 | 200 (11); 1.00, 1.10; 0.0 |"
    )
