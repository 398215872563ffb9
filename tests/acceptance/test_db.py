"""``homegraph db``: the database from a second terminal, with a server beside it and without one."""

from __future__ import annotations

import os
import re
import stat
import threading
from pathlib import Path
from typing import Any, Final

import apsw
import pytest

from homegraph.testing.fulfillment import lamp
from support.homes import Setup, configuration
from support.server import FULL_DISK, NO_LINKS, Done, Server


def db(server: Server, *arguments: str) -> Done:
    """A ``db`` command on the server's own database."""
    return server.cli("db", *arguments, "--data-dir", str(server.data_dir))


def database(server: Server) -> Path:
    """Its file."""
    return server.data_dir / "home.db"


def test_status_and_check_beside_a_server(setup: Setup) -> None:
    """Where it is, how large, up to date, and sound; the server goes on."""
    shown = db(setup.server, "status", "--json").json
    checked = db(setup.server, "check")

    assert shown["database"] == f"sqlite:{database(setup.server)}"
    assert shown["size_bytes"] > 0
    assert (shown["applied"][0], shown["pending"]) == ("0001_pre_first", [])
    assert (checked.code, checked.out) == (0, f"sqlite:{database(setup.server)} is sound\n")
    assert setup.request_sync().status == 200


def test_a_copy_that_is_made_in_a_storm_is_one_moment(setup: Setup) -> None:
    """Calls go on while the copy is made; what it holds was true at one moment, and it opens by itself."""
    stop, answers = threading.Event(), []

    def storm() -> None:
        while not stop.is_set():
            setup.cloud.homes["token-1"].devices.append(lamp(f"lamp-{len(answers)}"))
            answers.append(setup.request_sync().status)

    calls = threading.Thread(target=storm)
    calls.start()
    copies = [setup.server.folder / f"copy-{number}.db" for number in range(3)]
    try:
        made = [db(setup.server, "backup", str(copy)) for copy in copies]
    finally:
        stop.set()
        calls.join()

    assert [one.code for one in made] == [0, 0, 0]
    assert "encryption.key" in made[0].err
    assert set(answers) == {200}
    for copy in copies:
        assert stat.S_IMODE(copy.stat().st_mode) == 0o600
        assert db(setup.server, "check", "--db", f"sqlite:{copy}").code == 0
    assert not [path for path in copies[0].parent.iterdir() if ".part" in path.name]


def test_a_copy_takes_the_place_of_a_database_that_was_lost(setup: Setup) -> None:
    """Backup, kill -9, the file destroyed, restore, start: link, devices and the key are as they were. The copy needs no log."""
    server, copy = setup.server, setup.server.folder / "copy.db"
    assert db(server, "backup", str(copy)).code == 0
    assert (
        copy.read_bytes()[18:20] == b"\1\1"
    )  # SQLite's file format, 1.3: read and written without a log
    server.kill()
    database(server).with_name("home.db-wal").unlink()  # with it the file would be mended at once
    database(server).write_bytes(b"not a database any more" * 1_000)

    server.spawn()
    refused, told = server.wait(), server.errors
    broken = db(server, "check")
    done = db(server, "restore", str(copy), "--yes", "--json")
    server.restart()

    assert refused == 1
    assert f"{database(server)} cannot be opened: file is not a database." in told
    assert broken.code != 0
    assert "is no SQLite database" in broken.err
    assert done.code == 0
    assert Path(done.json["replaced"]).read_bytes().startswith(b"not a database")
    assert server.device_ids("user-1") == ["lamp"]
    assert setup.request_sync().status == 200


def test_restoring_goes_back_and_keeps_what_was_there(setup: Setup) -> None:
    """What came after the copy is not in it, and not lost either; again finds another name."""
    server, copy = setup.server, setup.server.folder / "copy.db"
    assert db(server, "backup", str(copy)).code == 0
    setup.cloud.homes["token-1"].devices.append(lamp("lamp-2"))
    assert setup.request_sync().status == 200
    server.kill()  # so that the log has not been folded in

    done = db(server, "restore", str(copy), "--yes")
    kept = database(server).with_name("home.db.replaced-1")

    assert done.code == 0
    assert f"kept as {kept}" in done.err
    with apsw.Connection(str(kept)) as connection:
        found = connection.execute("SELECT device_id FROM device ORDER BY 1").fetchall()
    assert found == [("lamp",), ("lamp-2",)]
    server.restart()
    assert server.device_ids("user-1") == ["lamp"]
    server.stop()
    assert db(server, "restore", str(kept), "--yes").code == 0
    assert database(server).with_name("home.db.replaced-2").exists()


