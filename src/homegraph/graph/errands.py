"""An errand, as it is kept: an EXECUTE or a QUERY that somebody here had sent, or a DISCONNECT. Its exchanges are its own, as a run's are.

It is written down before anything goes out: a command that was sent is known of even if the process dies before the answer, and a
follow-up may come before it. ``finished_at`` stays None then, and nobody knows what became of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from homegraph.graph.model import Finding, Instant

EXECUTE: Final = "EXECUTE"
QUERY: Final = "QUERY"
DISCONNECT: Final = "DISCONNECT"

FOLLOW_UP_SECONDS: Final = 300.0
"""For a follow-up: Google's advice for its deadline is a few seconds to five minutes. One that comes later is kept, and called late."""


class DeviceResult(msgspec.Struct, frozen=True, kw_only=True):
    """What came of an errand on one device, in the words of the answer; ``ok`` is what they mean.

    ``reason`` is the code of the error that came in place of an answer, and ``message`` its sentence; both are "" when there was one.
    ``challenge`` is what must be answered first, "" for nothing. ``stored`` are the states that were stored when the answer to
    a QUERY was here, and ``differs`` the names of those that it answered otherwise. Before the answer there is the id only.
    """

    id: str
    status: str = ""
    ok: bool = False
    error_code: str = ""
    exception_code: str = ""
    debug: str = ""
    challenge: str = ""
    reason: str = ""
    message: str = ""
    states: Mapping[str, Any] = {}
    stored: Mapping[str, Any] = {}
    differs: tuple[str, ...] = ()


class Errand(msgspec.Struct, frozen=True, kw_only=True):
    """One EXECUTE, live QUERY or DISCONNECT, in one exchange or several. ``user_id`` is whose token was used."""

    id: str
    project_id: str
    agent_user_id: str
    user_id: str
    intent: str
    started_at: Instant
    devices: tuple[DeviceResult, ...]
    command: str = ""
    params: Mapping[str, Any] = {}
    finished_at: Instant | None = None
    findings: tuple[Finding, ...] = ()


class FollowUp(msgspec.Struct, frozen=True, kw_only=True):
    """A token that went out with a command for one device, so that its result may be told later; and that result, once it came.

    ``trait`` and ``body`` are those of the notification that brought the token back; the first one counts.
    """

    token: str
    device_id: str
    sent_at: Instant
    answered_at: Instant | None = None
    trait: str = ""
    body: bytes = b""

    @property
    def is_late(self) -> bool:
        """Whether it came when nobody waited any more."""
        return self.answered_at is not None and self.answered_at > self.sent_at + FOLLOW_UP_SECONDS
