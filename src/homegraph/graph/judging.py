"""Which devices of a SYNC reply may be taken: what the checks find in them, and what the project wants to follow from it.

Only devices whose bytes are new are looked at; all others were taken before as they are. Two modes (``Policy.sync_mode``):

* ``google``: a reply with a device that Google would refuse is refused as a whole, with every reason named.
* ``quarantine``: such a device is held back. A version of it that is stored already stays; the others are taken.

A held device is kept with its findings, so that it can be shown, and is not looked at again until its bytes change, or what it is
judged by.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from homegraph.errors import ReplyUnusable
from homegraph.graph.applying import Comparison, Fresh
from homegraph.graph.checks.device_rules import TRAIT_UNKNOWN, TYPE_UNKNOWN
from homegraph.graph.checks.devices import check_device
from homegraph.graph.checks.envelopes import unreadable
from homegraph.graph.checks.replies import Spoken, name_digest, same_names
from homegraph.graph.checks.right_devices import right_device
from homegraph.graph.checks.rule import pointer
from homegraph.graph.checks.syncs import cut, spoken_name
from homegraph.graph.model import Finding, HeldDevice
from homegraph.graph.policy import Policy
from homegraph.wire.catalog.book import Catalog
from homegraph.wire.catalog.compiled import UNREADABLE
from homegraph.wire.intents import DeviceDefinition, device_of
from homegraph.wire.json_faults import TOO_DEEP, fault_of

HELD_FINDINGS_MAX: Final = 500
"""Findings that are kept of an agent user's held devices. A device beyond is held all the same, and looked at with every reply."""

REASONS_TOLD_MAX: Final = 3
"""Reasons in the message of a refused reply. All of them are findings of the run."""

_decode: Final = msgspec.json.Decoder().decode


class Judgement(msgspec.Struct, frozen=True):
    """What is taken of a reply.

    ``comparison`` and ``decoded`` are those of the devices that are taken; ``held`` are the ids of devices that are not, as far as they have
    one, and ``to_keep`` those of them that are remembered. ``refusal`` is set when nothing is taken. ``listed`` has the ids of the whole
    list in the reply's order.
    """

    comparison: Comparison
    decoded: tuple[DeviceDefinition, ...]
    held: frozenset[str]
    listed: tuple[str, ...]
    findings: tuple[Finding, ...]
    refusal: ReplyUnusable | None = None
    to_keep: tuple[HeldDevice, ...] = ()


def judge(
    comparison: Comparison,
    definitions: Sequence[bytes],
    catalog: Catalog,
    policy: Policy,
    before: Sequence[HeldDevice] = (),
    judged_by: str = "",
) -> Judgement:
    """Look into the devices that are new. ``definitions`` are the bytes of all devices of the reply.

    ``before`` are the devices that are held already; those that were judged by the same (``judged_by``) are not looked into again.
    """
    remembered = {one.fingerprint: one for one in before if one.judged_by == judged_by}
    kept: dict[bytes, HeldDevice] = {}
    fresh: list[Fresh] = []
    decoded: list[DeviceDefinition] = []
    findings: list[Finding] = []
    held: set[str] = set()
    listed = list(comparison.listed)
    spoken: dict[int, Spoken] = {}
    for one in comparison.fresh:
        if known := remembered.get(one.fingerprint):
            kept[one.fingerprint] = known
            findings += (_moved(finding, one.index) for finding in known.findings)
            listed[one.index] = known.device_id
            held.add(known.device_id)
            continue
        if right := right_device(one.definition, catalog):
            listed[one.index] = right.id
            spoken[one.index] = right.id, right.name, right.room_hint
            fresh.append(one)
            decoded.append(right)
            continue
        members, found = _look(one, catalog)
        spoken[one.index] = device_id, name, _ = spoken_name(members)
        listed[one.index] = device_id
        found = tuple(_by_policy(finding, policy) for finding in found)
        findings += found
        if any(finding.severity == "refused" for finding in found):
            held.add(device_id)
            kept[one.fingerprint] = HeldDevice(one.fingerprint, device_id, name, judged_by, found)
        else:
            fresh.append(one)
            decoded.append(device_of(members, one.definition))
    refused = [finding for finding in findings if finding.severity == "refused"]
    if comparison.fresh:
        findings += _same_names(definitions, spoken, comparison.names)
    return Judgement(
        replace(comparison, fresh=tuple(fresh)),
        tuple(decoded),
        frozenset(held - {""}),
        tuple(listed),
        cut(findings),
        _refusal(refused) if refused and policy.sync_mode == "google" else None,
        _bounded(kept.values()),
    )


