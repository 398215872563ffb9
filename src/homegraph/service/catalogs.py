"""The catalog that a project is judged by: the builtin one, with what the project's own file adds to it.

The file is read at start and proved; its text is kept with the project, so that a database says itself how its projects are judged.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Final

import msgspec

from homegraph import __version__
from homegraph.errors import SettingsError
from homegraph.graph.policy import Policy
from homegraph.service.declared_files import declared_text, read_each
from homegraph.settings.file import Problems
from homegraph.settings.projects import ProjectSettings
from homegraph.wire.catalog.book import Catalog, CatalogError, builtin

FILE_BYTES_MAX: Final = 1024 * 1024
"""Of a catalog file; the builtin one, with all its notes, has a fifth of that."""

NAME_BYTES: Final = 16
"""Of a digest: two policies that collide by chance are out of reach."""

CATALOGS_KEPT_MAX: Final = 64
"""Catalogs that differ from the builtin one, each some hundred kilobytes."""


@lru_cache(maxsize=CATALOGS_KEPT_MAX)
def _extended(text: str) -> Catalog:
    return builtin().extended(text.encode())


def catalog_of(policy: Policy) -> Catalog:
    """The catalog of a project; its text was proved when it was read."""
    return _extended(policy.catalog) if policy.catalog else builtin()


@lru_cache(maxsize=CATALOGS_KEPT_MAX)
def judged_by(policy: Policy) -> str:
    """A name for all that a device is judged by: this version, and what the project has chosen."""
    chosen = msgspec.json.encode(policy)
    return f"{__version__} {blake2b(chosen, digest_size=NAME_BYTES).hexdigest()}"


async def declared_catalogs(
    projects: Sequence[ProjectSettings], problems: Problems
) -> dict[str, str]:
    """The texts of the catalog files that homegraph.toml names, by project id, where there is one.

    What cannot be read or is no catalog is noted in ``problems``, with the place in it.
    """
    named = [(project.id, project.catalog) for project in projects if project.catalog is not None]
    return {project_id: text for project_id, _, text in await read_each(named, _read, problems)}


def read_catalog(path: Path) -> Catalog:
    """The builtin catalog with what a file adds.

    Raises:
        SettingsError: it cannot be read or is no catalog; names the place in it.
    """
    return _extended(_read(path))


def _read(path: Path) -> str:
    text = declared_text(path, FILE_BYTES_MAX)
    try:
        _extended(text)
    except CatalogError as exc:
        raise SettingsError(f"is no catalog: {exc}", place=str(path)) from exc
    return text
