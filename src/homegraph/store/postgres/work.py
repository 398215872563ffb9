"""The work of targets: requests, claims, leases. Loads each ``Work`` with a lock, asks ``graph.syncing``, writes what it says.

Requests of many callers are one group: their targets are locked and read by one statement, decided one after the other, and
written by another. The row of a target's work is the lock of that target: who holds it is alone with the agent user's list and links.

Async requests, which come in masses and take nothing, do without the lock (``join``): what was decided is written where the row is still the
version that was read, so that two ways to the server do in place of four. Whoever was overtaken asks again, with the lock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from heapq import merge
from itertools import islice
from typing import NamedTuple

from homegraph.graph import syncing
from homegraph.graph.model import Cause, Instant, Link, Mode, Run, Target
from homegraph.graph.syncing import Work
from homegraph.store.claims import Claimant, claim_of, is_held
from homegraph.store.port import Admitted, Claim, Lease
from homegraph.store.postgres.database import Database, columns
from homegraph.store.rows import (
    key_of_target,
    link_of,
    links_of,
    row_of_run,
    row_of_work,
    work_of,
)


class Request(NamedTuple):
    """One call of ``Store.request_sync``."""

    claimant: Claimant
    target: Target
    mode: Mode
    cause: Cause
    now: Instant


class Overtaken(Exception):  # nobody's error: it is asked again
    """Somebody else changed the work between reading and writing; nothing was written."""


class Taken(NamedTuple):
    """Work that was handed out: as it was before, and as it is now."""

    target: Target
    before: Work
    claimed: Work


async def request_sync(
    db: Database, requests: Sequence[Request]
) -> Sequence[Admitted | Exception | None]:
    """``Store.request_sync`` for many callers, in their order."""
    works = await lock_works(db, {one.target for one in requests})
    changed: dict[Target, Work] = {}
    taken: dict[int, Taken] = {}
    died: list[Run] = []
    answers: list[Admitted | None] = []
    for place, (claimant, target, mode, cause, now) in enumerate(requests):
        before = works.get(target)
        if before is None:
            answers.append(None)
            continue
        admission, work = syncing.request(before, mode, cause, now)
        if admission is syncing.REFUSE:
            answers.append(Admitted(admission, work.sync_generation))
            continue
        answers.append(Admitted(admission, work.requested))
        if admission is syncing.START:
            taken[place] = Taken(target, work, claimant.claim(work, now))
            if work.taken:
                died.append(claimant.interrupted(target, work, now))
            work = taken[place].claimed
        works[target] = changed[target] = work
    await save_works(db, changed)
    await record(db, died)
    claims = await _claims(db, list(taken.values()))
    for place, claim in zip(taken, claims, strict=True):
        admission, generation = syncing.START, claim.work.requested
        answers[place] = Admitted(admission, generation, claim)
    return answers


async def join(db: Database, requests: Sequence[Request]) -> Sequence[Admitted | Exception | None]:
    """``Store.request_sync`` in async mode, in their order and without a lock; Overtaken for those that must ask again."""
    asked = sorted({one.target for one in requests})
    works: dict[Target, Work] = {}
    versions: dict[Target, int] = {}
    for row in await db.rows("look_at_work", *columns(map(key_of_target, asked))):
        target = asked[row[0] - 1]
        versions[target], works[target] = row[1], work_of(row)
    answers: list[Admitted | Exception | None] = []
    for one in requests:
        before = works.get(one.target)
        if before is None:
            answers.append(None)
            continue
        admission, work = syncing.request(before, Mode.ASYNC, one.cause, one.now)
        works[one.target] = work
        answers.append(Admitted(admission, work.requested))
    overtaken = await _join(db, works, versions)
    if overtaken:
        for place, one in enumerate(requests):
            if one.target in overtaken:
                answers[place] = Overtaken()
    return answers


async def projects_due(db: Database, now: Instant) -> list[str]:
    """``Store.projects_due``."""
    return [project_id for (project_id,) in await db.rows("list_projects_ready", now)]


async def claim_due(
    db: Database, claimant: Claimant, project_id: str, now: Instant, limit: int
) -> list[Claim]:
    """``Store.claim_due``."""
    taken: list[Taken] = []
    for row in await db.rows("list_ready", project_id, now, limit):
        before = work_of(row)
        target = Target(project_id, row[0], row[1])
        taken.append(Taken(target, before, claimant.claim(before, now)))
    await save_works(db, {one.target: one.claimed for one in taken})
    died = [one for one in taken if one.before.taken]
    await record(db, [claimant.interrupted(one.target, one.before, now) for one in died])
    return await _claims(db, taken)


async def next_due_at(db: Database, now: Instant) -> Instant | None:
    """``Store.next_due_at``."""
    due_at: Instant | None = await db.value("find_next_ready", now)
    return due_at


async def heartbeat(
    db: Database, leases: Sequence[Lease], now: Instant, lease_seconds: float
) -> list[Lease]:
    """``Store.heartbeat``."""
    distinct = list(dict.fromkeys(leases))
    if not distinct:
        return []
    keys = columns((*key_of_target(one.target), one.fence, one.worker) for one in distinct)
    held = await db.rows("prolong_lease", *keys, now + lease_seconds)
    kept = {distinct[place - 1] for (place,) in held}
    return [lease for lease in leases if lease not in kept]


async def hand_back(db: Database, leases: Sequence[Lease], now: Instant) -> None:
    """``Store.hand_back``."""
    works = await lock_works(db, {lease.target for lease in leases})
    changed: dict[Target, Work] = {}
    for lease in leases:
        work = works.get(lease.target)
        if work is not None and is_held(work, lease):
            works[lease.target] = changed[lease.target] = syncing.interrupt(work, now)
    await save_works(db, changed)


async def works(db: Database, limit: int) -> list[tuple[Target, Work]]:
    """``Store.works``. The soonest of each project, then the soonest of those: never more rows than asked for."""
    of_projects = [
        await db.rows("list_busy", project_id, limit)
        for (project_id,) in await db.rows("list_projects_busy")
    ]
    return [(Target(*row[1:4]), work_of(row)) for row in islice(merge(*of_projects), limit)]


async def find_works(db: Database, wanted: Sequence[Sequence[Target]]) -> list[dict[Target, Work]]:
    """``Store.find_works`` for many callers, by one statement."""
    asked = sorted({target for targets in wanted for target in targets})
    found: dict[Target, Work] = {}
    if asked:
        rows = await db.rows("look_at_work", *columns(map(key_of_target, asked)))
        found = {asked[row[0] - 1]: work_of(row) for row in rows}
    return [{target: found[target] for target in targets if target in found} for targets in wanted]


# --- for the other modules ----------------------------------------------------------------------------------


async def lock_works(db: Database, targets: Iterable[Target]) -> dict[Target, Work]:
    """The work of those targets that have some, locked until the transaction ends."""
    asked = sorted(targets)
    if not asked:
        return {}
    rows = await db.rows("find_work", *columns(map(key_of_target, asked)))
    return {asked[row[0] - 1]: work_of(row) for row in rows}


async def save_works(db: Database, works: Mapping[Target, Work]) -> None:
    """Write the work of targets, which are locked."""
    if works:
        await db.run("save_work", *columns(row_of_work(*one) for one in works.items()))


async def insert_works(db: Database, works: Mapping[Target, Work]) -> bool:
    """Keep the work of new targets, in the order of their keys; whether none of them had any."""
    if not works:
        return True
    rows = [row_of_work(target, works[target]) for target in sorted(works, key=key_of_target)]
    return await db.run("insert_work", *columns(rows)) == len(rows)


async def open_work(db: Database, target: Target) -> bool:
    """Keep work for a target that has none, and lock it; whether it had none."""
    is_new = await insert_works(db, {target: Work()})
    if not is_new:
        await lock_works(db, [target])
    return is_new


async def close_work(db: Database, target: Target) -> int:
    """Forget a target's work, lease and all; its last fence, to be kept somewhere."""
    fence = (await _get_work(db, target)).fence
    await db.run("delete_work", *columns([key_of_target(target)]))
    return fence


