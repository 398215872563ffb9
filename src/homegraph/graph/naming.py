"""Devices by the words of their user, ready to be asked or told something.

"Kitchen lamp" is a device called so, or one called "Lamp" in the room "Kitchen"; case and blanks do not count. An id always works,
and goes before a name. A word that could be several devices is refused with all of them: nothing is switched by guessing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec

from homegraph.errors import NotFound, SettingsError
from homegraph.graph.model import Device, Instant
from homegraph.wire.catalog.book import Catalog
from homegraph.wire.catalog.shapes import Bound
from homegraph.wire.catalog.suggestions import did_you_mean
from homegraph.wire.intents import DeviceDefinition, read_device
from homegraph.wire.query_intent import QueryDevice

DEVICES_PER_INTENT_MAX: Final = 50
"""Devices of one EXECUTE or QUERY: a fulfillment has five seconds for all of them."""

CANDIDATES_SHOWN_MAX: Final = 10


class Named(msgspec.Struct, frozen=True):
    """A device as intents see it. ``names`` are those it has here, without its room; ``added_at`` is when SYNC brought it.

    ``notifies`` and ``reports`` are what it promised: notificationSupportedByAgent and willReportState.
    """

    id: str
    room: str
    names: tuple[str, ...]
    traits: tuple[str, ...]
    asked: QueryDevice
    bound: Bound
    notifies: bool
    reports: bool
    added_at: Instant


def named(device: Device, catalog: Catalog) -> Named:
    """A stored device, ready to be asked or told something."""
    definition = read_device(device.definition)
    members = definition.members()
    placement = device.placement
    return Named(
        device.id,
        placement.room,
        (placement.name or definition.name, *placement.nicknames),
        definition.traits,
        QueryDevice(device.id, members.get("customData")),
        bound(definition, catalog),
        definition.notifies,
        members.get("willReportState") is True,
        device.added_at,
    )


def bound(definition: DeviceDefinition, catalog: Catalog) -> Bound:
    """What a device may say and be told."""
    given = msgspec.json.decode(definition.attributes) if definition.attributes else {}
    return catalog.shape(definition.traits).bind(given)


def chosen(words: Iterable[str], devices: Sequence[Named]) -> tuple[Named, ...]:
    """The devices that are meant, each once, in the order in which they were named.

    Raises:
        NotFound: there is none of that name.
        SettingsError: there are several; the message has them all.
    """
    found = [_one(word, devices) for word in words]
    return tuple({device.id: device for device in found}.values())


def groups(devices: Sequence[Named]) -> Iterator[tuple[Named, ...]]:
    """The devices of each intent."""
    for start in range(0, len(devices), DEVICES_PER_INTENT_MAX):
        yield tuple(devices[start : start + DEVICES_PER_INTENT_MAX])


def _one(word: str, devices: Sequence[Named]) -> Named:
    for device in devices:
        if device.id == word:
            return device
    said = _spoken(word)
    found = [device for device in devices if said in _called(device)]
    if len(found) == 1:
        return found[0]
    if not found:
        known = [*(device.id for device in devices), *(one.names[0] for one in devices)]
        raise NotFound(
            f"There is no device {word!r}.{did_you_mean(word, known)}",
            hint="`homegraph devices list` has the names and ids.",
        )
    listed = [f"{device.id} ({_where(device)})" for device in found[:CANDIDATES_SHOWN_MAX]]
    more = ", …" if len(found) > CANDIDATES_SHOWN_MAX else ""
    raise SettingsError(
        f"{word!r} may be {', '.join(listed)}{more}",
        place="devices",
        hint="Say the room, too, or the id.",
    )


def _called(device: Named) -> set[str]:
    names = {_spoken(name) for name in device.names}
    return names | {_spoken(f"{device.room} {name}") for name in device.names}


def _where(device: Named) -> str:
    return f"{device.names[0]}, {device.room}" if device.room else device.names[0]


def _spoken(text: str) -> str:
    return " ".join(text.casefold().split())