def _moved(finding: Finding, index: int) -> Finding:
    """A finding of a device that stands elsewhere in the list now."""
    _, payload, devices, _, *rest = finding.path.split("/")
    return replace(finding, path="/".join(("", payload, devices, str(index), *rest)))


def _bounded(held: Iterable[HeldDevice]) -> tuple[HeldDevice, ...]:
    kept: list[HeldDevice] = []
    room = HELD_FINDINGS_MAX
    for one in held:
        room -= len(one.findings)
        if room >= 0:
            kept.append(one)
    return tuple(kept)


def _look(one: Fresh, catalog: Catalog) -> tuple[Any, tuple[Finding, ...]]:
    try:
        members = _decode(one.definition)
        return members, check_device(members, one.index, catalog)
    except UNREADABLE:
        fault = fault_of(one.definition) or TOO_DEEP
        path = pointer("payload", "devices", one.index)
        return None, (unreadable(fault, subject=f"Device {one.index}", path=path),)


def _by_policy(finding: Finding, policy: Policy) -> Finding:
    """What the catalog does not know is advice, unless the project would rather not have it."""
    unknown = {TYPE_UNKNOWN.id: policy.unknown_types, TRAIT_UNKNOWN.id: policy.unknown_traits}
    if unknown.get(finding.rule) != "refuse":
        return finding
    return replace(finding, severity="refused")


class _Name(msgspec.Struct, frozen=True, gc=False):
    name: str = ""


class _Spoken(msgspec.Struct, gc=False):
    id: str = ""
    name: _Name = _Name()
    roomHint: str | None = None  # noqa: N815


_spoken_decoder: Final = msgspec.json.Decoder(list[_Spoken]).decode


def _same_names(
    definitions: Sequence[bytes], looked: Mapping[int, Spoken], known: Sequence[bytes]
) -> Iterable[Finding]:
    """Devices that are called alike.

    ``looked`` has what is spoken of those that were looked into already, ``known`` the digests of other names.
    """
    digests = {name_digest(name) for _, name, _ in looked.values()}
    digests.update(known)
    if b"" not in digests and len(digests) == len(definitions):
        return ()  # as in nearly all lists: all differ, and nobody needs to know who is called what
    others = _names([one for at, one in enumerate(definitions) if at not in looked])
    told = iter([(one.id, one.name.name, one.roomHint or "") for one in others])
    return same_names([looked.get(at) or next(told) for at in range(len(definitions))])


def _names(definitions: Sequence[bytes]) -> list[_Spoken]:
    """What is spoken of devices that are not looked into any further, read in one go."""
    try:
        return _spoken_decoder(b"[" + b",".join(definitions) + b"]")
    except UNREADABLE:
        if len(definitions) == 1:
            return [_Spoken()]
        # What was taken before may have any form; one without a name does not hide the names of the others.
        return [name for one in definitions for name in _names([one])]


def _refusal(refused: Sequence[Finding]) -> ReplyUnusable:
    devices = len({finding.path.split("/")[3] for finding in refused})
    told = " ".join(
        f"{finding.device_id or pointer(*finding.path.split('/')[1:4])}: {finding.what}"
        for finding in refused[:REASONS_TOLD_MAX]
    )
    more = len(refused) - REASONS_TOLD_MAX
    return ReplyUnusable(
        f"Google would refuse this reply for {devices} of its devices. {told}"
        + (f" There are {more} more reasons." if more > 0 else ""),
        hint='The run names every reason. With sync_mode = "quarantine" the other devices are taken.',
    )
