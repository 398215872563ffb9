"""The part of the port that keeps credentials: API keys, service accounts' keys and the access tokens issued to them.

The rules are those of ``store.port``, and ``Store`` is both. Nothing in here could be used to call anybody: of API keys and
tokens there are digests, of service accounts the public halves.

A service account is its email. It belongs to the project that has a valid key of it, and to no other: what it may do must
not depend on which of its keys has signed.
"""

from __future__ import annotations

from typing import Protocol

from homegraph.graph.model import AccessToken, ApiKey, Instant, ServiceKey


class CredentialStore(Protocol):
    """Credentials of the public API."""

    async def keys(self, project_id: str) -> list[ApiKey]:
        """All API keys of a project by id, revoked ones too."""

    async def find_key(self, digest: bytes) -> ApiKey | None:
        """The API key with this digest, whatever its state."""

    async def add_key(self, key: ApiKey) -> None:
        """Keep an API key. Raises NotFound when there is no such project, AdminRefused when its value or id is taken."""

    async def revoke_key(self, project_id: str, key_id: str, now: Instant) -> ApiKey:
        """Revoke an API key; again is no error and keeps the first time. Returns it as it is now. Raises NotFound."""

    async def service_keys(self, project_id: str | None = None) -> list[ServiceKey]:
        """All keys of service accounts, of one project or of all, by project and id, revoked ones too."""

    async def find_service_keys(self, email: str) -> list[ServiceKey]:
        """All keys of the service account with this email, by project and id, revoked ones too.

        Those that are not revoked are of one project. Revoked ones may be of another, to which it belonged before.
        """

    async def add_service_key(self, key: ServiceKey) -> None:
        """Keep a key of a service account; its first one makes the account.

        Raises NotFound when there is no such project, AdminRefused when the project has a key with this id, revoked or
        not, and when another project has a key of this account that is not revoked.
        """

    async def revoke_service_key(self, project_id: str, key_id: str, now: Instant) -> ServiceKey:
        """Revoke a key, and with it the tokens that were issued to it; again is no error and keeps the first time.

        Returns it as it is now. Raises NotFound.
        """

    async def add_token(self, token: AccessToken) -> None:
        """Keep an access token; durable before it is handed out.

        Raises NotFound when the key that it is issued to is not there, or revoked.
        """

    async def find_token(self, digest: bytes) -> AccessToken | None:
        """The access token with this digest; None when the key that it was issued to is revoked.

        One whose time is over is found until it is pruned: whoever asks compares.
        """
