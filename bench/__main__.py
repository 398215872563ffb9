"""``python -m bench``: measure the chosen scenarios in turn, print the table, write the JSON file."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bench.carrying_out import carried_out
from bench.environment import environment
from bench.homes import DEVICES
from bench.processes import can_proxy
from bench.report import Row, document, heading, table
from bench.rounds import SQLITE, Plan, Reading, measure
from bench.scenarios import PROXY, SCENARIOS, Scenario, Server, on_postgres

FULL: Final = Plan(rounds=7, calls=2_000, connections=64, users=2_016, devices=DEVICES)
"""A minute and a half to two. Each user of a round is asked for once; 16 more are the blockers (``rounds``)."""

QUICK: Final = Plan(rounds=2, calls=64, connections=16, users=80, devices=DEVICES)
"""Some seconds: shows that everything works. Its figures mean nothing."""


def main(arguments: Sequence[str]) -> int:
    """Return the exit code: 0, 1 when something could not be measured, 128 and more when it was interrupted."""
    names = [scenario.name for scenario in SCENARIOS]
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "--scenario",
        action="append",
        choices=names,
        metavar="NAME",
        help=f"only this one; of {', '.join(names)}",
    )
    parser.add_argument("--rounds", type=int, metavar="N", help=f"rounds ({FULL.rounds})")
    parser.add_argument(
        "--quick", action="store_true", help="a few calls only, to see that it works"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all readings to this file")
    parser.add_argument(
        "--dir", type=Path, metavar="DIR", help="where the database is made (and removed)"
    )
    parser.add_argument(
        "--database",
        default=SQLITE,
        metavar="URL",
        help="an empty PostgreSQL database instead of an SQLite file; it is filled, and left like that",
    )
    parser.add_argument(
        "--postgres",
        action="store_true",
        help="every row on a PostgreSQL of its own as well, in the same rounds",
    )
    options = parser.parse_args(arguments)
    # Ended from outside, we end what we started: an exception goes through all contexts.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))

    if options.rounds is not None and options.rounds < 1:
        parser.error("--rounds must be at least 1")
    base = QUICK if options.quick else FULL
    plan = Plan(
        options.rounds or base.rounds,
        base.calls,
        base.connections,
        base.users,
        base.devices,
        options.database,
    )
    wanted = options.scenario or names
    chosen = tuple(scenario for scenario in SCENARIOS if scenario.name in wanted)
    if options.postgres:
        chosen += tuple(on_postgres(one) for one in chosen if one.server is Server.HOMEGRAPH)
    if PROXY in chosen and not can_proxy():
        print(f"bench: LEFT OUT: {PROXY.title}: there is no nginx on this machine", file=sys.stderr)
        chosen = tuple(scenario for scenario in chosen if scenario != PROXY)
    try:
        result = carried_out("bench", options, lambda folder: _run(chosen, plan, folder))
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    if result is None:
        return 1
    print(f"{heading(result)}\n\n{table(result)}")
    return 0


def _run(chosen: tuple[Scenario, ...], plan: Plan, folder: Path) -> dict[str, object]:
    readings: dict[Scenario, list[Reading]] = {scenario: [] for scenario in chosen}
    surroundings = environment(folder)
    for number, scenario, reading in measure(chosen, plan, folder):
        readings[scenario].append(reading)
        print(
            f"round {number}/{plan.rounds}: {scenario.name} {reading.cpu_us:.0f} us",
            file=sys.stderr,
        )
    rows = [Row(scenario, readings[scenario]) for scenario in chosen]
    return document(rows, plan, surroundings)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