async def ask(db: Database, target: Target, now: Instant) -> int:
    """Request a sync because of a link, for a target that has work; the generation that was asked for."""
    work = await _get_work(db, target)
    _, after = syncing.request(work, Mode.ASYNC, Cause.LINK, now)
    await save_works(db, {target: after})
    return after.requested


async def record(db: Database, runs: Sequence[Run]) -> None:
    """Write the records of runs."""
    if runs:
        await db.run("insert_run", *columns(map(row_of_run, runs)))


async def _join(
    db: Database, works: Mapping[Target, Work], versions: Mapping[Target, int]
) -> set[Target]:
    """Write what requests change of the work of targets; those whose work is not the version any more that it was."""
    if not works:
        return set()
    targets = list(works)
    rows = (
        (
            *key_of_target(target),
            versions[target],
            work.requested,
            work.attempts,
            work.due_at,
            work.async_generation,
            work.cause,
            work.requested_at,
            syncing.ready_at(work),
        )
        for target, work in works.items()
    )
    written = await db.rows("join_work", *columns(rows))
    return works.keys() - {targets[place - 1] for (place,) in written}


async def _get_work(db: Database, target: Target) -> Work:
    """The work of a target that is known to have some. Raises LookupError: linked and at work are one."""
    works = await lock_works(db, [target])
    if target not in works:
        raise LookupError(f"{target} has no work")
    return works[target]


async def _claims(db: Database, taken: Sequence[Taken]) -> list[Claim]:
    """What the runs need that were handed out."""
    if not taken:
        return []
    links = await _links(db, [one.target for one in taken])
    return [
        claim_of(target, before, claimed, links.get(target, ()))
        for target, before, claimed in taken
    ]


async def _links(db: Database, targets: Sequence[Target]) -> dict[Target, list[Link]]:
    links: dict[Target, list[Link]] = {}
    first_syncs = [one for one in targets if one.is_first_sync]
    if first_syncs:
        keys = columns((one.project_id, one.user_id) for one in first_syncs)
        for row in await db.rows("find_link", *keys):
            link = link_of(row)
            links[Target.of_first_sync(link.project_id, link.user_id)] = [link]
    homes = [one for one in targets if not one.is_first_sync]
    if homes:
        keys = columns((one.project_id, one.agent_user_id) for one in homes)
        rows_of: dict[Target, list[tuple[object, ...]]] = {}
        for row in await db.rows("list_links_of_agent_user", *keys):
            rows_of.setdefault(homes[row[0] - 1], []).append(row[1:])
        links |= {target: links_of(rows) for target, rows in rows_of.items()}
    return links
