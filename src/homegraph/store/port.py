"""The port: what the house asks of a database. The docstrings are the contract.

Rules for every method:

* It is one transaction: all of it is durable when the call returns, or none of it happened. A caller that is cancelled
  does not cancel what it asked for. What a call has returned is seen by every call that starts later.
* It touches one agent user (or one link in its first SYNC), by the leading key columns; exceptions say so.
* A ``now`` that is handed in is the only clock it uses.
* It raises ``StoreUnavailable`` when the database cannot be used, and nothing else but what is listed. Whether what was
  asked for then happened is not known: the disk may have taken it and not said so.
* Lists come in key order (by code point), at most ``limit`` rows, starting after ``after``.
* Texts are valid Unicode: ``wire`` lets no lone surrogates in.

What is decided is decided by ``graph``: ``request_sync``, ``claim_due``, ``settle`` and ``hand_back`` load a
``syncing.Work``, call the function of the same purpose and save the result; ``report`` does so with ``reporting.decide``.
Credentials are in ``credential_port``, linkings in ``linking_port``, journals in ``journal_port``, what moves to another database in
``moving_port``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Protocol

import msgspec

from homegraph.errors import StoreUnavailable
from homegraph.graph.applying import Known
from homegraph.graph.effects import Effect
from homegraph.graph.model import (
    ApiKey,
    Cause,
    Device,
    Exchange,
    HeldDevice,
    Instant,
    Knowledge,
    Link,
    Mode,
    Notification,
    Placement,
    Project,
    Run,
    ServiceKey,
    Target,
    Tokens,
)
from homegraph.graph.refreshing import TokenEvent, Turn
from homegraph.graph.reporting import Rule, States, TraitState, Verdict
from homegraph.graph.syncing import Admission, Step, Work
from homegraph.store.credential_port import CredentialStore
from homegraph.store.journal_port import JournalStore
from homegraph.store.linking_port import LinkingStore
from homegraph.store.moving_port import MovingStore

FIRST_SYNCS_SHOWN_MAX: Final = 10
"""Links that a refused call is explained with; more would not be read."""


class Lease(msgspec.Struct, frozen=True):
    """The right to execute one run: store what it found, as long as nobody with a higher ``fence`` came after.

    It is lost when the run was settled or handed back, when another claim of the target followed, and when the target
    ended, even if one of the same name began since: the fences of a target never start again. Running out of time alone
    does not lose it: until somebody else takes the run, it may still be prolonged or settled.
    """

    target: Target
    fence: int
    worker: str


class Claim(msgspec.Struct, frozen=True):
    """A run that was handed out, with the links to ask.

    ``links`` are those in state linked and broken (or, in a first SYNC, the one link), oldest first. ``work`` is the work as
    claimed. ``interrupted`` is the run that a dead worker left behind.
    """

    lease: Lease
    work: Work
    links: tuple[Link, ...]
    interrupted: Work | None = None


class Admitted(msgspec.Struct, frozen=True):
    """Answer of ``request_sync``: what the request led to, its generation, and the claim if it is to START.

    The run that answers a generation is the first to be settled that took it or a later one. For REFUSE it is the
    generation that the call in flight waits for.
    """

    admission: Admission
    generation: int
    claim: Claim | None = None


class Settlement(msgspec.Struct, frozen=True):
    """Everything that a run leaves behind. ``work`` is as it was claimed; ``reply`` is what its reply is known by when it comes again."""

    lease: Lease
    work: Work
    step: Step
    run: Run
    effects: tuple[Effect, ...] = ()
    exchanges: tuple[Exchange, ...] = ()
    reply: bytes = b""


@dataclass(frozen=True, slots=True)
class DeclaredLink:
    """A grant to adopt, from the file. ``digest`` identifies the grant, so that it is adopted once."""

    user_id: str
    tokens: Tokens
    digest: bytes


@dataclass(frozen=True, slots=True)
class Declaration:
    """One project as the file has it, with its keys and links.

    An API key is known again by its digest, whatever its id; a service account's key by its id.
    """

    project: Project
    keys: tuple[ApiKey, ...] = ()
    links: tuple[DeclaredLink, ...] = ()
    service_keys: tuple[ServiceKey, ...] = ()


@dataclass(frozen=True, slots=True)
class Counts:
    """Totals for status pages. ``links`` are counted by state; ``running`` are targets with a run under way.

    ``states`` are those of ``states``: one per trait and device.
    """

    projects: int = 0
    agent_users: int = 0
    devices: int = 0
    states: int = 0
    links: Mapping[str, int] = field(default_factory=dict)
    waiting: int = 0
    running: int = 0
    runs: int = 0
    exchanges: int = 0


@dataclass(frozen=True, slots=True)
class ProjectCounts:
    """Totals of one project. ``links`` are counted by state; those of a state that none is in are left out."""

    links: Mapping[str, int]
    agent_users: int


@dataclass(frozen=True, slots=True)
class Instance:
    """One process that uses the database, as it was when it said so last (``seen_at``).

    ``address`` is where it answers, which several may share; ``machine`` and ``process`` tell them apart for people. ``running``
    counts its runs under way.
    """

    id: str
    address: str
    machine: str
    process: int
    version: str
    started_at: Instant
    seen_at: Instant
    running: int = 0


class Hint(StrEnum):
    """What another process may have changed."""

    DUE = "due"  # runs may start
    CREDENTIALS = "credentials"  # keys, service accounts, projects


class Store(CredentialStore, LinkingStore, JournalStore, MovingStore, Protocol):
    """One open database. Opened by the adapter's ``open``, ended by ``close``."""

    # --- other processes -------------------------------------------------------------------------------------

    @property
    def is_shared(self) -> bool:
        """Whether other processes may use the database, too."""

    @property
    def shortage(self) -> StoreUnavailable | None:
        """What this process would use of the database and does not get, such as connections, for people: calls wait, and go on."""

    def hear(self, told: Callable[[Hint], None]) -> None:
        """From now on call ``told``, on the event loop, when another process may have changed something.

        A hint may come for nothing, late or not at all: whoever gets it looks, and looks now and then without one.
        """

    async def time(self) -> Instant | None:
        """What time it is where the database is; None when that is here.

        Processes on several machines hand in times that are compared with each other, so they take them from here.
        """

    async def appear(self, instance: Instance, forgotten: Instant) -> None:
        """Say that an instance is alive; those that were seen before ``forgotten`` are not kept any more.

        What is said may be gone after a crash of the database: whoever is alive says it again.
        """

    async def disappear(self, instance_id: str) -> None:
        """An instance ends. Again is no error."""

    async def instances(self, since: Instant, *, limit: int = 1000) -> list[Instance]:
        """Instances that were seen then or later, by id."""

    # --- the key ---------------------------------------------------------------------------------------------

    async def sealed_with(self) -> str:
        """The fingerprint of the key that the secrets in here are sealed with; "" while none is noted."""

    async def seal_with(self, fingerprint: str, now: Instant, *, instead_of: str = "") -> str:
        """Note the fingerprint of the key that secrets are sealed with, unless one is noted; ``instead_of``: one that may give way.

        Grants of the file are known no more when the key is replaced, so that the next ``declare`` adopts them again; those of links
        that have ended stay known. Returns the one that is noted now: of processes that note at the same time one is the first, and the
        others are told so.
        """

    # --- projects and links ----------------------------------------------------------------------------------

    async def declare(
        self, declarations: Sequence[Declaration], now: Instant
    ) -> Sequence[ApiKey | ServiceKey]:
        """Make projects, keys and links as the file has them (all of them in one transaction).

        A project is created or brought up to date; projects that the file does not name are left alone. Keys with origin
        ``file`` that are not in it any more are revoked, those of service accounts like API keys; a revoked key stays
        revoked, and those of the file that do are returned. A key that is here already keeps its id and when it was made, and belongs to the file from now on. A link
        whose grant digest is new is as ``linking.adopt`` says, and a sync is requested for its agent user, or its first
        SYNC (cause ``link``).

        Raises SettingsError when a key's value or id belongs to another key, or a service account to another project (an
        account that moves from one project of the file to another does not); then nothing is stored.
        """

    async def projects(self) -> list[Project]:
        """All projects by id."""

    async def find_project(self, project_id: str) -> Project | None:
        """One project, as it was declared or imported last; it looks at no other."""

    async def links(
        self, project_id: str | None = None, *, after: tuple[str, str] = ("", ""), limit: int = 1000
    ) -> list[Link]:
        """Links by (project_id, user_id), whatever their state."""

    async def find_link(self, project_id: str, user_id: str) -> Link | None:
        """One link."""

    async def begin_refresh(  # a refresh has these parts
        self,
        project_id: str,
        user_id: str,
        before: Tokens,
        now: Instant,
        *,
        lease_seconds: float,
        insist: bool = False,
    ) -> tuple[Turn, Link]:
        """Whose turn it is to replace the tokens ``before``, by ``refreshing.begin``; and the link as it is now.

        Of any number of callers one gets START, until the lease ends or ``follow_tokens`` is told what came of it.
        Raises NotFound when there is no such link, or it has ended: an unlinked link holds no tokens.
        """

    async def follow_tokens(
        self, project_id: str, user_id: str, event: TokenEvent, now: Instant
    ) -> Link:
        """Carry over what happened to a link's tokens, by ``refreshing.follow``. Returns the link as it is now.

        Refreshed tokens are durable before the new access token is used. A link that was broken and is not any more is asked for a
        sync, or its first SYNC, as after a grant. Raises NotFound as ``begin_refresh``.
        """

    async def begin_unlink(self, project_id: str, user_id: str, now: Instant) -> Link:
        """Note that a user wants to be unlinked, unless his link has ended; again changes nothing. Returns the link.

        The note goes when the link ends, however that comes, or when a new grant does. Raises NotFound.
        """

    async def unlink(
        self, project_id: str, user_id: str, now: Instant, *, begun: bool = False
    ) -> Link:
        """End a link as ``Unlink`` says; again changes nothing. Returns it as it is now. Raises NotFound.

        ``begun``: only if ``begin_unlink`` has noted it, and the note is still there. A run under way loses its lease if the
        agent user goes, or if it is the link's first SYNC.
        """

    async def unlinkings(self, before: Instant) -> list[tuple[str, str]]:
        """(project_id, user_id) of the notes of ``begin_unlink`` that were made by then."""

    async def delete_agent_user(
        self, project_id: str, agent_user_id: str, now: Instant
    ) -> tuple[Link, ...]:
        """The developer unlinks an agent user: each of its links ends as ``Unlink`` says, and so it ends with the last.

        Returns those links as they are now, oldest first. A run under way loses its lease. What journals tell of it stays.
        Raises NotFound when it is not linked here.
        """

    # --- states ----------------------------------------------------------------------------------------------

    async def report(
        self,
        project_id: str,
        agent_user_id: str,
        states: States,
        notifications: Sequence[Notification],
        rule: Rule,
        now: Instant,
    ) -> Verdict:
        """Store a report that ``reporting.decide`` accepts, all of it: its rows, and the notifications in their journal.

        Each row takes the place of the state that its trait had. The verdict of an agent user that is not linked here is
        ``unlinked``; of one that became linked less than the rule's ``settle_seconds`` ago, ``settling``; otherwise it is that of
        ``decide``. Nothing is stored unless it is accepted. Notifications are of this agent user, with ids that are new; only
        those that need a declaration are judged.

        The rule's functions may be called in another thread. A notification that brings back the token of a follow-up of this agent
        user and device answers it, if nothing did before.
        """

    async def states(
        self, project_id: str, agent_user_id: str, device_ids: Sequence[str] | None = None
    ) -> dict[str, tuple[TraitState, ...]]:
        """States by device and, of each device, by trait in order; of all devices, or of those that are named.

        A device that is not here is not in it; one without states maps to (). There are no states but of devices that
        are here, and of traits that they declared (``reporting.kept``). Raises NotFound when the agent user is not linked.
        """

    # --- requests and runs -----------------------------------------------------------------------------------

    async def request_sync(
        self,
        target: Target,
        mode: Mode,
        cause: Cause,
        now: Instant,
        *,
        worker: str,
        lease_seconds: float,
    ) -> Admitted | None:
        """Record a request by ``syncing.request``; None when the target has no work (nothing is written).

        Agent users have work while they are linked, links until their first SYNC has succeeded. START also claims the run
        for ``worker``; REFUSE writes nothing.
        """

    async def projects_due(self, now: Instant) -> list[str]:
        """Ids of projects with a run that may start now (an expired lease counts), without reading every row.

        It looks at all projects; so do ``next_due_at``, ``works`` and ``counts``.
        """

    async def claim_due(
        self, project_id: str, now: Instant, *, limit: int, worker: str, lease_seconds: float
    ) -> list[Claim]:
        """Hand out up to ``limit`` runs of the project that may start, those first that could start soonest.

        Soonest by ``syncing.ready_at``, then by target. A run whose lease expired is recorded with outcome
        ``interrupted`` and handed out again. One transaction for all of them.
        """

    async def next_due_at(self, now: Instant) -> Instant | None:
        """When the next run that is not claimable yet will be (its back-off or its lease ends); None when there is none."""

    async def heartbeat(
        self, leases: Sequence[Lease], now: Instant, lease_seconds: float
    ) -> list[Lease]:
        """Prolong leases to ``now + lease_seconds``. Returns those that are lost. One transaction for all of them."""

    async def hand_back(self, leases: Sequence[Lease], now: Instant) -> None:
        """Give runs back as if they had not been started (``syncing.interrupt``). Lost leases are skipped.

        One transaction for all of them.
        """

    async def known(self, target: Target, fingerprints: Collection[bytes]) -> Known:
        """What is stored of the list that a run compares with a reply, whose devices have these ``fingerprints``."""

    async def held(self, target: Target) -> tuple[HeldDevice, ...]:
        """The held devices of an agent user as the last ``WriteHeld`` (or ``BindLink``) gave them; none of a link in its first SYNC.

        They are gone when the agent user ends or its list goes to another one.
        """

    async def settle(self, settlement: Settlement, now: Instant) -> Work:
        """Store what a run found and what follows it: effects, ``syncing.settle``, run, exchanges. All or nothing.

        Effects are carried out in order. One on a link that has ended or moved to another agent user meanwhile does nothing.
        ``WriteDevices`` and ``WriteHeld`` come before effects that may end the agent user.

        Returns the work as ``syncing.settle`` left it, even when an effect has ended the target. Raises LeaseLost when
        the lease is lost; then nothing is stored.
        """

    # --- reading ---------------------------------------------------------------------------------------------

    async def knowledge(self, project_id: str, agent_user_id: str) -> Knowledge:
        """What is known of this agent user. It looks at other projects for ``elsewhere``: linked there."""

    async def agent_users(
        self, project_id: str | None = None, *, after: tuple[str, str] = ("", ""), limit: int = 1000
    ) -> list[tuple[str, str]]:
        """(project_id, agent_user_id) of linked agent users."""

    async def devices(self, project_id: str, agent_user_id: str) -> list[Device]:
        """The devices of an agent user, by id; a reply bounds how many there are. Raises NotFound when it is not linked here.

        ``changed_at`` is when the definition was last written.
        """

    async def place(
        self, project_id: str, agent_user_id: str, device_id: str, placement: Placement
    ) -> None:
        """Set a device's placement, all of it. Raises NotFound."""

    async def works(self, *, limit: int = 100) -> list[tuple[Target, Work]]:
        """Targets whose work is not idle, those first that may start soonest (``syncing.ready_at``, then target)."""

    async def find_works(self, targets: Sequence[Target]) -> dict[Target, Work]:
        """The work of those targets that have some, idle or not; they may be of several agent users."""

    async def counts(self) -> Counts:
        """Totals."""

    async def project_counts(self, project_id: str) -> ProjectCounts:
        """Totals of a project; all 0 for one that is not there."""

    async def check(self) -> None:
        """Raise StoreUnavailable unless the database can be written to."""

    async def close(self) -> None:
        """Finish what was accepted, then close; again is no error. Later calls raise StoreUnavailable."""
