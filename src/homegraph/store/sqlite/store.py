"""``SqliteStore``: the port on one SQLite file, or in memory.

Each method hands an operation to a lane: writes to the writer's, which commits them together, and reads to the reader's,
which sees everything that was told to anybody. Small reads that come with nearly every call are made on the spot (``glance``),
and writes that are ``brief`` are carried out on the loop's thread, too; only their commit is the lane's.
In memory there is one lane for all. What an operation does is in the module of its noun; nothing is decided here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence

from msgspec.structs import replace

from homegraph.graph.applying import Known
from homegraph.graph.errands import Errand, FollowUp
from homegraph.graph.linking import Linking, LinkingStep
from homegraph.graph.model import (
    AccessToken,
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
from homegraph.graph.syncing import Work
from homegraph.store.claims import Claimant
from homegraph.store.journal_port import Limits
from homegraph.store.port import (
    Admitted,
    Claim,
    Counts,
    Declaration,
    Hint,
    Instance,
    Lease,
    ProjectCounts,
    Settlement,
)
from homegraph.store.sqlite import (
    devices,
    errands,
    journal,
    linkings,
    links,
    projects,
    reports,
    sealing,
    service_accounts,
    settling,
    work,
)
from homegraph.store.sqlite.brief import BRIEF_DEVICES_MAX, is_brief, is_brief_settlement
from homegraph.store.sqlite.folding import Folding
from homegraph.store.sqlite.glance import Glance
from homegraph.store.sqlite.lane import Lane
from homegraph.store.sqlite.moving_store import SqliteMoving
from homegraph.store.sqlite.opening import Opened, locate, open_database


class SqliteStore(SqliteMoving):
    """An open database. Use it from the event loop that opened it."""

    def __init__(self, opened: Opened, ids: Callable[[], str]) -> None:
        self._ids = ids
        self._lock = opened.lock
        self._folding: Folding | None = None
        if opened.folding is not None and opened.lock is not None:
            self._folding = Folding(opened.folding, opened.lock.flush)
        self._writer = Lane(
            opened.writer,
            name="homegraph-writer",
            begin="begin_write",
            committed=None if self._folding is None else self._folding.committed,
        )
        self._reader = self._writer
        if opened.reader is not None:
            self._reader = Lane(opened.reader, name="homegraph-reader", begin="begin_read")
        self._glance = Glance(opened.glance, self._reader)
        self._instances: dict[str, Instance] = {}

    @classmethod
    async def open(cls, database: str, *, ids: Callable[[], str], now: Instant) -> SqliteStore:
        """Open ``database``: a path or ``:memory:``, either with ``sqlite:`` before it.

        A file that is not there is made, readable by its owner only. One that is there is brought up to date, and runs that a
        dead process had under way are recorded as interrupted and due again. ``ids`` makes the ids of such runs; it may be
        called in another thread.

        Raises:
            DatabaseInUse: another process has the file open.
            SchemaTooNew: a newer homegraph wrote it.
            SettingsError: this is no address of an SQLite database.
            StoreError: it is a database, but not homegraph's.
            StoreUnavailable: it cannot be used.
        """
        path = locate(database)
        opening = asyncio.ensure_future(asyncio.to_thread(open_database, path, ids, now))
        try:
            opened = await asyncio.shield(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(_close_unused)
            raise
        return cls(opened, ids)

    async def close(self) -> None:
        self._glance.close()
        await self._reader.close()
        if self._folding is not None:
            await asyncio.to_thread(self._folding.close)
        await self._writer.close()
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    @property
    def is_shared(self) -> bool:
        return False

    @property
    def shortage(self) -> None:
        return None  # the file is ours alone

    def hear(self, told: Callable[[Hint], None]) -> None:
        """Nobody else is there: one process owns a file."""

    async def time(self) -> None:
        return None

    # Who owns a file is alone with it, so instances are not worth a write every few seconds: they are kept here.

    async def appear(self, instance: Instance, forgotten: Instant) -> None:
        known = {**self._instances, instance.id: instance}
        self._instances = {key: one for key, one in known.items() if one.seen_at >= forgotten}

    async def disappear(self, instance_id: str) -> None:
        self._instances.pop(instance_id, None)

    async def instances(self, since: Instant, *, limit: int = 1000) -> list[Instance]:
        seen = [one for _, one in sorted(self._instances.items()) if one.seen_at >= since]
        return seen[:limit]

    async def sealed_with(self) -> str:
        return await self._reader.call(sealing.sealed_with)

    async def seal_with(self, fingerprint: str, now: Instant, *, instead_of: str = "") -> str:
        if instead_of:
            return await self._writer.call(sealing.replace, fingerprint, now, instead_of)
        return await self._writer.call(sealing.note, fingerprint, now)

    # --- projects, keys, links -------------------------------------------------------------------------------

    async def declare(
        self, declarations: Sequence[Declaration], now: Instant
    ) -> Sequence[ApiKey | ServiceKey]:
        return await self._writer.call(projects.declare, declarations, now)

    async def projects(self) -> list[Project]:
        return await self._reader.call(projects.projects)

    async def find_project(self, project_id: str) -> Project | None:
        return await self._glance.call(projects.find_project, project_id)

    async def keys(self, project_id: str) -> list[ApiKey]:
        return await self._reader.call(projects.keys, project_id)

    async def find_key(self, digest: bytes) -> ApiKey | None:
        return await self._glance.call(projects.find_key, digest)

    async def add_key(self, key: ApiKey) -> None:
        await self._writer.call(projects.add_key, key)

    async def revoke_key(self, project_id: str, key_id: str, now: Instant) -> ApiKey:
        return await self._writer.call(projects.revoke_key, project_id, key_id, now)

    async def service_keys(self, project_id: str | None = None) -> list[ServiceKey]:
        return await self._reader.call(service_accounts.service_keys, project_id)

    async def find_service_keys(self, email: str) -> list[ServiceKey]:
        return await self._reader.call(service_accounts.find_service_keys, email)

    async def add_service_key(self, key: ServiceKey) -> None:
        await self._writer.call(service_accounts.add_service_key, key)

    async def revoke_service_key(self, project_id: str, key_id: str, now: Instant) -> ServiceKey:
        return await self._writer.call(service_accounts.revoke_service_key, project_id, key_id, now)

    async def add_token(self, token: AccessToken) -> None:
        await self._writer.call(service_accounts.add_token, token)

    async def find_token(self, digest: bytes) -> AccessToken | None:
        return await self._glance.call(service_accounts.find_token, digest)

    async def links(
        self, project_id: str | None = None, *, after: tuple[str, str] = ("", ""), limit: int = 1000
    ) -> list[Link]:
        return await self._reader.call(links.links, project_id, after, limit)

    async def find_link(self, project_id: str, user_id: str) -> Link | None:
        return await self._reader.call(links.find_link, project_id, user_id)

    async def begin_refresh(
        self,
        project_id: str,
        user_id: str,
        before: Tokens,
        now: Instant,
        *,
        lease_seconds: float,
        insist: bool = False,
    ) -> tuple[Turn, Link]:
        return await self._writer.call(
            links.begin_refresh, project_id, user_id, before, now, lease_seconds, insist
        )

    async def follow_tokens(
        self, project_id: str, user_id: str, event: TokenEvent, now: Instant
    ) -> Link:
        return await self._writer.call(links.follow_tokens, project_id, user_id, event, now)

    async def begin_unlink(self, project_id: str, user_id: str, now: Instant) -> Link:
        return await self._writer.call(links.begin_unlink, project_id, user_id, now)

    async def unlink(
        self, project_id: str, user_id: str, now: Instant, *, begun: bool = False
    ) -> Link:
        return await self._writer.call(links.unlink, project_id, user_id, now, begun)

    async def unlinkings(self, before: Instant) -> list[tuple[str, str]]:
        return await self._reader.call(links.unlinkings, before)

    async def delete_agent_user(
        self, project_id: str, agent_user_id: str, now: Instant
    ) -> tuple[Link, ...]:
        return await self._writer.call(links.delete_agent_user, project_id, agent_user_id, now)

    async def start_linking(self, linking: Linking, now: Instant) -> None:
        await self._writer.call(linkings.start, linking, now)

    async def find_linking(self, project_id: str, linking_id: str) -> Linking | None:
        return await self._reader.call(linkings.find, project_id, linking_id)

    async def linkings(self, project_id: str, user_id: str, *, limit: int = 20) -> list[Linking]:
        return await self._reader.call(linkings.of_user, project_id, user_id, limit)

    async def note_linking(self, project_id: str, linking_id: str, step: LinkingStep) -> None:
        await self._writer.call(linkings.note, project_id, linking_id, step)

    async def use_linking(
        self,
        project_id: str,
        linking_id: str,
        now: Instant,
        steps: Sequence[LinkingStep] = (),
    ) -> Linking:
        return await self._writer.call(linkings.use, project_id, linking_id, now, steps)

    async def end_linking(self, project_id: str, linking_id: str, outcome: str) -> None:
        await self._writer.call(linkings.end, project_id, linking_id, outcome)

    async def grant(
        self,
        linking: Linking,
        tokens: Tokens,
        now: Instant,
        steps: Sequence[LinkingStep] = (),
    ) -> tuple[Link, int]:
        return await self._writer.call(linkings.grant, linking, tokens, now, steps)

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
        brief = is_brief(states, notifications)
        write = self._writer.call_brief if brief else self._writer.call
        return await write(
            reports.report, project_id, agent_user_id, states, notifications, rule, now
        )

    async def states(
        self, project_id: str, agent_user_id: str, device_ids: Sequence[str] | None = None
    ) -> dict[str, tuple[TraitState, ...]]:
        is_small = device_ids is not None and is_brief(device_ids)
        read = self._glance if is_small else self._reader
        return await read.call(reports.states, project_id, agent_user_id, device_ids)

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
        # Nobody goes on with an async request before its commit, so the thread may as well carry out the whole group: in larger ones.
        request = self._writer.call if mode is Mode.ASYNC else self._writer.call_brief
        return await request(
            work.request_sync, Claimant(worker, lease_seconds, self._ids), target, mode, cause, now
        )

    async def projects_due(self, now: Instant) -> list[str]:
        return await self._reader.call(work.projects_due, now)

    async def claim_due(
        self, project_id: str, now: Instant, *, limit: int, worker: str, lease_seconds: float
    ) -> list[Claim]:
        return await self._writer.call(
            work.claim_due, Claimant(worker, lease_seconds, self._ids), project_id, now, limit
        )

    async def next_due_at(self, now: Instant) -> Instant | None:
        return await self._reader.call(work.next_due_at, now)

    async def heartbeat(
        self, leases: Sequence[Lease], now: Instant, lease_seconds: float
    ) -> list[Lease]:
        return await self._writer.call(work.heartbeat, leases, now, lease_seconds)

    async def hand_back(self, leases: Sequence[Lease], now: Instant) -> None:
        await self._writer.call(work.hand_back, leases, now)

    async def known(self, target: Target, fingerprints: Collection[bytes]) -> Known:
        # On the connection that will write what has changed: its pages are in memory there.
        known, many = await self._writer.call_brief(
            devices.known, target, fingerprints, BRIEF_DEVICES_MAX
        )
        if not many:
            return known
        definitions = await self._reader.call(devices.definitions, target, many)
        return replace(known, definitions=definitions)

    async def held(self, target: Target) -> tuple[HeldDevice, ...]:
        return await self._reader.call(devices.held, target)

    async def settle(self, settlement: Settlement, now: Instant) -> Work:
        brief = is_brief_settlement(settlement)
        write = self._writer.call_brief if brief else self._writer.call
        return await write(settling.settle, settlement, now)

    # --- reading ---------------------------------------------------------------------------------------------

    async def knowledge(self, project_id: str, agent_user_id: str) -> Knowledge:
        return await self._reader.call(journal.knowledge, project_id, agent_user_id)

    async def agent_users(
        self, project_id: str | None = None, *, after: tuple[str, str] = ("", ""), limit: int = 1000
    ) -> list[tuple[str, str]]:
        return await self._reader.call(devices.agent_users, project_id, after, limit)

    async def devices(self, project_id: str, agent_user_id: str) -> list[Device]:
        return await self._reader.call(devices.devices, project_id, agent_user_id)

    async def place(
        self, project_id: str, agent_user_id: str, device_id: str, placement: Placement
    ) -> None:
        await self._writer.call(devices.place, project_id, agent_user_id, device_id, placement)

    async def runs(
        self,
        project_id: str | None = None,
        agent_user_id: str | None = None,
        *,
        before: str = "",
        limit: int = 100,
    ) -> list[Run]:
        return await self._reader.call(journal.runs, project_id, agent_user_id, before, limit)

    async def find_run(self, run_id: str) -> tuple[Run, tuple[Exchange, ...]] | None:
        return await self._reader.call(journal.find_run, run_id)

    async def notifications(
        self,
        project_id: str | None = None,
        agent_user_id: str | None = None,
        *,
        before: str = "",
        limit: int = 100,
    ) -> list[Notification]:
        return await self._reader.call(
            journal.notifications, project_id, agent_user_id, before, limit
        )

    async def start_errand(self, errand: Errand, follow_ups: Sequence[FollowUp] = ()) -> None:
        await self._writer.call(errands.start, errand, follow_ups)

    async def finish_errand(
        self,
        errand: Errand,
        *,
        states: Sequence[TraitState] = (),
        exchanges: Sequence[Exchange] = (),
    ) -> None:
        await self._writer.call(errands.finish, errand, states, exchanges)

    async def errands(
        self,
        project_id: str | None = None,
        agent_user_id: str | None = None,
        *,
        before: str = "",
        limit: int = 100,
    ) -> list[Errand]:
        return await self._reader.call(errands.errands, project_id, agent_user_id, before, limit)

    async def find_errand(
        self, errand_id: str
    ) -> tuple[Errand, tuple[FollowUp, ...], tuple[Exchange, ...]] | None:
        return await self._reader.call(errands.find, errand_id)

    async def works(self, *, limit: int = 100) -> list[tuple[Target, Work]]:
        return await self._reader.call(work.works, limit)

    async def find_works(self, targets: Sequence[Target]) -> dict[Target, Work]:
        return await self._reader.call(work.find_works, targets)

    async def counts(self) -> Counts:
        return await self._reader.call(journal.counts)

    async def project_counts(self, project_id: str) -> ProjectCounts:
        return await self._reader.call(journal.project_counts, project_id)

    async def prune(self, limits: Limits, now: Instant, *, batch: int = 500) -> int:
        return await self._writer.call(journal.prune, limits, now, batch)

    async def check(self) -> None:
        if self._lock is not None:
            self._lock.prove()
        await self._writer.call(journal.check)


def _close_unused(opening: asyncio.Future[Opened]) -> None:
    """Close what was opened for a caller that is gone."""
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()
