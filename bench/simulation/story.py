"""The questions of docs/explanation/scaling.md, and their answers as tables."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from bench.simulation.cluster import CALM, Cluster, Moment, run
from bench.simulation.costs import Costs
from bench.simulation.day import HOUR_SECONDS, Habits, Release

MANY: Final = 100_000_000
QUOTA_PER_SECOND: Final = 100.0
"""6,000 calls a minute, as at Google and by default here."""

_SEARCH_STEPS: Final = 40


@dataclass(frozen=True, slots=True)
class Answer:
    """How many users a cluster carries, and what stands in the way of more."""

    name: str
    cluster: Cluster
    users: float
    first: str


CLUSTERS: Final[tuple[tuple[str, Cluster], ...]] = (
    ("one node, one PostgreSQL", Cluster(nodes=1)),
    ("ten nodes, one PostgreSQL", Cluster(nodes=10)),
    ("ten nodes, ten shards", Cluster(nodes=10, shards=10)),
    ("100 nodes, 64 shards", Cluster(nodes=100, shards=64)),
)


def carries(cluster: Cluster, costs: Costs, habits: Habits) -> tuple[float, str]:
    """The most users whose busiest hour leaves nodes and databases calm, and what is full first."""
    least, most = 0.0, 1e10

    def busiest(users: float) -> Moment:
        return max(
            run(users, cluster, costs, habits, step_seconds=HOUR_SECONDS),
            key=lambda moment: max(moment.node_load, moment.database_load),
        )

    for _ in range(_SEARCH_STEPS):
        users = (least + most) / 2
        moment = busiest(users)
        if max(moment.node_load, moment.database_load) > CALM or moment.waiting:
            most = users
        else:
            least = users
    at_limit = busiest(most)
    loads = {"database": at_limit.database_load, "nodes": at_limit.node_load}
    return least, max(loads, key=lambda name: loads[name])


def needed(users: float, costs: Costs, habits: Habits) -> Cluster:
    """The smallest cluster that carries so many: nodes and shards by their own busiest hour."""
    many = 10**6
    roomy = Cluster(nodes=many, shards=many)
    moments = list(run(users, roomy, costs, habits))
    nodes = max(moment.node_load for moment in moments) * many / CALM
    shards = max(moment.database_load for moment in moments) * many / CALM
    return replace(roomy, nodes=math.ceil(nodes), shards=math.ceil(shards))


def capacity(costs: Costs, habits: Habits) -> list[Answer]:
    """What one node, ten nodes and a spread database carry."""
    return [Answer(name, cluster, *carries(cluster, costs, habits)) for name, cluster in CLUSTERS]


def release_day(
    users: float, cluster: Cluster, costs: Costs, habits: Habits, release: Release
) -> list[Moment]:
    """A day with a release, minute by minute."""
    return list(run(users, cluster, costs, habits, release))


def hours(moments: Sequence[Moment]) -> list[Moment]:
    """The worst minute of every hour: the one in which runs wait longest, else the busiest."""
    by_hour: dict[int, list[Moment]] = {}
    for moment in moments:
        by_hour.setdefault(int(moment.at // HOUR_SECONDS), []).append(moment)
    return [
        max(some, key=lambda one: (one.waits_seconds, one.node_load)) for some in by_hour.values()
    ]


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Markdown."""
    lines = [f"| {' | '.join(row)} |" for row in (head, *rows)]
    return "\n".join([lines[0], "|" + "---|" * len(head), *lines[1:]])


def capacity_table(answers: Sequence[Answer]) -> str:
    """What carries how many."""
    return table(
        ("cluster", "cores of nodes + databases", "users", "full first"),
        [
            (
                one.name,
                f"{one.cluster.nodes * one.cluster.node_cores} + {one.cluster.shards * one.cluster.shard_cores}",
                f"{one.users:,.0f}",
                one.first,
            )
            for one in answers
        ],
    )


def day_table(moments: Sequence[Moment]) -> str:
    """A day, hour by hour."""
    head = (
        "UTC",
        "reports/s",
        "requests/s",
        "runs/s",
        "runs waiting",
        "the last waits",
        "nodes",
        "databases",
        "written MB/s",
        "report p50, p99 ms",
    )
    cells: Sequence[Callable[[Moment], str]] = (
        lambda one: f"{one.at // HOUR_SECONDS:02.0f}:00",
        lambda one: f"{one.rates.reports:,.0f}",
        lambda one: f"{one.rates.requests + one.rates.released:,.0f}",
        lambda one: f"{one.runs_per_second:,.0f}",
        lambda one: f"{one.waiting:,.0f}",
        lambda one: lasting(one.waits_seconds),
        lambda one: f"{one.node_load:.0%}",
        lambda one: f"{one.database_load:.0%}",
        lambda one: f"{one.written_bytes_per_second / 1e6:,.0f}",
        lambda one: f"{one.report_p50_ms:.1f}, {one.report_p99_ms:.1f}",
    )
    return table(head, [[cell(one) for cell in cells] for one in moments])


def lasting(seconds: float) -> str:
    """A time for people."""
    if seconds < 1:
        return "-"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7_200 else f"{seconds / 3_600:.1f} h"
