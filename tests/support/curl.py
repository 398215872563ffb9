"""curl, as the documentation has it."""

from __future__ import annotations

import shutil
import subprocess
from typing import Final

import pytest

from support.server import WAIT_SECONDS, Reply

HEAD_END: Final = b"\r\n\r\n"


def curl(*arguments: str) -> Reply:
    """Run curl with the answer's head in its output (``-i``), and read the answer."""
    return _run([_curl(), "-i", *arguments])


def shell(line: str) -> Reply:
    """Run a line of the documentation in a shell; it must be a call of curl that shows the answer's head."""
    _curl()
    return _run(["sh", "-c", line])


def _run(command: list[str]) -> Reply:
    ran = subprocess.run(command, capture_output=True, timeout=3 * WAIT_SECONDS, check=False)
    if ran.returncode != 0:
        raise AssertionError(f"curl ended with {ran.returncode}: {ran.stderr.decode()}")
    head, _, body = ran.stdout.partition(HEAD_END)
    while head.split(maxsplit=2)[1] == b"100":
        head, _, body = body.partition(HEAD_END)
    first, *lines = head.decode("latin-1").splitlines()
    headers: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        old = headers.get(name.lower())
        headers[name.lower()] = value.strip() if old is None else f"{old}, {value.strip()}"
    return Reply(int(first.split()[1]), headers, body)


def _curl() -> str:
    found = shutil.which("curl")
    if found is None:
        pytest.fail("curl is not installed, and the documentation calls with curl")
    return found
