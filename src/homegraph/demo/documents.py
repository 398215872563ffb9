"""What the admin API answers, as far as the story reads it.

The shapes are public (``homegraph devices list --json`` and its neighbours print them); members that the story does not need
are left out, and none has a default: a document without one of these is not what the story says it is.
"""

from __future__ import annotations

from typing import Any

import msgspec


class Placement(msgspec.Struct, frozen=True):
    """Where a device is here, and what it is called."""

    room: str
    name: str


class Device(msgspec.Struct, frozen=True):
    """A device as SYNC defines it, with its placement."""

    id: str
    type: str
    traits: tuple[str, ...]
    placement: Placement


class Devices(msgspec.Struct, frozen=True):
    """The devices of an agent user."""

    devices: tuple[Device, ...]


class Link(msgspec.Struct, frozen=True):
    """A user's link."""

    state: str
    agent_user_id: str
    created_at: str
    changed_at: str


class NewServiceKey(msgspec.Struct, frozen=True):
    """A service account's key that was just made."""

    key_file: dict[str, Any]


class Begun(msgspec.Struct, frozen=True):
    """A linking that has begun."""

    authorization_url: str


class Result(msgspec.Struct, frozen=True):
    """What became of a command on one device."""

    id: str
    ok: bool
    status: str


class Executed(msgspec.Struct, frozen=True):
    """What became of a command."""

    devices: tuple[Result, ...]


class Changed(msgspec.Struct, frozen=True):
    """A device that changed, and which members did."""

    device_id: str
    fields: tuple[str, ...]


class Changes(msgspec.Struct, frozen=True):
    """What a run did to the device list; ids of devices."""

    added: tuple[str, ...] = ()
    changed: tuple[Changed, ...] = ()
    removed: tuple[str, ...] = ()


class Answer(msgspec.Struct, frozen=True):
    """What came back in an exchange."""

    body: str


class Exchange(msgspec.Struct, frozen=True):
    """One request to the cloud. ``took`` is in seconds; ``status`` 0 means no answer."""

    intent: str
    url: str
    took: float
    status: int
    response: Answer


class RunInShort(msgspec.Struct, frozen=True):
    """A run in a list."""

    id: str


class Runs(msgspec.Struct, frozen=True):
    """Runs, newest first."""

    runs: tuple[RunInShort, ...]


class Run(msgspec.Struct, frozen=True):
    """One SYNC in full. ``reason`` and ``message`` are empty when all went well; ``merged`` counts the requests."""

    id: str
    merged: int
    outcome: str
    reason: str
    message: str
    changes: Changes
    exchanges: tuple[Exchange, ...]


class SyncPayload(msgspec.Struct, frozen=True):
    """What the cloud lists."""

    devices: tuple[msgspec.Raw, ...]


class SyncReply(msgspec.Struct, frozen=True):
    """The cloud's answer to SYNC, as an exchange keeps it."""

    payload: SyncPayload
