"""Adopting what the file declares: projects, their keys and service accounts, and grants that somebody holds already.

Everything secret is hashed or sealed here, before it goes near the store. A grant is identified by a digest, so that a
restart does not adopt it again and refreshed tokens are not overwritten by the old ones in the file; a changed token in
the file is a new grant. An adopted link is *linking* until its first SYNC has brought the agent user.
"""

from __future__ import annotations

import hashlib
from typing import Final

from homegraph.graph.model import ApiKey, Instant, OAuthClient, Project, ServiceKey, Tokens
from homegraph.graph.policy import Policy
from homegraph.service.authorities import declared_authorities
from homegraph.service.catalogs import declared_catalogs
from homegraph.service.events import KeyStaysRevoked
from homegraph.service.house import House
from homegraph.service.service_accounts import declared_keys
from homegraph.service.vault import digest
from homegraph.settings.file import Problems
from homegraph.settings.projects import KeySettings, LinkSettings, ProjectSettings
from homegraph.store.port import Declaration, DeclaredLink

KEY_HINT_CHARACTERS: Final = 8
"""Shown in lists: the prefix that all keys of Google's form share, and four more."""

KEY_HINT_SHARE: Final = 4
"""Of a shorter key no more than a quarter is shown."""
KEY_ID_DIGITS: Final = 8
"""Hexadecimal digits: enough to tell the keys of a project apart, and short enough to be typed."""


async def declare(house: House) -> None:
    """Make projects, keys and links as the file has them, before anybody calls. Of keys that stay revoked it is told.

    Raises:
        SettingsError: catalogs, ca_files or key files of service accounts cannot be used (all of them are named), or the file says
            something else than the database.
    """
    now = house.clock.now()
    projects = house.settings.projects
    problems = Problems()
    accounts = await declared_keys(projects, now, problems)
    catalogs = await declared_catalogs(projects, problems)
    authorities = await declared_authorities(projects, problems)
    problems.raise_any()
    declarations = [
        _declaration(
            house,
            project,
            accounts[project.id],
            _policy(project, catalogs.get(project.id, ""), authorities.get(project.id, "")),
            now,
        )
        for project in projects
    ]
    for key in await house.store.declare(declarations, now):
        house.events.announce(KeyStaysRevoked(key.project_id, key.id))


def key_id(key_digest: bytes) -> str:
    """What an API key is called where it must not be shown itself."""
    return key_digest.hex()[:KEY_ID_DIGITS]


def _declaration(
    house: House,
    settings: ProjectSettings,
    accounts: tuple[ServiceKey, ...],
    policy: Policy,
    now: Instant,
) -> Declaration:
    oauth = settings.oauth
    project = Project(
        id=settings.id,
        fulfillment_url=settings.fulfillment_url,
        number=settings.number,
        api_enabled=settings.api_enabled,
        suspended=settings.suspended,
        oauth=OAuthClient(
            client_id=oauth.client_id,
            sealed_secret=house.vault.seal(
                oauth.client_secret.reveal(), settings.id, "client_secret"
            ),
            token_url=oauth.token_url,
            authorization_url=oauth.authorization_url,
            scopes=oauth.scopes,
            client_auth=oauth.client_auth,
            pkce=oauth.pkce,
            redirect_uri=oauth.redirect_uri,
        ),
        policy=policy,
    )
    return Declaration(
        project,
        tuple(_key(settings.id, key, now) for key in settings.api_keys),
        tuple(_link(house, settings.id, link, now) for link in settings.links),
        service_keys=accounts,
    )


def _policy(settings: ProjectSettings, catalog: str, authorities: str) -> Policy:
    return Policy(
        empty_sync=settings.empty_sync,
        sync_mode=settings.sync_mode,
        shrink_guard=settings.shrink_guard,
        first_sync_failure=settings.first_sync_failure,
        oauth_flow=settings.oauth.flow,
        execute_updates_states=settings.execute_updates_states,
        unknown_types=settings.unknown_types,
        unknown_traits=settings.unknown_traits,
        catalog=catalog,
        authorities=authorities,
    )


def _key(project_id: str, settings: KeySettings, now: Instant) -> ApiKey:
    key = settings.key.reveal()
    key_digest = digest(key)
    return ApiKey(
        id=key_id(key_digest),
        project_id=project_id,
        digest=key_digest,
        hint=key[: min(KEY_HINT_CHARACTERS, len(key) // KEY_HINT_SHARE)],
        created_at=now,
        origin="file",
        expires_at=settings.expires,
        methods=settings.methods,
        addresses=settings.addresses,
    )


def _link(house: House, project_id: str, settings: LinkSettings, now: Instant) -> DeclaredLink:
    access, refresh = settings.access_token.reveal(), settings.refresh_token.reveal()
    place = (project_id, settings.user)
    return DeclaredLink(
        user_id=settings.user,
        tokens=Tokens(
            sealed_access=house.vault.seal(access, *place, "access"),
            sealed_refresh=house.vault.seal(refresh, *place, "refresh"),
            expires_at=now + settings.expires_in if settings.expires_in else None,
            issued_at=now,
        ),
        digest=hashlib.sha256(f"{access}\0{refresh}".encode()).digest(),
    )
