"""What a SYNC reply changes.

The reply is the full list: devices missing from it go, new ones come, changed definitions are taken over. Three steps, so
that nothing is read that did not change:

1. ``digest_of`` knows a reply again that came to the run before, by all of its bytes: nothing has changed then, and neither the reply nor the
   list is read.
2. ``compare`` looks at fingerprints only (a digest of each device's bytes). The digest covers the id, so bytes that
   are known need not be read at all.
3. ``changes`` looks into the devices whose bytes are new, beside their old definitions, and says which members changed. Of these,
   too, only members whose bytes differ are read. Other bytes with the same content (another order of keys) are no change; only
   the fingerprint is renewed.

Placement is not in the reply's power: it starts from ``roomHint`` and ``name`` at first sight of a device and is left alone
from then on. A device id that comes back after a removal is a new device.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import compress, count, repeat
from operator import itemgetter, ne, not_
from typing import Final

import msgspec
from xxhash import xxh3_128, xxh3_128_digest

from homegraph.graph.checks.replies import name_digest
from homegraph.graph.model import Changed, Changes, Placement
from homegraph.wire.intents import DeviceDefinition

fingerprint: Final = xxh3_128_digest
"""Digest of a device's bytes as they came: 128 bits, so that two that collide by chance are out of reach.

