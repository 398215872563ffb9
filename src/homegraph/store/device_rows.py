"""Rows of devices, of what is reported of them and of their states, to values and back, for every adapter; see ``rows``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

import msgspec

from homegraph.graph.applying import Stored
from homegraph.graph.model import Device, HeldDevice, Instant, Placement
from homegraph.graph.reporting import ReportedDevice, TraitState
from homegraph.store.rows import Row, json_text, names_of

DEVICES_REMEMBERED_MAX: Final = 1_024
"""Combinations of traits and attributes that are taken apart once: a house has a dozen, a thousand houses little more."""

_held: Final = msgspec.json.Decoder(tuple[HeldDevice, ...])
_by_trait: Final = msgspec.json.Decoder(dict[str, tuple[float, msgspec.Raw]]).decode
_untouched_by_trait: Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_encode: Final = msgspec.json.Encoder().encode


def held_of(text: str) -> tuple[HeldDevice, ...]:
    """Held devices from JSON."""
    return _held.decode(text)


def device_of(row: Row) -> Device:
    """A device's row as a value."""
    device_id, definition, room, name, nicknames, chosen, added_at, changed_at = row
    placement = Placement(room, name, names_of(nicknames), frozenset(names_of(chosen)))
    return Device(device_id, definition, placement, added_at, changed_at)


def columns_of_placement(placement: Placement) -> Row:
    """Room, name, nicknames and what of them was chosen."""
    return (
        placement.room,
        placement.name,
        json_text(placement.nicknames),
        json_text(sorted(placement.chosen)),
    )


class Reported(NamedTuple):
    """What is reported of a device, and where it stands: the columns of a row of its own, or the last ones of the device's."""

    notifies: bool
    traits: str
    attributes: bytes
    trait_count: int
    states: bytes | None
    added_at: Instant
    room: str
    name: str
    nicknames: str
    chosen: str


class NewDevice(NamedTuple):
    """A device that is in no list yet, in the parts that are written of it: its place in a list, what is reported, the definition."""

    key: tuple[str, str, str]
    fingerprint: bytes
    changed_at: Instant
    reported: Reported
    definition: bytes

    @property
    def row(self) -> Row:
        """All but the definition, where that is one row."""
        return (*self.key, self.fingerprint, self.changed_at, *self.reported)


def new_device_of(
    project_id: str,
    agent_user_id: str,
    stored: Stored,
    placement: Placement,
    states: Iterable[TraitState],
    now: Instant,
) -> NewDevice:
    """A device that was seen for the first time, with its states."""
    _, trait_count, by_trait = states_with(None, states)
    return NewDevice(
        (project_id, agent_user_id, stored.device_id),
        stored.mark,
        now,
        Reported(
            stored.notifies,
            json_text(stored.traits),
            stored.attributes,
            trait_count,
            by_trait if trait_count else None,
            now,
            *columns_of_placement(placement),
        ),
        stored.definition,
    )


def row_of_renewed_device(project_id: str, agent_user_id: str, stored: Stored, now: Instant) -> Row:
    """A device that is here already."""
    return (
        project_id,
        agent_user_id,
        stored.device_id,
        stored.mark,
        now,
        json_text(stored.traits),
        stored.notifies,
        stored.attributes,
        stored.definition,
    )


@lru_cache(maxsize=DEVICES_REMEMBERED_MAX)
def reported_device_of(traits: str, notifies: int, attributes: bytes) -> ReportedDevice:
    """What a report of a device is checked against."""
    return ReportedDevice(names_of(traits), bool(notifies), attributes)


def states_of(device_id: str, stored: bytes | None) -> tuple[TraitState, ...]:
    """A device's states, by trait in order."""
    if stored is None:
        return ()
    return tuple(
        [
            TraitState(device_id, trait, bytes(state), committed_at)
            for trait, (committed_at, state) in sorted(_by_trait(stored).items())
        ]
    )


def states_with(stored: bytes | None, new: Iterable[TraitState]) -> tuple[int, int, bytes]:
    """A device's states with new ones in the place of those that their traits had; before them the number of traits, old and new."""
    return _merged(stored, {one.trait: (one.committed_at, msgspec.Raw(one.state)) for one in new})


def states_reported(
    stored: bytes | None, new: Mapping[str, Mapping[str, Any]], now: Instant
) -> tuple[int, int, bytes]:
    """``states_with`` for what a report brings, by trait."""
    return _merged(stored, {trait: (now, state) for trait, state in new.items()})


def _merged(stored: bytes | None, new: dict[str, Any]) -> tuple[int, int, bytes]:
    if stored is None:
        return 0, len(new), _encode(new)
    by_trait = _untouched_by_trait(stored)
    count_before = len(by_trait)
    by_trait |= new
    return count_before, len(by_trait), _encode(by_trait)


def states_without(stored: bytes | None, kept: Iterable[str]) -> tuple[int, bytes] | None:
    """A device's states but of other traits than those that are kept, and how many; None when there are none of others."""
    by_trait = {} if stored is None else _by_trait(stored)
    left = {trait: state for trait, state in by_trait.items() if trait in kept}
    return None if len(left) == len(by_trait) else (len(left), _encode(left))
