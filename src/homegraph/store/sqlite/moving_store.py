"""The part of ``SqliteStore`` that moves homes to and from other databases; see ``moving_port``."""

from __future__ import annotations

from homegraph.graph.model import Instant
from homegraph.store.copies import HomeCopy, LinkCopy, ProjectCopy
from homegraph.store.sqlite import moving
from homegraph.store.sqlite.lane import Lane


class SqliteMoving:
    """Copies of pieces, by the lanes of the store."""

    _reader: Lane
    _writer: Lane

    async def export_project(self, project_id: str) -> ProjectCopy | None:
        return await self._reader.call(moving.export_project, project_id)

    async def export_homes(
        self, project_id: str, *, after: str = "", limit: int = 100
    ) -> list[str]:
        return await self._reader.call(moving.export_homes, project_id, after, limit)

    async def export_home(
        self, project_id: str, agent_user_id: str, now: Instant
    ) -> HomeCopy | None:
        return await self._reader.call(moving.export_home, project_id, agent_user_id, now)

    async def export_links(
        self, project_id: str, *, after: str = "", limit: int = 100
    ) -> list[str]:
        return await self._reader.call(moving.export_links, project_id, after, limit)

    async def export_link(self, project_id: str, user_id: str, now: Instant) -> LinkCopy | None:
        return await self._reader.call(moving.export_link, project_id, user_id, now)

    async def import_project(self, copy: ProjectCopy) -> bool:
        return await self._writer.call(moving.import_project, copy)

    async def import_home(self, copy: HomeCopy) -> bool:
        return await self._writer.call(moving.import_home, copy)

    async def import_link(self, copy: LinkCopy) -> bool:
        return await self._writer.call(moving.import_link, copy)
