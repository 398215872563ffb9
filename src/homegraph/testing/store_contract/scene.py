"""What the tests of the contract begin with: a project, a household, and the moves of a run.

A ``Scene`` holds the time. It stands still unless a test moves it, so that every test knows every time that is stored.
"""
# ruff: noqa: S101  # a test suite that lives in the package

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import shake_128
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from homegraph.graph.applying import Stored, fingerprint, mark_of
from homegraph.graph.effects import BindLink, Effect, WriteDevices
from homegraph.graph.model import (
    AccessToken,
    ApiKey,
    Cause,
    Exchange,
    Instant,
    Link,
    Mode,
    Notification,
    OAuthClient,
    Outcome,
    Placement,
    Project,
    Run,
    ServiceKey,
    Target,
    Tokens,
)
from homegraph.graph.policy import Policy
from homegraph.graph.refreshing import Refused
from homegraph.graph.reporting import Rule, States, Verdict
from homegraph.graph.state_checks import DeviceCheck
from homegraph.graph.syncing import Finish, Step, Work
from homegraph.store.port import Admitted, Claim, Declaration, DeclaredLink, Settlement, Store
from homegraph.wire.catalog.problems import Kind, Place, Problem

LEASE_SECONDS = 30.0
WORKER = "worker-1"
TOKENS = Tokens(b"sealed-access", b"sealed-refresh", 4_000.0, 400.0)
ACCOUNT = "robot@acme.example"

STATE_KEYS: Final[Mapping[str, frozenset[str]]] = {
    "OnOff": frozenset({"on"}),
    "Brightness": frozenset({"brightness"}),
    "StartStop": frozenset({"isRunning", "isPaused"}),
}
"""Traits with their keys, in place of the catalog."""

DIM: Final = b'{"brightest":50}'
"""Attributes of a device that is too bright beyond 50."""


def problems_of(_traits: tuple[str, ...], attributes: bytes) -> DeviceCheck:
    """The check, in place of the catalog's."""

    def check(states: Mapping[str, Any]) -> tuple[Problem, ...]:
        if attributes != DIM or states.get("brightness", 0) <= 50:  # noqa: PLR2004
            return ()
        too_bright = Problem(
            kind=Kind.RANGE, place=Place.STATE, path=("brightness",), what="too bright"
        )
        return (too_bright,)

    return check


def project(project_id: str = "acme") -> Project:
    """A project in which no member has its default."""
    return Project(
        project_id,
        "https://cloud.example/smarthome",
        "417291038746",
        api_enabled=False,
        suspended=True,
        policy=Policy(empty_sync="unlink"),
        oauth=OAuthClient(
            "homegraph",
            b"\x00sealed",
            "https://cloud.example/token",
            "https://cloud.example/auth",
            ("devices", "profile"),
            "basic",
            pkce=True,
            redirect_uri="https://home.example/r/acme",
        ),
    )


def api_key(key_id: str, project_id: str = "acme", *, origin: str = "file") -> ApiKey:
    """A key in which no member has its default; its digest is made of its id."""
    return ApiKey(
        key_id,
        project_id,
        fingerprint(key_id.encode()),
        "AIza",
        created_at=900.0,
        origin=origin,
        expires_at=9_000.0,
        methods=("devices.requestSync",),
        addresses=("192.0.2.0/24", "2001:db8::/32"),
    )


def service_key(
    key_id: str, project_id: str = "acme", email: str = ACCOUNT, *, origin: str = "admin"
) -> ServiceKey:
    """A key of a service account in which no member has its default; its public half is made of its id."""
    return ServiceKey(key_id, project_id, email, f"PEM of {key_id}\n".encode(), 900.0, origin)


def token(text: str, key: ServiceKey, expires_at: Instant = 4_600.0) -> AccessToken:
    """An access token that was issued to a key."""
    return AccessToken(
        fingerprint(text.encode()),
        key.project_id,
        key.email,
        key.id,
        ("https://scope.example/one", "two"),
        1_000.0,
        expires_at,
    )


