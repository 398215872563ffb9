"""One bad device among good ones, as a user of the server meets it: refused as at Google, or held back."""

from __future__ import annotations

from typing import Any

from homegraph.testing.fulfillment import ScriptedFulfillment, lamp
from support.homes import Setup


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

    cloud.home.devices = [lamp("lamp"), lamp("new"), lamp("bad")]
    assert setup.request_sync().status == 200

    assert setup.server.device_ids("user-1") == ["bad", "lamp", "new"]
    assert setup.newest_run()["changes"]["held"] == []
