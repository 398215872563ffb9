"""Writing successes."""

import json

import pytest

from homegraph.wire.answers import query_answer, report_answer, sync_answer
from homegraph.wire.field_mask import parse_field_mask

LAMP = {
    "id": "123",
    "type": "action.devices.types.LIGHT",
    "traits": ["action.devices.traits.OnOff"],
    "name": {"name": "lamp", "nicknames": []},
    "willReportState": True,
}


def test_a_report_is_answered_with_its_request_id():
    """Indented or not; without an id the answer is empty, as it was observed."""
    assert report_answer("r1") == b'{\n  "requestId": "r1"\n}\n'
    assert report_answer("r1", pretty=False) == b'{"requestId":"r1"}'
    assert report_answer("ff36-a3cc.1_Z") == b'{\n  "requestId": "ff36-a3cc.1_Z"\n}\n'
    assert report_answer('<"') == b'{\n  "requestId": "\\u003c\\""\n}\n'
    assert report_answer("r" * 1_000) == b'{\n  "requestId": "%b"\n}\n' % (b"r" * 1_000)
    assert report_answer("") == b"{}\n"
    assert report_answer("r1", fields=parse_field_mask("payload")) == b"{}\n"


@pytest.mark.parametrize("states", [{"on": True, "x": 1.5}, b'{"on": true, "x": 1.5}'])
def test_states_are_written_as_they_are_stored(states):
    """As values or as the bytes of them, in the order in which they were asked for."""
    answer = json.loads(query_answer("r", {"b": states, "a": b"{}"}))

    assert answer == {
        "requestId": "r",
        "payload": {"devices": {"b": {"on": True, "x": 1.5}, "a": {}}},
    }
    assert list(answer["payload"]["devices"]) == ["b", "a"]


def test_the_layout_of_states_is_that_of_the_answer():
    """Stored bytes are indented, or not, and angle brackets are escapes in them, too."""
    states = b'{"on":true,"name":"<b>"}'

    assert query_answer("", {"1": states}, pretty=False) == (
        b'{"payload":{"devices":{"1":{"on":true,"name":"\\u003cb\\u003e"}}}}'
    )
    assert b'      "1": {\n        "on": true,\n' in query_answer("", {"1": states})


def test_what_nobody_asked_for_is_not_there():
    """No device, no metadata: the payload is empty. Home traits and metadata come when they were asked for."""
    assert json.loads(query_answer("", {})) == {"payload": {}}
    assert json.loads(query_answer("", {}, {}, home_trait_payload=True)) == {
        "payload": {"homeTraitPayload": {}}
    }
    time = "2026-01-01T00:00:00.000000Z"
    metadata = {"1": {"action.devices.traits.OnOff": time}, "2": {}}
    assert json.loads(query_answer("", {"1": b"{}"}, metadata)) == {
        "payload": {
            "devices": {"1": {}},
            "deviceMetadata": {
                "1": {"traitCommitTimestamps": {"action.devices.traits.OnOff": time}},
                "2": {},
            },
        }
    }


def test_a_mask_looks_into_stored_states():
    """Bytes and values alike."""
    mask = parse_field_mask("payload/devices/1/on,payload/devices/2")
    devices = {"1": b'{"on": true, "x": 1}', "2": {"y": 2}, "3": b'{"on": true}'}

    assert json.loads(query_answer("r", devices, fields=mask)) == {
        "payload": {"devices": {"1": {"on": True}, "2": {"y": 2}}}
    }


def test_devices_are_written_in_the_form_of_sync():
    """In the order of Google's message, without defaults, and without what it has no place for."""
    device = {
        **LAMP,
        "attributes": {},
        "notificationSupportedByAgent": False,
        "roomHint": "",
        "deviceInfo": {"swVersion": "1", "hwVersion": 2},
        "stranger": 1,
    }

    answer = json.loads(sync_answer("r", "user-1", [device]))

    assert answer == {
        "requestId": "r",
        "payload": {
            "agentUserId": "user-1",
            "devices": [
                {
                    "id": "123",
                    "type": "action.devices.types.LIGHT",
                    "traits": ["action.devices.traits.OnOff"],
                    "name": {"name": "lamp"},
                    "willReportState": True,
                    "deviceInfo": {"swVersion": "1"},
                    "attributes": {},
                }
            ],
        },
    }
    assert list(answer["payload"]["devices"][0])[-2:] == ["deviceInfo", "attributes"]


def test_a_home_without_devices():
    """Has a user still."""
    assert sync_answer("", "user-1", [], pretty=False) == b'{"payload":{"agentUserId":"user-1"}}'
    mask = parse_field_mask("payload(devices/id)")
    assert sync_answer("r", "user-1", [LAMP], pretty=False, fields=mask) == (
        b'{"payload":{"devices":[{"id":"123"}]}}'
    )
