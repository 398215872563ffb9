"""Whether a server that is well used stays well: minutes of mixed calls at four fifths of what it can do.

First it is measured how many calls a second there can be, then four fifths of that are sent for as long as one likes, in slots of a
tenth of a second. Every answer must be right. The memory is read at the end of every slot and compared after a warm-up, and the journals
are counted: they must be within their bounds. Run by ``python -m bench.soak``.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from random import Random
from statistics import median
from typing import Any, Final

from bench import calls, load, processes
from bench.carrying_out import carried_out
from bench.credentials import access_token
from bench.measure import percentile, rss_mib
from bench.scenarios import Call, Change

USERS: Final = 2_000
DEVICES: Final = 20
CONNECTIONS: Final = 64
SLOT_SECONDS: Final = 0.1
SHARE: Final = 0.8
WARM_UP: Final = 0.3
"""Of the time: caches fill up, journals come to their bounds."""

GROWTH_MAX: Final = 0.05
SEED: Final = 20
TRIAL_CALLS: Final = 4_000
SETTLED_SHARE: Final = 0.2
"""Of the time: the last part, which is compared with the first part after the warm-up."""

MIX: Final = (
    (Call.REPORT, 12),
    (Call.QUERY, 5),
    (Call.REQUEST_SYNC_ASYNC, 2),
    (Call.REQUEST_SYNC, 1),
)
"""Calls and how often each is made: states come all the time, syncs seldom."""

BUSY: Final = b"HTTP/1.1 429 "
"""Two waiting calls for one user at a time, which chance brings about."""

_PATIENCE: Final = threading.Event()


def mixed(count: int, users: int, token: str, chance: Random) -> list[bytes]:
    """Calls about anybody, in the proportions of the mix."""
    kinds = chance.choices([call for call, _ in MIX], [share for _, share in MIX], k=count)
    return [calls.request(call, chance.randrange(users), token) for call in kinds]


def measure(folder: Path, seconds: float, users: int) -> dict[str, Any]:
    """Everything. Raises Broken when a call was not answered as it must be."""
    chance = Random(SEED)
    with ExitStack() as stack, processes.pinned(processes.DRIVER_CORE):
        stub = stack.enter_context(processes.stub(users, DEVICES))
        server = stack.enter_context(processes.homegraph(folder, stub, users))
        token = access_token(server)
        stub.tell("changes", Change.ONE.value)

        def some(count: int) -> list[bytes]:
            return mixed(count, users, token, chance)

        trial = _drive(server, some(TRIAL_CALLS))
        rate = SHARE * TRIAL_CALLS / trial.seconds
        memory, latencies = _steady(server, rate, seconds, some)
        server.wait_idle(users)
        counts = server.status()["counts"]
    warm = memory[int(len(memory) * WARM_UP) :]
    part = max(1, int(len(memory) * SETTLED_SHARE))
    before, after = median(warm[:part]), median(warm[-part:])
    ordered = sorted(latencies)
    return {
        "seconds": seconds,
        "calls": len(latencies),
        "rate": rate,
        "p50_ms": percentile(ordered, 50) * 1e3,
        "p99_ms": percentile(ordered, 99) * 1e3,
        "rss_mib_after_warm_up": before,
        "rss_mib_at_end": after,
        "growth": after / before - 1.0,
        "runs_kept": counts["runs"],
        "exchanges_kept": counts["exchanges"],
    }


def _steady(
    server: processes.Homegraph, rate: float, seconds: float, some: Callable[[int], list[bytes]]
) -> tuple[list[float], list[float]]:
    """Send so many calls a second; memory and latencies."""
    memory: list[float] = []
    latencies: list[float] = []
    started = time.monotonic()
    sent = 0
    while (passed := time.monotonic() - started) < seconds:
        due = int(rate * (passed + SLOT_SECONDS)) - sent
        if due > 0:
            latencies += _drive(server, some(due)).latencies
            sent += due
            memory.append(rss_mib(server.pid))
        _PATIENCE.wait(max(0.0, sent / rate - (time.monotonic() - started)))
    return memory, latencies


def _drive(server: processes.Homegraph, requests: list[bytes]) -> load.Tally:
    tally = load.drive(server.port, requests, CONNECTIONS, b"{", tolerated=BUSY)
    if tally.errors:
        raise processes.Broken(f"{tally.errors} errors, the first: {tally.wrong}")
    return tally


def sentence(result: dict[str, Any]) -> str:
    """The outcome for people."""
    return (
        f"{result['seconds'] / 60:.1f} minutes at {result['rate']:,.0f} calls/s, {result['calls']:,} calls without an error: "
        f"p50 {result['p50_ms']:.1f} ms, p99 {result['p99_ms']:.1f} ms; {result['rss_mib_after_warm_up']:.0f} MiB resident "
        f"after the warm-up, {result['rss_mib_at_end']:.0f} MiB at the end ({result['growth']:+.1%}); "
        f"{result['runs_kept']:,} runs and {result['exchanges_kept']:,} exchanges kept."
    )


def main(arguments: Sequence[str]) -> int:
    """Print the outcome; 0, or 1 when something was wrong or memory grew."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, metavar="N")
    parser.add_argument("--users", type=int, default=USERS, metavar="N")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to this file")
    parser.add_argument("--dir", type=Path, metavar="DIR", help="where the database is made")
    options = parser.parse_args(arguments)
    result = carried_out(
        "soak", options, lambda folder: measure(folder, options.minutes * 60, options.users)
    )
    if result is None:
        return 1
    print(sentence(result))
    return 0 if result["growth"] <= GROWTH_MAX else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
