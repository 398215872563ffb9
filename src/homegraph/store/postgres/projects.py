"""Projects and their API keys, and what the file declares of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from homegraph.graph import linking
from homegraph.graph.model import ApiKey, Instant, Project
from homegraph.store.credential_rows import FROM_FILE, key_of, row_of_key
from homegraph.store.port import Declaration
from homegraph.store.postgres import links, service_accounts
from homegraph.store.postgres.database import Database
from homegraph.store.refusals import declared_key_taken, key_taken, no_key, no_project
from homegraph.store.rows import json_text, project_of, row_of_project


async def declare(db: Database, declarations: Sequence[Declaration], now: Instant) -> None:
    """``Store.declare``. Credentials are locked first: of servers that start together, one declares after the other."""
    await service_accounts.lock(db)
    for declaration in declarations:
        await db.run("save_project", *row_of_project(declaration.project))
        await _declare_keys(db, declaration.project.id, declaration.keys, now)
    await _declare_links(db, declarations, now)
    await service_accounts.declare(db, declarations, now)


async def projects(db: Database) -> list[Project]:
    """``Store.projects``."""
    return list(map(project_of, await db.rows("list_projects")))


async def keys(db: Database, project_id: str) -> list[ApiKey]:
    """``Store.keys``."""
    return list(map(key_of, await db.rows("list_keys", project_id)))


async def find_key(db: Database, digest: bytes) -> ApiKey | None:
    """``Store.find_key``."""
    row = await db.row("find_key", digest)
    return key_of(row) if row else None


async def add_key(db: Database, key: ApiKey) -> None:
    """``Store.add_key``."""
    await service_accounts.lock(db)
    if not await db.rows("find_project", [key.project_id]):
        raise no_project(key.project_id)
    if await _is_taken(db, key):
        raise key_taken(key)
    await db.run("insert_key", *row_of_key(key))


async def revoke_key(db: Database, project_id: str, key_id: str, now: Instant) -> ApiKey:
    """``Store.revoke_key``."""
    await db.run("revoke_key", project_id, key_id, now)
    row = await db.row("find_key_by_id", project_id, key_id)
    if row is None:
        raise no_key(project_id, key_id)
    return key_of(row)


async def take_over(db: Database, key: ApiKey) -> bool:
    """Keep a key that comes with its project, unless it is here. Whether it was not. Raises AdminRefused."""
    known = await find_key(db, key.digest)
    if known is not None and known.project_id == key.project_id:
        return False
    if await _is_taken(db, key):
        raise key_taken(key)
    await db.run("insert_key", *row_of_key(key))
    return True


async def _declare_links(db: Database, declarations: Sequence[Declaration], now: Instant) -> None:
    """Take the grants of the file over, each once. All their links are locked, and then the work of whom they belong to."""
    declared = [
        (declaration.project.id, one) for declaration in declarations for one in declaration.links
    ]
    locked = await links.reserve(
        db, [(project_id, one.user_id) for project_id, one in declared], now
    )
    adopted = []
    for project_id, one in declared:
        link = linking.adopt(
            locked[project_id, one.user_id],
            project_id=project_id,
            user_id=one.user_id,
            tokens=one.tokens,
            digest=one.digest,
            now=now,
        )
        if link is not None:
            adopted.append((link, now))
    if adopted:
        await links.begin(db, adopted)
        await links.forget_unlinkings(db, [(link.project_id, link.user_id) for link, _ in adopted])


async def _declare_keys(
    db: Database, project_id: str, declared: Sequence[ApiKey], now: Instant
) -> None:
    """A key is known again by its digest, whatever it is called."""
    digests = {key.digest for key in declared}
    for known in await keys(db, project_id):
        if known.origin == FROM_FILE and known.digest not in digests:
            await db.run("revoke_key", project_id, known.id, now)
    for key in declared:
        known_key = await find_key(db, key.digest)
        if known_key is not None and known_key.project_id == project_id:
            restrictions = (json_text(key.methods), json_text(key.addresses))
            changed = (key.hint, FROM_FILE, key.expires_at, *restrictions)
            await db.run("update_declared_key", key.digest, *changed)
        elif await _is_taken(db, key):
            raise declared_key_taken(key)
        else:
            await db.run("insert_key", *row_of_key(replace(key, origin=FROM_FILE)))


async def _is_taken(db: Database, key: ApiKey) -> bool:
    """Whether there is a key with this value anywhere, or with this id in the project."""
    if await db.row("find_key", key.digest) is not None:
        return True
    return await db.row("find_key_by_id", key.project_id, key.id) is not None
