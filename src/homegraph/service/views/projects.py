"""Projects and their API keys, as the admin side shows them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from homegraph.graph.model import ApiKey, Instant, Project
from homegraph.service.clock import rfc3339
from homegraph.service.transcript import MASK
from homegraph.service.views import View


class ProjectView(View, frozen=True, kw_only=True):
    """One project; ``keys`` counts those that are active, ``links`` counts by state."""

    id: str
    number: str
    fulfillment_url: str
    api_enabled: bool
    suspended: bool
    empty_sync: str
    keys: int
    links: Mapping[str, int]
    agent_users: int


class OAuthView(View, frozen=True, kw_only=True):
    """How the project's token endpoint is spoken to; of the secret only whether there is one."""

    client_id: str
    has_client_secret: bool
    authorization_url: str
    token_url: str
    scopes: tuple[str, ...]
    client_auth: str
    flow: str
    pkce: bool
    redirect_uri: str


class ProjectDetail(ProjectView, frozen=True, kw_only=True):
    """One project in full."""

    oauth: OAuthView


class Projects(View, frozen=True, kw_only=True):
    """All projects."""

    projects: tuple[ProjectView, ...]


def project_view(
    project: Project,
    *,
    keys: Iterable[ApiKey],
    links: Mapping[str, int],
    agent_users: int,
    now: Instant,
) -> ProjectDetail:
    """Show a project with what belongs to it."""
    oauth = project.oauth
    return ProjectDetail(
        id=project.id,
        number=project.number,
        fulfillment_url=shown_url(project.fulfillment_url),
        api_enabled=project.api_enabled,
        suspended=project.suspended,
        empty_sync=project.policy.empty_sync,
        keys=sum(key_state(key, now) == "active" for key in keys),
        links=dict(links),
        agent_users=agent_users,
        oauth=OAuthView(
            client_id=oauth.client_id,
            has_client_secret=bool(oauth.sealed_secret),
            authorization_url=shown_url(oauth.authorization_url),
            token_url=shown_url(oauth.token_url),
            scopes=oauth.scopes,
            client_auth=oauth.client_auth,
            flow=project.policy.oauth_flow,
            pkce=oauth.pkce,
            redirect_uri=oauth.redirect_uri,
        ),
    )


def in_short(project: ProjectDetail) -> ProjectView:
    """The members that a list shows."""
    return ProjectView(**{name: getattr(project, name) for name in ProjectView.__struct_fields__})


def shown_url(url: str) -> str:
    """An address without its query and user part, either of which may be a secret of the fulfillment's own making."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return MASK
    _, at, host = parts.netloc.rpartition("@")
    netloc = f"{MASK}@{host}" if at else parts.netloc
    return parts._replace(netloc=netloc, query=MASK if parts.query else "", fragment="").geturl()


class KeyView(View, frozen=True, kw_only=True):
    """One API key. ``hint`` is its beginning; ``state`` is active, revoked or expired."""

    id: str
    project_id: str
    hint: str
    state: str
    origin: str
    created_at: str | None
    expires_at: str | None
    revoked_at: str | None
    methods: tuple[str, ...]
    addresses: tuple[str, ...]


class NewKey(KeyView, frozen=True, kw_only=True):
    """A key that was just made: the only time that it is shown itself."""

    key: str


class Keys(View, frozen=True, kw_only=True):
    """The keys of a project."""

    keys: tuple[KeyView, ...]


def key_state(key: ApiKey, now: Instant) -> str:
    """Whether a key works: ``active``, ``revoked`` or ``expired``."""
    if key.revoked_at is not None:
        return "revoked"
    return "expired" if key.expires_at is not None and key.expires_at <= now else "active"


def key_view(key: ApiKey, now: Instant) -> KeyView:
    """Show a key."""
    return KeyView(**_key_members(key, now))


def new_key(key: ApiKey, text: str, now: Instant) -> NewKey:
    """Show a key that was just made, and its text."""
    return NewKey(**_key_members(key, now), key=text)


def _key_members(key: ApiKey, now: Instant) -> dict[str, Any]:
    return {
        "id": key.id,
        "project_id": key.project_id,
        "hint": key.hint,
        "state": key_state(key, now),
        "origin": key.origin,
        "created_at": rfc3339(key.created_at),
        "expires_at": rfc3339(key.expires_at),
        "revoked_at": rfc3339(key.revoked_at),
        "methods": key.methods,
        "addresses": key.addresses,
    }
