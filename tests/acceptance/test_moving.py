"""``homegraph export`` and ``import``: a home moves between SQLite and PostgreSQL with everything, whatever dies in between."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import threading
from pathlib import Path
from typing import Any, Final

import pytest

from homegraph.testing.fulfillment import Answer, Home, ScriptedFulfillment, lamp
from support.accounts import REPORT, create, fetch
from support.homes import KEY, Setup, configuration, wait_for_links
from support.postgres import Postgres
from support.server import COMMAND, Server, environment, until

SEALED_WITH: Final = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
ANOTHER: Final = "ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA="

STRANGE: Final = "\0us\u0001er \U0001f4a1 '\"\\"
"""The id of an agent user that no database likes."""

HOMES: Final = 1_200
"""Agent users of a large file: three calls."""

PLAIN: Final = {"server": {"encryption_key": SEALED_WITH, "log_level": "debug"}}
"""A server that knows no project yet."""


def on(url: str) -> dict[str, Any]:
    """A server that knows no project yet, on a database."""
    return {"server": {**PLAIN["server"], "database": url}}


def bearer(key_file: Path, old: Server, new: Server) -> dict[str, str]:
    """Headers with a token that the new server has issued to a key of the old one."""
    moved = new.folder / "key.json"
    moved.write_text(key_file.read_text().replace(old.url, new.url))
    return {"Content-Type": "application/json", "Authorization": f"Bearer {fetch(moved)}"}


def states(server: Server, headers: dict[str, str]) -> Any:
    """What is known of the lamp."""
    query = '{"agentUserId": "user-1", "inputs": [{"payload": {"devices": [{"id": "lamp"}]}}]}'
    answered = server.call(query, path="/v1/devices:query", headers=headers)
    assert answered.status == 200, answered.text
    return answered.json["payload"]["devices"]["lamp"]


def seen(server: Server) -> Any:
    """What people see of links, keys and devices."""
    return (
        server.admin("links"),
        server.admin("keys", project="acme"),
        server.admin("service-accounts", project="acme"),
        server.admin("projects"),
        server.admin("devices", project="acme", agent_user="user-1"),
    )


def eventful(cloud: ScriptedFulfillment, start: Any) -> tuple[Setup, Path, dict[str, str]]:
    """A server on SQLite with everything that a home may have: reports, rooms, a broken link, one that has ended, odd names."""
    cloud.homes["token-2"] = Home("user-2")
    cloud.homes["token-3"] = Home("user-3")
    cloud.homes["token-4"] = Home(STRANGE)
    cloud.refresh_tokens["refresh-3"] = "token-3"
    links: list[dict[str, str]] = [
        {"user": "me", "access_token": "token-1"},
        {"user": "gone", "access_token": "token-2"},
        {"user": "broken", "access_token": "token-3", "refresh_token": "refresh-3"},
        {"user": "odd", "access_token": "token-4"},
    ]
    setup = Setup.up(cloud, start, project={"links": links}, server=PLAIN["server"])
    server = setup.server
    key_file = create(setup)
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {fetch(key_file)}"}
    report = '{"agentUserId": "user-1", "payload": {"devices": {"states": {"lamp": {"on": true}}}}}'
    assert server.call(report, path=REPORT, headers=headers).status == 200
    server.admin_post(
        "devices/place", project="acme", agent_user="user-1", device="lamp", room="Hall"
    )
    server.admin_post("links/unlink", project="acme", user="gone")
    del cloud.homes["token-3"], cloud.refresh_tokens["refresh-3"]
    assert setup.request_sync("user-3").status != 200
    return setup, key_file, headers


def exported(server: Server, name: str) -> Path:
    """An export of a server."""
    path = server.folder / name
    done = server.cli("export", str(path))
    assert done.code == 0, done.err
    return path


def imported(server: Server, path: Path, code: int = 0) -> Any:
    """Import a file; the summary."""
    done = server.cli("import", str(path), "--json")
    assert done.code == code, done.err
    return done.json


def pieces(path: Path) -> list[str]:
    """The lines of an export but for the header, which tells the time."""
    return path.read_text(encoding="utf-8").splitlines()[1:]


def test_there_and_back(postgres: Postgres, cloud: ScriptedFulfillment, start: Any) -> None:
    """Everything answers as before, on PostgreSQL and on SQLite again; what was asked for is done there, and no secret is in the file."""
    setup, key_file, headers = eventful(cloud, start)
    old = setup.server
    before, known = seen(old), states(old, headers)
    gate = threading.Event()
    cloud.answer_next(Answer(hold=gate))
    asked = len(cloud.intents())
    assert setup.request_sync(is_async=True).status == 200
    cloud.wait_for(asked + 1)
    path = exported(old, "home.jsonl")
    old.kill()
    gate.set()
    cloud.homes["token-1"].devices = [lamp("lamp"), lamp("new")]

    new = start(on(postgres.fresh_url()), name="new")
    done = imported(new, path)
    until(lambda: new.device_ids("user-1") == ["lamp", "new"], "the pending sync has run")
    new.wait_until_idle()
    text = path.read_text(encoding="utf-8")
    back = start(PLAIN, name="back")
    imported(back, exported(new, "again.jsonl"))

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not [secret for secret in ("s3cret", "token-", KEY, SEALED_WITH) if secret in text]
    assert (done["refused"], done["present"]) == (0, 0)
    assert done["added"] == done["lines"] == len(pieces(path)) - 1
    for server in (new, back):
        after = seen(server)
        assert after[1:4] == before[1:4]
        assert [one["user"] for one in after[0]["links"] if one["state"] != "linked"] == [
            "broken",
            "gone",
        ]
        assert [one["placement"]["room"] for one in after[4]["devices"]] == ["Hall", ""]
        assert states(server, bearer(key_file, old, server)) == known
        assert Setup(cloud, server).request_sync().status == 200
        assert Setup(cloud, server).request_sync(STRANGE).status == 200
        assert Setup(cloud, server).request_sync("user-2").reasons[0] == "AGENT_USER_UNLINKED"
    assert "token-1" not in new.story() + back.story()


# --- files -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def settled(shared_start: Any, shared_cloud: ScriptedFulfillment) -> tuple[Server, Path]:
    """A server that holds one home, and an export of it."""
    file = configuration(shared_cloud, server=PLAIN["server"])
    server: Server = shared_start(file)
    wait_for_links(server, "linked")
    return server, exported(server, "whole.jsonl")


def test_a_file_that_was_cut(settled: tuple[Server, Path], tmp_path: Path) -> None:
    """Wherever: importing says so before anything is done, and exporting goes on after the last whole line."""
    server, whole = settled
    lines = whole.read_bytes().splitlines(keepends=True)
    cuts = [
        b"",
        lines[0][:5],
        lines[0][:-1],
        lines[0] + lines[1][:40],
        b"".join(lines[:-1]) + b'{"kind":' + b" " * 10_000,
        b"".join(lines)[:-1],
    ]
    for number, content in enumerate(cuts):
        path = tmp_path / f"cut-{number}.jsonl"
        path.write_bytes(content)
        refused = server.cli("import", str(path))
        resumed = server.cli("export", "--resume", str(path))

        told = "without its end mark" if lines[0] in content else "This is no export"
        assert (refused.code, told in refused.err) == (2, True)
        assert resumed.code == 0, resumed.err
        assert path.read_bytes().splitlines()[1:] == whole.read_bytes().splitlines()[1:]
    complete = server.cli("export", "--resume", str(whole), "--json")
    assert complete.json == {"file": str(whole), "projects": 1, "agent_users": 1, "links": 0}


def test_a_disk_that_is_full(settled: tuple[Server, Path], tmp_path: Path) -> None:
    """An export that finds no room says so, and how to go on; what it could write stays, be it nothing at all."""
    server, whole = settled
    where = {"HOMEGRAPH_SERVER": server.url, "HOMEGRAPH_DATA_DIR": str(server.data_dir)}
    for blocks in (0, 1):
        path = tmp_path / f"some of it {blocks}.jsonl"
        script = f'ulimit -f {blocks}; exec "$@"'
        full = subprocess.run(
            ["sh", "-c", script, "sh", str(COMMAND), "export", str(path)],
            env=environment(where),
            capture_output=True,
            text=True,
            check=False,
        )
        resumed = server.cli("export", "--resume", str(path))

        assert (full.returncode, "cannot be written: File too large" in full.stderr) == (1, True)
        assert f"Go on with: homegraph export --resume '{path}'" in full.stderr
        assert resumed.code == 0, resumed.err
        assert pieces(path) == pieces(whole)


def test_a_reader_that_has_ended(settled: tuple[Server, Path]) -> None:
    """`export - | head -1` fails, as what was read is no whole export; nobody is asked to make room."""
    server, _ = settled
    where = {"HOMEGRAPH_SERVER": server.url, "HOMEGRAPH_DATA_DIR": str(server.data_dir)}
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [str(COMMAND), "export", "-"],
        env=environment(where),
        stdout=write,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(write)

    assert done.returncode == 1
    assert done.stderr == (
        "error: The result cannot be written: Broken pipe.\n"
        "fix:   Who was to read it has ended: look what that one says.\n"
    )


@pytest.mark.parametrize(
    ("change", "told"),
    [
        pytest.param(lambda lines: [b"{}\n", *lines[1:]], "line 1", id="no export"),
        pytest.param(
            lambda lines: [lines[0].replace(b'"version":1', b'"version":2'), *lines[1:]],
            "line 1: The export has version 2",
            id="another version",
        ),
        pytest.param(lambda lines: [*lines[:2], b"{garbled\n", *lines[2:]], "line 3", id="garbled"),
        pytest.param(
            lambda lines: [
                lines[0],
                lines[1].replace(b'"number":"', b'"number":1,"n":"'),
                *lines[2:],
            ],
            "line 2: The line is not of an export: Expected `str`, got `int` - at `$.project.number`",
            id="a member of another type",
        ),
        pytest.param(
            lambda lines: [
                *lines[:2],
                lines[2].replace(b'"linked":true', b'"linked":false'),
                lines[3],
            ],
            "line 3: The line is not of an export: devices or work of an agent user that is not linked",
            id="a contradiction",
        ),
        pytest.param(lambda lines: [*lines[:2], lines[3]], "line 3", id="a line less"),
    ],
)
def test_a_file_that_is_none(
    settled: tuple[Server, Path], tmp_path: Path, change: Any, told: str
) -> None:
    """What is wrong is told with the number of the line, and nothing of the line."""
    server, whole = settled
    path = tmp_path / "wrong.jsonl"
    path.write_bytes(b"".join(change(whole.read_bytes().splitlines(keepends=True))))

    done = server.cli("import", str(path))

    assert done.code == 2
    assert f"{path}, {told}" in done.err
    assert "smarthome" not in done.err


def test_another_encryption_key(settled: tuple[Server, Path], start: Any) -> None:
    """Nothing is read, and an export is not completed by that server either; with the right key it starts, as it holds nothing yet."""
    _, whole = settled
    other = start({"server": {"encryption_key": ANOTHER}})
    cut = other.folder / "cut.jsonl"
    cut.write_bytes(whole.read_bytes()[:-1])

    done = other.cli("import", str(whole))
    resumed = other.cli("export", "--resume", str(cut))

    assert (done.code, resumed.code) == (2, 2)
    assert "another encryption key" in done.err
    assert "HOMEGRAPH_ENCRYPTION_KEY" in done.err
    assert "are in" not in done.err
    assert "another encryption key" in resumed.err
    assert other.admin("projects") == {"projects": []}
    other.stop()
    other.configure(PLAIN)
    other.restart()
    assert other.cli("import", str(whole)).code == 0
    other.stop()
    other.configure({"server": {"encryption_key": ANOTHER}})
    other.spawn()
    assert other.wait() == 2


def test_through_a_pipe(settled: tuple[Server, Path], start: Any) -> None:
    """`-` is stdout and stdin; a file that is there is not written over; a pipe that was cut is told at its end."""
    server, whole = settled
    new = start(PLAIN)
    out = server.cli("export", "-")
    done = new.cli("import", "-", text=out.out)
    cut = new.cli("import", "-", text=out.out.rpartition('{"kind":"end"')[0])
    again = server.cli("export", str(whole))

    assert out.out.splitlines()[1:] == pieces(whole)
    assert (done.code, done.out) == (0, "2 added, 0 here already, 0 refused\n")
    assert new.device_ids("user-1") == ["lamp"]
    assert (cut.code, again.code) == (2, 2)
    assert "without its end mark" in cut.err
    assert "File exists" in again.err
    assert server.cli("export", "-", "--json").code == 2


# --- what is there already -------------------------------------------------------------------------------------------


def test_what_comes_again_is_here_already(settled: tuple[Server, Path], start: Any) -> None:
    """The same file again adds nothing, and undoes nothing that has happened since: a user who was unlinked stays so."""
    _, whole = settled
    new = start(PLAIN)
    first = imported(new, whole)
    new.admin_post("links/unlink", project="acme", user="me")
    before = pieces(exported(new, "before.jsonl"))

    again = imported(new, whole)

    assert (first["added"], again["added"]) == (2, 0)
    assert (again["present"], again["refused"]) == (2, 0)
    assert pieces(exported(new, "after.jsonl")) == before


def test_links_that_are_here_are_not_touched(
    settled: tuple[Server, Path], shared_cloud: ScriptedFulfillment, start: Any
) -> None:
    """A user who has linked at the new server keeps his link; the line is told with its number."""
    _, whole = settled
    shared_cloud.homes["token-5"] = Home("user-5")
    new = start(configuration(shared_cloud, links={"me": "token-5"}, server=PLAIN["server"]))
    wait_for_links(new, "linked")

    done = new.cli("import", str(whole), "--json")

    assert (done.code, done.json["present"], done.json["refused"]) == (1, 1, 1)
    assert [one["line"] for one in done.json["refused_lines"]] == [3]
    assert "line 3: User me has a link to project acme already." in done.err
    assert new.device_ids("user-5") == ["lamp"]


# --- a server that dies ----------------------------------------------------------------------------------------------


def many(whole: Path) -> list[str]:
    """The lines of an export with many agent users like the one that is in it."""
    header, project, home, _ = whole.read_text(encoding="utf-8").splitlines()
    homes = []
    for number in range(HOMES):
        one = json.loads(home)
        one["agent_user_id"] = f"user-{number:05}"
        one["links"][0]["link"] |= {
            "agent_user_id": f"user-{number:05}",
            "user_id": f"me-{number:05}",
        }
        homes.append(json.dumps(one))
    end = {"kind": "end", "totals": {"projects": 1, "agent_users": HOMES, "links": 0}}
    return [header, project, *homes, json.dumps(end)]


def test_a_server_that_dies_in_the_middle(
    settled: tuple[Server, Path], postgres: Postgres, start: Any
) -> None:
    """Kill -9 between the lines of a file: the command says how far it came; run again, everything is there, once."""
    _, whole = settled
    lines = many(whole)
    new = start(on(postgres.fresh_url()), name="new")
    where = {"HOMEGRAPH_SERVER": new.url, "HOMEGRAPH_DATA_DIR": str(new.data_dir)}
    command = subprocess.Popen(
        [str(COMMAND), "import", "-"],
        env=environment(where),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert command.stdin is not None
    command.stdin.write("\n".join(lines[:700]) + "\n")
    command.stdin.flush()
    until(lambda: new.admin("status")["counts"]["agent_users"] > 300, "some are there")
    new.kill()
    _, told = command.communicate("\n".join(lines[700:]) + "\n")
    new.restart()
    left = new.admin("status")["counts"]["agent_users"]
    file = new.folder / "many.jsonl"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    done = imported(new, file)

    assert command.returncode == 3, told
    assert "Run the command again." in told
    assert 300 < left < HOMES
    assert (done["added"], done["present"]) == (HOMES - left, left + 1)
    counts = new.admin("status")["counts"]
    assert (counts["agent_users"], counts["devices"]) == (HOMES, HOMES)
    assert counts["links"] == {"linked": HOMES}
    assert len(pieces(exported(new, "again.jsonl"))) == HOMES + 2
