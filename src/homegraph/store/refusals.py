"""What an adapter refuses, in the same words whatever the database."""

from __future__ import annotations

from homegraph.errors import AdminRefused, NotFound, SettingsError
from homegraph.graph.model import ApiKey, Link, ServiceKey
from homegraph.wire.authorization import STATE_SECONDS


def no_driver() -> SettingsError:
    """PostgreSQL without its driver, which is an extra."""
    return SettingsError(
        "PostgreSQL needs libraries that are not installed.",
        place="database",
        hint="Install them with `pip install 'homegraph[postgres]'`, or use sqlite:home.db.",
    )


def no_project(project_id: str) -> NotFound:
    """A project that is not here."""
    return NotFound(f"There is no project {project_id}.")


def no_link(project_id: str, user_id: str) -> NotFound:
    """A link that is not here."""
    return NotFound(f"User {user_id} has no link to project {project_id}.")


def link_taken(link: Link) -> AdminRefused:
    """A link whose user has one to the project already."""
    return AdminRefused(
        f"User {link.user_id} has a link to project {link.project_id} already.",
        hint="What is here stays as it is. Import before users link accounts at the new server, and leave links out of its homegraph.toml.",
    )


def no_agent_user(project_id: str, agent_user_id: str) -> NotFound:
    """An agent user that is not linked."""
    return NotFound(f"There is no linked agent user {agent_user_id} in project {project_id}.")


def no_device(agent_user_id: str, device_id: str) -> NotFound:
    """A device that is not here."""
    return NotFound(f"Agent user {agent_user_id} has no device {device_id}.")


def no_key(project_id: str, key_id: str) -> NotFound:
    """An API key that is not here."""
    return NotFound(f"Project {project_id} has no key {key_id}.")


def no_service_key(project_id: str, key_id: str) -> NotFound:
    """A service account's key that is not here."""
    return NotFound(f"Project {project_id} has no service account key {key_id}.")


def no_valid_key(project_id: str, key_id: str) -> NotFound:
    """A key that no token may be issued to."""
    return NotFound(f"Project {project_id} has no valid key {key_id}.")


def key_taken(key: ApiKey) -> AdminRefused:
    """An API key whose value or id is there."""
    return AdminRefused(
        f"Project {key.project_id} cannot have key {key.id}: it is there already.",
        hint="Create another key.",
    )


def declared_key_taken(key: ApiKey) -> SettingsError:
    """An API key of the file whose value or id is another key's."""
    return SettingsError(
        f"Project {key.project_id} cannot have the API key {key.hint}…: another key has its value or its id.",
        hint="Give every project keys of its own. A project that has left the file keeps its keys: one with another id is a new project.",
    )


def service_key_taken(key: ServiceKey) -> AdminRefused:
    """A service account's key whose id is there."""
    return AdminRefused(
        f"Project {key.project_id} cannot have service account key {key.id}: it is there already.",
        hint="Create another key.",
    )


def declared_service_key_taken(key: ServiceKey) -> SettingsError:
    """A service account's key of the file whose id is another key's."""
    return SettingsError(
        f"Project {key.project_id} cannot have service account key {key.id}: another key has its id.",
        hint="Create a new key file.",
    )


def account_elsewhere(key: ServiceKey) -> AdminRefused:
    """A service account that is another project's."""
    return AdminRefused(
        f"Service account {key.email} belongs to another project.",
        hint="An account names its project; create one for this project, or revoke its keys there.",
    )


def declared_account_elsewhere(key: ServiceKey) -> SettingsError:
    """A service account of the file that is another project's."""
    return SettingsError(
        f"Project {key.project_id} cannot have service account {key.email}: it belongs to another project.",
        hint="Give every project service accounts of its own.",
    )


def too_many_linkings(project_id: str, most: int) -> AdminRefused:
    """A project whose users have begun too many linkings that may still come back."""
    return AdminRefused(
        f"{most} linkings of project {project_id} are under way; no more are begun.",
        hint=f"Wait for some of them to end: each has {STATE_SECONDS / 60:.0f} minutes.",
    )
