"""What homes do in a day, as rates. Every figure in here is an assumption; none of it was measured.

The assumptions stand as fields with their reasons, so that whoever knows better puts in other ones.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

DAY_SECONDS: Final = 86_400
HOUR_SECONDS: Final = 3_600

ZONES: Final = ((-8, 0.10), (-5, 0.20), (0, 0.15), (1, 0.20), (5.5, 0.15), (8, 0.12), (9, 0.08))
"""Hours from UTC, and the part of all users who live there."""


@dataclass(frozen=True, slots=True)
class Habits:
    """What one user with ten devices does in a day, on average."""

    reports: float = 60.0
    """Report State calls: lamps and sensors report changes, and most devices of a home are left alone for most of a day."""

    queries: float = 4.0
    """Calls of devices:query, and intents that read states."""

    requests: float = 0.05
    """Request Sync: a device is added, renamed or moved every three weeks."""

    evening: float = 1.6
    """How much more than on average happens at the busiest hour of somebody's own day."""


@dataclass(frozen=True, slots=True)
class Release:
    """A vendor's new release asks for a sync of everybody who has its devices."""

    users_part: float = 0.05
    begins_at: float = 14 * HOUR_SECONDS
    requests_per_second: float = 5_000.0
    """How fast the vendor calls: what its own servers do, or what the quota of its project lets through."""

    unchanged_part: float = 0.7
    """Homes in which the SYNC finds what was known."""


@dataclass(frozen=True, slots=True)
class Rates:
    """Events per second, of everybody together."""

    reports: float
    queries: float
    requests: float
    released: float
    """Requests that come from the release."""


def shape(at: float, evening: float) -> float:
    """How busy all homes are at a time of the day in UTC: 1 on average over the day."""
    return sum(part * _own_shape(at / HOUR_SECONDS + offset, evening) for offset, part in ZONES)


def _own_shape(hour: float, evening: float) -> float:
    """A day with a quiet night and its busiest hour at 19:00: a cosine, because nobody knows it better."""
    return 1.0 + (evening - 1.0) * math.cos((hour - 19.0) / 24.0 * math.tau)


def rates(
    users: float, at: float, habits: Habits, release: Release | None, seconds: float = 1.0
) -> Rates:
    """What arrives in a second, on average over ``seconds`` from that time of the day."""
    busy = users / DAY_SECONDS * shape(at, habits.evening)
    released = 0.0
    if release is not None:
        lasts = users * release.users_part / release.requests_per_second
        overlap = min(at + seconds, release.begins_at + lasts) - max(at, release.begins_at)
        released = release.requests_per_second * max(0.0, overlap) / seconds
    return Rates(busy * habits.reports, busy * habits.queries, busy * habits.requests, released)
