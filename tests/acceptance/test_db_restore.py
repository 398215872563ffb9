"""``homegraph db restore`` where a database was lost, with its folder or with all but its log."""

from __future__ import annotations

import stat
from pathlib import Path

from homegraph.testing.fulfillment import lamp
from support.homes import Setup


def test_a_log_that_was_left_stays_out_of_the_copy(setup: Setup) -> None:
    """Kill -9 leaves one beside the file. Without the file it is kept under another name: SQLite would bring it into the copy."""
    server, copy = setup.server, setup.server.folder / "copy.db"
    where = ("--data-dir", str(server.data_dir))
    assert server.cli("db", "backup", str(copy), *where).code == 0
    setup.cloud.homes["token-1"].devices.append(lamp("lamp-2"))
    assert setup.request_sync().status == 200
    server.kill()
    (server.data_dir / "home.db").unlink()
    left = (server.data_dir / "home.db-wal").read_bytes()

    done = server.cli("db", "restore", str(copy), *where, "--json")
    again = server.cli("db", "restore", str(copy), *where, "--yes", "--json")
    server.restart()

    assert (done.code, again.code) == (0, 0), done.err
    assert Path(done.json["replaced"]).name == "home.db.replaced-1-wal"
    assert Path(done.json["replaced"]).read_bytes() == left
    assert Path(again.json["replaced"]).name == "home.db.replaced-2"
    assert server.device_ids("user-1") == ["lamp"]


def test_a_log_is_in_the_way_of_a_copy(setup: Setup) -> None:
    """Whoever opened a copy of that name would have it brought in."""
    copy = setup.server.folder / "copy.db"
    log = copy.with_name("copy.db-wal")
    log.write_text("precious")

    refused = setup.server.cli("db", "backup", str(copy), "--data-dir", str(setup.server.data_dir))

    assert (refused.code, copy.exists(), log.read_text()) == (2, False, "precious")
    assert f"{log} is there already" in refused.err


def test_a_machine_that_had_no_server_yet(setup: Setup, tmp_path: Path) -> None:
    """The data folder is made as a server makes it; with the key in it the server starts, and everything is there."""
    old, copy = setup.server, tmp_path / "copy.db"
    assert old.cli("db", "backup", str(copy), "--data-dir", str(old.data_dir)).code == 0
    key = (old.data_dir / "encryption.key").read_bytes()
    old.stop()
    old.data_dir.rename(tmp_path / "lost")

    done = old.cli("db", "restore", str(copy), "--data-dir", str(old.data_dir))
    mode = stat.S_IMODE(old.data_dir.stat().st_mode)
    (old.data_dir / "encryption.key").write_bytes(key)
    old.restart()

    assert (done.code, mode) == (0, 0o700), done.err
    assert old.device_ids("user-1") == ["lamp"]
