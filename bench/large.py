"""Whether many users cost more than few: the same calls on a database of a million homes and on one of a thousand.

Both servers are the shipped ones, each on a file of its own. They take turns, and the ratio of their throughputs is taken within each
round. Besides: how long the large one takes to be ready, and its memory before and after. Run by ``python -m bench.large``; a
million homes of ten devices need some 20 GB of disk and some minutes to be made.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from statistics import median
from typing import Any, Final

from bench import calls, load, processes
from bench.credentials import access_token
from bench.growing import grow
from bench.measure import cpu_seconds, rss_mib
from bench.scenarios import Call, Change

DEVICES: Final = 10
FEW: Final = 1_000
MANY: Final = 1_000_000
ROUNDS: Final = 5
CALLS: Final = 4_000
CONNECTIONS: Final = 64
SEED: Final = 20
BUSY: Final = b"HTTP/1.1 429 "
"""Two calls for one user at the same time, which chance brings about among a thousand."""

MEASURED: Final = (Call.REQUEST_SYNC, Call.REPORT, Call.QUERY)


@dataclass(frozen=True, slots=True)
class Side:
    """A server and how many users it has."""

    server: processes.Homegraph
    users: int
    token: str


@dataclass(frozen=True, slots=True)
class Reading:
    """One kind of call on one side, in one round."""

    calls_per_second: float
    cpu_us: float


@contextmanager
def side(folder: Path, stub: processes.Stub, users: int) -> Iterator[Side]:
    """A server with so many users, ready."""
    folder.mkdir()
    with processes.homegraph(folder, stub, 1):
        pass
    grow(folder / "bench.db", folder / "encryption.key", users)
    with processes.homegraph(folder, stub, users, declared=1) as server:
        yield Side(server, users, access_token(server))


def measure(folder: Path, users: int, rounds: int, count: int) -> dict[str, Any]:
    """Everything. Raises Broken when a call is not answered as it must be."""
    chance = Random(SEED)
    with ExitStack() as stack, processes.pinned(processes.DRIVER_CORE):
        stub = stack.enter_context(processes.stub(users, DEVICES))
        few = stack.enter_context(side(folder / "few", stub, min(FEW, users)))
        many = stack.enter_context(side(folder / "many", stub, users))
        stub.tell("changes", Change.ONE.value)
        memory = rss_mib(many.server.pid)
        readings: dict[str, dict[Call, list[Reading]]] = {"few": {}, "many": {}}
        for number in range(rounds + 1):
            for call in MEASURED:
                for name, one in (("few", few), ("many", many)):
                    reading = _reading(one, call, count, chance)
                    if number:
                        readings[name].setdefault(call, []).append(reading)
        return {
            "users": users,
            "file_gib": (folder / "many" / "bench.db").stat().st_size / 2**30,
            "ready_seconds": many.server.ready_seconds,
            "rss_mib_at_start": memory,
            "rss_mib_at_end": rss_mib(many.server.pid),
            "calls": [
                _row(call, readings["few"][call], readings["many"][call]) for call in MEASURED
            ],
        }


def _reading(one: Side, call: Call, count: int, chance: Random) -> Reading:
    requests = [calls.request(call, chance.randrange(one.users), one.token) for _ in range(count)]
    before = cpu_seconds(one.server.pid)
    tally = load.drive(one.server.port, requests, CONNECTIONS, calls.wanted(call), tolerated=BUSY)
    cpu = cpu_seconds(one.server.pid) - before
    if tally.errors:
        raise processes.Broken(f"{call}: {tally.errors} errors, the first: {tally.wrong}")
    return Reading(count / tally.seconds, cpu / count * 1e6)


def _row(call: Call, few: Sequence[Reading], many: Sequence[Reading]) -> dict[str, Any]:
    return {
        "call": call.value,
        "few": median(one.calls_per_second for one in few),
        "many": median(one.calls_per_second for one in many),
        "few_cpu_us": median(one.cpu_us for one in few),
        "many_cpu_us": median(one.cpu_us for one in many),
        "ratio": median(
            more.calls_per_second / less.calls_per_second
            for less, more in zip(few, many, strict=True)
        ),
        "rounds": [[asdict(a), asdict(b)] for a, b in zip(few, many, strict=True)],
    }


def table(result: dict[str, Any]) -> str:
    """For people, in Markdown."""
    about = (
        f"{result['users']:,} agent users with {DEVICES} devices, a file of {result['file_gib']:.1f} GiB: ready after "
        f"{result['ready_seconds']:.1f} s, {result['rss_mib_at_start']:.0f} MiB resident then and "
        f"{result['rss_mib_at_end']:.0f} MiB at the end.\n"
    )
    lines = [
        about,
        f"| call | calls/s with {FEW:,} users (CPU us) | with {result['users']:,} (CPU us) | ratio |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {row['call']} | {row['few']:,.0f} ({row['few_cpu_us']:.0f}) | {row['many']:,.0f} ({row['many_cpu_us']:.0f}) "
        f"| {row['ratio']:.2f} |"
        for row in result["calls"]
    ]
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> int:
    """Print the table; 0, or 1 when something could not be measured."""
    parser = argparse.ArgumentParser(prog="python -m bench.large", description=__doc__)
    parser.add_argument("--users", type=int, default=MANY, metavar="N")
    parser.add_argument("--rounds", type=int, default=ROUNDS, metavar="N")
    parser.add_argument("--calls", type=int, default=CALLS, metavar="N", help="of a round")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all readings to this file")
    parser.add_argument("--dir", type=Path, metavar="DIR", help="where the databases are made")
    options = parser.parse_args(arguments)
    try:
        with tempfile.TemporaryDirectory(prefix="homegraph-large-", dir=options.dir) as name:
            result = measure(Path(name), options.users, options.rounds, options.calls)
    except (processes.Broken, OSError) as exc:
        print(f"bench: {exc}", file=sys.stderr)
        return 1
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")
    print(table(result))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
