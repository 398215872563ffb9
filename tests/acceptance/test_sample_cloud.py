"""examples/cloud as processes: the commands of its README, from the login page to a lamp that is known to be on."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from homegraph import Client
from support.plain_browser import PlainBrowser
from support.sample_cloud import EXAMPLE, README, Sample, blocks, sampled
from support.server import WAIT_SECONDS, environment, until

CREDENTIALS = ("--credentials", "data/cloud-key.json")


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sample]:
    """Both processes, and ada's account linked by ``anna``."""
    folder = tmp_path_factory.mktemp("sample") / "cloud"
    with sampled(folder, options=" --slow-seconds 0") as started:
        link(started, "anna", "ada", "analytical")
        yield started


def link(sample: Sample, user: str, name: str, password: str) -> str:
    """A person links an account; returns the page at the end."""
    begun = sample.homegraph("link", "sample", "--user", user, "--no-wait", "--json").json
    browser = PlainBrowser()
    browser.open(begun["authorization_url"])
    return browser.submit(name=name, password=password, decision="allow").text


def wait_for(sample: Sample, device: str, name: str, value: Any) -> None:
    """Wait until the Home Graph knows this of a device. Asked by our client, for a command takes half a second."""
    with Client(base_url=sample.url, credentials=sample.folder / "data/cloud-key.json") as client:
        until(
            lambda: client.query("user-1", [device])[device][name] == value,
            f"{name} of {device} is known to be {value}",
        )


def told_by_query(sample: Sample) -> str:
    """What ``homegraph query`` says of the lamp."""
    done = sample.homegraph("query", "user-1", "lamp", *CREDENTIALS)
    assert done.code == 0, done.err
    (value,) = re.findall(r"^lamp +on +(.*)$", done.out, re.MULTILINE)
    return str(value)


def test_turning_on_a_lamp_changes_what_query_says(sample: Sample) -> None:
    """EXECUTE reaches the cloud by a name as a user says it, and the cloud's Report State reaches the Home Graph."""
    place = ("devices", "place", "lamp", "--agent-user", "user-1", "--room")
    assert sample.homegraph(*place, "Kitchen").code == 0
    assert told_by_query(sample) == "false"
    done = sample.homegraph("execute", "kitchen lamp", "on=true", "--agent-user", "user-1")

    assert (done.code, done.out.split()[3:5]) == (0, ["lamp", "SUCCESS"])
    wait_for(sample, "lamp", "on", True)
    assert told_by_query(sample) == "true"
    assert sample.homegraph(*place, "Office").code == 0


def test_the_commands_of_the_page_work_as_they_stand(sample: Sample) -> None:
    """In their order, and they do what the page says."""
    uses, press, careful, adds, wire, _ = blocks("sh")[2:]

    done = sample.shell(uses)
    assert done.code == 0, done.err
    assert re.search(r"sample +anna +linked +user-1", done.out)
    assert re.search(r"lamp +SUCCESS", done.out)
    wait_for(sample, "lamp", "color", {"temperatureK": 3000})
    wait_for(sample, "lamp", "on", True)

    assert sample.shell(press).code == 0
    wait_for(sample, "lamp", "on", False)

    done = sample.shell(careful)
    assert done.code == 0, done.err
    assert [row.split()[:2] for row in done.out.splitlines() if row.split()[0] != "DEVICE"] == [
        ["freezer", "SUCCESS"],
        ["door", "SUCCESS"],
        ["blind", "PENDING"],
    ]
    wait_for(sample, "freezer", "on", False)
    wait_for(sample, "door", "isLocked", False)
    assert "blind: follow-up SUCCESS" in done.err
    wait_for(sample, "blind", "openPercent", 20)

    assert sample.shell(adds).code == 0
    listed = ("devices", "list", "--agent-user", "user-1", "--json")
    until(
        lambda: "Pump" in sample.homegraph(*listed).out,
        "the cloud's Request Sync was followed by a SYNC",
    )
    assert "request, async" in sample.homegraph("runs", "list").out

    done = sample.shell(wire)
    assert done.code == 0, done.err
    assert re.findall(r"^[\d:]+  (\w+)", done.out, re.MULTILINE) == [
        *("authorize", "callback", "exchange", "sync", "query")
    ]
    assert "with another refresh token" in done.out