def test_what_a_server_has_open_is_not_replaced(setup: Setup) -> None:
    """Restoring and migrating need the file for themselves, and say whose it is."""
    copy = setup.server.folder / "copy.db"
    assert db(setup.server, "backup", str(copy)).code == 0

    for command in (("restore", str(copy), "--yes"), ("migrate",)):
        refused = db(setup.server, *command)
        assert refused.code == 6
        assert "is in use by process" in refused.err
    assert setup.request_sync().status == 200


def test_nobody_is_asked_where_nobody_is(setup: Setup) -> None:
    """Without a terminal --yes has to be said; nothing is done without it."""
    copy = setup.server.folder / "copy.db"
    assert db(setup.server, "backup", str(copy)).code == 0
    setup.server.stop()

    refused = db(setup.server, "restore", str(copy))

    assert (refused.code, "--yes" in refused.err) == (2, True)
    assert not list(setup.server.data_dir.glob("*.replaced-*"))


def test_a_copy_is_not_written_over(setup: Setup) -> None:
    """Of two backups under one name the first one stays."""
    copy = setup.server.folder / "copy.db"
    copy.write_text("precious")

    refused = db(setup.server, "backup", str(copy))

    assert (refused.code, copy.read_text()) == (2, "precious")


def test_a_copy_is_checked_as_documented(setup: Setup) -> None:
    """The commands of the how-to, typed one after the other in one folder, mean the same file."""
    page = (Path(__file__).parents[2] / "docs/howto/backup.md").read_text()
    (copied,) = re.findall(r"^homegraph db backup (\S+)$", page, re.MULTILINE)
    (checked,) = re.findall(r"with `--db (\S+)`", page)

    made = db(setup.server, "backup", copied)
    done = db(setup.server, "check", "--db", checked)

    assert (made.code, done.code) == (0, 0)
    assert done.out == f"sqlite:{setup.server.folder / copied} is sound\n"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(None, "There is no database", id="nothing"),
        pytest.param(b"", "not homegraph's", id="empty"),
        pytest.param(b"x" * 5_000, "is no SQLite database", id="no database"),
        pytest.param("CREATE TABLE t (a)", "not homegraph's", id="somebody else's"),
    ],
)
def test_what_is_none_of_ours_is_left_alone(
    tmp_path: Path, start: Any, content: bytes | str | None, words: str
) -> None:
    """A command says what it met, and nothing is changed."""
    server: Server = start({}, ready=False)
    file = tmp_path / "strange.db"
    if isinstance(content, str):
        with apsw.Connection(str(file)) as connection:
            connection.execute(content)
    elif content is not None:
        file.write_bytes(content)
    before = file.read_bytes() if file.exists() else None

    for command in (["migrate"], ["backup", str(tmp_path / "copy.db")]):
        done = db(server, *command, "--db", f"sqlite:{file}")
        assert done.code != 0
        assert words in done.err
    refused = db(server, "restore", str(file), "--yes")
    assert words in refused.err
    assert (file.read_bytes() if file.exists() else None) == before
    assert not (tmp_path / "copy.db").exists()


def test_a_disk_without_links(start: Any, tmp_path: Path) -> None:
    """A stick with FAT or a share holds a data folder and takes copies; what has the name of a copy already stays."""
    variables = {"PYTHONPATH": str(NO_LINKS)}
    server: Server = start({}, variables=variables)
    copy = tmp_path / "copy.db"
    made, again = (server.cli("db", "backup", str(copy), variables=variables) for _ in range(2))

    assert server.admin("projects") == {"projects": []}
    assert {"admin-token", "encryption.key"} < {one.name for one in server.data_dir.iterdir()}
    assert (made.code, again.code) == (0, 2), made.err
    assert db(server, "check", "--db", f"sqlite:{copy}").code == 0
    assert list(tmp_path.glob("copy.db*")) == [copy]

    server.kill()
    what_was = database(server).read_bytes()
    done = server.cli("db", "restore", str(copy), "--yes", variables=variables)
    kept = database(server).with_name("home.db.replaced-1")

    assert (done.code, kept.read_bytes()[:18]) == (0, what_was[:18]), done.err
    assert db(server, "check", "--db", f"sqlite:{kept}").code == 0
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert not [one for one in server.data_dir.iterdir() if ".part" in one.name]
    server.restart()


