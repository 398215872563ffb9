"""Where a run was made: everything that somebody needs who compares two runs, and nothing that names the machine."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from pathlib import Path
from statistics import median
from typing import Any, Final

import apsw

from bench.processes import can_pin
from homegraph.service.interpreter import interpreter

SYNCS: Final = 200

LIBRARIES: Final = ("uvicorn", "uvloop", "httptools", "msgspec", "apsw", "pyreqwest", "starlette")


def environment(folder: Path) -> dict[str, Any]:
    """The machine, the versions, the revision; ``folder`` is where the database is."""
    return {
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "revision": _revision(),
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "pinned": can_pin(),
        "load_average": round(os.getloadavg()[0], 2),
        "system": f"{platform.system()} {platform.release()}",
        "python": interpreter()[0],
        "libraries": {name: _version(name) for name in LIBRARIES},
        "sqlite": apsw.sqlite_lib_version(),
        "sqlite_synchronous": _synchronous(),
        "file_system": _file_system(folder),
        "fdatasync_us": round(_fdatasync_us(folder)),
    }


def _revision() -> str:
    """The commit, with a plus when the measured tree differs from it."""
    try:
        revision = _git("rev-parse", "--short=12", "HEAD")
        changed = _git("status", "--porcelain", "--", "src")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{revision}+" if changed else revision


def _git(*arguments: str) -> str:
    here = Path(__file__).parent
    done = subprocess.run(["git", *arguments], cwd=here, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def _cpu() -> str:
    for line in _read("/proc/cpuinfo").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"


def _synchronous() -> str:
    """What the server tells SQLite, read where it stands."""
    statements = files("homegraph.store") / "sql" / "sqlite" / "connection.sql"
    for line in statements.read_text().splitlines():
        name, _, value = line.partition("=")
        if name.strip() == "PRAGMA synchronous":
            return value.strip(" ;")
    return "unknown"


def _file_system(folder: Path) -> str:
    """Its kind: on a tmpfs a commit costs nothing, and the figures mean something else."""
    kind, longest = "unknown", -1
    place = folder.resolve()
    for line in _read("/proc/mounts").splitlines():
        _, mounted, name, *_ = line.split()
        if place.is_relative_to(mounted) and len(mounted) > longest:
            kind, longest = name, len(mounted)
    return kind


def _fdatasync_us(folder: Path) -> float:
    """The floor of everything that is durable: a page written and synced, again and again; the median."""
    readings = []
    with (folder / "floor").open("wb", buffering=0) as file:
        for _ in range(SYNCS):
            started = time.perf_counter()
            file.write(bytes(4_096))
            os.fdatasync(file.fileno())
            readings.append(time.perf_counter() - started)
    (folder / "floor").unlink()
    return median(readings) * 1e6


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""
