"""The part of ``PostgresStore`` that moves homes to and from other databases; see ``moving_port``."""

from __future__ import annotations

from homegraph.graph.model import Instant
from homegraph.store.copies import HomeCopy, LinkCopy, ProjectCopy
from homegraph.store.port import Hint
from homegraph.store.postgres import moving
from homegraph.store.postgres.connections import Connections
from homegraph.store.postgres.groups import Group
from homegraph.store.postgres.moving import Which


class PostgresMoving:
    """Copies of pieces, by the connections of the store. Those that come together share a transaction."""

    _db: Connections
    _homes: Group[HomeCopy, bool]
    _loose_links: Group[LinkCopy, bool]
    _exported_homes: Group[Which, HomeCopy | None]
    _exported_links: Group[Which, LinkCopy | None]

    def _tell(self, *hints: Hint) -> None:
        raise NotImplementedError

    async def export_project(self, project_id: str) -> ProjectCopy | None:
        return await self._db.read(moving.export_project, project_id)

    async def export_homes(
        self, project_id: str, *, after: str = "", limit: int = 100
    ) -> list[str]:
        return await self._db.glance(moving.export_homes, project_id, after, limit)

    async def export_home(
        self, project_id: str, agent_user_id: str, now: Instant
    ) -> HomeCopy | None:
        return await self._exported_homes.call(Which(project_id, agent_user_id, now))

    async def export_links(
        self, project_id: str, *, after: str = "", limit: int = 100
    ) -> list[str]:
        return await self._db.glance(moving.export_links, project_id, after, limit)

    async def export_link(self, project_id: str, user_id: str, now: Instant) -> LinkCopy | None:
        return await self._exported_links.call(Which(project_id, user_id, now))

    async def import_project(self, copy: ProjectCopy) -> bool:
        is_new = await self._db.write(moving.import_project, copy)
        self._tell(Hint.CREDENTIALS)
        return is_new

    async def import_home(self, copy: HomeCopy) -> bool:
        return self._told(await self._homes.call(copy), copy.work is not None)

    async def import_link(self, copy: LinkCopy) -> bool:
        return self._told(await self._loose_links.call(copy), copy.work is not None)

    def _told(self, is_new: bool, is_due: bool) -> bool:  # noqa: FBT001  # what an import led to
        if is_new and is_due:
            self._tell(Hint.DUE)
        return is_new