def notification(
    notification_id: str,
    device_id: str = "lamp",
    agent_user_id: str = "1836",
    at: Instant = 1_000.0,
) -> Notification:
    """A notification in which no member has its default."""
    return Notification(
        notification_id, "acme", agent_user_id, device_id, "OnOff", "event-7", at, b'{"priority":0}'
    )


def stored(
    device_id: str,
    text: str = "first",
    *,
    room: str | None = "Kitchen",
    traits: Sequence[str] = (),
    notifies: bool = False,
    attributes: bytes = b"",
) -> Stored:
    """A device to be written: new if it has a room, renewed if not. ``text`` is its content."""
    definition = f'{{"id":"{device_id}","text":"{text}"}}'.encode()
    placement = None if room is None else Placement(room, device_id.title())
    return Stored(
        device_id,
        mark_of(fingerprint(definition), device_id),
        definition,
        placement,
        tuple(traits),
        notifies,
        attributes,
    )


def exchange(started_at: Instant = 1_000.0, user_id: str = "anna") -> Exchange:
    """An exchange in which no member has its default."""
    return Exchange(
        "action.devices.SYNC",
        user_id,
        "https://cloud.example/smarthome",
        started_at,
        0.25,
        {"authorization": "Bearer …", "content-type": "application/json"},
        b'{"requestId":"1"}',
        200,
        {"content-type": "application/json"},
        b'{"payload":\x00\xff',
        16_000,
        "REPLY_UNUSABLE",
    )


def long_exchanges() -> tuple[Exchange, ...]:
    """Exchanges whose bodies are of every kind: none, short and long, on both sides of every bound, with much that repeats and with nothing."""
    nothing_repeats = shake_128(b"body").digest(70_000)
    repeats = b'{"id":"lamp","traits":["OnOff"]},' * 2_200
    lengths = (0, 1, 1_023, 1_024, 1_025, 16_000, 64 * 1024, 70_000)
    bodies = [body[:length] for length in lengths for body in (repeats, nothing_repeats)]
    return tuple(replace(exchange(), response_body=body) for body in bodies)


def target(agent_user_id: str = "1836", project_id: str = "acme") -> Target:
    """An agent user."""
    return Target(project_id, agent_user_id)


def first_sync(user_id: str = "anna", project_id: str = "acme") -> Target:
    """A link in its first SYNC."""
    return Target.of_first_sync(project_id, user_id)


