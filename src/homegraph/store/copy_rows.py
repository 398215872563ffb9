"""Rows to copies and back, for every adapter; see ``rows``. What belongs to a process is left behind here."""

from __future__ import annotations

from msgspec.structs import replace

from homegraph.graph import syncing
from homegraph.graph.model import Instant, Link, RefreshState
from homegraph.graph.reporting import TraitState
from homegraph.graph.syncing import Work
from homegraph.store.copies import DeviceCopy, HomeCopy, LinkCopy
from homegraph.store.device_rows import (
    NewDevice,
    Reported,
    columns_of_placement,
    device_of,
    held_of,
    states_of,
    states_with,
)
from homegraph.store.rows import Row, json_text, names_of


def device_copy_of(row: Row) -> DeviceCopy:
    """A row of ``export_devices`` as a value."""
    fingerprint, notifies, traits, attributes, states, *kept = row
    device = device_of(tuple(kept))
    return DeviceCopy(
        id=device.id,
        fingerprint=bytes(fingerprint),
        definition=bytes(device.definition),
        traits=names_of(traits),
        notifies=bool(notifies),
        attributes=bytes(attributes),
        placement=device.placement,
        added_at=device.added_at,
        changed_at=device.changed_at,
        states={one.trait: (one.committed_at, one.state) for one in states_of(device.id, states)},
    )


def new_device_of_copy(project_id: str, agent_user_id: str, copy: DeviceCopy) -> NewDevice:
    """A device that came with its agent user."""
    new = [TraitState(copy.id, trait, state, at) for trait, (at, state) in copy.states.items()]
    _, trait_count, states = states_with(None, new)
    return NewDevice(
        (project_id, agent_user_id, copy.id),
        copy.fingerprint,
        copy.changed_at,
        Reported(
            copy.notifies,
            json_text(copy.traits),
            copy.attributes,
            trait_count,
            states if new else None,
            copy.added_at,
            *columns_of_placement(copy.placement),
        ),
        copy.definition,
    )


def home_of(
    project_id: str,
    agent_user_id: str,
    row: Row,
    work: Work | None,
    links: tuple[LinkCopy, ...],
    devices: tuple[DeviceCopy, ...],
    now: Instant,
) -> HomeCopy:
    """An agent user of its row of ``export_agent_user`` and of what belongs to it."""
    linked, linked_at, unlinked_at, fence, held = row
    return HomeCopy(
        project_id=project_id,
        agent_user_id=agent_user_id,
        linked=bool(linked),
        linked_at=linked_at,
        unlinked_at=unlinked_at,
        fence=fence if work is None else work.fence,
        work=waiting(work, now),
        links=links,
        held=held_of(held) if held else (),
        devices=devices,
    )


def row_of_home(copy: HomeCopy) -> Row:
    """A row for ``import_agent_user``."""
    return (
        copy.project_id,
        copy.agent_user_id,
        copy.linked,
        copy.linked_at,
        copy.unlinked_at,
        0 if copy.linked else copy.fence,
        json_text(copy.held) if copy.held else "",
        len(copy.devices),
        sum(len(one.states) for one in copy.devices),
    )


def link_copy_of(
    link: Link, fence: int, work: Work | None, unlinking_at: Instant | None, now: Instant
) -> LinkCopy:
    """A link and what belongs to it. Whoever refreshes its tokens does not go along."""
    return LinkCopy(
        link=replace(link, refresh=replace(link.refresh, leased_until=RefreshState().leased_until)),
        fence=fence if work is None else work.fence,
        work=waiting(work, now),
        unlinking_at=unlinking_at,
    )


def waiting(work: Work | None, now: Instant) -> Work | None:
    """Work as another process will find it: what was under way is due again; None when there is nothing to do."""
    if work is None or syncing.state_of(work) is syncing.State.IDLE:
        return None
    return syncing.recover(work, now)


def opened(work: Work | None, fence: int) -> Work:
    """The work that a copy brings, or idle work whose fences go on."""
    return Work(fence=fence) if work is None else work
