"""A disk without hard links, as FAT and some network shares are, for a process that finds this folder in PYTHONPATH.

Python imports a module of this name when it starts. Mounting such a disk is not for everybody; its answer to a link is all that is needed.
"""

from __future__ import annotations

import errno
import os
from typing import NoReturn


def _no_link(*_: object, **__: object) -> NoReturn:
    raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))


os.link = _no_link
