"""What every adapter knows about handing out runs, beside the rule itself (``graph.syncing``)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from homegraph.graph import syncing
from homegraph.graph.model import Instant, Link, LinkState, Run, Target
from homegraph.graph.syncing import Work
from homegraph.store.port import Claim, Lease

_ASKED: Final = (LinkState.LINKED, LinkState.BROKEN)
"""States of the links that a run is told of."""


class Claimant(NamedTuple):
    """Who claims, for how long, and where the ids of interrupted runs come from."""

    worker: str
    lease_seconds: float
    ids: Callable[[], str]

    def claim(self, work: Work, now: Instant) -> Work:
        """The work as it is when he has it."""
        return syncing.claim(work, self.worker, now, self.lease_seconds)

    def interrupted(self, target: Target, work: Work, now: Instant) -> Run:
        """The record of a run that died."""
        return syncing.interrupted_run(self.ids(), target, work, now)


def is_held(work: Work | None, lease: Lease) -> bool:
    """Whether a lease is good for the work as it is now."""
    return (
        work is not None
        and work.taken != 0
        and work.fence == lease.fence
        and work.worker == lease.worker
    )


def claim_of(
    target: Target,
    before: Work,
    claimed: Work,
    links: Iterable[Link],
) -> Claim:
    """What a run is told. ``links`` are all links of the target; in a first SYNC the one."""
    asked = links if target.is_first_sync else (one for one in links if one.state in _ASKED)
    lease = Lease(target, claimed.fence, claimed.worker)
    return Claim(lease, claimed, tuple(asked), before if before.taken else None)
