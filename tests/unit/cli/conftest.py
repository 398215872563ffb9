"""What the tests of the command line share: a server with a real socket, and the command as a function and as a process."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from homegraph.cli.app import run as run_command
from support.http_stub import stub_server

TOKEN = "admin-token-that-nobody-may-see"
PROCESS_SECONDS = 30
"""For a command that was started as a process; it takes well under one."""


@dataclass
class Done:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def error(self) -> Any:
        """The error object, which is the last line of stderr."""
        return json.loads(self.err.splitlines()[-1])["error"]


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch, tmp_path):
    """No variable of ours, no file of ours, and nobody's data folder."""
    for name in os.environ:
        if name.startswith(("HOMEGRAPH_", "GOOGLE_")) or name in ("PORT", "NO_COLOR"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def server():
    """A server that answers what the test says."""
    with stub_server() as stub:
        yield stub


@pytest.fixture
def run(capsys):
    """Run a command in this process: ``run("keys", "list")``."""

    def call(*arguments: str) -> Done:
        code = run_command(arguments)
        shown = capsys.readouterr()
        return Done(code, shown.out, shown.err)

    return call


@pytest.fixture
def admin(run, server, monkeypatch):
    """Run a command that speaks to ``server`` with the right token."""
    monkeypatch.setenv("HOMEGRAPH_SERVER", server.url)
    monkeypatch.setenv("HOMEGRAPH_ADMIN_TOKEN", TOKEN)
    return run


def ended(arguments, variables, **stdin) -> Done:
    """What a command said as a process of its own; ``stdin`` is given as ``subprocess.run`` takes it."""
    done = subprocess.run(
        command_line(arguments),
        **stdin,
        capture_output=True,
        text=True,
        timeout=PROCESS_SECONDS,
        env={**os.environ, **variables},
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def process():
    """Run a command as a process of its own."""

    def call(*arguments: str, stdin: str = "", **variables: str) -> Done:
        return ended(arguments, variables, input=stdin)

    return call


@pytest.fixture
def terminal():
    """Run a command as a process whose stdin is a terminal, on which ``typed`` is typed."""

    def call(*arguments: str, typed: str, **variables: str) -> Done:
        main, follower = pty.openpty()
        try:
            os.write(main, typed.encode())
            return ended(arguments, variables, stdin=follower)
        finally:
            os.close(main)
            os.close(follower)

    return call


@pytest.fixture
def start():
    """Start a command as a process and leave it running; it is killed at the end of the test."""
    started = []

    def call(*arguments: str) -> subprocess.Popen[str]:
        started.append(
            subprocess.Popen(
                command_line(arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
        )
        return started[-1]

    yield call
    for process in started:
        process.kill()
        process.communicate()


def command_line(arguments: Sequence[str]) -> list[str]:
    """The installed command, beside the interpreter that runs the tests."""
    return [str(Path(sys.executable).parent / "homegraph"), *arguments]
