"""What of a diff has no effect in Google: members that are looked at when a device is seen for the first time, and never again.

A developer who renames a device or moves it to another room sees the change arrive and nothing happen; that is no mistake of the answer,
and worth a word beside the change (protocol.md 4).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Final

from homegraph.graph.checks.rule import Rule, pointer
from homegraph.graph.model import Changes, Finding

TOLD_MAX: Final = 64
"""Findings about one diff: a release that renames everything has one cause."""

FIRST_SIGHT_ONLY: Final[Mapping[str, str]] = {
    "name": "users keep the name of first sight, or the one that they have given",
    "roomHint": "the room is that of first sight, or the one that the user has chosen",
    "structureHint": "the home is that of first sight, or the one that the user has chosen",
}
"""Members that count at first sight, and what counts from then on."""


def without_effect(changes: Changes, listed: Sequence[str] = ()) -> tuple[Finding, ...]:
    """What changed and will not be seen. The first ``TOLD_MAX`` of them. ``listed`` has the ids of the list, for the places."""
    if not changes.changed:
        return ()
    return tuple(islice(_ineffective(changes, listed), TOLD_MAX))


def _ineffective(changes: Changes, listed: Sequence[str]) -> Iterator[Finding]:
    places = {device_id: index for index, device_id in enumerate(listed)}
    for changed in changes.changed:
        for field in changed.fields:
            if field in FIRST_SIGHT_ONLY:
                yield CHANGE_WITHOUT_EFFECT.found(
                    f"{field} has changed, which has no effect in Google: {FIRST_SIGHT_ONLY[field]}.",
                    device_id=changed.device_id,
                    path=pointer("payload", "devices", places[changed.device_id], field)
                    if changed.device_id in places
                    else "",
                )


CHANGE_WITHOUT_EFFECT: Final = Rule(
    id="change-without-effect",
    severity="ignored",
    subject="SYNC",
    title="A change comes too late to be seen",
    why="Names and rooms of a device belong to the user from the first SYNC on; only a new link starts over.",
    fix="Tell your users to rename or move the device in the app.",
    source="google-home/smart-home-nodejs issue 112, home-assistant/core issue 133341",
)

RULES: Final = (CHANGE_WITHOUT_EFFECT,)
