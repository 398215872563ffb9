"""With which key the secrets in the database are sealed."""

from __future__ import annotations

from homegraph.graph.model import Instant
from homegraph.store.sqlite.database import Database


def sealed_with(db: Database) -> str:
    """``Store.sealed_with``."""
    return db.value("find_sealing") or ""


def note(db: Database, fingerprint: str, now: Instant) -> str:
    """``Store.seal_with``, unless a key is noted."""
    db.run("note_sealing", fingerprint, now)
    return sealed_with(db)


def replace(db: Database, fingerprint: str, now: Instant, instead_of: str) -> str:
    """``Store.seal_with``, instead of a key that is noted."""
    if db.run("replace_sealing", fingerprint, now, instead_of):
        db.run("forget_grants")
    return sealed_with(db)
