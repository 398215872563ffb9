"""Rows of API keys, of service accounts' keys and of access tokens to values and back; see ``rows``."""

from __future__ import annotations

from typing import Final

from homegraph.graph.model import AccessToken, ApiKey, ServiceKey
from homegraph.store.rows import Row, json_text, names_of

FROM_FILE: Final = "file"
"""Origin of keys that the file declares, and may revoke by not declaring them any more."""


def key_of(row: Row) -> ApiKey:
    """An API key's row as a value."""
    (
        key_id, project_id, digest, hint, created_at, origin, expires_at, revoked_at, methods, addresses,
    ) = row  # fmt: skip
    return ApiKey(
        key_id,
        project_id,
        digest,
        hint,
        created_at,
        origin,
        expires_at,
        revoked_at,
        names_of(methods),
        names_of(addresses),
    )


def row_of_key(key: ApiKey) -> Row:
    """The opposite of ``key_of``."""
    return (
        key.id,
        key.project_id,
        key.digest,
        key.hint,
        key.created_at,
        key.origin,
        key.expires_at,
        key.revoked_at,
        json_text(key.methods),
        json_text(key.addresses),
    )


def service_key_of(row: Row) -> ServiceKey:
    """A service account key's row as a value."""
    key_id, project_id, email, public_pem, created_at, origin, revoked_at = row
    return ServiceKey(key_id, project_id, email, public_pem, created_at, origin, revoked_at)


def row_of_service_key(key: ServiceKey) -> Row:
    """The opposite of ``service_key_of``."""
    return (
        key.id,
        key.project_id,
        key.email,
        key.public_pem,
        key.created_at,
        key.origin,
        key.revoked_at,
    )


def token_of(row: Row) -> AccessToken:
    """An access token's row as a value."""
    digest, project_id, email, key_id, scopes, issued_at, expires_at = row
    return AccessToken(digest, project_id, email, key_id, names_of(scopes), issued_at, expires_at)


def row_of_token(token: AccessToken) -> Row:
    """The opposite of ``token_of``."""
    return (
        token.digest,
        token.project_id,
        token.email,
        token.key_id,
        json_text(token.scopes),
        token.issued_at,
        token.expires_at,
    )