def test_nothing_is_found_wrong_with_how_it_links(sample: Sample) -> None:
    """Neither in a step of the linking nor in a refresh, by Google's published rules."""
    (linking,) = sample.homegraph("links", "trace", "anna", "--json").json["linkings"]
    refreshed = sample.homegraph("links", "refresh", "anna", "--json").json

    assert [step["verdict"] for step in linking["steps"]] == ["ok"] * 5
    assert [step["findings"] for step in linking["steps"]] == [[]] * 5
    assert (refreshed["findings"], refreshed["rotated"]) == ([], True)


def test_careful_devices_do_nothing_unless_they_are_sure(sample: Sample) -> None:
    """Without a yes, without a PIN, with a wrong one: what is asked for is named, and nothing has happened."""
    (sample.folder / "data/wrong.txt").write_text("0000")
    tries = [
        (["freezer", "on=false"], "ackNeeded"),
        (["door", "lock=false"], "pinNeeded"),
        (["door", "lock=false", "--pin-file", "data/wrong.txt"], "challengeFailedPinNeeded"),
    ]
    for words, challenge in tries:
        done = sample.homegraph("execute", *words, "--agent-user", "user-1")
        assert (done.code, challenge in done.out) == (1, True), done.out


def test_two_users_link_two_accounts(sample: Sample) -> None:
    """And somebody else the first one again: each link belongs to the agent user of its account."""
    assert "1 device arrived" in link(sample, "ben", "bob", "builder")
    assert "Lamp" in link(sample, "carla", "ada", "analytical")
    links = sample.homegraph("links", "list", "--json").json["links"]

    assert {one["user"]: one["agent_user_id"] for one in links} == {
        "anna": "user-1",
        "ben": "user-2",
        "carla": "user-1",
    }


def test_the_page_is_whole(sample: Sample) -> None:
    """Accounts, the PIN, and links to files are what they are; a setting of the file is the one that the cloud expects."""
    with urlopen(f"{sample.cloud_url}/?user=user-2") as page:
        assert len(json.load(page)["devices"]) == 1
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert (EXAMPLE / target).exists(), target
    assert sorted(path.name for path in EXAMPLE.iterdir() if path.name != "data") == [
        "README.md",
        "homegraph.toml",
    ]
    assert "127.0.0.1:4663/link/sample" in README
    assert Path(sample.folder / "data/cloud-key.json").stat().st_mode & 0o077 == 0


def cloud(
    *arguments: str, variables: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the cloud by itself, to its end."""
    return subprocess.run(
        [sys.executable, "-m", "homegraph.demo.cloud", *arguments],
        env=environment(variables),
        capture_output=True,
        text=True,
        timeout=3 * WAIT_SECONDS,
        check=False,
    )


def test_every_option_is_on_the_page() -> None:
    """With its default; and the variables, which have the secrets."""
    said = cloud("--help").stdout
    table = dict(re.findall(r"^\| `(--[a-z-]+) [A-Z]+` \|.*\| (.*) \|$", README, re.MULTILINE))

    assert set(table) == set(re.findall(r"^  (--[a-z-]+)", said, re.MULTILINE))
    for default in ("4664", "900", "3", "`homegraph`", "`http://127.0.0.1:4663`"):
        assert default in table.values()
        assert f" {default.strip('`')}" in said
    for variable in re.findall(r"CLOUD_[A-Z_]+", said):
        assert f"`{variable}`" in README


@pytest.mark.parametrize("wrong", ["port", "credentials", "key"])
def test_what_cannot_be_used_is_said(wrong: str, tmp_path: Path) -> None:
    """In one line, without the secret in it."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        arguments = {
            "port": ["--port", port],
            "credentials": ["--port", "0", "--credentials", str(tmp_path / "none.json")],
            "key": ["--port", "0"],
        }[wrong]
        ran = cloud(*arguments, variables={"CLOUD_API_KEY": "a b"} if wrong == "key" else {})

    assert ran.returncode == 1
    assert ran.stderr.count("\n") == 1
    assert ran.stderr.startswith("device-cloud: ")
    assert "a b" not in ran.stderr
