"""SQLite on a disk that gets full, and on one that tore what was being written when the machine went down."""

from __future__ import annotations

import os
import resource
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

import apsw
import pytest

from homegraph.testing.fulfillment import ScriptedFulfillment, lamp
from support.homes import Setup, configuration, wait_for_links
from support.server import FULL_DISK, ask, until

DISK_BYTES: Final = 4 * 2**20

SPACE: Final = "database or disk is full"

TORN: Final = 4_663
"""What the commit that is torn has written."""

FRAME_BYTES: Final = 24 + 4_096
"""A page in the log of SQLite, with its head."""


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """A folder on a disk of its own that is soon full.

    Skips loudly where nobody may mount one: the other full disks of this module are to be had everywhere.
    """
    folder.mkdir(parents=True)
    size = f"size={DISK_BYTES}"
    command = ["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(command, capture_output=True, text=True, check=False)
        refused = mounted.stderr if mounted.returncode else ""
    except FileNotFoundError as exc:
        refused = str(exc)
    if refused:
        pytest.skip(f"no small disk can be mounted here: {refused.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def assert_full_and_well_again(
    setup: Setup, fill: Callable[[], object], make_room: Callable[[], object], said: str
) -> None:
    """Calls are refused from when the disk is full until there is room, and then served; what was accepted is there.

    ``said`` is what SQLite says of it.
    """
    setup.cloud.home.devices.append(lamp("accepted"))
    assert setup.request_sync().status == 200
    fill()
    acknowledged = setup.server.device_ids("user-1")
    replies: list[Any] = []

    def is_refused() -> bool:
        nonlocal acknowledged
        setup.cloud.home.devices = [
            lamp("lamp"),
            lamp("accepted"),
            *(lamp(f"{number}-{len(replies)}", "x" * 200) for number in range(100)),
        ]
        replies.append(setup.request_sync())
        if replies[-1].status != 200:
            return True
        acknowledged = sorted(one["id"] for one in setup.cloud.home.devices)
        return False

    until(is_refused, "the disk is full")
    assert replies[-1].status == 503
    assert setup.server.device_ids("user-1") == acknowledged
    async_replies: list[Any] = []

    def has_no_room_at_all() -> bool:
        async_replies.append(setup.request_sync(is_async=True))
        return async_replies[-1].status != 200

    until(has_no_room_at_all, "the disk has no room for the least thing")
    refused = async_replies[-1]
    assert (refused.status, refused.reasons) == (503, ["STORE_UNAVAILABLE"])
    assert refused.headers["retry-after"] == "5"
    probe = ask(setup.server.port, "GET", "/readyz?verbose", b"", {})
    assert (probe.status, probe.text.partition("\n")[0]) == (503, "not ready: database")
    assert said in probe.text

    make_room()
    setup.cloud.home.devices = [lamp("lamp"), lamp("accepted"), lamp("later")]
    assert setup.request_sync().status == 200  # at once: nobody holds what could not be stored
    assert ask(setup.server.port, "GET", "/readyz", b"", {}).status == 200
    setup.cloud.home.devices.append(lamp("latest"))
    assert setup.request_sync(is_async=True).status == 200
    setup.server.wait_until_idle()
    assert setup.server.device_ids("user-1") == ["accepted", "lamp", "later", "latest"]


def test_a_disk_that_is_full(cloud: ScriptedFulfillment, start: Any) -> None:
    """503 while there is no space; it goes on by itself when there is some."""
    server = start(configuration(cloud), ready=False)
    with small_disk(server.data_dir):
        setup = Setup(cloud, server.start())
        wait_for_links(server, "linked")
        balloon = server.data_dir / "balloon"

        def fill() -> None:
            disk = os.statvfs(server.data_dir)
            balloon.write_bytes(bytes(disk.f_bavail * disk.f_frsize - 64 * 2**10))

        assert_full_and_well_again(setup, fill, balloon.unlink, SPACE)
        assert server.stop() == 0


def test_a_disk_that_says_it_is_full(
    cloud: ScriptedFulfillment, start: Any, tmp_path: Path
) -> None:
    """The same where nobody may mount a disk: SQLite is told that there is no space left."""
    full = tmp_path / "full"
    variables = {"PYTHONPATH": str(FULL_DISK), "FULL_DISK": str(full)}
    setup = Setup(cloud, start(configuration(cloud), variables=variables))
    wait_for_links(setup.server, "linked")

    assert_full_and_well_again(setup, full.touch, full.unlink, SPACE)
    assert setup.server.stop() == 0


def test_files_that_may_not_grow(cloud: ScriptedFulfillment, start: Any) -> None:
    """A limit of the system on the size of files is met like a full disk."""
    setup = Setup.up(cloud, start)
    (process,) = (one["process"] for one in setup.server.admin("instances")["instances"])
    log = setup.server.data_dir / "home.db-wal"
    _, hard = resource.prlimit(process, resource.RLIMIT_FSIZE)

    def fill() -> None:
        limit = log.stat().st_size + 16 * FRAME_BYTES
        resource.prlimit(process, resource.RLIMIT_FSIZE, (limit, hard))

    def lift() -> None:
        resource.prlimit(process, resource.RLIMIT_FSIZE, (hard, hard))

    assert_full_and_well_again(setup, fill, lift, "disk I/O error")


@pytest.mark.parametrize(
    ("tear", "kept"),
    [
        pytest.param(lambda log: log[: -FRAME_BYTES // 2], 2, id="half of the last page"),
        pytest.param(lambda log: log[: -FRAME_BYTES + 7], 2, id="a part of its head"),
        pytest.param(lambda log: log[:-512] + os.urandom(512), 2, id="its last sector"),
        pytest.param(lambda log: log + os.urandom(FRAME_BYTES), TORN, id="something behind it"),
    ],
)
def test_a_torn_page_of_the_log(setup: Setup, tear: Callable[[bytes], bytes], kept: int) -> None:
    """The commit under way when the machine went down is torn: it is gone, and everything that was acknowledged is there."""
    setup.cloud.home.devices.append(lamp("acknowledged"))
    assert setup.request_sync().status == 200
    setup.server.kill()
    path = setup.server.data_dir / "home.db"
    with closing(apsw.Connection(str(path))) as file:
        file.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        file.execute("UPDATE agent_user SET device_count = ?", (TORN,))
    log = path.with_name("home.db-wal")
    log.write_bytes(tear(log.read_bytes()))

    setup.server.restart()

    assert setup.server.device_ids("user-1") == ["acknowledged", "lamp"]
    assert setup.request_sync().status == 200
    assert setup.server.stop() == 0
    with closing(sqlite3.connect(path)) as file:
        assert file.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        counted = file.execute("SELECT device_count FROM agent_user").fetchall()
    assert counted == [(kept,)]
