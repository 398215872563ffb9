"""Projects and their API keys, and what the file declares of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec.structs import replace

from homegraph.graph import linking
from homegraph.graph.model import ApiKey, Instant, Project, ServiceKey
from homegraph.store.credential_rows import FROM_FILE, key_of, row_of_key
from homegraph.store.port import Declaration
from homegraph.store.postgres import links, service_accounts
from homegraph.store.postgres.database import Database
from homegraph.store.refusals import declared_key_taken, key_taken, no_key, no_project
from homegraph.store.rows import json_text, project_of, row_of_project


async def declare(
    db: Database, declarations: Sequence[Declaration], now: Instant
) -> list[ApiKey | ServiceKey]:
    """``Store.declare``. Credentials are locked first: of servers that start together, one declares after the other.

    So it must not take long, however many projects there are: what is known of all of them is read at once, and what has not changed
    is not written.
    """
    await service_accounts.lock(db)
    await db.run_many("save_project", [row_of_project(one.project) for one in declarations])
    known: dict[str, list[ApiKey]] = {one.project.id: [] for one in declarations}
    for row in await db.rows("list_keys", list(known)):
        key = key_of(row)
        known[key.project_id].append(key)
    new: list[ApiKey] = []
    for declaration in declarations:
        project_id = declaration.project.id
        new += await _declare_keys(db, project_id, declaration.keys, known[project_id], now)
    await _add_declared(db, new, known)
    await _declare_links(db, declarations, now)
    declared = {key.digest for one in declarations for key in one.keys}
    return [
        *(
            key
            for keys in known.values()
            for key in keys
            if key.revoked_at is not None and key.digest in declared
        ),
        *await service_accounts.declare(db, declarations, now),
    ]


async def projects(db: Database) -> list[Project]:
    """``Store.projects``."""
    return list(map(project_of, await db.rows("list_projects")))


async def find_project(db: Database, project_id: str) -> Project | None:
    """``Store.find_project``."""
    row = await db.row("find_project", [project_id])
    return project_of(row) if row else None


async def keys(db: Database, project_id: str) -> list[ApiKey]:
    """``Store.keys``."""
    return list(map(key_of, await db.rows("list_keys", [project_id])))


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
    db: Database,
    project_id: str,
    declared: Sequence[ApiKey],
    known: Sequence[ApiKey],
    now: Instant,
) -> Iterable[ApiKey]:
    """A key is known again by its digest, whatever it is called. ``known`` are those of the project. Returns those that are new."""
    digests = {key.digest for key in declared}
    for one in known:
        if one.origin == FROM_FILE and one.digest not in digests:
            await db.run("revoke_key", project_id, one.id, now)
    by_digest = {one.digest: one for one in known}
    new: dict[bytes, ApiKey] = {}
    for key in (replace(one, origin=FROM_FILE) for one in declared):
        before = by_digest.get(key.digest)
        if before is None:
            new[key.digest] = key
        elif _declared(before) != _declared(key):
            await db.run("update_declared_key", key.digest, *_declared(key))
    return new.values()


async def _add_declared(
    db: Database, new: Sequence[ApiKey], known: Mapping[str, Sequence[ApiKey]]
) -> None:
    """Keep the new keys of the file, all of them at once. ``known`` are those of its projects; others may have a key's value, too."""
    if not new:
        return
    elsewhere = [one.id for one in await projects(db) if one.id not in known]
    taken = {key_of(row).digest for row in await db.rows("list_keys", elsewhere)}
    taken |= {key.digest for keys in known.values() for key in keys}
    ids = {(key.project_id, key.id) for keys in known.values() for key in keys}
    for key in new:
        if key.digest in taken or (key.project_id, key.id) in ids:
            raise declared_key_taken(key)
        taken.add(key.digest)
        ids.add((key.project_id, key.id))
    await db.run_many("insert_key", map(row_of_key, new))


def _declared(key: ApiKey) -> tuple[object, ...]:
    """What the file says of a key, as its row has it."""
    return key.hint, key.origin, key.expires_at, json_text(key.methods), json_text(key.addresses)


async def _is_taken(db: Database, key: ApiKey) -> bool:
    """Whether there is a key with this value anywhere, or with this id in the project."""
    if await db.row("find_key", key.digest) is not None:
        return True
    return await db.row("find_key_by_id", key.project_id, key.id) is not None
