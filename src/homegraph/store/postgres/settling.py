"""What runs leave behind: effects, records, and where the work stands now.

Runs that only write devices, nearly all of them, and first SYNCs that begin an agent user are settled as a group. One that changes links in
another way, or held devices, has a transaction of its own, because it locks more: first its links, then every agent user that it may touch.

The work is written before the effects, because some of them end it: the row that an effect deletes or the agent user that it
closes must not be written again afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from homegraph.errors import LeaseLost
from homegraph.graph import linking, syncing
from homegraph.graph.effects import (
    BindLink,
    Effect,
    NoteProblem,
    RekeyLink,
    Unlink,
    WriteDevices,
    WriteHeld,
)
from homegraph.graph.model import Instant, Link, Target
from homegraph.graph.syncing import State, Work
from homegraph.store.claims import is_held
from homegraph.store.port import Settlement
from homegraph.store.postgres import binding, devices, links, work
from homegraph.store.postgres.binding import Bound
from homegraph.store.postgres.database import Database, columns
from homegraph.store.postgres.devices import Written
from homegraph.store.rows import row_of_exchange


class Settled(NamedTuple):
    """One call of ``Store.settle``."""

    settlement: Settlement
    now: Instant

    @property
    def bound(self) -> BindLink | None:
        """How a first SYNC ends that succeeded, and did nothing else."""
        effects = self.settlement.effects
        return effects[0] if len(effects) == 1 and isinstance(effects[0], BindLink) else None

    @property
    def is_usual(self) -> bool:
        """Whether it writes devices at most, or is such a first SYNC."""
        effects = self.settlement.effects
        return self.bound is not None or all(isinstance(one, WriteDevices) for one in effects)


async def settle(db: Database, calls: Sequence[Settled]) -> Sequence[Work | Exception]:
    """``Store.settle`` for many runs, in their order. Those that are not usual come alone."""
    keys = [
        (call.settlement.lease.target.project_id, call.bound.user_id)
        for call in calls
        if call.bound is not None
    ]
    found = await links.lock(db, keys)
    targets = {target for call in calls for target in _targets(call.settlement)}
    works = await work.lock_works(db, targets)
    outcomes: list[Work | Exception] = []
    changed: dict[Target, Work] = {}
    good: list[Settled] = []
    bounds: list[Bound] = []
    for call in calls:
        lease = call.settlement.lease
        leased = works.get(lease.target)
        if leased is None or not is_held(leased, lease):
            outcomes.append(LeaseLost())
            continue
        settled = syncing.settle(leased, call.settlement.step, call.now, call.settlement.reply)
        works[lease.target] = changed[lease.target] = settled
        outcomes.append(settled)
        good.append(call)
        if call.bound is not None and (
            over := _bounds(found, lease.target, settled, call.bound, call.now)
        ):
            bounds += over
            del changed[lease.target]  # it goes
    await work.save_works(db, changed)
    await binding.bind(db, bounds, works)
    await devices.write(db, [written for call in good for written in _written(call)])
    for call in good:
        target = call.settlement.lease.target
        for effect in () if call.is_usual else call.settlement.effects:
            await _carry_out(db, target, works[target], effect, call.now)
    await _record(db, [call.settlement for call in good])
    return outcomes


async def settle_alone(db: Database, call: Settled) -> Work:
    """``Store.settle`` for a run that is not usual."""
    target = call.settlement.lease.target
    users = [
        effect.user_id
        for effect in call.settlement.effects
        if not isinstance(effect, WriteDevices | WriteHeld)
    ]
    await links.lock(db, [(target.project_id, user_id) for user_id in users])
    (outcome,) = await settle(db, [call])
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def _targets(settlement: Settlement) -> list[Target]:
    """Every target that a settlement may change, so that all are locked at once."""
    target = settlement.lease.target
    moves = [one for one in settlement.effects if isinstance(one, (BindLink, RekeyLink))]
    return [target, *(Target(target.project_id, one.agent_user_id) for one in moves)]


def _written(call: Settled) -> list[Written]:
    target = call.settlement.lease.target
    return [
        Written(target.project_id, target.agent_user_id, one.stored, one.removed, call.now)
        for one in call.settlement.effects
        if isinstance(one, WriteDevices)
    ]


async def _record(db: Database, settlements: Sequence[Settlement]) -> None:
    await work.record(db, [one.run for one in settlements])
    exchanges = [
        row_of_exchange(one.run.target.project_id, one.run.id, exchange)
        for one in settlements
        for exchange in one.exchanges
    ]
    if exchanges:
        await db.run("insert_exchange", *columns(exchanges))


async def _carry_out(
    db: Database, target: Target, settled: Work, effect: Effect, now: Instant
) -> None:
    match effect:
        case WriteDevices():
            pass  # written with those of the others
        case WriteHeld(held):
            await devices.write_held(db, target.project_id, target.agent_user_id, held)
        case NoteProblem(user_id, problem):
            # The statement itself leaves a link alone that is not this target's any more.
            key = (target.project_id, user_id, target.agent_user_id)
            await db.run("note_link_problem", *key, problem, now)
        case BindLink():
            await _bind(db, target, settled, effect, now)
        case RekeyLink(user_id, agent_user_id):
            if link := await _still_ours(db, target, user_id):
                await _rekey(db, link, agent_user_id, now)
        case Unlink(user_id, problem):
            await _unlink(db, target, settled, user_id, problem, now)


async def _unlink(
    db: Database, target: Target, settled: Work, user_id: str, problem: str, now: Instant
) -> None:
    link = await _still_ours(db, target, user_id)
    if link is None:
        return
    # A grant that came during the run asked for a run of its own, which will tell what that grant is worth.
    may_be_new = problem or link.changed_at > settled.run_started_at
    if may_be_new and syncing.state_of(settled) is State.WAITING:
        return
    await links.end(db, link, now, problem)


async def _still_ours(db: Database, target: Target, user_id: str) -> Link | None:
    """A link that is the target's still: it may have ended, or moved, while the run was under way."""
    link = await links.find_link(db, target.project_id, user_id)
    return link if link is not None and binding.is_still_of(link, target) else None


async def _bind(
    db: Database, target: Target, settled: Work, effect: BindLink, now: Instant
) -> None:
    home = Target(target.project_id, effect.agent_user_id)
    found = await links.lock(db, [(target.project_id, effect.user_id)])
    works = await work.lock_works(db, [home])
    await binding.bind(db, _bounds(found, target, settled, effect, now), works)


def _bounds(
    found: Mapping[tuple[str, str], Link],
    target: Target,
    settled: Work,
    effect: BindLink,
    now: Instant,
) -> list[Bound]:
    """What is to be bound: the link, unless it is not the target's any more."""
    link = found.get((target.project_id, effect.user_id))
    if link is None or not binding.is_still_of(link, target):
        return []
    return [Bound(target, settled, link, effect, now)]


async def _rekey(db: Database, link: Link, agent_user_id: str, now: Instant) -> None:
    project_id, old = link.project_id, link.agent_user_id
    if agent_user_id == old:
        return
    await devices.open_agent_user(db, project_id, agent_user_id, now)
    if await links.is_last(db, link):
        await devices.hand_over(db, project_id, old, agent_user_id)
        await devices.close_agent_user(db, project_id, old, now)
    await links.save(db, linking.rekey(link, agent_user_id, now))
    await work.ask(db, Target(project_id, agent_user_id), now)
