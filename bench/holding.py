"""A file that is held in the kernel's memory for as long as something lasts.

What nobody has read for a while the kernel may give up, also with memory to spare. A measurement that wants to know what a size costs,
and not what a disk does, has the file locked meanwhile.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_PROT_READ: Final = 1
_MAP_SHARED: Final = 1
_FAILED: Final = ctypes.c_void_p(-1).value


@contextmanager
def held(path: Path) -> Iterator[None]:
    """All pages of a file are in memory, and stay there. Raises OSError when there is not enough, or it is not allowed."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    size = ctypes.c_size_t(path.stat().st_size)
    with path.open("rb") as file:
        at = libc.mmap(None, size, _PROT_READ, _MAP_SHARED, file.fileno(), ctypes.c_long(0))
    if at == _FAILED:
        raise _error(path)
    try:
        if libc.mlock(ctypes.c_void_p(at), size):
            raise _error(path)
        yield
    finally:
        libc.munmap(ctypes.c_void_p(at), size)


def _error(path: Path) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number), str(path))
