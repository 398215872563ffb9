"""The authorities of a project: certificates that its fulfillment's own may be signed by, besides the system's.

The file is read at start and proved; its text is kept with the project, as a catalog is. To change it is to start again.

The rule that is easily broken: what is kept is not sealed. A file that has a private key in it, as some tools write them, is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from homegraph.errors import SettingsError
from homegraph.http.trust import count_authorities
from homegraph.service.declared_files import declared_text, read_each
from homegraph.settings.file import Problems
from homegraph.settings.projects import ProjectSettings

FILE_BYTES_MAX: Final = 64 * 1024
"""Some dozens of certificates; whoever wants to believe the whole world has the system's."""

_PRIVATE: Final = "PRIVATE KEY-----"


async def declared_authorities(
    projects: Sequence[ProjectSettings], problems: Problems
) -> dict[str, str]:
    """The texts of the ``ca_file``s that homegraph.toml names, by project id, where there is one.

    What cannot be read, or holds no certificates, is noted in ``problems``.
    """
    named = [(project.id, project.ca_file) for project in projects if project.ca_file is not None]
    return {project_id: text for project_id, _, text in await read_each(named, _read, problems)}


def _read(path: Path) -> str:
    text = declared_text(path, FILE_BYTES_MAX)
    if _PRIVATE in text:
        raise SettingsError(
            "holds a private key; only the certificate of the authority belongs here",
            place=str(path),
        )
    if not count_authorities(text):
        raise SettingsError("holds no certificates in PEM form", place=str(path))
    return text
