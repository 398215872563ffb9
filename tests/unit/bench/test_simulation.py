"""The simulation keeps its books: nothing is lost in it, and where there is a formula it agrees."""

import json
from dataclasses import replace
from random import Random

import pytest
from bench.simulation import closed_loop, costs
from bench.simulation.__main__ import main
from bench.simulation.cluster import CALM, STEP_SECONDS, Cluster, run
from bench.simulation.day import DAY_SECONDS, Habits, Release, rates, shape
from bench.simulation.story import capacity, hours, needed, release_day

COSTS = costs.measured()
HABITS = Habits()


def test_a_server_that_is_never_idle_serves_as_fast_as_a_call_costs():
    """64 callers keep one core busy: its throughput is one by the cost, and a caller waits for all the others."""
    outcome = closed_loop.replay(50.0, callers=64, calls=20_000, chance=Random(1))

    assert outcome.calls_per_second == pytest.approx(20_000, rel=0.03)
    assert outcome.p50_ms == pytest.approx(64 * 0.05, rel=0.1)


def test_what_comes_during_a_commit_shares_the_next_one():
    """A slow disk is waited for by many at once: it costs latency, and little throughput."""
    outcome = closed_loop.replay(50.0, callers=64, calls=20_000, commit_ms=1.0, chance=Random(1))

    assert outcome.calls_per_commit > 8
    assert outcome.calls_per_second > 0.7 * 20_000


def test_a_generator_that_is_slower_than_the_server_is_what_is_measured():
    """The benchmark's own core can be the full one."""
    outcome = closed_loop.replay(20.0, callers=64, calls=5_000, driver_us=100.0, chance=Random(1))

    assert outcome.calls_per_second == pytest.approx(10_000, rel=0.03)


def test_a_day_has_as_much_as_its_habits_say():
    """The shape of the day moves events and makes none."""
    steps = [rates(1_000, at, HABITS, None) for at in range(0, DAY_SECONDS, 600)]

    assert sum(one.reports for one in steps) * 600 == pytest.approx(
        1_000 * HABITS.reports, rel=0.01
    )
    assert max(shape(at, 1.6) for at in range(0, DAY_SECONDS, 600)) < 1.6


def test_every_request_of_a_release_is_run_or_waits():
    """At any moment: what was asked is what was run and what waits."""
    cluster, release = Cluster(nodes=2), Release(requests_per_second=2_000.0)
    asked = done = 0.0

    for moment in run(10_000_000, cluster, COSTS, HABITS, release):
        asked += (moment.rates.requests + moment.rates.released) * STEP_SECONDS
        done += moment.runs_per_second * STEP_SECONDS
        assert asked == pytest.approx(done + moment.waiting, rel=1e-6)

    assert asked == pytest.approx(10_000_000 * (HABITS.requests + release.users_part), rel=0.05)


def test_runs_give_way_to_calls():
    """Runs fill what calls leave of a calm machine, and no more; one project fills its own part only."""
    cluster = Cluster(nodes=1, project_runs_per_node=64, reply_seconds=0.01)
    moments = release_day(20_000_000, cluster, COSTS, HABITS, Release(requests_per_second=20_000.0))
    busy = [one for one in moments if one.waiting and not one.rates.released]

    assert busy
    assert all(one.node_load <= CALM + 1e-9 for one in busy)
    slow = release_day(5_000_000, replace(cluster, reply_seconds=1.0), COSTS, HABITS, Release())
    assert max(one.runs_per_second for one in slow) <= 64


def test_the_cluster_that_is_needed_carries_what_it_is_for():
    """And one node less does not."""
    cluster = needed(50_000_000, COSTS, HABITS)

    assert max(one.node_load for one in run(50_000_000, cluster, COSTS, HABITS)) <= CALM
    less = replace(cluster, nodes=cluster.nodes - 1)
    assert max(one.node_load for one in run(50_000_000, less, COSTS, HABITS)) > CALM


def test_more_machines_carry_more():
    """Ten nodes carry ten times as much, unless the one database is full before."""
    one, ten, spread, _ = capacity(COSTS, HABITS)

    assert ten.users == pytest.approx(10 * one.users, rel=0.01) or ten.first == "database"
    assert spread.users == pytest.approx(10 * one.users, rel=0.01)


def test_the_worst_minute_of_an_hour_is_shown():
    """An hour's row is not its average."""
    moments = release_day(1_000_000, Cluster(nodes=1), COSTS, HABITS, Release())

    assert len(hours(moments)) == 24
    assert max(one.waiting for one in hours(moments)) == max(one.waiting for one in moments)


def test_the_command(capsys):
    """It prints the tables of the page."""
    assert main(["--users", "1000000"]) == 0

    text = capsys.readouterr().out
    assert "## What carries how many users" in text
    assert "## 1,000,000 users: 1 nodes, 1 databases of 28 GB" in text


def row(name, server_us, database_us=0.0, calls_per_second=1_000.0):
    """What the benchmark writes about a row, as far as the simulation reads it."""
    told = {"title": name, "name": name, "server": "", "is_drain": False, "is_large": False}
    figures = {
        "cpu_us": server_us,
        "driver_cpu_us": 10.0,
        "database_cpu_us": database_us,
        "ops_per_second": calls_per_second,
        "p50_ms": 1.0,
    }
    return told | {of: {"median": median} for of, median in figures.items()}


def written(tmp_path, *rows):
    """A file that the benchmark could have written."""
    file = tmp_path / "run.json"
    file.write_text(json.dumps({"plan": {"connections": 64}, "scenarios": rows}))
    return file


def test_a_run_of_the_benchmark_tells_the_costs(tmp_path):
    """Nodes are on PostgreSQL: its rows count, where there are some; without them the database's costs are those of the page."""
    told = costs.of_run(
        written(tmp_path, row("report", 50.0), row("report-pg", 60.0, 30.0), row("query", 40.0))
    )

    assert (told.report.server_us, told.report.database_us) == (60.0, 30.0)
    assert (told.query.server_us, told.query.database_us) == (40.0, COSTS.query.database_us)
    assert told.enqueue == COSTS.enqueue


def test_a_database_on_the_same_cores_takes_its_part_of_each(tmp_path, capsys):
    """PostgreSQL had no core of its own in the benchmark: half of its time is the server's core's."""
    run_ = written(tmp_path, row("query-pg", 60.0, 80.0, calls_per_second=10_000.0))
    assert main(["--run", str(run_), "--users", "1000000"]) == 0

    (shown,) = (line for line in capsys.readouterr().out.splitlines() if "query-pg" in line)
    _, _, measured, simulated, ratio, *_ = (cell.strip() for cell in shown.split("|"))
    assert measured == "10,000"
    assert int(simulated.replace(",", "")) == pytest.approx(10_000, rel=0.03)
    assert float(ratio) == pytest.approx(1.0, abs=0.03)
