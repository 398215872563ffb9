"""A file has its name when it is whole, and never over another one: it is made beside its place, and named at the end.

By a link, as a rename would write over what came meanwhile. A disk without links (FAT, some shares of a network) leaves the rename; there
whoever comes in the instant between look and rename loses.

The rule that is easily broken: a file that is on the disk is not found there after a power cut unless its name is, too.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Final

_NO_LINKS: Final = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS})
"""What a disk without links answers."""

_NOT_OURS: Final = _NO_LINKS | {errno.EACCES, errno.EINVAL}
"""What is answered where names cannot be waited for: by a disk that does not know that, for a folder that we may not read."""


def name(made: Path, to: Path) -> None:
    """Give a file that is whole its name; the one that it has may go then, or be gone. Raises FileExistsError, OSError."""
    if not link(made, to):
        if to.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(to))
        made.replace(to)
    keep_names(to.parent)


def link(path: Path, to: Path) -> bool:
    """Give a file another name, too; whether it has it: a disk may be without links. Raises FileExistsError, OSError."""
    try:
        os.link(path, to)
    except OSError as exc:
        if exc.errno not in _NO_LINKS:
            raise
        return False
    return True


def keep_names(folder: Path) -> None:
    """Have the disk keep what the files of a folder are called, as far as it can. Raises OSError."""
    try:
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)
    except OSError as exc:
        if exc.errno not in _NOT_OURS:
            raise