A cloud that makes two collide on purpose hides a change of its own devices, from its own users (docs/decisions/0053).
"""

FINGERPRINT_BYTES: Final = 16
_fingerprint_in: Final = itemgetter(slice(FINGERPRINT_BYTES))
_name_in: Final = itemgetter(slice(FINGERPRINT_BYTES, None))

_HOLE: Final = b"\0"
"""Stands for the id of the intent. No JSON has this byte, so where the id stood is part of the digest."""

_REPORTING: Final = frozenset({"traits", "notificationSupportedByAgent", "attributes"})
"""Members of a definition that say what may be reported of a device."""

_members: Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_read: Final = msgspec.json.Decoder().decode


class Fresh(msgspec.Struct, frozen=True, gc=False):
    """A device of the reply whose bytes are not known; ``index`` is its place in the list."""

    index: int
    fingerprint: bytes
    definition: bytes


class Comparison(msgspec.Struct, frozen=True):
    """``kept`` are ids whose bytes are known; ``fresh`` must be decoded, in the reply's order.

    ``listed`` has the id of every device of the reply in order, empty where only decoding will tell. ``names`` are the digests of the names
    of those that are kept, if there are others; empty where one is not known.
    """

    kept: frozenset[str]
    fresh: tuple[Fresh, ...]
    listed: tuple[str, ...]
    names: tuple[bytes, ...] = ()


class Known(msgspec.Struct, frozen=True):
    """What is stored of a list, beside a reply.

    ``ids`` are all devices by their fingerprints, ``names`` the digests of their names, empty where one is not known. ``definitions``
    are those of devices whose fingerprints the reply does not have: they have changed, or are gone.
    """

    ids: Mapping[bytes, str]
    names: Mapping[str, bytes]
    definitions: Mapping[str, bytes] = {}


class Stored(msgspec.Struct, frozen=True):
    """A device to be written. ``placement`` is given at first sight and is None for one that is already here.

    ``traits``, ``notifies`` and ``attributes`` (JSON, b"" for none) say what may be reported of it; they stand in the definition,
    too, but a report comes far more often than a new definition and must not read it. ``reports_as_before``: all three are what they were,
    and need not be written again. ``mark`` is what it will be known by.
    """

    device_id: str
    mark: bytes
    definition: bytes
    placement: Placement | None
    traits: tuple[str, ...] = ()
    notifies: bool = False
    attributes: bytes = b""
    reports_as_before: bool = False


class Applied(msgspec.Struct, frozen=True):
    """What to tell (``changes``) and what to write (``stored``, ``removed``)."""

    changes: Changes
    stored: tuple[Stored, ...]
    removed: tuple[str, ...]


NOTHING: Final = Applied(Changes(), (), ())
"""Of a list that is as it was."""


def fingerprints(definitions: Iterable[bytes]) -> list[bytes]:
    """Those of the devices of a reply, in its order."""
    return list(map(fingerprint, definitions))


def digest_of(reply: bytes, request_id: str) -> bytes:
    """A digest of a whole reply but for the id of the intent, which is another one each time.

    Empty when the reply does not repeat the id: what it would have to be known by is not there.
    """
    before, found, after = reply.partition(request_id.encode())
    if not found:
        return b""
    digest = xxh3_128(before)
    digest.update(_HOLE)
    digest.update(after)
    return digest.digest()


def bound(digest: bytes, fence: int) -> bytes:
    """The digest of a reply as it is kept: good for the run after the one with this ``fence``, and no other.

    Whoever else has had the list in hands since, a server of another release among them, had a run of his own.
    """
    return xxh3_128_digest(digest, fence) if digest else b""


def mark_of(fingerprint: bytes, name: str) -> bytes:
    """What a device that is stored is known by: its fingerprint, and a digest of its name, which others are compared with unread."""
    return fingerprint + name_digest(name)


def known_of(marks: Mapping[bytes, str]) -> Known:
    """What is stored of a list, without definitions; ``marks`` maps those of its devices to their ids."""
    ids = dict(zip(map(_fingerprint_in, marks), marks.values(), strict=True))
    return Known(ids, dict(zip(marks.values(), map(_name_in, marks), strict=True)))


def strangers(known: Known, digests: Iterable[bytes]) -> list[str]:
    """Ids of the devices whose fingerprints are not among those of a reply."""
    return [known.ids[one] for one in known.ids.keys() - set(digests)]


def compare(known: Known, digests: Sequence[bytes], definitions: Sequence[bytes]) -> Comparison:
    """Tell known bytes from fresh ones. ``digests`` are the fingerprints of the ``definitions``."""
    listed = tuple(map(known.ids.get, digests, repeat("")))
    kept = frozenset(listed)
    if "" not in kept:
        return Comparison(kept, (), listed)
    kept -= {""}
    fresh = [
        Fresh(index, digests[index], bytes(definitions[index]))
        for index in compress(count(), map(not_, listed))
    ]
    return Comparison(kept, tuple(fresh), listed, tuple(map(known.names.__getitem__, kept)))


def changes(
    known: Known,
    comparison: Comparison,
    decoded: Sequence[DeviceDefinition],
    held: frozenset[str] = frozenset(),
) -> Applied:
    """Say what the reply changes.

    ``decoded`` are the fresh devices in the same order as ``comparison.fresh``; ``known`` has the definitions of
    those of them that are already here. Devices that are ``held`` back are not decoded; what is stored of them stays. Of two devices with one id the one whose bytes are known counts, else the first.
    """
    stored: dict[str, Stored] = {}
    added: list[str] = []
    changed: list[Changed] = []
    for bytes_, device in zip(comparison.fresh, decoded, strict=True):
        if device.id in stored or device.id in comparison.kept:
            continue
        before = known.definitions.get(device.id)
        fields = None if before is None else changed_fields(before, device.written)
        stored[device.id] = Stored(
            device.id,
            mark_of(bytes_.fingerprint, device.name),
            bytes_.definition,
            first_placement(device) if fields is None else None,
            device.traits,
            device.notifies,
            device.attributes,
            fields is not None and _REPORTING.isdisjoint(fields),
        )
        if fields is None:
            added.append(device.id)
        elif fields:
            changed.append(Changed(device.id, fields))
    removed = tuple(sorted(known.names.keys() - comparison.kept - stored.keys() - held))
    return Applied(
        Changes(tuple(added), tuple(changed), removed, tuple(sorted(held))),
        tuple(stored.values()),
        removed,
    )


def changed_fields(before: bytes, after: bytes) -> tuple[str, ...]:
    """Names of the top-level members of two definitions that differ, sorted. An absent member differs from a present one."""
    old, new = _members(before), _members(after)
    fields = old.keys() - new.keys()
    # Raw compares bytes: mostly one or two members differ, and the others need not be read.
    for name in compress(new, map(ne, map(old.get, new), new.values())):
        if name not in old or _differ(_read(old[name]), _read(new[name])):
            fields.add(name)
    return tuple(sorted(fields))


def _differ(before: object, after: object) -> bool:
    """Whether two JSON values differ; ``1`` and ``1.0`` do not, ``1`` and ``true`` do (Python's ``==`` finds them equal)."""
    try:
        # Then they do, and nearly always it is this that a changed member comes to.
        if before != after:
            return True
    except RecursionError:
        pass
    return _differ_within(before, after)


def _differ_within(before: object, after: object) -> bool:
    """The same of values that Python may find equal. A loop, not a recursion: how deep a reply is nested is somebody else's choice."""
    pairs: list[tuple[object, object]] = [(before, after)]
    while pairs:
        one, two = pairs.pop()
        if isinstance(one, dict) and isinstance(two, dict):
            if one.keys() != two.keys():
                return True
            pairs.extend((value, two[name]) for name, value in one.items())
        elif isinstance(one, list) and isinstance(two, list):
            if len(one) != len(two):
                return True
            pairs.extend(zip(one, two, strict=True))
        elif isinstance(one, bool) is not isinstance(two, bool) or one != two:
            return True
    return False


def first_placement(device: DeviceDefinition) -> Placement:
    """Where a device stands when it is seen for the first time."""
    return Placement(room=device.room_hint, name=device.name)
