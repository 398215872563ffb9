"""Nodes, databases, and a queue between them: what a day's rates lead to, step by step.

Calls are answered first and runs get what is left, as in the server, where a claimed run is one task among many. What cannot be
run waits as a row in the database and nowhere else, so a queue costs no memory. A fulfillment answers after some time, and
only so many of one project are asked at once: that, too, limits the runs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from bench.simulation.costs import Cost, Costs
from bench.simulation.day import DAY_SECONDS, Habits, Rates, Release, rates

CALM: Final = 0.8
"""The part of its CPU time that a machine may use before waiting grows faster than load."""

STEP_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Cluster:
    """What there is. A node serves with ``node_cores``; a shard is one PostgreSQL with a part of the users."""

    nodes: int
    node_cores: int = 2
    shards: int = 1
    shard_cores: int = 8
    runs_per_node: int = 64
    project_runs_per_node: int = 16
    reply_seconds: float = 0.3
    """How long a fulfillment takes for SYNC."""


@dataclass(frozen=True, slots=True)
class Moment:
    """One step. Loads are parts of the CPU time there is; ``waiting`` are runs, ``waits_seconds`` is for the last of them."""

    at: float
    rates: Rates
    node_load: float
    database_load: float
    written_bytes_per_second: float
    runs_per_second: float
    waiting: float
    waits_seconds: float
    report_p50_ms: float
    report_p99_ms: float


def run(
    users: float,
    cluster: Cluster,
    costs: Costs,
    habits: Habits = Habits(),  # noqa: B008  # frozen
    release: Release | None = None,
    step_seconds: float = STEP_SECONDS,
) -> Iterator[Moment]:
    """A day from midnight UTC, with nothing waiting at its beginning."""
    waiting = 0.0
    unchanged = release.unchanged_part if release else 0.0
    for number in range(int(DAY_SECONDS / step_seconds)):
        at = number * step_seconds
        arriving = rates(users, at, habits, release, step_seconds)
        asked = arriving.requests + arriving.released
        cost = _mixed(costs, unchanged if arriving.released > arriving.requests else 0.0)
        answered = _load(arriving, costs)
        limit = _runs_limit(cluster, cost, answered, is_release=arriving.released > 0)
        done = min(asked + waiting / step_seconds, limit)
        waiting = max(0.0, waiting + (asked - done) * step_seconds)
        server_us = answered.server_us + done * cost.server_us
        database_us = answered.database_us + done * cost.database_us
        node_load = server_us / (cluster.nodes * cluster.node_cores * 1e6)
        database_load = database_us / (cluster.shards * cluster.shard_cores * 1e6)
        p50, p99 = _answer_ms(costs, costs.report, max(node_load, database_load))
        yield Moment(
            at,
            arriving,
            node_load,
            database_load,
            answered.written_bytes + done * cost.written_bytes,
            done,
            waiting,
            waiting / limit if limit else math.inf,
            p50,
            p99,
        )


def _load(arriving: Rates, costs: Costs) -> Cost:
    """What calls cost in a second."""
    asked = arriving.requests + arriving.released
    parts = (
        (arriving.reports, costs.report),
        (arriving.queries, costs.query),
        (asked, costs.enqueue),
    )
    return Cost(
        sum(rate * cost.server_us for rate, cost in parts),
        sum(rate * cost.database_us for rate, cost in parts),
        sum(rate * cost.written_bytes for rate, cost in parts),
    )


def _mixed(costs: Costs, unchanged: float) -> Cost:
    """A run, where some find nothing new. What the call costs is counted with the call."""
    one, none, call = costs.run, costs.run_unchanged, costs.enqueue
    return Cost(
        one.server_us * (1 - unchanged) + none.server_us * unchanged - call.server_us,
        one.database_us * (1 - unchanged) + none.database_us * unchanged - call.database_us,
        one.written_bytes * (1 - unchanged) + none.written_bytes * unchanged,
    )


def _runs_limit(cluster: Cluster, cost: Cost, answered: Cost, *, is_release: bool) -> float:
    """How many runs a second there can be beside the calls: by CPU time, and by how many are asked at once.

    A release is of one project. Runs of everybody else have room of their own then.
    """
    nodes = CALM * cluster.nodes * cluster.node_cores * 1e6 - answered.server_us
    shards = CALM * cluster.shards * cluster.shard_cores * 1e6 - answered.database_us
    at_once = cluster.project_runs_per_node if is_release else cluster.runs_per_node
    by_reply = cluster.nodes * at_once / cluster.reply_seconds
    return max(0.0, min(nodes / cost.server_us, shards / max(cost.database_us, 1e-9), by_reply))


def _answer_ms(costs: Costs, cost: Cost, load: float) -> tuple[float, float]:
    """Half of the calls and 99 of 100 are answered in this time: one core as a queue, and a commit and a half.

    The queue is M/M/1's; a load of one or more has no answer.
    """
    if load >= 1.0:
        return math.inf, math.inf
    service = (cost.server_us + cost.database_us) / 1e3 / (1.0 - load)
    commit = 1.5 * costs.commit_ms
    return service * math.log(2) + commit, service * math.log(100) + commit
