"""Service accounts: made, listed and withdrawn by an operator, or listed in homegraph.toml as key files.

An account is a name, its email; it has one or several keys and is there as long as one of them is valid, so that a key can be
exchanged without a gap: make the second, hand it out, revoke the first. With a key end the tokens that were issued to it.

The file with the private half is the answer of ``create`` and exists nowhere else.

The rule that is easily broken: whatever withdraws a key is followed by ``credentials.forget``, after it is durable and before
anybody is answered.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from homegraph.errors import NotFound, SettingsError
from homegraph.graph.model import Instant, ServiceKey
from homegraph.service.declared_files import read_each
from homegraph.service.house import House
from homegraph.service.key_files import KeyFile, KeyHalf, make_key_file, read_key_file
from homegraph.service.questions import MaybeName, Name
from homegraph.service.reading import get_project
from homegraph.service.views.service_accounts import (
    NewServiceKey,
    ServiceKeys,
    new_service_key,
    service_key_view,
)
from homegraph.settings.file import Place, Problems
from homegraph.settings.projects import ProjectSettings

KEYS_MAX: Final = 10
"""Valid keys of an account, as at Google. A token that does not name its key is compared with each of them."""

EMAIL_DOMAIN: Final = "iam.gserviceaccount.com"
DEFAULT_NAME: Final = "home-graph"

AccountName = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9-]{0,28}[a-z0-9]\Z")]
Email = Annotated[str, Meta(max_length=256, pattern=r"^[!-?A-~]+@[!-?A-~]+\Z")]


class WhichAccounts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The service accounts of a project."""

    project: Name


class ServiceKeyWanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A key for a service account: for ``name`` in the manner of Google, or for a whole ``email``; new or there already."""

    project: Name
    name: AccountName = DEFAULT_NAME
    email: Email | None = None


class WhichServiceKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A key by its id, or all keys of an account by its email."""

    project: Name
    id: MaybeName = ""
    email: MaybeName = ""


# --- use-cases -------------------------------------------------------------------------------------------------------


async def create(
    house: House, project_id: str, email: str, *, token_uri: str
) -> tuple[ServiceKey, KeyFile]:
    """Make a key for the account ``email`` of a project, and the account with its first.

    Raises:
        NotFound: there is no such project.
        SettingsError: the account has ten valid keys already.
    """
    await get_project(house.store, project_id)
    keys = await house.store.service_keys(project_id)
    if sum(key.email == email and key.revoked_at is None for key in keys) >= KEYS_MAX:
        raise SettingsError(
            f"{email} has {KEYS_MAX} keys already",
            place="service account",
            hint="Revoke those that are not used any more: `homegraph service-accounts revoke`.",
        )
    file, half = await make_key_file(project_id, email, token_uri)
    key = _kept(half, project_id, house.clock.now(), origin="admin")
    await house.store.add_service_key(key)
    return key, file


async def list_keys(house: House, asked: WhichAccounts) -> ServiceKeys:
    """The keys of a project's service accounts, revoked ones too. Raises NotFound."""
    await get_project(house.store, asked.project)
    return _shown(await house.store.service_keys(asked.project))


async def create_key(house: House, asked: ServiceKeyWanted, *, token_uri: str) -> NewServiceKey:
    """Make a key; this answer is the only place where its private half ever is. Errors as ``create``."""
    email = asked.email or f"{asked.name}@{asked.project}.{EMAIL_DOMAIN}"
    key, file = await create(house, asked.project, email, token_uri=token_uri)
    return new_service_key(key, file)


async def revoke(house: House, asked: WhichServiceKey) -> ServiceKeys:
    """Withdraw a key, or all keys of an account, for good; again is no error. Returns those that were meant.

    Raises:
        NotFound: no such key, or no such account.
        SettingsError: neither or both of ``id`` and ``email`` are given.
    """
    if bool(asked.id) == bool(asked.email):
        raise SettingsError("give either a key's id or an account's email", place="id")
    ids = [asked.id] if asked.id else await _ids_of(house, asked.project, asked.email)
    now = house.clock.now()
    try:
        revoked = [await house.store.revoke_service_key(asked.project, one, now) for one in ids]
    finally:
        house.credentials.forget()
    return _shown(revoked)


async def _ids_of(house: House, project_id: str, email: str) -> list[str]:
    keys = await house.store.service_keys(project_id)
    found = [key.id for key in keys if key.email == email]
    if not found:
        raise NotFound(f"Project {project_id!r} has no service account {email!r}.")
    return found


def _shown(keys: Iterable[ServiceKey]) -> ServiceKeys:
    return ServiceKeys(keys=tuple(map(service_key_view, keys)))


# --- what the file declares ------------------------------------------------------------------------------------------


async def declared_keys(
    projects: Sequence[ProjectSettings], now: Instant, problems: Problems
) -> dict[str, tuple[ServiceKey, ...]]:
    """The keys of the key files that homegraph.toml lists, by project id.

    What cannot be read or is no key file, and two files that hold the same key, are noted in ``problems``.
    """
    named = [(project.id, path) for project in projects for path in project.service_accounts]
    first: dict[bytes, Path] = {}
    keys: dict[str, tuple[ServiceKey, ...]] = {project.id: () for project in projects}
    for project_id, path, half in await read_each(named, read_key_file, problems):
        before = first.setdefault(half.public_pem, path)
        if before is not path:
            # The key is what names the project; it cannot name two.
            problems.add(Place(str(path)), f"holds the same key as {before}")
        keys[project_id] += (_kept(half, project_id, now, origin="file"),)
    return keys


def _kept(half: KeyHalf, project_id: str, now: Instant, *, origin: str) -> ServiceKey:
    return ServiceKey(
        id=half.id,
        project_id=project_id,
        email=half.email,
        public_pem=half.public_pem,
        created_at=now,
        origin=origin,
    )
