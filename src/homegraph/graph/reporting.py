"""What a state report changes: the rule of Report State as a pure decision.

States are flat (``on``, ``brightness``) and belong to traits. A trait that a report mentions is replaced as a whole, with the
time of the commit; a trait that it does not mention keeps what it has. A report counts as a whole or not at all: one unknown
device, one key that the device has not declared, and nothing is stored.

Two steps, because most mistakes can be found without looking anything up: ``malformed`` looks at the report alone,
``decide`` at the report beside the devices. Which keys may come is decided here; what a key may *hold* (types, words, bounds) is
told by ``state_checks``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, TypeAlias

import msgspec

from homegraph.graph.model import Instant
from homegraph.graph.state_checks import REFUSED, DeviceCheck, StateCheck
from homegraph.wire.catalog.book import ONLINE
from homegraph.wire.catalog.problems import Problem
from homegraph.wire.reports import state_path

FOREIGN_KEYS: Final = frozenset({"status", "errorCode", "command", "executionStatus"})
"""Members of QUERY and EXECUTE answers that are often copied into a report; refused at Google (observed)."""

VIOLATIONS_MAX: Final = 64
"""Mistakes named in one answer; a caller who made more has one cause for them all."""

OWNERS_KEPT_MAX: Final = 1_024
"""Sets of traits whose keys are kept sorted, at a kilobyte or two each: as many as there are kinds of devices, and more."""

KINDS_KEPT_MAX: Final = 1_024
"""Kinds of devices for which it is kept by what their reports are judged. What is kept is shared with ``_owners`` and ``state_checks``."""

States: TypeAlias = Mapping[str, Mapping[str, Any]]

_NO_STATES: Final[Mapping[str, Any]] = MappingProxyType({})

StateKeys: TypeAlias = Callable[[str], frozenset[str] | None]

Owners: TypeAlias = tuple[dict[str, str], str]
"""Whose a key is, by the key; and who may have any other one, "" for nobody."""


class Violation(msgspec.Struct, frozen=True):
    """One mistake: its reason's code, the field's path in the request, and a sentence."""

    code: str
    field: str
    description: str


class TraitState(msgspec.Struct, frozen=True, gc=False):
    """A trait's whole state as it is kept: ``state`` is a JSON object."""

    device_id: str
    trait: str
    state: bytes
    committed_at: Instant


class ReportedDevice(msgspec.Struct, frozen=True, eq=False, gc=False):
    """What a report is checked against: the device's traits (full names), whether it may send notifications, its attributes.

    ``attributes`` are a JSON object as bytes, b"" for none. Devices that are alike share one of these, and it is itself only: what follows
    from it is found without another look at what it says.
    """

    traits: tuple[str, ...]
    notifies: bool = False
    attributes: bytes = b""


class Rule(msgspec.Struct, frozen=True, eq=False):
    """What a report is judged by; its functions are pure.

    ``state_keys`` gives the keys of a trait, None for a trait that is not in the catalog: a device with such a trait may report keys that
    nobody knows. ``check`` finds what its states may not hold. Reports are welcome when the linking is ``settle_seconds`` old.
    """

    state_keys: StateKeys
    check: StateCheck
    settle_seconds: float = 0.0


class Verdict(msgspec.Struct, frozen=True):
    """What becomes of a report. It is stored when nothing else is set.

    ``states`` are what it brings, by device and trait; ``rows`` are the same, one by one as they are kept.
    ``settling`` means that the first SYNC is too young for reports (a setting); ``unknown`` are device ids that are not here.
    """

    states: Mapping[str, Mapping[str, Mapping[str, Any]]] = _NO_STATES
    committed_at: Instant = 0.0
    unlinked: bool = False
    settling: bool = False
    unknown: tuple[str, ...] = ()
    violations: tuple[Violation, ...] = ()

    @property
    def is_accepted(self) -> bool:
        """Whether it is stored."""
        return not (self.unlinked or self.settling or self.unknown or self.violations)

    @property
    def rows(self) -> tuple[TraitState, ...]:
        """What is to be stored."""
        return tuple(
            row
            for device_id, by_trait in self.states.items()
            for row in _rows(device_id, by_trait, self.committed_at)
        )


def malformed(states: States) -> tuple[Violation, ...]:
    """Mistakes that need no device to be seen: null states, and members of other answers."""
    for state in states.values():
        if None in state.values() or not FOREIGN_KEYS.isdisjoint(state):
            return _cut(_malformed(states))
    return ()