def test_no_room_for_a_copy(setup: Setup, tmp_path: Path) -> None:
    """It is said, nothing of the copy is left, and the server goes on."""
    copy, full = tmp_path / "copy.db", tmp_path / "full"
    full.touch()
    variables = {"PYTHONPATH": str(FULL_DISK), "FULL_DISK": str(full)}

    done = setup.server.cli("db", "backup", str(copy), variables=variables)

    assert done.code == 1
    assert "There is no room for the copy." in done.err
    assert "on another one" in done.err
    assert list(tmp_path.glob("copy.db*")) == []
    assert setup.request_sync().status == 200


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(("status",), id="status"),
        pytest.param(("check",), id="check"),
        pytest.param(("migrate", "--dry-run"), id="migrate"),
        pytest.param(("backup", "copy.db"), id="backup"),
        pytest.param(("restore", "copy.db", "--yes"), id="restore"),
        pytest.param(("accept-key", "--yes"), id="accept-key"),
    ],
)
def test_a_file_that_the_system_does_not_show(start: Any, command: tuple[str, ...]) -> None:
    """What the system says of the name is told with it, as what it is: no command has a bug because of it."""
    server: Server = start({}, ready=False)
    no_name = server.folder / ("x" * 300)

    done = db(server, *command, "--db", f"sqlite:{no_name}")

    assert done.code == 1
    assert f"{no_name} cannot be used: File name too long." in done.err


def test_a_link_that_leads_to_itself(start: Any) -> None:
    """The file is named that no file can be found by."""
    server: Server = start({}, ready=False)
    loop = server.folder / "loop.db"
    loop.symlink_to(loop)

    done = db(server, "status", "--db", f"sqlite:{loop}")

    assert done.code == 2
    assert f"database: {loop}: this name leads nowhere: Symlink loop" in done.err


def test_a_copy_that_was_cut_is_damaged(setup: Setup, tmp_path: Path) -> None:
    """It is called that, and no full disk is blamed; the database stays as it was."""
    cut = tmp_path / "cut.db"
    assert db(setup.server, "backup", str(cut)).code == 0
    setup.server.stop()
    os.truncate(cut, 5_000)
    before = database(setup.server).read_bytes()

    for command in (["check", "--db", f"sqlite:{cut}"], ["restore", str(cut), "--yes"]):
        done = db(setup.server, *command)
        assert done.code == 1
        assert (
            done.err
            == f"error: {cut} is damaged: database disk image is malformed.\nfix:   Take another copy.\n"
        )
    assert database(setup.server).read_bytes() == before


def test_totals_that_do_not_add_up_are_found(setup: Setup) -> None:
    """A row that somebody has deleted by hand is a problem, with the agent user it is about."""
    setup.server.stop()
    with apsw.Connection(str(database(setup.server))) as connection:
        connection.execute("DELETE FROM definition")
        connection.execute("DELETE FROM device")

    done = db(setup.server, "check", "--json")

    assert done.code == 1
    assert done.json["problems"] == [
        "agent user user-1 of acme: devices do not add up",
        "agent user user-1 of acme: states do not add up",
    ]


def test_a_device_without_a_definition_is_found(setup: Setup) -> None:
    """Its row alone is not a device: it would be left out of every list, and no SYNC would bring it back."""
    setup.server.stop()
    with apsw.Connection(str(database(setup.server))) as connection:
        ((device_id,),) = connection.execute("SELECT device_id FROM device LIMIT 1")
        connection.execute(
            "DELETE FROM definition WHERE device = (SELECT id FROM device WHERE device_id = ?)",
            (device_id,),
        )

    done = db(setup.server, "check", "--json")

    assert done.code == 1
    assert done.json["problems"] == [
        f"device {device_id} of agent user user-1 of acme: there is no definition"
    ]


