"""Reading from the store: a project by its id, and lists of any length, a page at a time.

The store hands out pages, so that no call holds the database for long; whoever wants to see everything goes through them
here. What changes between two pages is seen or not, as it comes; nothing is seen twice.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

from homegraph.errors import NotFound, SettingsError
from homegraph.graph.model import Link, Project
from homegraph.store.port import Store

PAGE: Final = 1_000
"""Rows of one page: some hundred kilobytes, and a few milliseconds of the database's time."""


async def get_project(store: Store, project_id: str) -> Project:
    """The project. Raises NotFound."""
    project = await store.find_project(project_id)
    if project is None:
        raise NotFound(f"There is no project {project_id!r}.")
    return project


async def all_links(store: Store, project_id: str | None = None) -> AsyncIterator[Link]:
    """Every link, of one project or of all, in order of project and user."""
    after = ("", "")
    while True:
        page = await store.links(project_id, after=after, limit=PAGE)
        for link in page:
            yield link
        if len(page) < PAGE:
            return
        after = (page[-1].project_id, page[-1].user_id)


async def whose(store: Store, project: str, agent_user: str) -> tuple[str | None, str | None]:
    """Of whom a journal is read: of all, of a project, or of one of its agent users.

    Raises:
        NotFound: there is no such project. Of an agent user who has gone, his runs may still be there.
        SettingsError: an agent user without a project. Several projects may have that id, and everybody's must not be taken for theirs.
    """
    if project:
        await get_project(store, project)
    elif agent_user:
        raise SettingsError("needs a project", place="agent_user")
    return project or None, agent_user or None
