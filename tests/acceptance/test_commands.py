"""The commands from a second terminal, while the server runs: what they print, what they change, how they end."""

from __future__ import annotations

import json
import stat
from datetime import datetime
from typing import Any, Final

import pytest

from homegraph.testing.fulfillment import ScriptedFulfillment, lamp
from support.homes import KEY, NUMBER, Setup, configuration, wait_for_links
from support.server import Server, homegraph, toml

RUN_MEMBERS: Final = {
    "id",
    "agent_user_id",
    "cause",
    "mode",
    "outcome",
    "merged",
    "added",
    "changed",
    "removed",
    "started_at",
    "finished_at",
}
"""What scripts may rely on."""


@pytest.fixture(scope="module")
def house(shared_cloud: ScriptedFulfillment, shared_start: Any) -> Setup:
    """One server for the tests that only look."""
    return Setup.up(shared_cloud, shared_start)


# --- looking -----------------------------------------------------------------------------------------------------


def test_status_waits_for_a_server_that_starts(cloud: ScriptedFulfillment, start: Any) -> None:
    """``status --wait`` begins before the server does, and ends with 0 when it is ready."""
    server: Server = start(configuration(cloud))

    waited = server.cli("status", "--wait", "--timeout", "10s", "--json")

    assert (waited.code, waited.json["ready"]) == (0, True)
    assert server.stop() == 0
    gone = server.cli("status", "--wait", "--timeout", "300ms")
    assert gone.code == 7
    assert "was not ready within 0.3 s" in gone.err


def test_status(house: Setup) -> None:
    """How the server is, where its database is, and how much there is in it."""
    shown = house.server.show("status")

    assert (shown["ready"], shown["warnings"]) == (True, [])
    assert shown["database"] == f"sqlite:{house.server.data_dir / 'home.db'}"
    counts = shown["counts"]
    assert (counts["projects"], counts["agent_users"], counts["links"]) == (1, 1, {"linked": 1})
    settings = {one["name"]: one for one in shown["settings"]}
    assert settings["log_level"]["value"] in ("debug", '"debug"')
    assert "homegraph.toml" in settings["log_level"]["source"]
    assert settings["data_dir"]["source"] == "flag --data-dir"


def test_projects(house: Setup) -> None:
    """The file's project, without its secrets."""
    (listed,) = house.server.show("projects", "list")["projects"]
    shown = house.server.show("projects", "show", "acme")

    assert {name: shown[name] for name in listed} == listed
    assert (shown["id"], shown["number"], shown["api_enabled"]) == ("acme", NUMBER, True)
    assert shown["fulfillment_url"] == house.cloud.url
    assert shown["oauth"]["has_client_secret"] is True
    assert "s3cret" not in json.dumps(shown)


def test_links(house: Setup) -> None:
    """Who has linked the account, and how that stands."""
    (listed,) = house.server.show("links", "list")["links"]
    shown = house.server.show("links", "show", "me")

    assert {name: shown[name] for name in listed} == listed
    assert (shown["user"], shown["state"], shown["agent_user_id"]) == ("me", "linked", "user-1")
    assert (shown["problem"], shown["next_attempt_at"]) == ("", None)


def test_devices(house: Setup) -> None:
    """Devices have the shape of SYNC, and the placement besides."""
    (listed,) = house.server.show("devices", "list", "--agent-user", "user-1")["devices"]
    shown = house.server.show("devices", "show", "--agent-user", "user-1", "lamp")

    placement = {"room": "", "name": "lamp", "nicknames": [], "chosen": []}
    assert listed == shown == {**lamp("lamp"), "placement": placement}


def test_runs(house: Setup) -> None:
    """Newest first, with what scripts need; one in full has its exchange."""
    house.request_sync()
    runs = house.server.show("runs", "list", "--project", "acme")["runs"]
    shown = house.server.show("runs", "show", runs[0]["id"])

    assert all(run.keys() >= RUN_MEMBERS for run in runs)
    assert (runs[0]["cause"], runs[0]["mode"], runs[0]["agent_user_id"]) == (
        "request",
        "sync",
        "user-1",
    )
    assert runs[-1]["cause"] == "link"
    assert [run["id"] for run in runs] == sorted((run["id"] for run in runs), reverse=True)
    started, finished = (
        datetime.fromisoformat(runs[0][f"{what}_at"]) for what in ("started", "finished")
    )
    assert started <= finished
    assert started.tzinfo is not None
    assert shown["exchanges"][0]["status"] == 200
    assert len(house.server.show("runs", "list", "--limit", "1")["runs"]) == 1