def decide(
    devices: Mapping[str, ReportedDevice],
    states: States,
    notifications: States,
    *,
    rule: Rule,
    now: Instant,
) -> Verdict:
    """Check a report against the devices that it names and turn it into rows."""
    if notifications or not states.keys() <= devices.keys():
        unknown = (states.keys() | notifications.keys()) - devices.keys()
        if unknown:
            return Verdict(unknown=tuple(sorted(unknown)))
    violations = [*_silent(devices, notifications)] if notifications else []
    sorted_: dict[str, dict[str, dict[str, Any]]] = {}
    for device_id, state in states.items():
        owners, check = _kind(devices[device_id], rule)
        sorted_[device_id], strangers = _by_trait(owners, state)
        problems = check(state)
        if strangers or problems:
            violations += (_undeclared(device_id, key) for key in strangers)
            violations += (_wrong(device_id, problem) for problem in problems)
    if violations:
        return Verdict(violations=_cut(iter(violations)))
    return Verdict(states=sorted_, committed_at=now)


def queried(
    traits: Mapping[str, tuple[str, ...]],
    states: States,
    *,
    state_keys: StateKeys,
    now: Instant,
) -> tuple[TraitState, ...]:
    """Turn the answer to a QUERY into rows. ``traits`` are those of the devices that were asked about.

    An answer is taken as far as it is understood: other devices, and states of traits that a device has not declared, are left
    out. Unlike a report it was asked for, and there is nobody to tell.
    """
    rows: list[TraitState] = []
    for device_id, state in states.items():
        if device_id in traits:
            by_trait, _ = _by_trait(_owners(traits[device_id], state_keys), state)
            rows += _rows(device_id, by_trait, now)
    return tuple(rows)


def last_stored(rows: Iterable[TraitState]) -> Instant | None:
    """When the newest of a device's states came; None when it has none."""
    return max((row.committed_at for row in rows), default=None)


def kept(traits: Iterable[str]) -> tuple[str, ...]:
    """Whose states a device may have that declares ``traits``: theirs, and whether it is online."""
    return (ONLINE, *traits)


@lru_cache(maxsize=KINDS_KEPT_MAX)
def _kind(device: ReportedDevice, rule: Rule) -> tuple[Owners, DeviceCheck]:
    """By what a report of a device is judged."""
    owners = _owners(device.traits, rule.state_keys)
    return owners, rule.check(device.traits, device.attributes)


def _by_trait(
    owned: Owners, state: Mapping[str, Any]
) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """Sort a device's flat state into its traits; and the keys that belong to none of them."""
    owners, unlisted = owned
    sorted_: dict[str, dict[str, Any]] = {}
    strangers: list[str] = []
    for key, value in state.items():
        trait = owners.get(key, unlisted)
        if not trait:
            strangers.append(key)
        elif trait in sorted_:
            sorted_[trait][key] = value
        else:
            sorted_[trait] = {key: value}
    return sorted_, strangers


@lru_cache(maxsize=OWNERS_KEPT_MAX)
def _owners(traits: tuple[str, ...], state_keys: StateKeys) -> Owners:
    """Which trait a key belongs to; and the one that may have any key, "" when there is none. Devices have few sets of traits."""
    owners: dict[str, str] = {ONLINE: ONLINE}
    unlisted = ""
    for trait in traits:
        keys = state_keys(trait)
        if keys is None:
            unlisted = unlisted or trait
        else:
            owners |= dict.fromkeys(keys, trait)
    return owners, unlisted


def _rows(
    device_id: str, by_trait: Mapping[str, Mapping[str, Any]], now: Instant
) -> Iterator[TraitState]:
    for trait, values in by_trait.items():
        yield TraitState(device_id, trait, msgspec.json.encode(values), now)


def _malformed(states: States) -> Iterator[Violation]:
    for device_id, state in states.items():
        for key, value in state.items():
            if key in FOREIGN_KEYS:
                yield Violation(
                    "STATE_KEY_FOREIGN",
                    state_path(device_id, key),
                    f"{key!r} is no state; it belongs to the answer of an intent.",
                )
            elif value is None:
                yield Violation(
                    "STATE_NULL",
                    state_path(device_id, key),
                    f"{key!r} is null. Leave a state out that is not known.",
                )


def _undeclared(device_id: str, key: str) -> Violation:
    return Violation(
        "STATE_OF_UNDECLARED_TRAIT",
        state_path(device_id, key),
        f"{key[:100]!r} is a state of none of the traits that this device declared in SYNC.",
    )


def _wrong(device_id: str, problem: Problem) -> Violation:
    key, *deeper = problem.path
    below = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in deeper)
    return Violation(REFUSED[problem.kind], state_path(device_id, f"{key}{below}"), problem.what)


def _silent(devices: Mapping[str, ReportedDevice], notifications: States) -> Iterator[Violation]:
    for device_id in notifications:
        if not devices[device_id].notifies:
            yield Violation(
                "NOTIFICATION_NOT_SUPPORTED",
                state_path(device_id, field="notifications"),
                "This device did not declare notificationSupportedByAgent in SYNC.",
            )


def _cut(violations: Iterator[Violation]) -> tuple[Violation, ...]:
    return tuple(violation for violation, _ in zip(violations, range(VIOLATIONS_MAX), strict=False))
