"""Projects and their API keys, and what the file declares of them."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from homegraph.graph.model import ApiKey, Instant, Project, ServiceKey
from homegraph.store.credential_rows import FROM_FILE, key_of, row_of_key
from homegraph.store.port import Declaration
from homegraph.store.refusals import declared_key_taken, key_taken, no_key, no_project
from homegraph.store.rows import json_text, project_of, row_of_project
from homegraph.store.sqlite import links, service_accounts
from homegraph.store.sqlite.database import Database


def declare(
    db: Database, declarations: Sequence[Declaration], now: Instant
) -> list[ApiKey | ServiceKey]:
    """``Store.declare``."""
    revoked: list[ApiKey | ServiceKey] = []
    for declaration in declarations:
        project = declaration.project
        db.run("save_project", *row_of_project(project))
        revoked += _declare_keys(db, project.id, declaration.keys, now)
        for declared in declaration.links:
            links.adopt(db, project.id, declared, now)
    return revoked + service_accounts.declare(db, declarations, now)


def projects(db: Database) -> list[Project]:
    """``Store.projects``."""
    return list(map(project_of, db.rows("list_projects")))


def find_project(db: Database, project_id: str) -> Project | None:
    """``Store.find_project``."""
    row = db.row("find_project", project_id)
    return project_of(row) if row else None


def keys(db: Database, project_id: str) -> list[ApiKey]:
    """``Store.keys``."""
    return list(map(key_of, db.rows("list_keys", project_id)))


def find_key(db: Database, digest: bytes) -> ApiKey | None:
    """``Store.find_key``."""
    row = db.row("find_key", digest)
    return key_of(row) if row else None


def add_key(db: Database, key: ApiKey) -> None:
    """``Store.add_key``."""
    if db.row("find_project", key.project_id) is None:
        raise no_project(key.project_id)
    if _is_taken(db, key):
        raise key_taken(key)
    db.run("insert_key", *row_of_key(key))


def revoke_key(db: Database, project_id: str, key_id: str, now: Instant) -> ApiKey:
    """``Store.revoke_key``."""
    db.run("revoke_key", project_id, key_id, now)
    row = db.row("find_key_by_id", project_id, key_id)
    if row is None:
        raise no_key(project_id, key_id)
    return key_of(row)


def take_over(db: Database, key: ApiKey) -> bool:
    """Keep a key that comes with its project, unless it is here. Whether it was not. Raises AdminRefused."""
    known = find_key(db, key.digest)
    if known is not None and known.project_id == key.project_id:
        return False
    if _is_taken(db, key):
        raise key_taken(key)
    db.run("insert_key", *row_of_key(key))
    return True


def _declare_keys(
    db: Database, project_id: str, declared: Sequence[ApiKey], now: Instant
) -> list[ApiKey]:
    """A key is known again by its digest, whatever it is called. Returns those that were revoked before, and stay so."""
    revoked = []
    digests = {key.digest for key in declared}
    for known in keys(db, project_id):
        if known.origin == FROM_FILE and known.digest not in digests:
            db.run("revoke_key", project_id, known.id, now)
    for key in declared:
        known_key = find_key(db, key.digest)
        if known_key is not None and known_key.project_id == project_id:
            if known_key.revoked_at is not None:
                revoked.append(known_key)
            methods, addresses = json_text(key.methods), json_text(key.addresses)
            db.run(
                "update_declared_key",
                key.digest,
                key.hint,
                FROM_FILE,
                key.expires_at,
                methods,
                addresses,
            )
        elif _is_taken(db, key):
            raise declared_key_taken(key)
        else:
            db.run("insert_key", *row_of_key(replace(key, origin=FROM_FILE)))
    return revoked


def _is_taken(db: Database, key: ApiKey) -> bool:
    """Whether there is a key with this value anywhere, or with this id in the project."""
    return (
        db.row("find_key", key.digest) is not None
        or db.row("find_key_by_id", key.project_id, key.id) is not None
    )
