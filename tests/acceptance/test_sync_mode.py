"""One bad device among good ones, as a user of the server meets it: refused as at Google, or held back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from homegraph.testing.fulfillment import ScriptedFulfillment, lamp
from support.homes import Setup
from support.mistakes import DEVICES, MISTAKES, REFUSED, mistaken_devices, right_device
from support.server import until


def test_google_refuses_the_whole_reply(cloud: ScriptedFulfillment, start: Any) -> None:
    """The call fails, the list stays as it was, and the run names every mistake of every device."""
    setup = Setup.up(cloud, start)
    cloud.home.devices = [lamp("lamp"), lamp("new"), lamp("bad", " ", attributes=[])]

    reply = setup.request_sync()

    assert (reply.status, reply.reasons[0]) == (500, "REPLY_UNUSABLE")
    assert setup.server.device_ids("user-1") == ["lamp"]
    run = setup.newest_run()
    assert "1 of its devices" in run["message"]
    assert {one["rule"] for one in run["findings"]} == {
        "attributes-not-object",
        "device-name-blank",
    }
    assert {one["device_id"] for one in run["findings"]} == {"bad"}


def test_quarantine_takes_the_others(cloud: ScriptedFulfillment, start: Any) -> None:
    """A good version that is stored outlives the bad one; once mended the device is taken; nothing else is lost."""
    setup = Setup.up(cloud, start, project={"sync_mode": "quarantine"})
    cloud.home.devices = [lamp("lamp", attributes=[]), lamp("new"), lamp("bad", traits=None)]

    assert setup.request_sync().status == 200

    assert setup.server.device_ids("user-1") == ["lamp", "new"]
    run = setup.newest_run()
    assert (run["outcome"], run["added"], run["removed"]) == ("done", 1, 0)
    assert run["changes"]["held"] == ["bad", "lamp"]
    assert "held back: (bad, lamp)" in setup.server.cli("runs", "show", run["id"]).out
    held = _held(setup)
    assert {one["id"]: one["name"] for one in held} == {"lamp": "lamp", "bad": "bad"}
    (attributes,) = next(one for one in held if one["id"] == "lamp")["findings"]
    assert (attributes["rule"], attributes["path"]) == ("attributes-not-object", "/attributes")
    told = setup.server.cli("devices", "list", "--agent-user", "user-1").out
    assert "held back: bad" in told
    assert "attributes-not-object: " in told

    cloud.home.devices = [lamp("bad", traits=None), lamp("lamp", attributes=[])]
    assert setup.request_sync().status == 200
    run = setup.newest_run()
    assert (run["changes"]["removed"], run["changes"]["held"]) == (["new"], ["bad", "lamp"])
    assert "/payload/devices/1/attributes" in {one["path"] for one in run["findings"]}
    assert {one["id"] for one in _held(setup)} == {"lamp", "bad"}

    cloud.home.devices = [lamp("lamp"), lamp("new"), lamp("bad")]
    assert setup.request_sync().status == 200

    assert setup.server.device_ids("user-1") == ["bad", "lamp", "new"]
    assert setup.newest_run()["changes"]["held"] == []
    assert _held(setup) == []


def test_quarantine_takes_what_is_right_of_a_reply_full_of_mistakes(
    cloud: ScriptedFulfillment, start: Any
) -> None:
    """Every good device is stored, old versions of bad ones stay, and all twelve mistakes are named by one run."""
    before = {"customData": {"version": 1}}
    cloud.home.devices = [right_device(place) | before for place in range(DEVICES // 2)]
    setup = Setup.up(cloud, start, project={"sync_mode": "quarantine"})
    cloud.home.devices = mistaken_devices()

    assert setup.request_sync().status == 200

    run = setup.newest_run()
    assert {int(one["path"].split("/")[3]) for one in run["findings"]} == MISTAKES.keys()
    bad = {f"d{place}" for place in REFUSED if place != 3}
    assert (run["outcome"], run["added"], run["changes"]["removed"]) == ("done", 97, ["d3"])
    assert run["changes"]["held"] == sorted(bad)
    listed = setup.server.admin("devices", project="acme", agent_user="user-1")
    assert {one["id"]: _definition(one) for one in listed["devices"]} == {
        one["id"]: right_device(place) | before if place in REFUSED else one
        for place, one in enumerate(mistaken_devices())
        if place not in {3, 149} and (place not in REFUSED or place < DEVICES // 2)
    }
    assert {one["id"] for one in listed["held"]} == bad | {""}
    for device in listed["held"]:
        assert [one["severity"] for one in device["findings"]] == ["refused"]
    told = setup.server.cli("devices", "list", "--agent-user", "user-1").out
    assert "held back: (without an id)" in told
    assert all(f"held back: {one}" in told for one in bad)


def _definition(device: Mapping[str, Any]) -> dict[str, Any]:
    """A device as SYNC sent it, without what is known of it here."""
    return {name: value for name, value in device.items() if name != "placement"}


def _held(setup: Setup) -> Any:
    """The devices that are held back, as a program sees them."""
    shown = setup.server.admin("devices", project="acme", agent_user="user-1")
    return shown.get("held", [])


def test_a_list_that_shrinks_is_held_until_somebody_accepts_it(
    cloud: ScriptedFulfillment, start: Any
) -> None:
    """A bridge that is not loaded costs no room; what is meant goes by a command, and only what was seen."""
    everything = [lamp(f"lamp-{n}") for n in range(12)]
    cloud.home.devices = everything
    setup = Setup.up(cloud, start)
    cloud.home.devices = everything[:3]

    assert setup.request_sync().status == 200

    held = setup.newest_run()
    assert (held["outcome"], held["removed"]) == ("held", 9)
    assert [one["rule"] for one in held["findings"]] == ["devices-shrunk"]
    assert len(setup.server.device_ids("user-1")) == 12

    cloud.home.devices = everything[:2]  # not what was seen
    accepted = setup.server.cli("runs", "accept", held["id"])
    assert accepted.code == 0
    assert "9 devices may go" in accepted.out
    again = _next_run(setup, held["id"])
    assert (again["cause"], again["outcome"], again["removed"]) == ("operator", "held", 10)
    refused = setup.server.cli("runs", "accept", held["id"])
    assert refused.code != 0
    assert again["id"] in refused.err

    assert setup.server.cli("runs", "accept", again["id"]).code == 0
    done = _next_run(setup, again["id"])
    assert (done["outcome"], done["removed"]) == ("done", 10)
    assert setup.server.device_ids("user-1") == ["lamp-0", "lamp-1"]
    assert setup.server.cli("runs", "accept", done["id"]).code != 0
    assert setup.server.cli("runs", "accept", "0000").code != 0


def _next_run(setup: Setup, before: str) -> Any:
    """The run that follows another one."""
    until(lambda: setup.newest_run()["id"] != before, "another run follows")
    return setup.newest_run()


TELEPORT = {
    "name": "action.devices.traits.Teleport",
    "short": "Teleport",
    "states": [{"name": "where", "type": "string", "required": True}],
}
"""A trait that is newer than our catalog."""


def test_what_nobody_knows_is_refused_on_demand(cloud: ScriptedFulfillment, start: Any) -> None:
    """By default it is advice; a project may want to hear of its typing mistakes."""
    setup = Setup.up(cloud, start, project={"unknown_traits": "refuse"})
    cloud.home.devices = [lamp("lamp"), lamp("door", traits=[TELEPORT["name"]])]

    assert setup.request_sync().status == 500
    assert "device-trait-unknown" in {one["rule"] for one in setup.newest_run()["findings"]}


def test_a_project_knows_more_than_we_do(
    cloud: ScriptedFulfillment, start: Any, tmp_path: Path
) -> None:
    """What its own file adds is known, and no release of ours is waited for."""
    file = tmp_path / "catalog.json"
    file.write_text(json.dumps({"traits": [TELEPORT]}))
    project = {"unknown_traits": "refuse", "catalog": str(file)}
    setup = Setup.up(cloud, start, project=project)
    cloud.home.devices = [lamp("lamp"), lamp("door", traits=[TELEPORT["name"]])]

    assert setup.request_sync().status == 200
    assert setup.server.device_ids("user-1") == ["door", "lamp"]
