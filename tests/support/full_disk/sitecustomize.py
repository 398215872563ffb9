"""A disk that is full, for a process that finds this folder in PYTHONPATH: SQLite is told so as the system would, by its own VFS.

Python imports a module of this name when it starts. As long as the file that ``FULL_DISK`` names is there, no file of SQLite grows;
what is there already may be written over, as on a disk without a free block. Nobody needs the right to mount anything for it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import apsw

FLAG = Path(os.environ["FULL_DISK"])
USUAL = "unix"


class _Disk(apsw.VFS):
    """The usual files, but for their growth."""

    def __init__(self) -> None:
        super().__init__("full-disk", USUAL, makedefault=True)

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:  # noqa: N802  # apsw's name
        return _File(USUAL, name, flags)


class _File(apsw.VFSFile):
    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802  # apsw's name
        if FLAG.exists() and offset + len(data) > self.xFileSize():
            raise apsw.FullError("database or disk is full")
        super().xWrite(data, offset)


DISK = _Disk()
"""Kept: SQLite knows it only as long as somebody has it."""
