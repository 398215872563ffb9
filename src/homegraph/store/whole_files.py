"""A file has its name when it is whole, and never over another one: it is made beside its place, and named at the end.

By a link, as a rename would write over what came meanwhile. A disk without links (FAT, some shares of a network) leaves the rename; there
whoever comes in the instant between look and rename loses.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Final

_NO_LINKS: Final = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS})
"""What a disk without links answers."""


def name(made: Path, to: Path) -> None:
    """Give a file that is whole its name; the one that it has may go then, or be gone. Raises FileExistsError, OSError."""
    try:
        os.link(made, to)
    except OSError as exc:
        if exc.errno not in _NO_LINKS:
            raise
        if to.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(to)) from exc
        made.replace(to)
