"""Service accounts, as the admin side shows them: by their keys, since an account is what its keys are."""

from __future__ import annotations

from homegraph.graph.model import ServiceKey
from homegraph.service.clock import rfc3339
from homegraph.service.key_files import KeyFile
from homegraph.service.views import View


class ServiceKeyView(View, frozen=True, kw_only=True):
    """One key. ``id`` is what key files call private_key_id; ``state`` is active or revoked."""

    id: str
    project_id: str
    email: str
    state: str
    origin: str
    created_at: str | None
    revoked_at: str | None


class NewServiceKey(ServiceKeyView, frozen=True, kw_only=True):
    """A key that was just made: the only time that its private half is shown."""

    key_file: KeyFile


class ServiceKeys(View, frozen=True, kw_only=True):
    """Keys of service accounts."""

    keys: tuple[ServiceKeyView, ...]


def service_key_view(key: ServiceKey) -> ServiceKeyView:
    """Show a key."""
    return ServiceKeyView(
        id=key.id,
        project_id=key.project_id,
        email=key.email,
        state="active" if key.revoked_at is None else "revoked",
        origin=key.origin,
        created_at=rfc3339(key.created_at),
        revoked_at=rfc3339(key.revoked_at),
    )


def new_service_key(key: ServiceKey, key_file: KeyFile) -> NewServiceKey:
    """Show a key that was just made, with the file that holds it."""
    shown = service_key_view(key)
    members = {name: getattr(shown, name) for name in shown.__struct_fields__}
    return NewServiceKey(**members, key_file=key_file)
