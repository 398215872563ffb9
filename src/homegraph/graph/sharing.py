"""Whose turn it is: how free places are shared among the projects that have due runs.

Every project gets a place before any gets a second one, so that a project with a million due runs, or with a fulfillment
that hangs, does not delay another. A project may hold at most ``each_max`` places at a time; and because several that hang could still
hold all there are, the last ``reserve`` places are for projects that have none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def share(
    free: int, due: Sequence[str], running: Mapping[str, int], *, each_max: int, reserve: int = 0
) -> dict[str, int]:
    """How many runs of each project to start now, at most ``free`` in all.

    The project with the fewest running comes first; ties go in the order of ``due``.
    """
    shares: dict[str, int] = {}
    held = {project: running.get(project, 0) for project in due}
    for left in range(free, 0, -1):
        most = each_max if left > reserve else min(1, each_max)
        open_ = [project for project in due if held[project] < most]
        if not open_:
            break
        chosen = min(open_, key=held.__getitem__)
        held[chosen] += 1
        shares[chosen] = shares.get(chosen, 0) + 1
    return shares
