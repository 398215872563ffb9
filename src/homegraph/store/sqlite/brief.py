"""What is brief enough for the thread of the event loop: reads and writes that find a few rows by their keys.

Everybody waits while the loop works on one of these, so it is their size that decides, before they begin. Some microseconds for
each device are usual when pages are in memory; what a slow disk makes of it is bounded by ``lane``.

The rule that is easily broken: a list that others made (all devices of a home, the effects of an end) is not brief, however
short it usually is. The one exception is what a run compares with a reply: the marks of a home, fifty bytes a
device.
"""

from __future__ import annotations

from collections.abc import Sized
from typing import Final

from homegraph.graph.effects import (
    BindLink,
    Effect,
    NoteProblem,
    RekeyLink,
    Unlink,
    WriteDevices,
    WriteHeld,
)
from homegraph.store.port import Settlement

BRIEF_DEVICES_MAX: Final = 8
"""Devices that are read or written at once, some ten microseconds each at most when they are in memory."""

BRIEF_BYTES_MAX: Final = 64 * 1024
"""Of the bodies that a run leaves in the journal, before they are packed: 5 to 130 microseconds, by what is in them.

What is written of them then are one to sixteen pages.
"""


def is_brief(*lists: Sized) -> bool:
    """Whether each of these has few members."""
    for one in lists:  # noqa: SIM110  # a generator costs more than what it would look at
        if len(one) > BRIEF_DEVICES_MAX:
            return False
    return True


def is_brief_settlement(settlement: Settlement) -> bool:
    """Whether a run leaves little behind."""
    size = 0
    for one in settlement.exchanges:
        size += len(one.request_body) + len(one.response_body)
    return size <= BRIEF_BYTES_MAX and all(map(_is_brief_effect, settlement.effects))


def _is_brief_effect(effect: Effect) -> bool:
    match effect:
        case NoteProblem():
            return True
        case WriteDevices(stored, removed):
            return is_brief(stored, removed)
        case BindLink() | RekeyLink() | Unlink() | WriteHeld():
            return False
