"""Which devices of a SYNC reply may be taken: what the checks find in them, and what the project wants to follow from it.

Only devices whose bytes are new are looked at; all others were taken before as they are. Two modes (``Policy.sync_mode``):

* ``google``: a reply with a device that Google would refuse is refused as a whole, with every reason named.
* ``quarantine``: such a device is held back. A version of it that is stored already stays; the others are taken.

A held device is kept with its findings, so that it can be shown, and is not looked at again until its bytes change, or what it is
judged by.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import msgspec

from homegraph.errors import ReplyUnusable
from homegraph.graph.applying import Comparison, Fresh
from homegraph.graph.checks.device_rules import TRAIT_UNKNOWN, TYPE_UNKNOWN
from homegraph.graph.checks.devices import check_device
from homegraph.graph.checks.replies import same_names
from homegraph.graph.checks.rule import pointer
from homegraph.graph.checks.syncs import cut, spoken_names
from homegraph.graph.model import Finding, HeldDevice
from homegraph.graph.policy import Policy
from homegraph.wire.catalog.book import Catalog
from homegraph.wire.intents import DeviceDefinition, device_of

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
    looked: dict[int, Any] = {}
    for one in comparison.fresh:
        if known := remembered.get(one.fingerprint):
            kept[one.fingerprint] = known
            findings += (_moved(finding, one.index) for finding in known.findings)
            listed[one.index] = known.device_id
            held.add(known.device_id)
            continue
        members, found = _look(one, catalog)
        looked[one.index] = members
        listed[one.index] = _id(members)
        if found:
            found = tuple(_by_policy(finding, policy) for finding in found)
            findings += found
        if found and any(finding.severity == "refused" for finding in found):
            held.add(listed[one.index])
            _, name, _ = next(spoken_names([members]))
            kept[one.fingerprint] = HeldDevice(
                one.fingerprint, listed[one.index], name, judged_by, found
            )
        else:
            fresh.append(one)
            decoded.append(device_of(members))
    refused = [finding for finding in findings if finding.severity == "refused"]
    if comparison.fresh:
        findings += same_names(tuple(_spoken(definitions, looked)))
    return Judgement(
        Comparison(comparison.kept, tuple(fresh), comparison.listed),
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
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None, check_device("unreadable", one.index, catalog)


def _by_policy(finding: Finding, policy: Policy) -> Finding:
    """What the catalog does not know is advice, unless the project would rather not have it."""
    unknown = {TYPE_UNKNOWN.id: policy.unknown_types, TRAIT_UNKNOWN.id: policy.unknown_traits}
    if unknown.get(finding.rule) != "refuse":
        return finding
    return replace(finding, severity="refused")


def _id(members: object) -> str:
    device_id = members.get("id") if isinstance(members, dict) else None
    return device_id if isinstance(device_id, str) else ""


def _spoken(
    definitions: Sequence[bytes], looked: Mapping[int, Any]
) -> Iterable[tuple[str, str, str]]:
    """Names of all devices; ``looked`` has those that were looked into already."""
    return spoken_names(
        [
            looked[index] if index in looked else _names(definition)
            for index, definition in enumerate(definitions)
        ]
    )


class _Name(msgspec.Struct, frozen=True, gc=False):
    name: str = ""


class _Spoken(msgspec.Struct, gc=False):
    id: str = ""
    name: _Name = _Name()
    roomHint: str | None = None  # noqa: N815


_spoken_decoder: Final = msgspec.json.Decoder(_Spoken).decode


def _names(definition: bytes) -> dict[str, Any]:
    """Only what is spoken: an unchanged device is not looked into any further."""
    try:
        found = _spoken_decoder(definition)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return {"id": found.id, "name": {"name": found.name.name}, "roomHint": found.roomHint}


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