@dataclass
class Scene:
    """A store, the time, and how many runs there were."""

    store: Store
    now: Instant = 1_000.0
    runs: int = 0

    async def declare(self, *user_ids: str, project_id: str = "acme", grant: bytes = b"1") -> None:
        """Declare a project with a grant of each user."""
        grants = tuple(DeclaredLink(user_id, TOKENS, grant) for user_id in user_ids)
        await self.store.declare([Declaration(project(project_id), (), grants)], self.now)

    async def link(
        self,
        user_id: str = "anna",
        agent_user_id: str = "1836",
        *devices: Stored,
        project_id: str = "acme",
    ) -> None:
        """Link a user by a first SYNC that brings these devices. Leaves the agent user idle."""
        await self.declare(user_id, project_id=project_id)
        claim = await self.claim(project_id)
        await self.settle(claim, BindLink(user_id, agent_user_id, devices))
        if project_id in await self.store.projects_due(self.now):
            await self.settle(await self.claim(project_id))

    async def request(
        self,
        mode: Mode = Mode.ASYNC,
        target: Target = target(),  # noqa: B008  # a frozen value
        cause: Cause = Cause.REQUEST,
    ) -> Admitted:
        """Ask for a sync that is not refused for want of a target."""
        admitted = await self.ask(mode, target, cause)
        assert admitted is not None
        return admitted

    async def ask(
        self, mode: Mode, target: Target, cause: Cause = Cause.REQUEST
    ) -> Admitted | None:
        """Ask for a sync."""
        return await self.store.request_sync(
            target, mode, cause, self.now, worker=WORKER, lease_seconds=LEASE_SECONDS
        )

    async def start(self, target: Target = target()) -> Claim:  # noqa: B008
        """Start a run by a sync-mode call."""
        admitted = await self.request(Mode.SYNC, target)
        assert admitted.claim is not None
        return admitted.claim

    async def claims(
        self, project_id: str = "acme", *, limit: int = 100, worker: str = WORKER
    ) -> list[Claim]:
        """Take what is due."""
        return await self.store.claim_due(
            project_id, self.now, limit=limit, worker=worker, lease_seconds=LEASE_SECONDS
        )

    async def claim(self, project_id: str = "acme", *, worker: str = WORKER) -> Claim:
        """Take the one run that is due."""
        (claim,) = await self.claims(project_id, worker=worker)
        return claim

    async def settle(
        self,
        claim: Claim,
        *effects: Effect,
        step: Step = Finish(),  # noqa: B008  # a frozen value
        exchanges: Sequence[Exchange] = (),
        reply: bytes = b"",
    ) -> Work:
        """End a run."""
        settlement = Settlement(
            claim.lease,
            claim.work,
            step,
            self.record(claim, step.outcome),
            effects,
            tuple(exchanges),
            reply,
        )
        return await self.store.settle(settlement, self.now)

    def record(self, claim: Claim, outcome: Outcome = Outcome.DONE) -> Run:
        """The record of a run, with the next id."""
        self.runs += 1
        work = claim.work
        return Run(
            f"run-{self.runs:04}",
            claim.lease.target,
            work.run_cause,
            work.run_mode,
            outcome,
            work.run_requested_at,
            work.run_started_at,
            self.now,
            merged=work.taken - work.done,
            attempt=work.attempts,
            taken=work.taken,
        )

    async def refused(self, user_id: str = "anna", project_id: str = "acme") -> Link:
        """A link's token endpoint says invalid_grant."""
        link = await self.store.find_link(project_id, user_id)
        assert link is not None
        event = Refused(link.tokens)
        return await self.store.follow_tokens(project_id, user_id, event, self.now)

    async def write(self, *devices: Stored, removed: Sequence[str] = ()) -> None:
        """A run that writes devices of the agent user."""
        await self.settle(await self.start(), WriteDevices(devices, tuple(removed)))

    async def known(self, target: Target = target()) -> Mapping[bytes, str]:  # noqa: B008
        """Marks of the devices of a list, and whose they are."""
        known = await self.store.known(target, ())
        return {one + known.names[device_id]: device_id for one, device_id in known.ids.items()}

    async def report(
        self,
        states: States,
        *notifications: Notification,
        target: Target = target(),  # noqa: B008  # a frozen value
        settle_seconds: float = 0.0,
    ) -> Verdict:
        """Report states."""
        return await self.store.report(
            target.project_id,
            target.agent_user_id,
            states,
            notifications,
            Rule(STATE_KEYS.get, problems_of, settle_seconds),
            self.now,
        )

    async def states(
        self, agent_user_id: str = "1836", project_id: str = "acme"
    ) -> dict[str, dict[str, Any]]:
        """States by device and trait, their commit times left out."""
        states = await self.store.states(project_id, agent_user_id)
        return {
            device_id: {row.trait: msgspec.json.decode(row.state) for row in rows}
            for device_id, rows in states.items()
        }

    async def device_ids(self, agent_user_id: str = "1836", project_id: str = "acme") -> list[str]:
        """Ids of the devices of an agent user."""
        return [device.id for device in await self.store.devices(project_id, agent_user_id)]

    async def is_linked(self, agent_user_id: str = "1836", project_id: str = "acme") -> bool:
        """Whether an agent user is linked."""
        return (await self.store.knowledge(project_id, agent_user_id)).linked
