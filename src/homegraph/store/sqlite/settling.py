"""What a run leaves behind: its effects, its record, and where the work stands now. One transaction.

The work is written before the effects, because some of them end it: the row that an effect deletes or the agent user that it
closes must not be written again afterwards.
"""

from __future__ import annotations

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
from homegraph.graph.model import Instant, Link, LinkState, Target
from homegraph.graph.syncing import State, Work
from homegraph.store.port import Settlement
from homegraph.store.rows import row_of_exchange, row_of_run
from homegraph.store.sqlite import devices, links, reports, work
from homegraph.store.sqlite.database import Database


def settle(db: Database, settlement: Settlement, now: Instant) -> Work:
    """``Store.settle``."""
    lease = settlement.lease
    settled = syncing.settle(settlement.work, settlement.step, now, settlement.reply)
    if not work.save_as_claimed(db, lease, settled):  # asked for meanwhile, or lost
        leased = work.find_leased(db, lease)
        if leased is None:
            raise LeaseLost
        settled = syncing.settle(leased, settlement.step, now, settlement.reply)
        work.save(db, lease.target, settled)
    for effect in settlement.effects:
        _carry_out(db, lease.target, settled, effect, now)
    run = settlement.run
    db.run("insert_run", *row_of_run(run))
    if settlement.exchanges:
        project_id = run.target.project_id
        rows = [row_of_exchange(project_id, run.id, one) for one in settlement.exchanges]
        db.run_many("insert_exchange", rows)
    return settled


def _carry_out(db: Database, target: Target, settled: Work, effect: Effect, now: Instant) -> None:
    match effect:
        case WriteDevices(stored, removed):
            devices.write(db, target.project_id, target.agent_user_id, stored, removed, now)
        case WriteHeld(held):
            devices.write_held(db, target.project_id, target.agent_user_id, held)
        case NoteProblem(user_id, problem):
            # The statement itself leaves a link alone that is not this target's any more.
            key = (target.project_id, user_id, target.agent_user_id)
            db.run("note_link_problem", *key, problem, now)
        case BindLink(user_id):
            if link := _still_ours(db, target, user_id):
                _bind(db, link, settled, effect, now)
        case RekeyLink(user_id, agent_user_id):
            if link := _still_ours(db, target, user_id):
                _rekey(db, link, agent_user_id, now)
        case Unlink(user_id, problem):
            _unlink(db, target, settled, user_id, problem, now)


def _unlink(
    db: Database, target: Target, settled: Work, user_id: str, problem: str, now: Instant
) -> None:
    link = _still_ours(db, target, user_id)
    if link is None:
        return
    # A grant that came during the run asked for a run of its own, which will tell what that grant is worth.
    may_be_new = problem or link.changed_at > settled.run_started_at
    if may_be_new and syncing.state_of(settled) is State.WAITING:
        return
    links.end(db, link, now, problem)


def _still_ours(db: Database, target: Target, user_id: str) -> Link | None:
    """A link that is the target's still: it may have ended, or moved, while the run was under way."""
    link = links.find_link(db, target.project_id, user_id)
    if link is None or link.state is LinkState.UNLINKED:
        return None
    return link if link.agent_user_id == target.agent_user_id else None


def _bind(db: Database, link: Link, settled: Work, bound: BindLink, now: Instant) -> None:
    home = Target(link.project_id, bound.agent_user_id)
    links.save(db, linking.bind(link, bound.agent_user_id, now))
    links.close_first_sync(db, link)
    is_new = not devices.is_linked(db, home.project_id, home.agent_user_id)
    if is_new:
        devices.open_agent_user(db, home.project_id, home.agent_user_id, now)
        devices.write(db, home.project_id, home.agent_user_id, bound.stored, (), now)
        if bound.held:
            devices.write_held(db, home.project_id, home.agent_user_id, bound.held)
        reports.write(db, home.project_id, home.agent_user_id, bound.states)
    # A request that came during the first SYNC is owed a run that started after it.
    if not is_new or syncing.state_of(settled) is State.WAITING:
        work.ask(db, home, now)


def _rekey(db: Database, link: Link, agent_user_id: str, now: Instant) -> None:
    project_id, old = link.project_id, link.agent_user_id
    if agent_user_id == old:
        return
    if not devices.is_linked(db, project_id, agent_user_id):
        devices.open_agent_user(db, project_id, agent_user_id, now)
    if links.is_last(db, link):
        devices.hand_over(db, project_id, old, agent_user_id)
        devices.close_agent_user(db, project_id, old, now)
    links.save(db, linking.rekey(link, agent_user_id, now))
    work.ask(db, Target(project_id, agent_user_id), now)
