"""Readings as one document for machines and one table for people.

What counts is the ratio. It is taken within each round, because a disturbance lasts longer than a round, and of these ratios
the median is shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any, Final

from bench.measure import spread
from bench.rounds import Plan, Reading
from bench.scenarios import FLOOR, Scenario
from homegraph.settings.addresses import without_secrets

SCHEMA: Final = 1

_FIGURES: Final = (
    "ops_per_second",
    "cpu_us",
    "driver_cpu_us",
    "database_cpu_us",
    "p50_ms",
    "p99_ms",
    "rss_mib",
)
_COLUMNS: Final = (
    "scenario",
    "ops/s median (min-max)",
    "server CPU us/op median (min)",
    "x bare POST",
    "PostgreSQL CPU us/op",
    "p50 ms",
    "p99 ms",
    "RSS MiB",
)


@dataclass(frozen=True, slots=True)
class Row:
    """A scenario with its readings, in the order of the rounds."""

    scenario: Scenario
    readings: Sequence[Reading]


def document(rows: Sequence[Row], plan: Plan, environment: Mapping[str, Any]) -> dict[str, Any]:
    """Everything that was measured, for ``--json``."""
    floor = next((row for row in rows if row.scenario == FLOOR), None)
    return {
        "schema": SCHEMA,
        "environment": dict(environment),
        "plan": asdict(plan) | {"database": without_secrets(plan.database)},
        "scenarios": [_row(row, floor) for row in rows],
    }


def _row(row: Row, floor: Row | None) -> dict[str, Any]:
    figures = {
        name: asdict(spread([getattr(reading, name) for reading in row.readings]))
        for name in _FIGURES
    }
    ratio = None
    if floor is not None:
        pairs = zip(row.readings, floor.readings, strict=True)
        ratio = asdict(spread([reading.cpu_us / least.cpu_us for reading, least in pairs]))
    return {
        **asdict(row.scenario),
        "calls": row.readings[0].calls,
        "errors": sum(reading.errors for reading in row.readings),
        **figures,
        "cpu_us_mean": fmean(reading.cpu_us for reading in row.readings),
        "cpu_ratio": ratio,
        "rounds": [asdict(reading) for reading in row.readings],
    }


def table(result: Mapping[str, Any]) -> str:
    """The same for people, in Markdown, ready for the documentation."""
    rows = [_COLUMNS, *(_cells(scenario) for scenario in result["scenarios"])]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in rows
    ]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])


def _cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    ops, cpu, ratio = row["ops_per_second"], row["cpu_us"], row["cpu_ratio"]
    return (
        row["title"],
        f"{ops['median']:.0f} ({ops['min']:.0f}-{ops['max']:.0f})",
        f"{cpu['median']:.0f} ({cpu['min']:.0f})",
        f"{ratio['median']:.2f}" if ratio else "-",
        f"{row['database_cpu_us']['median']:.0f}" if row["database_cpu_us"]["max"] else "-",
        # Nobody waits for a run that drains.
        "-" if row["is_drain"] else f"{row['p50_ms']['median']:.2f}",
        "-" if row["is_drain"] else f"{row['p99_ms']['median']:.2f}",
        f"{row['rss_mib']['median']:.0f}",
    )


def heading(result: Mapping[str, Any]) -> str:
    """Where and how much, in two lines."""
    where, plan = result["environment"], result["plan"]
    libraries = ", ".join(f"{name} {number}" for name, number in where["libraries"].items())
    pinned = "server on core 0, generator and stub on core 1" if where["pinned"] else "not pinned"
    return (
        f"{where['at']}, revision {where['revision']}: {where['cpu']}, {where['cores']} cores ({pinned}; "
        f"load average {where['load_average']}), {where['system']}, {where['python']}, {libraries}, "
        f"SQLite {where['sqlite']} synchronous={where['sqlite_synchronous']} on {where['file_system']}, "
        f"fdatasync of a page {where['fdatasync_us']} us.\n"
        f"{plan['rounds']} rounds of {plan['calls']} calls (times each scenario's share), {plan['connections']} connections, "
        f"{plan['users']} agent users with {plan['devices']} devices of 800 bytes, on {plan['database']}."
    )