def test_a_damaged_body_is_found(setup: Setup) -> None:
    """A reply in the journal that cannot be unpacked is a problem, with the run it belongs to; asking for that run says where to look."""
    setup.cloud.home.devices = [lamp(f"lamp-{number}") for number in range(20)]
    assert setup.request_sync().status == 200
    run = setup.newest_run()["id"]
    assert db(setup.server, "check").code == 0
    setup.server.stop()
    with apsw.Connection(str(database(setup.server))) as connection:
        connection.execute(
            "UPDATE exchange SET response_packed = x'ffff' WHERE owner_id = ?", (run,)
        )
        assert connection.changes() == 1
    setup.server.restart()

    done = db(setup.server, "check", "--json")
    shown = setup.server.cli("runs", "show", run)

    assert done.code == 1
    assert done.json["problems"] == [f"{run} of acme: the body of an exchange is damaged"]
    assert shown.code != 0
    assert "homegraph db check" in shown.err


def test_what_is_pending_and_what_is_too_new(setup: Setup) -> None:
    """A schema of tomorrow is refused by name, one of today has nothing pending."""
    setup.server.stop()
    with apsw.Connection(str(database(setup.server))) as connection:
        connection.execute(
            "INSERT INTO migration VALUES (9999, 'pre', 'from_tomorrow', 'digest', 0)"
        )

    too_new = db(setup.server, "migrate", "--dry-run")
    with apsw.Connection(str(database(setup.server))) as connection:
        connection.execute("DELETE FROM migration WHERE number = 9999")
    again = db(setup.server, "migrate", "--json")

    assert "9999_pre_from_tomorrow" in too_new.err
    assert again.json == {"dry_run": False, "migrations": []}


ANOTHER_KEY: Final = "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE="


def test_a_key_that_was_lost(setup: Setup) -> None:
    """The server does not start without it, nor with another one, and makes none; with it all is as before."""
    server = setup.server
    key_file = server.data_dir / "encryption.key"
    server.stop()
    key = key_file.read_text()

    key_file.unlink()
    server.spawn()
    assert server.wait() == 2
    assert "that the database's secrets are sealed with is missing" in server.errors
    assert f"at {key_file} " in server.errors
    assert not key_file.exists()

    key_file.write_text(ANOTHER_KEY)
    server.spawn()
    assert server.wait() == 2
    assert "and this server has the key" in server.errors
    assert "homegraph db accept-key" in server.errors
    assert key.strip() not in server.errors + server.banner
    assert ANOTHER_KEY not in server.errors + server.banner

    key_file.write_text(key)
    server.restart()
    assert setup.request_sync().status == 200


def test_a_key_that_is_given_up(setup: Setup) -> None:
    """It has to be meant, and no server may run; then the server says of a link what is wrong, and takes grants of the file anew."""
    server = setup.server
    key_file = server.data_dir / "encryption.key"
    assert db(server, "accept-key", "--yes").code == 6
    server.stop()
    key_file.unlink()
    assert db(server, "accept-key").code == 2
    assert not key_file.exists()

    done = db(server, "accept-key", "--yes", "--json")

    assert done.code == 0
    assert done.json["database"] == f"sqlite:{database(server)}"
    server.configure(configuration(setup.cloud, links={}))
    server.restart()
    refused = setup.request_sync()
    assert (refused.status, refused.reasons[0]) == (500, "KEY_MISMATCH")
    assert "cannot be opened" in server.admin("runs")["runs"][0]["message"]
    server.stop()
    server.configure(configuration(setup.cloud))
    server.restart()
    server.wait_until_idle()
    assert setup.request_sync().status == 200
    asked = len(setup.cloud.intents())
    server.stop()
    assert db(server, "accept-key", "--yes").code == 0  # it is the right one
    server.restart()
    server.wait_until_idle()
    assert len(setup.cloud.intents()) == asked
    nowhere = db(server, "accept-key", "--yes", "--db", "sqlite:nowhere.db")
    assert nowhere.code != 0
    assert "There is no database" in nowhere.err