def test_doctor(house: Setup) -> None:
    """Everything is well: the server, its files, the clock, the fulfillment, the link."""
    looked = house.server.cli("doctor", "--json")

    assert looked.code == 0, looked.out
    names = {check["name"] for check in looked.json["checks"]}
    assert names >= {"server", "admin token", "database", "clock", "fulfillment of acme", "links"}


def test_doctor_finds_what_is_wrong(setup: Setup) -> None:
    """A token that others can read: exit code 1, and the line that mends it."""
    token = setup.server.data_dir / "admin-token"
    token.chmod(0o644)

    looked = setup.server.cli("doctor", "--json")

    assert looked.code == 1
    (check,) = [check for check in looked.json["checks"] if not check["ok"]]
    assert check["fix"] == f"chmod 600 {token}"


def test_text_for_people(house: Setup) -> None:
    """Without --json: tables on stdout, one line each, headed."""
    for command, words in [
        (("status",), ("homegraph", "ready")),
        (("projects", "list"), ("PROJECT", "acme")),
        (("keys", "list"), ("BEGINS", "active")),
        (("links", "list"), ("STATE", "linked")),
        (("devices", "list", "--agent-user", "user-1"), ("LIGHT", "OnOff")),
        (("runs", "list"), ("OUTCOME", "done")),
        (("doctor",), ("ok", "fulfillment of acme")),
    ]:
        shown = house.server.cli(*command)

        assert shown.code == 0, shown.err
        assert all(word in shown.out for word in words), shown.out
        assert shown.err == ""


def test_the_end_of_a_list(house: Setup) -> None:
    """Who has gone on to the end is told that it is the end: there are links, and there were runs."""
    for command, told in [
        (("runs", "list", "--before", "0"), "No older runs are kept.\n"),
        (("runs", "errands", "--before", "0"), "No older errands are kept.\n"),
        (("links", "list", "--project", "acme", "--after", "zzz"), "No more links.\n"),
    ]:
        shown = house.server.cli(*command)

        assert (shown.code, shown.out, shown.err) == (0, "", told)


def test_nothing_to_show_of_somebody(house: Setup) -> None:
    """An agent user of whom nothing is kept is told by name: others have runs, so there is no "yet"."""
    for what in ("runs", "errands"):
        command = "list" if what == "runs" else what
        shown = house.server.cli("runs", command, "--agent-user", "ann")

        assert (shown.code, shown.out) == (0, "")
        told = f"No {what} of agent user ann are kept. `homegraph links list` has the names.\n"
        assert shown.err == told


# --- changing ----------------------------------------------------------------------------------------------------


def test_a_placement_survives_every_sync(setup: Setup) -> None:
    """Room, name and nicknames that were chosen here stay, whatever the cloud calls the device."""
    where = ("--agent-user", "user-1")
    setup.server.show("devices", "place", *where, "lamp", "--room", "Kitchen", "--nickname", "Moon")
    setup.cloud.home.devices = [
        lamp("lamp", "Renamed", roomHint="Attic"),
        lamp("new", roomHint="Hall"),
    ]

    assert setup.request_sync().status == 200

    old, new = setup.server.show("devices", "list", *where)["devices"]
    assert old["name"] == {"name": "Renamed"}
    assert old["placement"] == {
        "room": "Kitchen",
        "name": "lamp",
        "nicknames": ["Moon"],
        "chosen": ["nicknames", "room"],
    }
    assert new["placement"] == {"room": "Hall", "name": "new", "nicknames": [], "chosen": []}
    run = setup.newest_run()
    assert run["changes"] == {
        "added": ["new"],
        "changed": [{"device_id": "lamp", "fields": ["name", "roomHint"]}],
        "removed": [],
        "held": [],
    }
    setup.server.kill()
    setup.server.restart()
    assert setup.server.show("devices", "list", *where)["devices"] == [old, new]


