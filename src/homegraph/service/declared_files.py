"""Files that projects of homegraph.toml name: read at start, bounded, and with every failure in words that name the file.

Whoever has written the file wants the whole list of what is wrong, so all files are read before any mistake is raised.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from homegraph.errors import SettingsError
from homegraph.settings.file import Place, Problems

T = TypeVar("T")


async def read_each(
    named: Iterable[tuple[str, Path]], read: Callable[[Path], T], problems: Problems
) -> list[tuple[str, Path, T]]:
    """What ``read`` makes of files, with who names each; of a file that cannot be used it is noted why, and it is left out.

    ``read`` raises SettingsError for such a file. It is called in a thread.
    """

    def read_all() -> list[tuple[str, Path, T]]:
        found: list[tuple[str, Path, T]] = []
        for project_id, path in named:
            try:
                found.append((project_id, path, read(path)))
            except SettingsError as exc:
                problems.add(Place(exc.place), exc.sentence)
        return found

    return await asyncio.to_thread(read_all)


def declared_text(path: Path, bytes_max: int) -> str:
    """The text of a file.

    Raises:
        SettingsError: it cannot be read, is larger than ``bytes_max`` or no UTF-8.
    """
    try:
        return declared_bytes(path, bytes_max).decode()
    except UnicodeDecodeError as exc:
        raise SettingsError("is not UTF-8", place=str(path)) from exc


def declared_bytes(path: Path, bytes_max: int) -> bytes:
    """The content of a file.

    Raises:
        SettingsError: it cannot be read, or is larger than ``bytes_max``.
    """
    try:
        with path.open("rb") as file:
            content = file.read(bytes_max + 1)
    except OSError as exc:
        raise SettingsError(f"cannot be read: {exc.strerror or exc}", place=str(path)) from exc
    if len(content) > bytes_max:
        raise SettingsError(f"is larger than {bytes_max >> 10} KiB", place=str(path))
    return content
