"""The server itself, as the admin side shows it: its state, its settings, and what was checked."""

from __future__ import annotations

from collections.abc import Mapping

from homegraph.service.clock import rfc3339
from homegraph.service.views import View
from homegraph.store.port import Counts, Instance


class Check(View, frozen=True, kw_only=True):
    """One thing that was looked at, and what was found."""

    name: str
    ok: bool
    detail: str


class Advice(Check, frozen=True, kw_only=True):
    """A check of ``doctor``. ``fix`` is what to do about it, empty when all is well; of one that is ok it is no more than advice."""

    fix: str = ""


class Advices(View, frozen=True, kw_only=True):
    """The server's part of ``doctor``."""

    checks: tuple[Advice, ...]


class Setting(View, frozen=True, kw_only=True):
    """One effective setting as the file would say it (secrets masked), and where it comes from."""

    name: str
    value: str
    source: str


class Totals(View, frozen=True, kw_only=True):
    """How much there is."""

    projects: int
    agent_users: int
    devices: int
    links: Mapping[str, int]
    waiting: int
    running: int
    runs: int
    exchanges: int


class Status(View, frozen=True, kw_only=True):
    """How the server is."""

    version: str
    instance: str
    uptime_seconds: float
    listen: str
    database: str
    ready: bool
    checks: tuple[Check, ...]
    counts: Totals
    settings: tuple[Setting, ...]
    warnings: tuple[str, ...]


class InstanceView(View, frozen=True, kw_only=True):
    """One process that uses the database. ``seen_at`` is when it said last that it is alive."""

    id: str
    address: str
    machine: str
    process: int
    version: str
    started_at: str | None
    seen_at: str | None
    running: int


class Instances(View, frozen=True, kw_only=True):
    """All that are alive."""

    instances: tuple[InstanceView, ...]


def instance_view(instance: Instance) -> InstanceView:
    """Show an instance."""
    return InstanceView(
        id=instance.id,
        address=instance.address,
        machine=instance.machine,
        process=instance.process,
        version=instance.version,
        started_at=rfc3339(instance.started_at),
        seen_at=rfc3339(instance.seen_at),
        running=instance.running,
    )


def totals(counts: Counts) -> Totals:
    """Show the store's totals."""
    return Totals(
        projects=counts.projects,
        agent_users=counts.agent_users,
        devices=counts.devices,
        links=dict(counts.links),
        waiting=counts.waiting,
        running=counts.running,
        runs=counts.runs,
        exchanges=counts.exchanges,
    )
