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
from homegraph.store.postgres.database import Database
from homegraph.store.refusals import (
    account_elsewhere,
    declared_account_elsewhere,
    declared_service_key_taken,
    no_project,
    no_service_key,
    no_valid_key,
    service_key_taken,
)


async def service_keys(db: Database, project_id: str | None) -> list[ServiceKey]:
    """``Store.service_keys``."""
    if project_id is None:
        rows = await db.rows("list_service_keys")
    else:
        rows = await db.rows("list_service_keys_of_project", [project_id])
    return list(map(service_key_of, rows))


async def find_service_keys(db: Database, email: str) -> list[ServiceKey]:
    """``Store.find_service_keys``."""
    return list(map(service_key_of, await db.rows("list_service_keys_of_account", email)))


async def add_service_key(db: Database, key: ServiceKey) -> None:
    """``Store.add_service_key``."""
    await lock(db)
    if not await db.rows("find_project", [key.project_id]):
        raise no_project(key.project_id)
    if await _find(db, key.project_id, key.id) is not None:
        raise service_key_taken(key)
    if await _is_elsewhere(db, key):
        raise account_elsewhere(key)
    await db.run("insert_service_key", *row_of_service_key(key))


async def revoke_service_key(
    db: Database, project_id: str, key_id: str, now: Instant
) -> ServiceKey:
    """``Store.revoke_service_key``."""
    await db.run("revoke_service_key", project_id, key_id, now)
    key = await _find(db, project_id, key_id)
    if key is None:
        raise no_service_key(project_id, key_id)
    return key


async def add_token(db: Database, token: AccessToken) -> None:
    """``Store.add_token``."""
    key = await _find(db, token.project_id, token.key_id)
    if key is None or key.revoked_at is not None:
        raise no_valid_key(token.project_id, token.key_id)
    await db.run("insert_token", *row_of_token(token))


async def find_token(db: Database, digest: bytes) -> AccessToken | None:
    """``Store.find_token``."""
    row = await db.row("find_token", digest)
    return token_of(row) if row else None


# --- for the other modules ----------------------------------------------------------------------------------


async def lock(db: Database) -> None:
    """Add credentials alone until the transaction ends: whether they are taken is asked of all projects."""
    await db.prepare("lock_credentials")


async def declare(
    db: Database, declarations: Sequence[Declaration], now: Instant
) -> list[ServiceKey]:
    """Take over the keys of the file. First those that left it go, so that an account may move to another project.

    Returns those that were revoked before, and stay so.
    """
    declared = {one.project.id: {key.id for key in one.service_keys} for one in declarations}
    for row in await db.rows("list_service_keys_of_project", list(declared)):
        known = service_key_of(row)
        if known.origin == FROM_FILE and known.id not in declared[known.project_id]:
            await db.run("revoke_service_key", known.project_id, known.id, now)
    here = [await _declare(db, key) for one in declarations for key in one.service_keys]
    return [key for key in here if key is not None and key.revoked_at is not None]


async def take_over(db: Database, key: ServiceKey) -> bool:
    """Keep a key that comes with its project, unless it is here. Whether it was not. Raises AdminRefused."""
    known = await _find(db, key.project_id, key.id)
    if known is not None:
        if (known.email, known.public_pem) != (key.email, key.public_pem):
            raise service_key_taken(key)
        return False
    if key.revoked_at is None and await _is_elsewhere(db, key):
        raise account_elsewhere(key)
    await db.run("insert_service_key", *row_of_service_key(key))
    return True


async def prune(db: Database, now: Instant, batch: int) -> int:
    """Drop access tokens that have ended; how many went."""
    return await db.run("delete_tokens", now, batch)


async def _declare(db: Database, key: ServiceKey) -> ServiceKey | None:
    """Take over one key; what was known of it."""
    known = await _find(db, key.project_id, key.id)
    if known is not None:
        if (known.email, known.public_pem) != (key.email, key.public_pem):
            raise declared_service_key_taken(key)
        await db.run("declare_service_key", key.project_id, key.id, FROM_FILE)
    elif await _is_elsewhere(db, key):
        raise declared_account_elsewhere(key)
    else:
        await db.run("insert_service_key", *row_of_service_key(replace(key, origin=FROM_FILE)))
    return known


async def _find(db: Database, project_id: str, key_id: str) -> ServiceKey | None:
    row = await db.row("find_service_key", project_id, key_id)
    return service_key_of(row) if row else None


async def _is_elsewhere(db: Database, key: ServiceKey) -> bool:
    """Whether the account belongs to another project: the one that has a valid key of it."""
    return bool(await db.value("is_account_elsewhere", key.project_id, key.email))
