"""The benchmark, replayed: callers who send their next call when the last one is answered, and one server with one core.

A server takes what has arrived, works through it one by one, and commits it as a group; while the disk answers it works on what has
arrived since. That is all there is to its throughput and to the time a caller waits, and so both can be compared with what
was measured.
"""

from __future__ import annotations

import heapq
from collections import deque
from dataclasses import dataclass
from itertools import count
from random import Random
from statistics import median
from typing import Final

SPREAD: Final = 0.3
"""How much the cost of a call varies, as the standard deviation of its logarithm."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it."""

    calls_per_second: float
    p50_ms: float
    p99_ms: float
    calls_per_commit: float


def replay(
    cost_us: float,
    *,
    callers: int,
    calls: int,
    commit_ms: float = 0.0,
    driver_us: float = 0.0,
    chance: Random,
) -> Outcome:
    """One row of the benchmark. ``driver_us`` is what generator and stub need for a call, on a core of their own."""
    cost, commit, driver = cost_us / 1e6, commit_ms / 1e3, driver_us / 1e6
    order = count()
    arrivals = [(0.0, next(order)) for _ in range(callers)]
    waiting: deque[float] = deque()
    latencies: list[float] = []
    now = disk_free_at = driver_free_at = 0.0
    groups = 0
    while len(latencies) < calls:
        while arrivals and (arrivals[0][0] <= now or not waiting):
            at, _ = heapq.heappop(arrivals)
            now = max(now, at)
            waiting.append(at)
        group = [waiting.popleft() for _ in range(len(waiting))]
        mean = cost / _mean_of_lognormal()
        now += sum(mean * chance.lognormvariate(0.0, SPREAD) for _ in group)
        groups += 1
        disk_free_at = max(now, disk_free_at) + commit
        for sent_at in group:
            latencies.append(disk_free_at - sent_at)
            driver_free_at = max(driver_free_at, disk_free_at) + driver
            heapq.heappush(arrivals, (driver_free_at, next(order)))
    ordered = sorted(latencies)
    return Outcome(
        calls_per_second=len(latencies) / max(now, disk_free_at),
        p50_ms=median(ordered) * 1e3,
        p99_ms=ordered[int(len(ordered) * 0.99)] * 1e3,
        calls_per_commit=len(latencies) / groups,
    )


def _mean_of_lognormal() -> float:
    return float(2.718281828459045 ** (SPREAD**2 / 2))
