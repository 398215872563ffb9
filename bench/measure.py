"""Clocks and counters of a process, and what is made of many readings.

CPU time is read from the clock that the kernel keeps for every process (user and system, all threads, ended ones too), in
nanoseconds. ``/proc/PID/stat`` has the same figure in ticks of 10 ms, which is a tenth of a short round.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

_CPUCLOCK_SCHED: Final = 2
"""Of a process's three clocks the one in nanoseconds (Linux, include/linux/posix-timers.h)."""


def cpu_seconds(pid: int) -> float:
    """CPU time that a process has used so far. Raises OSError when there is no such process."""
    return time.clock_gettime((~pid << 3) | _CPUCLOCK_SCHED)


def rss_mib(pid: int) -> float:
    """Resident memory of a process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise OSError(f"process {pid} has no memory any more")


def disk_bytes_read(pid: int) -> int:
    """What a process has had read from disks so far; what was in the kernel's memory does not count."""
    for line in Path(f"/proc/{pid}/io").read_text().splitlines():
        if line.startswith("read_bytes:"):
            return int(line.split()[1])
    raise OSError(f"process {pid} reads nothing any more")


def percentile(ordered: Sequence[float], percent: float) -> float:
    """The smallest reading that ``percent`` of the readings do not exceed; ``ordered`` is sorted and not empty."""
    rank = max(1, -(-len(ordered) * percent // 100))
    return ordered[int(rank) - 1]


@dataclass(frozen=True, slots=True)
class Spread:
    """Readings of several rounds, in short."""

    median: float
    min: float
    max: float


def spread(readings: Sequence[float]) -> Spread:
    """The median, and between what it lies."""
    return Spread(median(readings), min(readings), max(readings))
