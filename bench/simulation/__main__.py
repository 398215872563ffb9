"""``make simulate``: the tables of docs/explanation/scaling.md; and whether the simulation agrees with a measured run."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any, Final

from bench.scenarios import Server
from bench.simulation import closed_loop, costs, story
from bench.simulation.day import Habits, Release

SEED: Final = 20
REPLAYED_CALLS: Final = 20_000
NO_COMMIT: Final = frozenset({"floor", "query", "token"})
"""Rows that write nothing."""


def compared(run: dict[str, Any], commit_ms: float) -> str:
    """Every row of a run of the benchmark, measured and replayed."""
    rows = []
    for row in run["scenarios"]:
        if row["server"] == Server.PROXY or row["is_drain"] or row["is_large"]:
            continue  # not limited by the server, nobody who waits, other callers
        # PostgreSQL had no core of its own. It was where there was room, so that each of the two had half of its work.
        database_us = row["database_cpu_us"]["median"] / 2
        outcome = closed_loop.replay(
            row["cpu_us"]["median"] + database_us,
            callers=run["plan"]["connections"],
            calls=REPLAYED_CALLS,
            commit_ms=0.0 if row["name"].removesuffix("-pg") in NO_COMMIT else commit_ms,
            driver_us=row["driver_cpu_us"]["median"] + database_us,
            chance=Random(SEED),
        )
        measured = row["ops_per_second"]["median"]
        rows.append(
            (
                row["title"],
                f"{measured:,.0f}",
                f"{outcome.calls_per_second:,.0f}",
                f"{outcome.calls_per_second / measured:.2f}",
                f"{row['p50_ms']['median']:.2f}",
                f"{outcome.p50_ms:.2f}",
            )
        )
    head = ("row", "calls/s measured", "simulated", "ratio", "p50 ms measured", "simulated")
    return story.table(head, rows)


def main(arguments: Sequence[str]) -> int:
    """Print the tables; 0."""
    parser = argparse.ArgumentParser(prog="python -m bench.simulation", description=__doc__)
    parser.add_argument("--run", type=Path, metavar="FILE", help="what `make bench` has written")
    parser.add_argument("--users", type=float, default=story.MANY, metavar="N")
    parser.add_argument("--reports", type=float, metavar="N", help="reports of a user in a day")
    options = parser.parse_args(arguments)
    known = costs.of_run(options.run) if options.run else costs.measured()
    habits = Habits() if options.reports is None else Habits(reports=options.reports)
    if options.run:
        print("## One node, measured and simulated\n")
        print(compared(json.loads(options.run.read_text()), known.commit_ms))
    print("\n## What carries how many users\n")
    print(story.capacity_table(story.capacity(known, habits)))
    cluster = story.needed(options.users, known, habits)
    stored = options.users * known.user_bytes / cluster.shards / 1e9
    print(
        f"\n## {options.users:,.0f} users: {cluster.nodes} nodes, {cluster.shards} databases of {stored:,.0f} GB\n"
    )
    for title, release in (
        (
            "a release, called within the default quota",
            Release(requests_per_second=story.QUOTA_PER_SECOND),
        ),
        ("a release, 5,000 requests a second", Release()),
    ):
        print(f"### A day with {title}\n")
        moments = story.release_day(options.users, cluster, known, habits, release)
        print(story.day_table(story.hours(moments)), "\n")
    roomy = replace(cluster, project_runs_per_node=cluster.runs_per_node)
    moments = story.release_day(options.users, roomy, known, habits, Release())
    worst = max(moments, key=lambda one: one.waits_seconds)
    print(
        f"With project_concurrency = {cluster.runs_per_node} the last of {worst.waiting:,.0f} waiting runs waits "
        f"{story.lasting(worst.waits_seconds)}."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
