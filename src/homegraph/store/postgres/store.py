"""``PostgresStore``: the port on a PostgreSQL server, or on several of which one can be written to.

Each method hands an operation to the connections. Calls that come often (requests, reports, settled runs) go in groups; all others
have a transaction of their own. What an operation does is in the module of its noun; nothing is decided here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import partial

from homegraph.errors import LinkingRefused, StoreUnavailable
from homegraph.graph import linking
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
from homegraph.graph.syncing import JOIN, State, Work, state_of
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
from homegraph.store.postgres import (
    devices,
    errands,
    instances,
    journal,
    linkings,
    links,
    moving,
    projects,
    reports,
    sealing,
    service_accounts,
    settling,
    work,
)
from homegraph.store.postgres.database import Database, Wanted
from homegraph.store.postgres.groups import Group
from homegraph.store.postgres.hints import Hints
from homegraph.store.postgres.linkings import Change, Grant
from homegraph.store.postgres.moving_store import PostgresMoving
from homegraph.store.postgres.opening import CONNECTIONS, Opened, open_database
from homegraph.store.postgres.reports import Report
from homegraph.store.postgres.settling import Settled
from homegraph.store.postgres.work import Overtaken, Request


class PostgresStore(PostgresMoving):
    """An open database. Use it from the event loop that opened it."""

    def __init__(self, opened: Opened, ids: Callable[[], str]) -> None:
        self._ids = ids
        self._db = opened.connections
        self._hints = None if opened.connect is None else Hints(opened.connect)
        self._requests = Group(self._db.write, work.request_sync)
        self._joining = Group(self._db.write_last, work.join)
        self._reports = Group(self._db.write, reports.report)
        self._settlements = Group(self._db.write, settling.settle)
        self._linkings = Group(self._db.write, linkings.change)
        self._grants = Group(self._db.write, linkings.grant)
        self._links = Group(self._db.glance, links.find_links)
        self._works = Group(self._db.glance, work.find_works)
        self._states = Group(self._db.glance, reports.some_states)
        self._known = Group(self._db.glance, devices.known)
        self._homes = Group(self._db.write, moving.import_homes)
        self._loose_links = Group(self._db.write, moving.import_links)
        self._exported_homes = Group(self._db.read, moving.some_homes)
        self._exported_links = Group(self._db.read, moving.some_links)

    @classmethod
    async def open(
        cls,
        database: str,
        *,
        ids: Callable[[], str],
        now: Instant,
        connections_max: int = CONNECTIONS,
    ) -> PostgresStore:
        """Open ``database``, a ``postgresql://`` URL.

        A database that is empty is set up, any other brought up to date. Runs that a dead process had under way are due again
        when their leases end: other processes may be alive. ``ids`` makes the ids of such runs. Of ``connections_max`` one listens.

        Raises:
            SchemaTooNew: a newer homegraph wrote it.
            SettingsError: the URL cannot be read.
            StoreError: it is a database, but not homegraph's.
            StoreUnavailable: it cannot be used.
        """
        return cls(await open_database(database, now, connections_max), ids)

    async def close(self) -> None:
        for group in (
            self._joining,  # first: who was overtaken asks again
            self._requests,
            self._reports,
            self._settlements,
            self._linkings,
            self._grants,
            self._links,
            self._works,
            self._states,
            self._known,
            self._homes,
            self._loose_links,
            self._exported_homes,
            self._exported_links,
        ):
            await group.close()
        if self._hints is not None:
            await self._hints.close()
        await self._db.close()

    @property
    def is_shared(self) -> bool:
        return True

    @property
    def shortage(self) -> StoreUnavailable | None:
        return self._db.shortage

    def hear(self, told: Callable[[Hint], None]) -> None:
        if self._hints is not None:
            self._hints.hear(told)

    async def time(self) -> Instant | None:
        at: Instant = await self._db.glance(Database.value, "find_time")
        return at

    async def appear(self, instance: Instance, forgotten: Instant) -> None:
        await self._db.write(instances.appear, instance, forgotten)

    async def disappear(self, instance_id: str) -> None:
        await self._db.write(instances.disappear, instance_id)

    async def instances(self, since: Instant, *, limit: int = 1000) -> list[Instance]:
        return await self._db.glance(instances.instances, since, limit)

    async def sealed_with(self) -> str:
        return await self._db.glance(sealing.sealed_with)

    async def seal_with(self, fingerprint: str, now: Instant, *, instead_of: str = "") -> str:
        if instead_of:
            return await self._db.write(sealing.replace, fingerprint, now, instead_of)
        return await self._db.write(sealing.note, fingerprint, now)

    def _tell(self, *hints: Hint) -> None:
        if self._hints is not None:
            self._hints.tell(*hints)

    # --- projects, keys, links -------------------------------------------------------------------------------

    async def declare(
        self, declarations: Sequence[Declaration], now: Instant
    ) -> Sequence[ApiKey | ServiceKey]:
        revoked = await self._db.write(projects.declare, declarations, now)
        self._tell(Hint.CREDENTIALS, Hint.DUE)
        return revoked

    async def projects(self) -> list[Project]:
        return await self._db.glance(projects.projects)

    async def find_project(self, project_id: str) -> Project | None:
        return await self._db.glance(projects.find_project, project_id)

    async def keys(self, project_id: str) -> list[ApiKey]:
        return await self._db.glance(projects.keys, project_id)

    async def find_key(self, digest: bytes) -> ApiKey | None:
        return await self._db.glance(projects.find_key, digest)

    async def add_key(self, key: ApiKey) -> None:
        await self._db.write(projects.add_key, key)
        self._tell(Hint.CREDENTIALS)

    async def revoke_key(self, project_id: str, key_id: str, now: Instant) -> ApiKey:
        key = await self._db.write(projects.revoke_key, project_id, key_id, now)
        self._tell(Hint.CREDENTIALS)
        return key

    async def service_keys(self, project_id: str | None = None) -> list[ServiceKey]:
        return await self._db.glance(service_accounts.service_keys, project_id)

    async def find_service_keys(self, email: str) -> list[ServiceKey]:
        return await self._db.glance(service_accounts.find_service_keys, email)

    async def add_service_key(self, key: ServiceKey) -> None:
        await self._db.write(service_accounts.add_service_key, key)
        self._tell(Hint.CREDENTIALS)

    async def revoke_service_key(self, project_id: str, key_id: str, now: Instant) -> ServiceKey:
        key = await self._db.write(service_accounts.revoke_service_key, project_id, key_id, now)
        self._tell(Hint.CREDENTIALS)
        return key

    async def add_token(self, token: AccessToken) -> None:
        await self._db.write(service_accounts.add_token, token)

    async def find_token(self, digest: bytes) -> AccessToken | None:
        return await self._db.glance(service_accounts.find_token, digest)

    async def links(
        self, project_id: str | None = None, *, after: tuple[str, str] = ("", ""), limit: int = 1000
    ) -> list[Link]:
        return await self._db.glance(links.links, project_id, after, limit)

    async def find_link(self, project_id: str, user_id: str) -> Link | None:
        return await self._links.call((project_id, user_id))

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
        return await self._db.write(
            links.begin_refresh, project_id, user_id, before, now, lease_seconds, insist
        )

    async def follow_tokens(
        self, project_id: str, user_id: str, event: TokenEvent, now: Instant
    ) -> Link:
        return await self._db.write(links.follow_tokens, project_id, user_id, event, now)

    async def begin_unlink(self, project_id: str, user_id: str, now: Instant) -> Link:
        return await self._db.write(links.begin_unlink, project_id, user_id, now)

    async def unlink(
        self, project_id: str, user_id: str, now: Instant, *, begun: bool = False
    ) -> Link:
        return await self._db.write(links.unlink, project_id, user_id, now, begun)

    async def unlinkings(self, before: Instant) -> list[tuple[str, str]]:
        return await self._db.glance(links.unlinkings, before)

    async def delete_agent_user(
        self, project_id: str, agent_user_id: str, now: Instant
    ) -> tuple[Link, ...]:
        return await self._db.write(links.delete_agent_user, project_id, agent_user_id, now)

    async def start_linking(self, linking: Linking, now: Instant) -> None:
        await self._db.write(linkings.start, linking, now)

    async def find_linking(self, project_id: str, linking_id: str) -> Linking | None:
        return await self._db.glance(linkings.find, project_id, linking_id)

    async def linkings(self, project_id: str, user_id: str, *, limit: int = 20) -> list[Linking]:
        return await self._db.glance(linkings.of_user, project_id, user_id, limit)

    async def note_linking(self, project_id: str, linking_id: str, step: LinkingStep) -> None:
        noted = partial(linking.noted, steps=[step])
        await self._linkings.call(Change(project_id, linking_id, noted))

    async def use_linking(
        self,
        project_id: str,
        linking_id: str,
        now: Instant,
        steps: Sequence[LinkingStep] = (),
    ) -> Linking:
        used = partial(linking.used, now=now, steps=steps)
        after = await self._linkings.call(Change(project_id, linking_id, used))
        if after is None:
            raise LinkingRefused("LINKING_USED")
        return after

    async def end_linking(self, project_id: str, linking_id: str, outcome: str) -> None:
        ended = partial(linking.ended, outcome=outcome)
        await self._linkings.call(Change(project_id, linking_id, ended))

    async def grant(
        self,
        linking: Linking,
        tokens: Tokens,
        now: Instant,
        steps: Sequence[LinkingStep] = (),
    ) -> tuple[Link, int]:
        granted = await self._grants.call(Grant(linking, tokens, now, steps))
        self._tell(Hint.DUE)
        return granted

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
        return await self._reports.call(
            Report(project_id, agent_user_id, states, notifications, rule, now)
        )

    async def states(
        self, project_id: str, agent_user_id: str, device_ids: Sequence[str] | None = None
    ) -> dict[str, tuple[TraitState, ...]]:
        if device_ids is not None:
            found = await self._states.call(Wanted(project_id, agent_user_id, device_ids))
            if found:
                return found
        return await self._db.read(reports.states, project_id, agent_user_id, device_ids)

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
        claimant = Claimant(worker, lease_seconds, self._ids)
        admitted = await self._admitted(Request(claimant, target, mode, cause, now))
        if admitted is not None and admitted.admission is JOIN:
            self._tell(Hint.DUE)
        return admitted

    async def _admitted(self, request: Request) -> Admitted | None:
        if request.mode is Mode.ASYNC:
            try:
                return await self._joining.call(request)
            except Overtaken:
                pass
        return await self._requests.call(request)

    async def projects_due(self, now: Instant) -> list[str]:
        return await self._db.glance(work.projects_due, now)

    async def claim_due(
        self, project_id: str, now: Instant, *, limit: int, worker: str, lease_seconds: float
    ) -> list[Claim]:
        return await self._db.write(
            work.claim_due, Claimant(worker, lease_seconds, self._ids), project_id, now, limit
        )

    async def next_due_at(self, now: Instant) -> Instant | None:
        return await self._db.glance(work.next_due_at, now)

    async def heartbeat(
        self, leases: Sequence[Lease], now: Instant, lease_seconds: float
    ) -> list[Lease]:
        return await self._db.write(work.heartbeat, leases, now, lease_seconds)

    async def hand_back(self, leases: Sequence[Lease], now: Instant) -> None:
        await self._db.write(work.hand_back, leases, now)
        self._tell(Hint.DUE)

    async def known(self, target: Target, fingerprints: Collection[bytes]) -> Known:
        return await self._known.call((target, fingerprints))

    async def held(self, target: Target) -> tuple[HeldDevice, ...]:
        return await self._db.glance(devices.held, target)

    async def settle(self, settlement: Settlement, now: Instant) -> Work:
        call = Settled(settlement, now)
        if call.is_usual:
            after = await self._settlements.call(call)
        else:
            after = await self._db.write(settling.settle_alone, call)
        if state_of(after) is State.WAITING:
            self._tell(Hint.DUE)
        return after

    # --- reading ---------------------------------------------------------------------------------------------

    async def knowledge(self, project_id: str, agent_user_id: str) -> Knowledge:
        return await self._db.read(journal.knowledge, project_id, agent_user_id)

    async def agent_users(
        self, project_id: str | None = None, *, after: tuple[str, str] = ("", ""), limit: int = 1000
    ) -> list[tuple[str, str]]:
        return await self._db.glance(devices.agent_users, project_id, after, limit)

    async def devices(self, project_id: str, agent_user_id: str) -> list[Device]:
        return await self._db.read(devices.devices, project_id, agent_user_id)

    async def place(
        self, project_id: str, agent_user_id: str, device_id: str, placement: Placement
    ) -> None:
        await self._db.write(devices.place, project_id, agent_user_id, device_id, placement)

    async def runs(
        self,
        project_id: str | None = None,
        agent_user_id: str | None = None,
        *,
        before: str = "",
        limit: int = 100,
    ) -> list[Run]:
        return await self._db.glance(journal.runs, project_id, agent_user_id, before, limit)

    async def find_run(self, run_id: str) -> tuple[Run, tuple[Exchange, ...]] | None:
        return await self._db.read(journal.find_run, run_id)

    async def notifications(
        self,
        project_id: str | None = None,
        agent_user_id: str | None = None,
        *,
        before: str = "",
        limit: int = 100,
    ) -> list[Notification]:
        return await self._db.glance(
            journal.notifications, project_id, agent_user_id, before, limit
        )

    async def start_errand(self, errand: Errand, follow_ups: Sequence[FollowUp] = ()) -> None:
        await self._db.write(errands.start, errand, follow_ups)

    async def finish_errand(
        self,
        errand: Errand,
        *,
        states: Sequence[TraitState] = (),
        exchanges: Sequence[Exchange] = (),
    ) -> None:
        await self._db.write(errands.finish, errand, states, exchanges)

    async def errands(
        self,
        project_id: str | None = None,
        agent_user_id: str | None = None,
        *,
        before: str = "",
        limit: int = 100,
    ) -> list[Errand]:
        return await self._db.glance(errands.errands, project_id, agent_user_id, before, limit)

    async def find_errand(
        self, errand_id: str
    ) -> tuple[Errand, tuple[FollowUp, ...], tuple[Exchange, ...]] | None:
        return await self._db.read(errands.find, errand_id)

    async def works(self, *, limit: int = 100) -> list[tuple[Target, Work]]:
        return await self._db.read(work.works, limit)

    async def find_works(self, targets: Sequence[Target]) -> dict[Target, Work]:
        return await self._works.call(targets)

    async def counts(self) -> Counts:
        return await self._db.read(journal.counts)

    async def project_counts(self, project_id: str) -> ProjectCounts:
        return await self._db.read(journal.project_counts, project_id)

    async def prune(self, limits: Limits, now: Instant, *, batch: int = 500) -> int:
        return await self._db.write(journal.prune, limits, now, batch)

    async def check(self) -> None:
        await self._db.write(journal.check)
