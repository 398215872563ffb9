"""Keys of service accounts and the access tokens that were issued to them.

A token is good only beside its key: revoking a key ends its tokens by itself, however many there are, and their rows go when
their time is over.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from homegraph.graph.model import AccessToken, Instant, ServiceKey
from homegraph.store.credential_rows import (
    FROM_FILE,
    row_of_service_key,
    row_of_token,
    service_key_of,
    token_of,
)
from homegraph.store.port import Declaration
from homegraph.store.refusals import (
    account_elsewhere,
    declared_account_elsewhere,
    declared_service_key_taken,
    no_project,
    no_service_key,
    no_valid_key,
    service_key_taken,
)
from homegraph.store.sqlite.database import Database


def service_keys(db: Database, project_id: str | None) -> list[ServiceKey]:
    """``Store.service_keys``."""
    if project_id is None:
        rows = db.rows("list_service_keys")
    else:
        rows = db.rows("list_service_keys_of_project", project_id)
    return list(map(service_key_of, rows))


def find_service_keys(db: Database, email: str) -> list[ServiceKey]:
    """``Store.find_service_keys``."""
    return list(map(service_key_of, db.rows("list_service_keys_of_account", email)))


def add_service_key(db: Database, key: ServiceKey) -> None:
    """``Store.add_service_key``."""
    if db.row("find_project", key.project_id) is None:
        raise no_project(key.project_id)
    if _find(db, key.project_id, key.id) is not None:
        raise service_key_taken(key)
    if _is_elsewhere(db, key):
        raise account_elsewhere(key)
    db.run("insert_service_key", *row_of_service_key(key))


def revoke_service_key(db: Database, project_id: str, key_id: str, now: Instant) -> ServiceKey:
    """``Store.revoke_service_key``."""
    db.run("revoke_service_key", project_id, key_id, now)
    key = _find(db, project_id, key_id)
    if key is None:
        raise no_service_key(project_id, key_id)
    return key


def add_token(db: Database, token: AccessToken) -> None:
    """``Store.add_token``."""
    key = _find(db, token.project_id, token.key_id)
    if key is None or key.revoked_at is not None:
        raise no_valid_key(token.project_id, token.key_id)
    db.run("insert_token", *row_of_token(token))


def find_token(db: Database, digest: bytes) -> AccessToken | None:
    """``Store.find_token``."""
    row = db.row("find_token", digest)
    return token_of(row) if row else None


# --- for the other modules ----------------------------------------------------------------------------------


def declare(db: Database, declarations: Sequence[Declaration], now: Instant) -> list[ServiceKey]:
    """Take over the keys of the file. First those that left it go, so that an account may move to another project.

    Returns those that were revoked before, and stay so.
    """
    for declaration in declarations:
        project_id = declaration.project.id
        declared = {key.id for key in declaration.service_keys}
        for known in service_keys(db, project_id):
            if known.origin == FROM_FILE and known.id not in declared:
                db.run("revoke_service_key", project_id, known.id, now)
    here = [_declare(db, key) for one in declarations for key in one.service_keys]
    return [key for key in here if key is not None and key.revoked_at is not None]


def take_over(db: Database, key: ServiceKey) -> bool:
    """Keep a key that comes with its project, unless it is here. Whether it was not. Raises AdminRefused."""
    known = _find(db, key.project_id, key.id)
    if known is not None:
        if (known.email, known.public_pem) != (key.email, key.public_pem):
            raise service_key_taken(key)
        return False
    if key.revoked_at is None and _is_elsewhere(db, key):
        raise account_elsewhere(key)
    db.run("insert_service_key", *row_of_service_key(key))
    return True


def prune(db: Database, now: Instant, batch: int) -> int:
    """Drop access tokens that have ended; how many went."""
    return db.run("delete_tokens", now, batch)


def _declare(db: Database, key: ServiceKey) -> ServiceKey | None:
    """Take over one key; what was known of it."""
    known = _find(db, key.project_id, key.id)
    if known is not None:
        if (known.email, known.public_pem) != (key.email, key.public_pem):
            raise declared_service_key_taken(key)
        db.run("declare_service_key", key.project_id, key.id, FROM_FILE)
    elif _is_elsewhere(db, key):
        raise declared_account_elsewhere(key)
    else:
        db.run("insert_service_key", *row_of_service_key(replace(key, origin=FROM_FILE)))
    return known


def _find(db: Database, project_id: str, key_id: str) -> ServiceKey | None:
    row = db.row("find_service_key", project_id, key_id)
    return service_key_of(row) if row else None


def _is_elsewhere(db: Database, key: ServiceKey) -> bool:
    """Whether the account belongs to another project: the one that has a valid key of it."""
    return bool(db.value("is_account_elsewhere", key.project_id, key.email))
