"""First SYNCs that succeeded: their links find out whose they are, and agent users begin.

Whatever number of them end at once, they are one statement for each kind of row. An agent user that begins is written whole: numbers of
devices and states with its row, states with the devices, nothing twice.

The locks are those of every transaction, in their order: the links and the work of who is named are locked before (``settling``).
Who begins has no work yet that could be locked, so his is made; when somebody else has made it since, all of it begins anew
(``trouble``), and then finds it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from homegraph.graph import linking, syncing
from homegraph.graph.effects import BindLink
from homegraph.graph.model import Cause, Instant, Link, LinkState, Mode, Placement, Target
from homegraph.graph.reporting import TraitState
from homegraph.graph.syncing import State, Work
from homegraph.store.device_rows import NewDevice, new_device_of
from homegraph.store.postgres import devices, work
from homegraph.store.postgres.database import Database, columns
from homegraph.store.postgres.trouble import ChangedMeanwhileError
from homegraph.store.rows import Row, json_text, key_of_target


class Bound(NamedTuple):
    """One ``BindLink``: of the first SYNC of ``target``, whose work it leaves as ``settled``, and which was that of ``link``."""

    target: Target
    settled: Work
    link: Link
    effect: BindLink
    now: Instant

    @property
    def home(self) -> Target:
        """The agent user that was named."""
        return Target(self.target.project_id, self.effect.agent_user_id)


def is_still_of(link: Link, target: Target) -> bool:
    """Whether a link is the target's still: it may have ended, or moved, while the run was under way."""
    return link.state is not LinkState.UNLINKED and link.agent_user_id == target.agent_user_id


async def bind(db: Database, bounds: Sequence[Bound], works: Mapping[Target, Work]) -> None:
    """Carry them out, in their order. ``works`` is the work of those agent users that are linked already, which is locked."""
    if not bounds:
        return
    begun: dict[Target, Bound] = {}
    asked: dict[Target, Work] = {}
    for one in bounds:
        home = one.home
        is_new = home not in works and home not in begun
        if is_new:
            begun[home] = one
        # A request that came during the first SYNC is owed a run that started after it.
        if not is_new or syncing.state_of(one.settled) is State.WAITING:
            before = asked.get(home) or works.get(home, Work())
            _, asked[home] = syncing.request(before, Mode.ASYNC, Cause.LINK, one.now)
    await work.save_works(db, {home: one for home, one in asked.items() if home not in begun})
    await _open(db, {home: asked.get(home, Work()) for home in begun})
    await db.run("bind_link", *columns(map(_row_of_bound, bounds)))
    await db.run("delete_work", *columns(key_of_target(one.target) for one in bounds))
    await _begin(db, [begun[home] for home in sorted(begun)])


async def _open(db: Database, begun: Mapping[Target, Work]) -> None:
    """Keep the work of agent users that begin. Of those that were here before, the fences go on."""
    if not begun:
        return
    if not await work.insert_works(db, begun):
        raise ChangedMeanwhileError
    known = await devices.find_agent_users(db, begun)
    await work.save_works(
        db, {home: replace(begun[home], fence=fence) for home, fence in known.items()}
    )


async def _begin(db: Database, bounds: Sequence[Bound]) -> None:
    """Write agent users that begin, with all that they have. They come in key order."""
    if not bounds:
        return
    homes: list[Row] = []
    listed: list[NewDevice] = []
    for one in bounds:
        key, states = key_of_target(one.home)[:2], _by_device(one.effect.states)
        new = [
            new_device_of(
                *key,
                stored,
                stored.placement or Placement(),
                states.get(stored.device_id, ()),
                one.now,
            )
            for stored in one.effect.stored
        ]
        listed += new
        trait_count = sum(each.reported.trait_count for each in new)
        held = json_text(one.effect.held) if one.effect.held else ""
        homes.append((*key, one.now, len(new), trait_count, held))
    await db.run("link_agent_user", *columns(homes))
    if listed:
        await db.run("import_device", *columns(one.row for one in listed))
        await db.run("save_definition", *columns((*one.key, one.definition) for one in listed))


def _by_device(states: Sequence[TraitState]) -> dict[str, list[TraitState]]:
    found: dict[str, list[TraitState]] = {}
    for one in states:
        found.setdefault(one.device_id, []).append(one)
    return found


def _row_of_bound(one: Bound) -> Row:
    bound = linking.bind(one.link, one.effect.agent_user_id, one.now)
    key = (bound.project_id, bound.user_id)
    return (
        *key,
        bound.state,
        bound.agent_user_id,
        bound.problem,
        bound.changed_at,
        one.settled.fence,
    )
