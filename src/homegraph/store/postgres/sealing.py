"""With which key the secrets in the database are sealed."""

from __future__ import annotations

from homegraph.graph.model import Instant
from homegraph.store.postgres.database import Database


async def sealed_with(db: Database) -> str:
    """``Store.sealed_with``."""
    return await db.value("find_sealing") or ""


async def note(db: Database, fingerprint: str, now: Instant) -> str:
    """``Store.seal_with``, unless a key is noted."""
    await db.run("note_sealing", fingerprint, now)
    return await sealed_with(db)


async def replace(db: Database, fingerprint: str, now: Instant, instead_of: str) -> str:
    """``Store.seal_with``, instead of a key that is noted."""
    if await db.run("replace_sealing", fingerprint, now, instead_of):
        await db.run("forget_grants")
    return await sealed_with(db)
