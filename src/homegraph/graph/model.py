"""The words of the house as frozen values; every other room speaks with these.

A *target* is what a run is executed for: an agent user, or, before its first SYNC has told us the agent user, a
link. Times are seconds since 1970 in UTC as ``float`` (``Instant``); they are turned into RFC 3339 at the edge only.
Raw JSON documents stay bytes: nobody in here needs to look inside a device that did not change.

All of them are Structs: a frozen dataclass of a dozen members takes ten times as long to make, and some are made in every run.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Self, TypeAlias

import msgspec

from homegraph.graph.policy import Policy

Instant: TypeAlias = float


class Mode(StrEnum):
    """How Request Sync was called: the caller waits for the outcome, or is answered at once."""

    SYNC = "sync"
    ASYNC = "async"


class Cause(StrEnum):
    """Why a sync was asked for."""

    REQUEST = "request"  # POST /v1/devices:requestSync
    LINK = "link"  # an account was linked
    OPERATOR = "operator"  # somebody asked for it on the admin side


class LinkState(StrEnum):
    """Where a link stands. Its moves are decided in ``graph.linking``."""

    LINKING = "linking"  # the grant is here, its first SYNC has not succeeded yet
    LINKED = "linked"
    BROKEN = "broken"  # the token endpoint refused the refresh token
    UNLINKED = "unlinked"


class Outcome(StrEnum):
    """How a run ended."""

    DONE = "done"
    HELD = "held"  # it worked, and its list is held back by the shrink guard
    RETRYING = "retrying"  # failed; another run follows by itself
    FAILED = "failed"  # failed in a way that repeating does not cure, or in sync mode
    GAVE_UP = "gave_up"  # failed, and the attempts are used up
    INTERRUPTED = "interrupted"  # the process died under it; it is run again


class Target(msgspec.Struct, frozen=True, order=True):
    """Whom a run is for: an agent user (``user_id`` empty) or a link in its first SYNC (``agent_user_id`` empty)."""

    project_id: str
    agent_user_id: str
    user_id: str = ""

    @classmethod
    def of_first_sync(cls, project_id: str, user_id: str) -> Self:
        """A user's link whose agent user is not known yet."""
        return cls(project_id, "", user_id)

    @property
    def is_first_sync(self) -> bool:
        """Whether this is a link whose agent user is not known yet."""
        return not self.agent_user_id


class OAuthClient(msgspec.Struct, frozen=True):
    """How the token endpoint of a project is spoken to. The secret is sealed; only ``service.vault`` opens it."""

    client_id: str = ""
    sealed_secret: bytes = b""
    token_url: str = ""
    authorization_url: str = ""
    scopes: tuple[str, ...] = ()
    client_auth: str = "body"
    pkce: bool = False
    redirect_uri: str = ""


class Project(msgspec.Struct, frozen=True):
    """One Cloud-to-cloud integration. ``number`` is the decimal project number that Google's messages print."""

    id: str
    fulfillment_url: str
    number: str
    api_enabled: bool = True
    suspended: bool = False
    oauth: OAuthClient = msgspec.field(default_factory=OAuthClient)
    policy: Policy = msgspec.field(default_factory=Policy)


class ApiKey(msgspec.Struct, frozen=True):
    """An API key as it is kept: its hash, never itself. ``hint`` is the first characters, for people.

    Empty ``methods`` and ``addresses`` mean no restriction; methods are names like ``devices.requestSync``, addresses
    are networks in CIDR form.
    """

    id: str
    project_id: str
    digest: bytes
    hint: str
    created_at: Instant
    origin: str = "admin"  # or "file"
    expires_at: Instant | None = None
    revoked_at: Instant | None = None
    methods: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()


class ServiceKey(msgspec.Struct, frozen=True):
    """One key of a service account: its public half only. Tokens are issued to whoever holds the private half.

    ``email`` names the account (Google's ``client_email``), ``id`` the key (``private_key_id``). An account may have several
    keys; it exists as long as it has one that is not revoked.
    """

    id: str
    project_id: str
    email: str
    public_pem: bytes
    created_at: Instant
    origin: str = "admin"  # or "file"
    revoked_at: Instant | None = None


class AccessToken(msgspec.Struct, frozen=True):
    """An access token that we issued, as it is kept: its hash, whose it is, and what it is good for.

    ``scopes`` are URLs. It ends at ``expires_at``, or with the key that it was issued to.
    """

    digest: bytes
    project_id: str
    email: str
    key_id: str
    scopes: tuple[str, ...]
    issued_at: Instant
    expires_at: Instant


class Notification(msgspec.Struct, frozen=True):
    """A notification or follow-up that came with a report, as the journal keeps it; ``body`` is a JSON object.

    The home traits and home events of 2025 are kept in the same journal as they came, ``trait`` being the name of their field and
    ``device_id`` empty: they name devices of their own inside. ``follow_up_token`` is that of the command whose result it tells, "" for
    none; it stays in ``body`` only.
    """

    id: str
    project_id: str
    agent_user_id: str
    device_id: str
    trait: str
    event_id: str
    received_at: Instant
    body: bytes
    follow_up_token: str = ""

    @property
    def needs_declaration(self) -> bool:
        """Whether its device must have declared that it notifies."""
        return bool(self.device_id)


