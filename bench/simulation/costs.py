"""What things cost, as measured: CPU time of a server and of its database for each kind of work.

``measured.json`` holds the figures that the page was made with, and says where they come from; a file that ``python -m bench
--json`` has written takes its place for what it has measured.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

MEASURED: Final = "measured.json"

ROWS: Final[Mapping[str, str]] = {
    "report": "report",
    "query": "query",
    "enqueue": "async",
    "run": "sync-one",
    "run_unchanged": "sync-none",
}
"""Which row of the benchmark tells what a kind of work costs. A run is measured with the call that asks for it."""


@dataclass(frozen=True, slots=True)
class Cost:
    """One kind of work, once. ``server_us`` and ``database_us`` are CPU time, ``written_bytes`` goes to the database's log."""

    server_us: float
    database_us: float = 0.0
    written_bytes: float = 0.0


@dataclass(frozen=True, slots=True)
class Costs:
    """All of it. ``commit_ms`` is how long a commit waits for the disk; commits that come together share one."""

    report: Cost
    query: Cost
    enqueue: Cost
    run: Cost
    run_unchanged: Cost
    commit_ms: float
    user_bytes: float
    """What a user with ten devices takes in a database, indexes and journal included."""


def measured() -> Costs:
    """The figures of the page."""
    return _costs(json.loads(files(__package__).joinpath(MEASURED).read_text())["costs"])


def of_run(path: Path) -> Costs:
    """The same, with the costs of a run of the benchmark: those on PostgreSQL, where it has them. Raises OSError, ValueError."""
    rows = {row["name"]: row for row in json.loads(path.read_text())["scenarios"]}
    costs = measured()
    for kind, name in ROWS.items():
        cost = getattr(costs, kind)
        if row := rows.get(f"{name}-pg"):
            database_us = row["database_cpu_us"]["median"]
            cost = replace(cost, server_us=row["cpu_us"]["median"], database_us=database_us)
        elif row := rows.get(name):
            cost = replace(cost, server_us=row["cpu_us"]["median"])
        costs = replace(costs, **{kind: cost})
    return costs


def _costs(document: Mapping[str, Any]) -> Costs:
    return Costs(
        **{kind: Cost(**document[kind]) for kind in ROWS},
        commit_ms=document["commit_ms"],
        user_bytes=document["user_bytes"],
    )
