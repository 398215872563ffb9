"""Instances: the processes that use the database at this time."""

from __future__ import annotations

from homegraph.graph.model import Instant
from homegraph.store.port import Instance
from homegraph.store.postgres.database import Database


async def appear(db: Database, instance: Instance, forgotten: Instant) -> None:
    """``Store.appear``."""
    await db.run(
        "save_instance",
        instance.id,
        instance.address,
        instance.machine,
        instance.process,
        instance.version,
        instance.started_at,
        instance.seen_at,
        instance.running,
    )
    await db.run("delete_instances", forgotten)


async def disappear(db: Database, instance_id: str) -> None:
    """``Store.disappear``."""
    await db.run("delete_instance", instance_id)


async def instances(db: Database, since: Instant, limit: int) -> list[Instance]:
    """``Store.instances``."""
    return [Instance(*row) for row in await db.rows("list_instances", since, limit)]
