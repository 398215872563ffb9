"""Whether many users cost more than few: the same calls on a database of a million homes and on one of a thousand.

Both servers are the shipped ones, each on a file of its own. They take turns, and the ratio of their throughputs is taken within each
round. The large one is called twice: for homes from anywhere in it, nearly none of which was asked for before, and for as many homes
as the small one has, which lie apart from each other but come round again. The first is the worst that can be asked of it; the second
tells what its size alone costs. Besides: how much is read from the disk, how long the large one takes to be ready, and its memory
before and after. Run by ``python -m bench.large``; a million homes of ten devices need 14 GB of disk and some minutes to be made.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from itertools import cycle, islice
from pathlib import Path
from random import Random
from statistics import median
from typing import Any, Final, TypeAlias

from bench import calls, load, processes
from bench.carrying_out import carried_out
from bench.credentials import access_token
from bench.growing import grow
from bench.measure import cpu_seconds, disk_bytes_read, rss_mib
from bench.scenarios import Call, Change

DEVICES: Final = 10
FEW: Final = 1_000
MANY: Final = 1_000_000
ROUNDS: Final = 5
CALLS: Final = 4_000
CONNECTIONS: Final = 64
SEED: Final = 20
PORTION_BYTES: Final = 1 << 20
MEASURED: Final = (Call.REQUEST_SYNC, Call.REPORT, Call.QUERY)


@dataclass(frozen=True, slots=True)
class Side:
    """A server and how many users it has."""

    server: processes.Homegraph
    users: int
    token: str


@dataclass(frozen=True, slots=True)
class Case:
    """A side, and the homes of it that are called."""

    side: Side
    homes: range


@dataclass(frozen=True, slots=True)
class Reading:
    """One kind of call in one case, in one round. ``disk_kib`` is what one call had read from the disk."""

    calls_per_second: float
    cpu_us: float
    disk_kib: float


Round: TypeAlias = dict[Call, dict[str, Reading]]
"""By call and case."""


@contextmanager
def side(folder: Path, stub: processes.Stub, users: int) -> Iterator[Side]:
    """A server with so many users, ready."""
    folder.mkdir()
    with processes.homegraph(folder, stub, 1):
        pass
    grow(folder / "bench.db", folder / "encryption.key", users)
    _look_through(folder / "bench.db")
    with processes.homegraph(folder, stub, users, declared=1) as server:
        yield Side(server, users, access_token(server))


def _look_through(file: Path) -> None:
    """Read a file once, so that the kernel has it, as far as it has room: which part of it was kept while it was made is chance."""
    with file.open("rb", buffering=0) as opened:
        while opened.read(PORTION_BYTES):
            pass


def measure(folder: Path, users: int, rounds: int, count: int) -> dict[str, Any]:
    """Everything. Raises Broken when a call is not answered as it must be."""
    chance = Random(SEED)
    with ExitStack() as stack, processes.pinned(processes.DRIVER_CORE):
        stub = stack.enter_context(processes.stub(users, DEVICES))
        few = stack.enter_context(side(folder / "few", stub, min(FEW, users)))
        many = stack.enter_context(side(folder / "many", stub, users))
        stub.tell("changes", Change.ONE.value)
        cases = {
            "few": Case(few, range(few.users)),
            "many": Case(many, range(many.users)),
            "some": Case(many, range(0, many.users, many.users // few.users)),
        }
        memory = [rss_mib(many.server.pid)]
        done = []
        for _ in range(rounds + 1):
            done.append(_round(cases, count, chance))
            memory.append(rss_mib(many.server.pid))
        return {
            "users": users,
            "file_gib": (folder / "many" / "bench.db").stat().st_size / 2**30,
            "ready_seconds": {"few": few.server.ready_seconds, "many": many.server.ready_seconds},
            "rss_mib": memory,
            "calls": [_row(call, done[1:]) for call in MEASURED],  # the first round warms up
        }


def _round(cases: dict[str, Case], count: int, chance: Random) -> Round:
    return {
        call: {name: _reading(case, call, count, chance) for name, case in cases.items()}
        for call in MEASURED
    }


def _reading(case: Case, call: Call, count: int, chance: Random) -> Reading:
    server = case.side.server
    # Nobody is called twice at a time, which would be refused, and cheap: a home comes again when all others have come.
    order = chance.sample(case.homes, min(count, len(case.homes)))
    numbers = islice(cycle(order), count)
    requests = [calls.request(call, number, case.side.token) for number in numbers]
    cpu, disk = cpu_seconds(server.pid), disk_bytes_read(server.pid)
    tally = load.drive(server.port, requests, CONNECTIONS, calls.wanted(call))
    cpu, disk = cpu_seconds(server.pid) - cpu, disk_bytes_read(server.pid) - disk
    if tally.errors:
        raise processes.Broken(f"{call}: {tally.errors} errors, the first: {tally.wrong}")
    return Reading(count / tally.seconds, cpu / count * 1e6, disk / count / 1024)


def _row(call: Call, rounds: Sequence[Round]) -> dict[str, Any]:
    """What a call costs in each case, beside the small database in the same round."""
    few = [one[call]["few"] for one in rounds]
    cases = {name: _summary(few, [one[call][name] for one in rounds]) for name in rounds[0][call]}
    return {"call": call.value, **cases}


def _summary(few: Sequence[Reading], ones: Sequence[Reading]) -> dict[str, Any]:
    pairs = list(zip(few, ones, strict=True))
    return {
        "calls_per_second": median(one.calls_per_second for one in ones),
        "cpu_us": median(one.cpu_us for one in ones),
        "disk_kib": median(one.disk_kib for one in ones),
        "ratio": median(one.calls_per_second / less.calls_per_second for less, one in pairs),
        "cpu_ratio": median(one.cpu_us / less.cpu_us for less, one in pairs),
        "rounds": [asdict(one) for one in ones],
    }


def table(result: dict[str, Any]) -> str:
    """For people, in Markdown."""
    ready, memory = result["ready_seconds"], result["rss_mib"]
    heads = {
        "few": f"{FEW:,} users",
        "many": f"any of {result['users']:,}",
        "some": f"{FEW:,} of them, again and again",
    }
    about = (
        f"{result['users']:,} agent users with {DEVICES} devices, a file of {result['file_gib']:.1f} GiB: ready after {ready['many']:.1f} s "
        f"({FEW:,} users: {ready['few']:.1f}), {memory[0]:.0f} MiB resident then, {memory[1]:.0f} after the first round and "
        f"{memory[-1]:.0f} after the last.\n"
    )
    lines = [
        about,
        "Calls a second (CPU us); beside the small database in the same rounds: x calls a second, x CPU; KiB read from the disk.\n",
        f"| call | {' | '.join(heads.values())} |",
        "|---" * (1 + len(heads)) + "|",
    ]
    lines += [
        f"| {row['call']} | {' | '.join(_cell(row[name], name) for name in heads)} |"
        for row in result["calls"]
    ]
    return "\n".join(lines)


def _cell(case: dict[str, Any], name: str) -> str:
    cell = f"{case['calls_per_second']:,.0f} ({case['cpu_us']:.0f})"
    if name != "few":
        cell += f"; {case['ratio']:.2f}, {case['cpu_ratio']:.2f}; {case['disk_kib']:.1f}"
    return cell


def main(arguments: Sequence[str]) -> int:
    """Print the table; 0, or 1 when something could not be measured."""
    parser = argparse.ArgumentParser(prog="python -m bench.large", description=__doc__)
    parser.add_argument("--users", type=int, default=MANY, metavar="N")
    parser.add_argument("--rounds", type=int, default=ROUNDS, metavar="N")
    parser.add_argument("--calls", type=int, default=CALLS, metavar="N", help="of a round")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all readings to this file")
    parser.add_argument("--dir", type=Path, metavar="DIR", help="where the databases are made")
    options = parser.parse_args(arguments)
    result = carried_out(
        "large",
        options,
        lambda folder: measure(folder, options.users, options.rounds, options.calls),
    )
    if result is None:
        return 1
    print(table(result))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
