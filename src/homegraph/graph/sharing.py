"""Whose turn it is: how free places are shared among the projects that have due runs.

Every project gets a place before any gets a second one, so that a project with a million due runs, or with a fulfillment
that hangs, does not delay another. A project may hold at most ``each_max`` places at a time; and because several that hang could still
hold all there are, the last ``reserve`` places are for projects that have none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from heapq import heapify, heapreplace


def share(
    free: int, due: Sequence[str], running: Mapping[str, int], *, each_max: int, reserve: int = 0
) -> dict[str, int]:
    """How many runs of each project to start now, at most ``free`` in all.

    The project with the fewest running comes first; ties go in the order of ``due``.
    """
    shares: Counter[str] = Counter()
    # A heap, because thousands of projects may be due, and all of them would be looked at for each place.
    turns = [(running.get(project, 0), order) for order, project in enumerate(due)]
    heapify(turns)
    for left in range(free, 0, -1):
        most = each_max if left > reserve else min(1, each_max)
        if not turns or turns[0][0] >= most:
            break
        held, order = turns[0]
        heapreplace(turns, (held + 1, order))
        shares[due[order]] += 1
    return shares
