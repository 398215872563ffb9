"""Composition: the one house of a process, and the duties that keep it going. Nobody else builds the parts together.

The rule that is easily broken: what is opened here is closed here, the database last, after everything that writes to it.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Final

from homegraph import __version__
from homegraph.graph.syncing import RetryPolicy
from homegraph.service.budgets import Budgets
from homegraph.service.clock import Clock, SystemClock, SystemIds
from homegraph.service.credentials import Credentials
from homegraph.service.events import Events
from homegraph.service.house import House
from homegraph.service.http.posting import HttpTransport
from homegraph.service.loop import Loop
from homegraph.service.outbound import Bounds, Outbound
from homegraph.service.refreshing import Refreshing
from homegraph.service.runs import Runs
from homegraph.service.sealing import open_vault
from homegraph.service.tokens import own_addresses
from homegraph.service.unlinking import see_off
from homegraph.service.upkeep import Upkeep
from homegraph.service.vault import Vault, fresh_key
from homegraph.settings.addresses import MEMORY, is_postgres
from homegraph.settings.server import Settings
from homegraph.store.journal_port import Limits
from homegraph.store.port import Hint, Instance, Store
from homegraph.store.refusals import no_driver
from homegraph.store.sqlite import SqliteStore

SECONDS_PER_DAY: Final = 86_400.0


@asynccontextmanager
async def built(settings: Settings, clock: Clock, url: str, instance: str) -> AsyncIterator[House]:
    """A house on an open database, until the context ends. ``url`` is where callers reach it, empty on a Unix socket.

    ``instance`` is the id of this process among those that share the database; its leases are in this name.
    """
    ids = SystemIds(clock)
    async with AsyncExitStack() as opened:
        store = await open_store(settings, ids, clock)
        opened.push_async_callback(store.close)
        await _follow(store, ids)
        vault = await _vault(settings, store, clock)
        transport = HttpTransport(
            clock.now,
            rules=settings.outbound_rules,
            project_exchanges=settings.project_exchanges,
        )
        opened.push_async_callback(transport.close)
        events = Events()
        refreshing = Refreshing(transport, store, vault, clock, ids, events)
        opened.push_async_callback(refreshing.close)
        outbound = Outbound(
            transport,
            refreshing,
            vault,
            clock,
            ids,
            Bounds(
                settings.sync_timeout_seconds,
                settings.query_timeout_seconds,
                settings.execute_timeout_seconds,
                settings.reply_max_bytes,
            ),
        )
        runs = Runs(
            store=store,
            outbound=outbound,
            events=events,
            policy=RetryPolicy(
                settings.retry_attempts_max,
                settings.retry_first_seconds,
                settings.retry_longest_seconds,
            ),
            journal_body_bytes=settings.journal_body_bytes,
            worker=instance,
        )
        loop = Loop(
            store=store,
            runs=runs,
            clock=clock,
            events=events,
            concurrency=settings.concurrency,
            project_concurrency=settings.project_concurrency,
            lease_seconds=settings.lease_seconds,
        )
        addresses = own_addresses(settings, url)
        yield House(
            settings=settings,
            store=store,
            clock=clock,
            ids=ids,
            vault=vault,
            transport=transport,
            outbound=outbound,
            events=events,
            credentials=Credentials(
                store, clock, {place for own in addresses for place in (own, f"{own}/")}
            ),
            budgets=Budgets.of(settings.quota_per_minute),
            runs=runs,
            loop=loop,
        )


async def open_store(settings: Settings, ids: SystemIds, clock: Clock) -> Store:
    """The database. Where it has a clock of its own, that of the machine is set by it: many machines may share it."""
    if not is_postgres(settings.database):
        return await SqliteStore.open(settings.database_path, ids=ids.run, now=clock.now())
    try:
        from homegraph.store.postgres import PostgresStore  # noqa: PLC0415  # its driver is an extra
    except ModuleNotFoundError as exc:
        raise no_driver() from exc
    store = await PostgresStore.open(
        settings.database,
        ids=ids.run,
        now=clock.now(),
        connections_max=settings.database_connections,
    )
    try:
        if isinstance(clock, SystemClock):
            await clock.set_by(store.time)
    except BaseException:
        await store.close()
        raise
    return store


async def _follow(store: Store, ids: SystemIds) -> None:
    """Go on after the newest ids that are kept: journals are read in their order, and the clock may have been set back since."""
    for newest in (
        await store.runs(limit=1),
        await store.errands(limit=1),
        await store.notifications(limit=1),
    ):
        for one in newest:
            ids.follow(one.id)


def _hear(house: House, hint: Hint) -> None:
    """What another process has told."""
    match hint:
        case Hint.DUE:
            house.runs.changed.set()
        case Hint.CREDENTIALS:
            house.credentials.forget()


async def _vault(settings: Settings, store: Store, clock: Clock) -> Vault:
    """A database in memory takes its key with it; any other needs the one it was written with."""
    if settings.database_path == MEMORY:
        return Vault(fresh_key())
    return await open_vault(settings, store, clock.now())


@asynccontextmanager
async def duties(house: House, address: str) -> AsyncIterator[None]:
    """The loop and its upkeep. ``address`` is shown to others. A duty that fails for good ends the server: half a server helps nobody."""
    settings = house.settings
    now = house.clock.now()
    house.store.hear(partial(_hear, house))
    upkeep = Upkeep(
        store=house.store,
        runs=house.runs,
        clock=house.clock,
        events=house.events,
        limits=Limits(
            runs_max=settings.runs_kept,
            exchanges_max=settings.exchanges_kept,
            age_max_seconds=settings.history_days * SECONDS_PER_DAY,
            notifications_max=settings.notifications_kept,
            errands_max=settings.runs_kept,
        ),
        lease_seconds=settings.lease_seconds,
        instance=Instance(
            id=house.runs.worker,
            address=address,
            machine=socket.gethostname(),
            process=os.getpid(),
            version=__version__,
            started_at=now,
            seen_at=now,
        ),
    )
    try:
        async with asyncio.TaskGroup() as duties:
            duties.create_task(house.loop.work(), name="loop")
            duties.create_task(upkeep.heartbeat(), name="heartbeat")
            duties.create_task(upkeep.prune(), name="prune")
            duties.create_task(upkeep.keep_time(), name="time")
            duties.create_task(upkeep.appear(), name="instance")
            leaving = duties.create_task(see_off(house), name="unlinking")
            try:
                yield
            finally:
                house.loop.stop()
                upkeep.stop()
                leaving.cancel()  # what is under way stays noted
    except BaseExceptionGroup as group:
        # Whoever uses ``running`` meets the exception that was raised, not how we keep our tasks.
        if len(group.exceptions) == 1:
            raise group.exceptions[0] from None
        raise
