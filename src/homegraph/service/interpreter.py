"""The interpreter that a server runs in: whether it was built to be fast.

CPython is a quarter to a third faster when it was compiled with profiles of itself (``configure --enable-optimizations``), and most
are. One that was compiled as it came (pyenv and asdf do so unless they are told) is not, which nothing shows but the processor's time.

How it was built is told by what ``configure`` was given. Who packages Python builds in ways that leave no trace there: Debian calls
the compiler with the profiles itself. So whatever lies in /usr or comes from conda is taken to be fast: a false alarm costs more than
one that is missed.
"""

from __future__ import annotations

import platform
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from typing import Final

FIX: Final = (
    "Use one that is built with profiles: of the distribution, of the python image of Docker, of `uv python install`, or of pyenv with "
    "PYTHON_CONFIGURE_OPTS='--enable-optimizations --with-lto'."
)

_SYSTEM: Final = "/usr"
_TRACES: Final = ("--enable-optimizations", "-fprofile-use", "-fprofile-instr-use")
_TOLD_IN: Final = ("CONFIG_ARGS", "PY_CFLAGS", "PY_CFLAGS_NODIST", "PY_CORE_CFLAGS")


def interpreter() -> tuple[str, bool]:
    """The interpreter of this process in words, and whether it was built to be fast."""
    is_conda = (Path(sys.base_prefix) / "conda-meta").is_dir()
    is_slow = is_built_slow(sysconfig.get_config_vars(), is_conda=is_conda)
    named = f"{platform.python_implementation()} {platform.python_version()}"
    return (f"{named}, built without optimisation" if is_slow else named), not is_slow


def is_built_slow(variables: Mapping[str, object], *, is_conda: bool) -> bool:
    """Whether an interpreter that was built with these variables of ``sysconfig`` is slower than it could be."""
    if variables.get("Py_DEBUG"):
        return True
    if not variables.get("CONFIG_ARGS") or is_conda or variables.get("installed_base") == _SYSTEM:
        return False
    told = " ".join(str(variables.get(name) or "") for name in _TOLD_IN)
    return not any(trace in told for trace in _TRACES)
