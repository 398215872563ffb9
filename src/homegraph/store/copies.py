"""Copies of what is kept: the pieces that move from one database to another, whatever its kind.

A piece is what one transaction touches: a project with its credentials, an agent user with all that belongs to it, a link that has
no agent user. The members of these values are the members of an export's lines (docs/reference/export-format.md): renaming one,
here or in a value of ``graph.model`` that is in here, makes another version of the format.

Nothing in a copy belongs to a process: a run that was under way is waiting again, and nobody refreshes a token. Secrets are sealed
or digests, as they are kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

import msgspec

from homegraph.graph.model import (
    ApiKey,
    HeldDevice,
    Instant,
    Link,
    LinkState,
    Placement,
    Project,
    ServiceKey,
)
from homegraph.graph.syncing import Work

_object: Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode

FORMAT: Final = "homegraph-export"
VERSION: Final = 1
"""Of the format. Another one is refused: what a line means must not be guessed."""

LINE_BYTES_MAX: Final = 64 * 1024 * 1024
"""Of one line. The largest is an agent user with the longest device list (a SYNC of 8 MiB), whose bytes take a third more in base64."""

PAGE_BYTES: Final = 1024 * 1024
"""A page of an export, and a call of an import, are over with the line that makes them this long."""

PAGE_LINES_MAX: Final = 500
"""Lines of a page or call: as many as take a slow disk a few seconds."""

CALL_BYTES_MAX: Final = LINE_BYTES_MAX + 2 * PAGE_BYTES
"""Of a page or call: a line of any length, and those before it."""

COUNTER_MAX: Final = 2**63 - 1
"""Counters are 64 bits wide where they are stored."""


class ProjectCopy(msgspec.Struct, frozen=True, tag_field="kind", tag="project"):
    """A project with its API keys and its service accounts' keys, by id."""

    project: Project
    keys: tuple[ApiKey, ...] = ()
    service_keys: tuple[ServiceKey, ...] = ()


class LinkCopy(msgspec.Struct, frozen=True, tag_field="kind", tag="link"):
    """A link. ``fence`` is the last one of its first SYNC; ``work`` that SYNC's, None while there is nothing to do.

    ``unlinking_at`` is when its user asked to be unlinked, if the fulfillment is being told.
    """

    link: Link
    fence: int = 0
    work: Work | None = None
    unlinking_at: Instant | None = None


class DeviceCopy(msgspec.Struct, frozen=True):
    """A device: what SYNC said, what was chosen here, and by trait when its state came and what it is (JSON bytes)."""

    id: str
    fingerprint: bytes
    definition: bytes
    traits: tuple[str, ...]
    notifies: bool
    attributes: bytes
    placement: Placement
    added_at: Instant
    changed_at: Instant
    states: Mapping[str, tuple[Instant, bytes]]


class HomeCopy(msgspec.Struct, frozen=True, tag_field="kind", tag="agent_user"):
    """An agent user, or the tombstone of one. ``work`` is None while there is nothing to do; ``fence`` is the last one of it."""

    project_id: str
    agent_user_id: str
    linked: bool
    linked_at: Instant
    unlinked_at: Instant | None = None
    fence: int = 0
    work: Work | None = None
    links: tuple[LinkCopy, ...] = ()
    held: tuple[HeldDevice, ...] = ()
    devices: tuple[DeviceCopy, ...] = ()


Copy: TypeAlias = ProjectCopy | HomeCopy | LinkCopy


def mistake_in(copy: Copy) -> str:
    """What in a copy contradicts the rest of it; empty for nothing. No export has any."""
    match copy:
        case ProjectCopy():
            owners = {one.project_id for one in copy.keys}
            owners |= {one.project_id for one in copy.service_keys}
            return "" if owners <= {copy.project.id} else "a key of another project"
        case LinkCopy():
            return _mistake_in_link(copy, "", has_home=False)
        case HomeCopy():
            return _mistake_in_home(copy)


def _mistake_in_home(copy: HomeCopy) -> str:
    if not copy.agent_user_id:
        return "an agent user without a name"
    if not copy.linked and (copy.devices or copy.held or copy.work is not None):
        return "devices or work of an agent user that is not linked"
    if len({one.id for one in copy.devices}) < len(copy.devices):
        return "a device twice"
    if not all(_is_object(state) for one in copy.devices for _, state in one.states.values()):
        return "a state that is no JSON object"
    if len({one.link.user_id for one in copy.links}) < len(copy.links):
        return "a link twice"
    if copy.linked and all(one.link.state is LinkState.UNLINKED for one in copy.links):
        return "a linked agent user without a link"
    for one in copy.links:
        if one.link.project_id != copy.project_id:
            return "a link of another project"
        if mistake := _mistake_in_link(one, copy.agent_user_id, has_home=copy.linked):
            return mistake
    return _mistake_in_work(copy.fence, copy.work)


def _mistake_in_link(copy: LinkCopy, agent_user_id: str, *, has_home: bool) -> str:
    link = copy.link
    if link.agent_user_id != agent_user_id:
        return "a link of another agent user"
    if agent_user_id and copy.work is not None:
        return "work of a first SYNC that has succeeded"
    is_over = link.state is LinkState.UNLINKED
    if agent_user_id and not has_home and not is_over:
        return "a link that has not ended, of an agent user that has"
    if is_over and copy.work is not None:
        return "a first SYNC of a link that has ended"
    if is_over and copy.unlinking_at is not None:
        return "an unlinking of a link that has ended"
    return _mistake_in_work(copy.fence, copy.work)


def _is_object(state: bytes) -> bool:
    try:
        _object(state)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def _mistake_in_work(fence: int, work: Work | None) -> str:
    counters = [fence]
    if work is not None:
        if work.taken or work.worker or work.lease_until:
            return "a run that somebody has in hands"
        counters += [
            work.requested, work.done, work.fence, work.attempts, work.sync_generation, work.async_generation,
        ]  # fmt: skip
    return "" if all(0 <= one <= COUNTER_MAX for one in counters) else "a counter out of range"
