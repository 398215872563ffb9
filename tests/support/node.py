"""npm packages for tests: installed once, into a folder of the environment that runs the tests.

The folder is named by the hash of package.json, which names exact versions. Where node or npm is missing a test is skipped,
and says so; never in CI, where a skipped proof is none.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final, NoReturn

import pytest

INSTALL_SECONDS_MAX: Final = 180


def without(what: str) -> NoReturn:
    """Skip the test, or fail it in CI: what it is to show was not shown."""
    message = f"programs on node were NOT tried: {what}"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


def tool(name: str) -> str:
    """Where a program of this machine is."""
    return shutil.which(name) or without(f"there is no {name} on this machine")


def installed(folder: Path) -> Path:
    """The ``node_modules`` that ``package.json`` in ``folder`` asks for; installed when it is not there."""
    tool("node")
    wanted = (folder / "package.json").read_bytes()
    cache = Path(sys.prefix) / "node-cache"
    kept = cache / hashlib.sha256(wanted).hexdigest()[:16]
    if not kept.exists():
        cache.mkdir(exist_ok=True)
        _install(wanted, cache, kept)
    return kept / "node_modules"


def environment_with(packages: Path) -> dict[str, str]:
    """This process's environment, in which node finds the packages."""
    return {**os.environ, "NODE_PATH": str(packages)}


def _install(wanted: bytes, cache: Path, kept: Path) -> None:
    with tempfile.TemporaryDirectory(dir=cache) as made:
        (Path(made) / "package.json").write_bytes(wanted)
        command = (tool("npm"), "install", "--no-audit", "--no-fund", "--no-package-lock")
        ran = subprocess.run(
            command,
            cwd=made,
            capture_output=True,
            text=True,
            timeout=INSTALL_SECONDS_MAX,
            check=False,
        )
        if ran.returncode != 0:
            without(f"npm install failed: {ran.stderr[-500:]}")
        whole = cache / f"{kept.name}.{os.getpid()}"
        Path(made).rename(whole)  # half an installation is never found under the final name
        Path(made).mkdir()
    if kept.exists():
        shutil.rmtree(whole)  # somebody else was faster
    else:
        whole.rename(kept)
