"""The work of targets: requests, claims, leases. Loads a ``Work``, asks ``graph.syncing``, writes what it says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from heapq import merge
from itertools import islice

from homegraph.graph import syncing
from homegraph.graph.model import Cause, Instant, Link, Mode, Run, Target
from homegraph.graph.syncing import Work
from homegraph.store.claims import Claimant, claim_of, is_held
from homegraph.store.port import Admitted, Claim, Lease
from homegraph.store.rows import (
    key_of_target,
    link_of,
    links_of,
    row_of_run,
    row_of_work,
    work_of,
)
from homegraph.store.sqlite.database import Database


def request_sync(
    db: Database, claimant: Claimant, target: Target, mode: Mode, cause: Cause, now: Instant
) -> Admitted | None:
    """``Store.request_sync``."""
    row = db.row("find_work", *key_of_target(target))
    if row is None:
        return None
    admission, work = syncing.request(work_of(row), mode, cause, now)
    if admission is syncing.REFUSE:
        return Admitted(admission, work.sync_generation)
    if admission is syncing.START:
        claim = _hand_out(db, claimant, target, work, now)
        return Admitted(admission, work.requested, claim)
    save(db, target, work)
    return Admitted(admission, work.requested)


def projects_due(db: Database, now: Instant) -> list[str]:
    """``Store.projects_due``."""
    return [project_id for (project_id,) in db.rows("list_projects_ready", now)]


def claim_due(
    db: Database, claimant: Claimant, project_id: str, now: Instant, limit: int
) -> list[Claim]:
    """``Store.claim_due``."""
    return [
        _hand_out(db, claimant, Target(project_id, row[0], row[1]), work_of(row), now)
        for row in db.rows("list_ready", project_id, now, limit)
    ]


def next_due_at(db: Database, now: Instant) -> Instant | None:
    """``Store.next_due_at``."""
    due_at: Instant | None = db.value("find_next_ready", now)
    return due_at


def heartbeat(
    db: Database, leases: Sequence[Lease], now: Instant, lease_seconds: float
) -> list[Lease]:
    """``Store.heartbeat``."""
    until = now + lease_seconds
    return [
        lease
        for lease in leases
        if not db.run(
            "prolong_lease", *key_of_target(lease.target), lease.fence, lease.worker, until
        )
    ]


def hand_back(db: Database, leases: Sequence[Lease], now: Instant) -> None:
    """``Store.hand_back``."""
    for lease in leases:
        work = find_leased(db, lease)
        if work is not None:
            save(db, lease.target, syncing.interrupt(work, now))


def works(db: Database, limit: int) -> list[tuple[Target, Work]]:
    """``Store.works``. The soonest of each project, then the soonest of those: never more rows than asked for."""
    of_projects = [
        db.rows("list_busy", project_id, limit) for (project_id,) in db.rows("list_projects_busy")
    ]
    return [(Target(*row[1:4]), work_of(row)) for row in islice(merge(*of_projects), limit)]


def find_works(db: Database, targets: Sequence[Target]) -> dict[Target, Work]:
    """``Store.find_works``."""
    rows = {target: db.row("find_work", *key_of_target(target)) for target in targets}
    return {target: work_of(row) for target, row in rows.items() if row is not None}


def recover(db: Database, ids: Callable[[], str], now: Instant) -> None:
    """Mend what the process before left behind; nobody else can hold a lease, since one process owns the file."""
    for row in db.rows("list_left_behind"):
        target, work = Target(*row[:3]), work_of(row)
        if work.taken:
            _record(db, syncing.interrupted_run(ids(), target, work, now))
        save(db, target, syncing.recover(work, now))


def follow_clock(db: Database, now: Instant) -> None:
    """Mend what a clock left behind that was set back while nobody had the file (docs/decisions/0056)."""
    for row in db.rows("list_from_later", now):
        save(db, Target(*row[:3]), syncing.follow_clock(work_of(row), now))


# --- for the other modules ----------------------------------------------------------------------------------


def find_leased(db: Database, lease: Lease) -> Work | None:
    """The work under a lease; None when the lease is lost."""
    row = db.row("find_work", *key_of_target(lease.target))
    if row is None:
        return None
    work = work_of(row)
    return work if is_held(work, lease) else None


def save(db: Database, target: Target, work: Work) -> None:
    """Write a target's work."""
    db.run("save_work", *row_of_work(target, work))


def save_as_claimed(db: Database, lease: Lease, settled: Work) -> bool:
    """Write a target's work if it is what the lease was given for, with no request since; whether it is.

    Nothing else changes work that somebody holds, but for the time that the lease has left.
    """
    return bool(
        db.run("settle_work", *row_of_work(lease.target, settled), lease.fence, lease.worker)
    )


def open_work(db: Database, target: Target, fence: int) -> None:
    """Keep work for a target that has none. Its fences go on after ``fence``."""
    db.run("insert_work", *row_of_work(target, Work(fence=fence)))


def close_work(db: Database, target: Target) -> int:
    """Forget a target's work, lease and all; its last fence, to be kept somewhere."""
    fence = _get_work(db, target).fence
    db.run("delete_work", *key_of_target(target))
    return fence


def ask(db: Database, target: Target, now: Instant) -> None:
    """Request a sync because of a link, for a target that has work."""
    _, work = syncing.request(_get_work(db, target), Mode.ASYNC, Cause.LINK, now)
    save(db, target, work)


def generation(db: Database, target: Target) -> int:
    """The newest generation that was asked for, of a target that has work."""
    return _get_work(db, target).requested


def _get_work(db: Database, target: Target) -> Work:
    """The work of a target that is known to have some. Raises LookupError: linked and at work are one."""
    row = db.row("find_work", *key_of_target(target))
    if row is None:
        raise LookupError(f"{target} has no work")
    return work_of(row)


def _record(db: Database, run: Run) -> None:
    db.run("insert_run", *row_of_run(run))


def _hand_out(db: Database, claimant: Claimant, target: Target, work: Work, now: Instant) -> Claim:
    """Claim work, and gather what its run needs."""
    if work.taken:
        _record(db, claimant.interrupted(target, work, now))
    claimed = claimant.claim(work, now)
    save(db, target, claimed)
    return claim_of(target, work, claimed, _links(db, target))


def _links(db: Database, target: Target) -> list[Link]:
    if target.is_first_sync:
        return list(map(link_of, db.rows("find_link", target.project_id, target.user_id)))
    return links_of(db.rows("list_links_of_agent_user", target.project_id, target.agent_user_id))
