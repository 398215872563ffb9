"""One device: what it is (SYNC lists it), how it is (QUERY tells it), and what it asks for before it obeys.

Some things are not done just because somebody said so. Unlocking a door needs a PIN, and a freezer asks whether it shall really
go off: the first EXECUTE is answered with a challenge, and the Home Graph sends the command again with its user's answer. What
has to be asked for is data (``Guard``), so that it stands beside the device and not in the handler.

The rule that is easily broken: a PIN that was wrong counts, also when it is right afterwards within the same minute.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from homegraph.demo.cloud.accounts import Tries
from homegraph.demo.cloud.commands import CommandFailed, State, understood

TYPES: Final = "action.devices.types."
TRAITS: Final = "action.devices.traits."


class Challenge(msgspec.Struct):
    """A user's answer to what a device asked; it comes along with the command."""

    ack: bool = False
    pin: str = ""


class ChallengeNeeded(Exception):
    """The device wants to hear something from its user first; ``kind`` says what."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Guard:
    """States that a device does not take on without being sure. A guard with a ``pin`` asks for it, another for a yes."""

    states: State
    pin: str = field(default="", repr=False)
    tries: Tries = field(default_factory=Tries, compare=False)

    def watches(self, states: State) -> bool:
        """Whether the device is about to become what is guarded."""
        return any(states.get(name) == value for name, value in self.states.items())

    def admit(self, challenge: Challenge | None, now: float) -> None:
        """Let the command through.

        Raises:
            ChallengeNeeded: not yet; the user has to be asked, for the first time or again.
            CommandFailed: the PIN was wrong too often.
        """
        if not self.pin:
            if challenge is None or not challenge.ack:
                raise ChallengeNeeded("ackNeeded")
            return
        if challenge is None or not challenge.pin:
            raise ChallengeNeeded("pinNeeded")
        if not self.tries.may(now):
            raise CommandFailed("tooManyFailedAttempts")
        if not hmac.compare_digest(challenge.pin.encode(), self.pin.encode()):
            self.tries.failed(now)
            raise ChallengeNeeded("challengeFailedPinNeeded")


@dataclass(slots=True)
class Device:
    """One device. ``kind`` and ``traits`` are names without their prefix: LIGHT, OnOff.

    ``is_slow``: it has a motor, and is what it was told to be only when it has arrived there.
    """

    id: str
    kind: str
    name: str
    traits: list[str]
    state: State
    room_hint: str = ""
    attributes: dict[str, Any] = field(default_factory=dict)
    guard: Guard | None = None
    is_slow: bool = False

    def definition(self) -> dict[str, Any]:
        """What SYNC lists. Members that say nothing are left out."""
        device: dict[str, Any] = {
            "id": self.id,
            "type": TYPES + self.kind,
            "traits": [TRAITS + trait for trait in self.traits],
            "name": {"name": self.name},
            "willReportState": True,
        }
        if self.room_hint:
            device["roomHint"] = self.room_hint
        if self.attributes:
            device["attributes"] = self.attributes
        if self.is_slow:
            # It will tell later how a command has ended, so the Home Graph may ask for that.
            device["notificationSupportedByAgent"] = True
        return device

    def states(self) -> State:
        """All states, as QUERY, EXECUTE and Report State have them. These devices are always online."""
        return {"online": True, **self.state}

    def decide(
        self, command: str, params: Any, challenge: Challenge | None, now: float
    ) -> tuple[State, State]:
        """What a command would lead to: the new states, and what its answer has besides. Nothing has changed yet.

        Raises:
            CommandFailed: it cannot be done.
            ChallengeNeeded: the user has to be asked.
        """
        known, states = understood(command, params, self.traits)
        if self.guard is not None and self.guard.watches(states):
            self.guard.admit(challenge, now)
        return states, dict(known.results)