def test_a_device_that_comes_back_is_new(setup: Setup) -> None:
    """Removed and added again under the same id: nothing is left of its placement."""
    where = ("--agent-user", "user-1")
    setup.server.show("devices", "place", *where, "lamp", "--room", "Kitchen", "--name", "Mine")
    here = setup.cloud.home.devices
    setup.cloud.home.devices = [*here, lamp("other")]
    setup.request_sync()
    setup.cloud.home.devices = [lamp("other")]
    setup.request_sync()
    assert setup.newest_run()["removed"] == 1
    setup.cloud.home.devices = [*here, lamp("other")]
    setup.request_sync()

    back, _ = setup.server.show("devices", "list", *where)["devices"]

    assert setup.newest_run()["changes"]["added"] == ["lamp"]
    assert back["placement"] == {"room": "", "name": "lamp", "nicknames": [], "chosen": []}


def test_keys(setup: Setup) -> None:
    """A key is shown once, works, is listed by its beginning, and ends when it is revoked."""
    made = setup.server.cli("keys", "create")
    key = made.out.strip()

    assert made.code == 0
    assert (len(key), key[:4]) == (39, "AIza")
    assert setup.request_sync(key=key).status == 200
    from_file, by_hand = sorted(
        setup.server.show("keys", "list")["keys"], key=lambda one: one["origin"], reverse=True
    )
    assert (from_file["origin"], by_hand["origin"]) == ("file", "admin")
    assert from_file["hint"] == KEY[:3], "of a key of 13 characters no more than a quarter"
    assert (by_hand["hint"], by_hand["state"]) == (key[:8], "active")
    setup.server.kill()
    setup.server.restart()
    assert setup.request_sync(key=key).status == 200
    revoked = setup.server.show("keys", "revoke", by_hand["id"])
    assert (revoked["state"], setup.request_sync(key=key).status) == ("revoked", 400)


def test_a_key_that_has_ended_already(house: Setup) -> None:
    """Whoever mistypes the year is told at once, and not by the callers."""
    made = house.server.cli("keys", "create", "--expires", "2020-01-31")
    good = house.server.cli("keys", "create", "--expires", "2999-01-31")

    assert (made.code, good.code) == (0, 0)
    assert house.request_sync(key=made.out.strip()).reasons[0] == "API_KEY_EXPIRED"
    assert "calls with it are refused" in made.err
    assert "calls with it are refused" not in good.err


def test_a_key_that_leaves_the_file_is_revoked(setup: Setup) -> None:
    """What the file declares is so after the next start."""
    setup.server.stop()
    setup.server.configure(configuration(setup.cloud, project={"api_keys": ["AIzaSyNEW"]}))
    setup.server.restart()

    assert setup.request_sync().reasons[0] == "API_KEY_REVOKED"
    assert setup.request_sync(key="AIzaSyNEW").status == 200
    assert "key.stays_revoked" not in setup.server.errors


def test_a_key_that_comes_back_into_the_file_stays_revoked(setup: Setup) -> None:
    """A server with an older file was started in between, say. It is told when the server starts, not found out by callers."""
    for keys in (["AIzaSyNEW"], [KEY, "AIzaSyNEW"]):
        setup.server.stop()
        setup.server.configure(configuration(setup.cloud, project={"api_keys": keys}))
        setup.server.restart()

    (told,) = (line for line in setup.server.errors.splitlines() if "key.stays_revoked" in line)
    line = json.loads(told)
    listed = setup.server.show("keys", "list", "--project", "acme")["keys"]
    assert (line["level"], line["project"]) == ("warning", "acme")
    assert [key["id"] for key in listed if key["state"] == "revoked"] == [line["key"]]
    assert setup.request_sync().reasons[0] == "API_KEY_REVOKED"


def test_a_project_that_leaves_the_file_stays_until_its_keys_are_revoked(setup: Setup) -> None:
    """It may have come by an import; what it can be called with is ended by hand."""
    setup.server.stop()
    setup.server.configure({})
    setup.server.restart()

    assert setup.request_sync().status == 200
    (key,) = setup.server.show("keys", "list", "--project", "acme")["keys"]
    assert setup.server.cli("keys", "revoke", "--project", "acme", key["id"]).code == 0
    assert setup.request_sync().reasons[0] == "API_KEY_REVOKED"


