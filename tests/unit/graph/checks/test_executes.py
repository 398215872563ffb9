"""Findings about EXECUTE that need to know what was asked."""

import msgspec

from homegraph.graph.checks.executes import check_execute
from homegraph.wire.catalog.book import builtin

CATALOG = builtin()
ON = "action.devices.commands.OnOff"
LAMP = CATALOG.shape(("action.devices.traits.OnOff",)).bind({})


def rules(*groups, **known):
    """Rules that an answer with these groups breaks, and the devices they name."""
    body = msgspec.json.encode({"requestId": "7", "payload": {"commands": list(groups)}})
    return [(one.rule, one.device_id) for one in check_execute(body, CATALOG, **known)]


def done(*ids, **states):
    """A group of devices that have done it."""
    return {"ids": list(ids), "status": "SUCCESS", "states": {"online": True, **states}}


def test_the_devices_of_the_command_are_answered():
    """Each once, and nobody else."""
    known = {"devices": {"a": LAMP, "b": LAMP}, "asked": frozenset("ab"), "command": ON}
    assert rules(done("a", "b", on=True), **known) == []


def test_a_device_without_an_answer_is_named():
    """It counts as failed."""
    assert rules(done("a"), asked=frozenset("ab")) == [("execute-device-missing", "b")]


def test_a_device_that_was_not_asked_is_named():
    """Nothing reads its answer."""
    assert rules(done("a", "c"), asked=frozenset("a")) == [("execute-device-unasked", "c")]


def test_each_device_of_a_group_is_judged_by_its_own_traits():
    """One list of states for all of them may be right for some only."""
    lock = CATALOG.shape(("action.devices.traits.LockUnlock",)).bind({})
    found = rules(done("a", "lock", on=True), devices={"a": LAMP, "lock": lock})
    assert found == [("state-unknown", "lock")]


def test_a_stream_that_was_not_asked_for_is_named():
    """The protocol of a stream is one of those that the command lists."""
    camera = CATALOG.shape(("action.devices.traits.CameraStream",)).bind({})
    stream = {"cameraStreamProtocol": "hls", "cameraStreamAccessUrl": "https://camera.example"}
    known = {"devices": {"a": camera}, "command": "action.devices.commands.GetCameraStream"}
    group = done("a", **stream)
    assert rules(group, **known, params={"SupportedStreamProtocols": ["hls"]}) == []
    found = rules(group, **known, params={"SupportedStreamProtocols": ["dash"]})
    assert found == [("result-unlisted", "a")]