class Tokens(msgspec.Struct, frozen=True):
    """What we hold for a fulfillment, sealed by ``service.vault``; unreadable in here on purpose.

    A seal is never the same twice, so what is sealed also tells whether these are still the tokens that somebody has seen.
    ``issued_at`` and ``expires_at`` are the access token's; None when nobody has said.
    """

    sealed_access: bytes
    sealed_refresh: bytes = b""
    expires_at: Instant | None = None
    issued_at: Instant | None = None


class RefreshState(msgspec.Struct, frozen=True):
    """How it stands with the next refresh of a link's tokens; all of it is 0 while all is well.

    ``leased_until``: somebody speaks with the token endpoint until then at most. ``failures`` came in a row, and before
    ``due_at`` the endpoint is not asked again; ``error`` is what it ran into last.
    """

    leased_until: Instant = 0.0
    failures: int = 0
    due_at: Instant = 0.0
    error: str = ""


class Link(msgspec.Struct, frozen=True):
    """A user's link to a project. ``grant_digest`` tells whether the file brings a grant that is not adopted yet."""

    project_id: str
    user_id: str
    state: LinkState
    tokens: Tokens
    created_at: Instant
    agent_user_id: str = ""
    grant_digest: bytes = b""
    origin: str = "file"
    problem: str = ""  # code of the last failure, empty when all is well
    changed_at: Instant = 0.0
    refresh: RefreshState = RefreshState()

    @property
    def target(self) -> Target:
        """For whom its syncs run: its agent user, or the link itself before its first SYNC."""
        if self.agent_user_id:
            return Target(self.project_id, self.agent_user_id)
        return Target.of_first_sync(self.project_id, self.user_id)


class Placement(msgspec.Struct, frozen=True):
    """Room, name and nicknames a device has here.

    Room and name start as SYNC's ``roomHint`` and ``name`` at first sight and are never touched by a later SYNC (observed
    at Google); ``chosen`` names what a user has set here since.
    """

    room: str = ""
    name: str = ""
    nicknames: tuple[str, ...] = ()
    chosen: frozenset[str] = frozenset()


class Device(msgspec.Struct, frozen=True):
    """A device of an agent user: its definition as SYNC sent it (JSON bytes), and its placement."""

    id: str
    definition: bytes
    placement: Placement
    added_at: Instant
    changed_at: Instant


class Changed(msgspec.Struct, frozen=True):
    """A device whose definition changed; ``fields`` are the top-level members that did, sorted."""

    device_id: str
    fields: tuple[str, ...]


class Changes(msgspec.Struct, frozen=True):
    """What a SYNC did to the device list; ``held`` are devices that it brought and that were not taken."""

    added: tuple[str, ...] = ()
    changed: tuple[Changed, ...] = ()
    removed: tuple[str, ...] = ()
    held: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.removed)


class Finding(msgspec.Struct, frozen=True):
    """One observation about a reply: rule, severity (refused, ignored, advice), place, and what to do.

    ``path`` is an RFC 6901 pointer into the reply.
    """

    rule: str
    severity: str
    what: str
    why: str
    fix: str
    device_id: str = ""
    path: str = ""
    source: str = ""


class LinkResult(msgspec.Struct, frozen=True):
    """What one link's SYNC of a run brought: ``error`` is a code of the error family, empty for success."""

    user_id: str
    error: str = ""
    message: str = ""


class Exchange(msgspec.Struct, frozen=True):
    """One HTTP request and reply with a fulfillment or token endpoint; bodies bounded, tokens masked.

    ``took`` is in seconds. ``status`` is 0 when there was no reply; then ``error`` says why.
    """

    intent: str
    user_id: str
    url: str
    started_at: Instant
    took: float
    request_headers: Mapping[str, str]
    request_body: bytes
    status: int = 0
    response_headers: Mapping[str, str] = msgspec.field(default_factory=dict)
    response_body: bytes = b""
    response_size: int = 0
    error: str = ""


class Run(msgspec.Struct, frozen=True):
    """One execution of a sync, as it is kept.

    ``merged`` counts the requests that were waiting for this run. ``attempt`` is 1 for the first. ``reason`` is the code of
    the first failure, ``message`` its sentence, ``next_at`` when the next attempt is due. ``taken`` is the generation of the last
    request that it answers.
    """

    id: str
    target: Target
    cause: Cause
    mode: Mode
    outcome: Outcome
    requested_at: Instant
    started_at: Instant
    finished_at: Instant
    merged: int
    attempt: int
    reason: str = ""
    message: str = ""
    next_at: Instant | None = None
    changes: Changes = Changes()
    results: tuple[LinkResult, ...] = ()
    findings: tuple[Finding, ...] = ()
    taken: int = 0


class HeldDevice(msgspec.Struct, frozen=True):
    """A device that a SYNC brought and that was not taken, and why.

    ``fingerprint`` is the digest of its bytes, ``device_id`` and ``name`` what could be read of them. ``judged_by`` names what it was
    judged by: by anything else it has to be judged again.
    """

    fingerprint: bytes
    device_id: str
    name: str
    judged_by: str
    findings: tuple[Finding, ...]


class Knowledge(msgspec.Struct, frozen=True):
    """What is known of an agent user that a call named; the material for explaining a refusal.

    ``links`` are this project's links with that agent user, whatever their state. ``elsewhere`` tells whether another
    project has an agent user of this name. ``first_syncs`` are the links of the project that wait for their first
    SYNC or failed it (at most 10).
    """

    known: bool
    linked: bool
    unlinked_at: Instant | None
    links: tuple[Link, ...]
    elsewhere: bool
    first_syncs: tuple[Link, ...]