def test_unlinking(setup: Setup) -> None:
    """The link ends, with it the devices; the file's old grant does not come back with the next start."""
    undecided = setup.server.cli("links", "unlink", "me")
    assert (undecided.code, "--yes" in undecided.err) == (2, True)
    assert setup.server.show("links", "show", "me")["state"] == "linked"

    ended = setup.server.show("links", "unlink", "me", "--yes")

    assert (ended["state"], ended["agent_user_id"]) == ("unlinked", "user-1")
    assert setup.server.cli("devices", "list", "--agent-user", "user-1").code == 5
    setup.server.stop()
    setup.server.restart()
    assert setup.server.show("links", "show", "me")["state"] == "unlinked"
    assert setup.request_sync().reasons[0] == "AGENT_USER_UNLINKED"


def test_a_new_grant_in_the_file_links_again(setup: Setup) -> None:
    """After unlinking, other tokens in the file are a new grant: linked, with the devices as they are now."""
    setup.server.show("links", "unlink", "me", "--yes")
    setup.server.stop()
    setup.cloud.homes["token-2"] = setup.cloud.home
    setup.server.configure(configuration(setup.cloud, links={"me": "token-2"}))
    setup.server.restart()

    wait_for_links(setup.server, "linked")
    assert setup.server.device_ids("user-1") == ["lamp"]
    assert setup.request_sync().status == 200


# --- request-sync ------------------------------------------------------------------------------------------------


def test_request_sync_says_the_sentences_of_2018(house: Setup) -> None:
    """Arguments, sentences and the answer's text as in Google's sample; now with an exit code."""
    where = {"HOMEGRAPH_BASE_URL": house.server.url}

    done = house.server.cli("request-sync", KEY, "user-1", variables=where)
    failed = house.server.cli("request-sync", KEY, "nobody", variables=where)

    assert (done.code, done.out) == (
        0,
        "Response: {}\nRequest Sync has been done successfully.\n",
    )
    assert failed.code == 1
    assert failed.out.startswith('Response: {\n  "error": {\n    "code": 404,')
    assert failed.out.endswith("\nRequest Sync failed. Please check the log above.\n")
    assert "AGENT_USER_NEVER_LINKED" in failed.err + failed.out
    assert "fix:" in failed.err


def test_request_sync_in_all_its_forms(house: Setup) -> None:
    """The address as an option, the key from stdin, asynchronously, as JSON, and with nobody there."""
    address = ("--base-url", house.server.url)
    before = len(house.cloud.intents())

    piped = house.server.cli("request-sync", "-", "user-1", *address, text=f"{KEY}\n")
    queued = house.server.cli("request-sync", KEY, "user-1", *address, "--async", "--json")
    nobody = house.server.cli("request-sync", KEY, "user-1", "--base-url", "http://127.0.0.1:1")

    assert (piped.code, queued.code, nobody.code) == (0, 0, 1)
    assert queued.json == {"done": True, "http_status": 200, "response": "{}\n"}
    assert "Request Sync failed. Please check the log above." in nobody.out
    house.server.wait_until_idle()
    assert len(house.cloud.intents()) == before + 2


# --- how they end ------------------------------------------------------------------------------------------------


def test_exit_codes(house: Setup) -> None:
    """0 done, 2 wrong usage, 3 no server, 4 not allowed, 5 not there; the error is one JSON object on stderr."""
    server = house.server
    nowhere = ("--server", "http://127.0.0.1:1")
    wrong = {"HOMEGRAPH_ADMIN_TOKEN": "not-the-token"}
    for expected, ended in [
        (2, server.cli("devices", "list", "--json")),
        (2, server.cli("nothing", "--json")),
        (3, server.cli("links", "list", *nowhere, "--json")),
        (4, server.cli("links", "list", "--json", variables=wrong)),
        (5, server.cli("links", "show", "nobody", "--json")),
        (5, server.cli("runs", "show", "nothing", "--json")),
        (5, server.cli("runs", "list", "--project", "nothing", "--json")),
        (5, server.cli("projects", "show", "nothing", "--json")),
        (5, server.cli("devices", "list", "--agent-user", "nobody", "--json")),
        (5, server.cli("devices", "show", "--agent-user", "user-1", "nothing", "--json")),
        (5, server.cli("keys", "revoke", "nothing", "--json")),
    ]:
        assert (ended.code, ended.out) == (expected, ""), ended
        error = json.loads(ended.err.splitlines()[-1])["error"]
        assert error["exit"] == expected
        assert error["message"]
        assert error["fix"]


