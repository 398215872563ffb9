"""One database, one key: what is sealed with another one could not be opened.

The fingerprint of the first key that opens a database is noted in it. A server that has another key does not start: it would seal what the
others cannot open, and every token that is there would look broken. That is how a second server on PostgreSQL without the first one's key
is noticed, a key file that was lost, and a copy of a database that came without its key. A database that holds nothing that is sealed yet
takes any key: a new server may be started once before it gets the key of the one that moves to it.

The rule that is easily broken: no key is made for a database that has one. It would look as if it were the right one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from homegraph.errors import KeyMismatch
from homegraph.graph.model import Instant
from homegraph.service.upkeep import SILENT_SECONDS_MAX
from homegraph.service.vault import Vault, load_key
from homegraph.settings.server import Settings
from homegraph.store.port import Store

KEY_FILE: Final = "encryption.key"

SHOWN_CHARACTERS: Final = 8
"""Of a fingerprint: enough to tell two keys apart."""


async def open_vault(settings: Settings, store: Store, now: Instant) -> Vault:
    """The vault of a database that is kept. Its key is made for a new one.

    Raises:
        KeyMismatch: the key is missing, or not the one that the database knows.
        SettingsError: it cannot be used.
    """
    path = settings.data_dir / KEY_FILE
    known = await store.sealed_with()
    gives_way = known and not await _is_in_use(settings, store, now)
    if known and not gives_way and not settings.encryption_key and not path.exists():
        raise _refusal(
            path, f"The key {_shown(known)} that the database's secrets are sealed with is missing."
        )
    vault = _vault(settings)
    ours = vault.fingerprint()
    known = await store.seal_with(ours, now, instead_of=known if gives_way else "")
    if known != ours:
        raise _refusal(
            path,
            f"The database's secrets are sealed with the key {_shown(known)}, and this server has the key {_shown(ours)}.",
        )
    return vault


async def accept_key(settings: Settings, store: Store, now: Instant) -> str:
    """From now on the database's key is the one of these settings, which is made if there is none; how its fingerprint begins.

    Nothing is done when it is the database's already. Raises SettingsError when the key is not usable.
    """
    ours, known = _vault(settings).fingerprint(), await store.sealed_with()
    if known != ours:
        await store.seal_with(ours, now, instead_of=known)
    return _shown(ours)


async def _is_in_use(settings: Settings, store: Store, now: Instant) -> bool:
    """Whether a key is needed for anything: a server that is alive, a link, or a secret that the file does not declare anew."""
    if await store.instances(now - SILENT_SECONDS_MAX, limit=1) or await store.links(limit=1):
        return True
    declared = {project.id for project in settings.projects}
    projects = await store.projects()
    return any(one.oauth.sealed_secret for one in projects if one.id not in declared)


def _vault(settings: Settings) -> Vault:
    return Vault(load_key(settings.data_dir / KEY_FILE, settings.encryption_key.reveal()))


def _shown(fingerprint: str) -> str:
    return f"{fingerprint[:SHOWN_CHARACTERS]}…"


def _refusal(path: Path, message: str) -> KeyMismatch:
    return KeyMismatch(
        message,
        hint=f"Put the database's {KEY_FILE} at {path} (the one of its other servers, or the one kept with its copies), or set "
        "HOMEGRAPH_ENCRYPTION_KEY. If it is lost for good: `homegraph db accept-key`, and link all accounts again.",
    )
