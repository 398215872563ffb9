"""The part of the port by which homes move from one database to another: pieces out, and pieces in.

The rules are those of ``store.port``, and ``Store`` is both. Journals (runs, exchanges, EXECUTEs, notifications), linkings under way and
access tokens that we issued stay where they are: they are read for some days, minutes, an hour.
"""

from __future__ import annotations

from typing import Protocol

from homegraph.graph.model import Instant
from homegraph.store.copies import HomeCopy, LinkCopy, ProjectCopy


class MovingStore(Protocol):
    """Copies of pieces."""

    async def export_project(self, project_id: str) -> ProjectCopy | None:
        """A project with its credentials."""

    async def export_homes(
        self, project_id: str, *, after: str = "", limit: int = 100
    ) -> list[str]:
        """Ids of the project's agent users, tombstones too."""

    async def export_home(
        self, project_id: str, agent_user_id: str, now: Instant
    ) -> HomeCopy | None:
        """An agent user with all that belongs to it, as of one moment."""

    async def export_links(
        self, project_id: str, *, after: str = "", limit: int = 100
    ) -> list[str]:
        """Users whose link to the project has no agent user: its first SYNC has not succeeded, or never did."""

    async def export_link(self, project_id: str, user_id: str, now: Instant) -> LinkCopy | None:
        """Such a link; None also when it has an agent user by now."""

    async def import_project(self, copy: ProjectCopy) -> bool:
        """Add a project and those of its credentials that are not here. What is here stays as it is. Whether anything was added.

        Raises AdminRefused when a key's value or id belongs to another key, or a service account to another project; then
        nothing is stored.
        """

    async def import_home(self, copy: HomeCopy) -> bool:
        """Add an agent user, unless it is here, linked or not; then nothing changes. Whether it was added.

        Work that it brings may start at once. Raises NotFound when its project is not here, AdminRefused when one of its users has
        a link to the project already; then nothing is stored.
        """

    async def import_link(self, copy: LinkCopy) -> bool:
        """Add a link without an agent user, unless its user has a link to the project. Errors as ``import_home``. Whether it was added."""