def test_mistakes_in_the_file_are_all_named(start: Any, cloud: ScriptedFulfillment) -> None:
    """File, line, key and what was expected, for each of them; the server does not start and leaves nothing."""
    config = configuration(cloud, server={"sync_timeout_seconds": "soon", "listen": 7})
    config["projects"]["acme"]["fulfilment_url"] = config["projects"]["acme"].pop("fulfillment_url")
    server: Server = start(config, ready=False)
    lines = toml(config).splitlines()

    server.spawn()

    assert server.wait() == 2
    for key in ("sync_timeout_seconds", "listen", "fulfilment_url"):
        number = next(i for i, line in enumerate(lines, 1) if line.startswith(f"{key} ="))
        assert f"homegraph.toml:{number}: " in server.errors
        assert key in server.errors
    assert "did you mean fulfillment_url?" in server.errors
    assert not server.data_dir.exists()


def test_what_is_hardly_meant_is_said_at_the_start(cloud: ScriptedFulfillment, start: Any) -> None:
    """A file with secrets that everybody may read: the server starts, and says so."""
    server: Server = start(configuration(cloud), ready=False)
    server.config_file.chmod(0o644)

    server.start()

    server.wait_for_line("warning: homegraph.toml: holds secrets")
    assert "chmod 600" in server.errors
    assert server.show("status")["warnings"] != []


def test_a_port_that_is_taken(house: Setup, start: Any, cloud: ScriptedFulfillment) -> None:
    """The second server says that the port is taken, ends, and has touched nothing."""
    second: Server = start(configuration(cloud), name="second", ready=False)
    second.spawn("--listen", f"127.0.0.1:{house.server.port}")

    assert second.wait() == 2
    assert f"cannot listen on 127.0.0.1:{house.server.port}" in second.errors
    assert not (second.data_dir / "home.db").exists()


def test_what_the_server_leaves_is_private(house: Setup) -> None:
    """Database, key and token are for the owner only."""
    modes = {
        path.name: stat.S_IMODE(path.stat().st_mode) for path in house.server.data_dir.iterdir()
    }

    assert modes.keys() >= {"home.db", "encryption.key", "admin-token"}
    assert all(mode & 0o077 == 0 for mode in modes.values()), modes


def test_the_banner(house: Setup) -> None:
    """Where the API, the probes and the database are, and what to do next."""
    banner = house.server.banner

    assert f"{house.server.url}/v1/" in banner
    assert f"{house.server.url}/readyz" in banner
    assert "not affiliated with Google" in banner
    assert house.cloud.url in banner
    assert "Ctrl-C" in banner
    for probe in ("livez", "readyz"):
        assert house.server.call(b"", method="GET", path=f"/{probe}").status == 200


def test_a_database_in_memory(cloud: ScriptedFulfillment, start: Any) -> None:
    """sqlite::memory: works like any other and forgets everything at the end."""
    setup = Setup.up(cloud, start, server={"database": "sqlite::memory:"})
    assert setup.request_sync().status == 200

    setup.server.stop()
    setup.server.restart()

    wait_for_links(setup.server, "linked")
    assert setup.server.device_ids("user-1") == ["lamp"]
    assert [run["cause"] for run in setup.server.show("runs", "list")["runs"]] == ["link"]
    assert not list(setup.server.data_dir.glob("*.db"))


def test_version_and_help_need_no_server(house: Setup) -> None:
    """Both answer at once, from anywhere."""
    folder = house.server.folder

    assert homegraph("--version", folder=folder).out.startswith("homegraph ")
    assert "request-sync" in homegraph("--help", folder=folder).out
