"""The tables of messages."""

import re

import pytest

from homegraph.wire import messages
from homegraph.wire.api_v1 import METHODS
from homegraph.wire.messages import PACKAGE, messages_in

ROOTS = [m.request for m in METHODS.values()] + [m.response for m in METHODS.values()]
ALL = messages_in(*ROOTS)

# Every field that has a number in the public .proto files of Google.
NUMBERS = {
    "RequestSyncDevicesRequest": {"agent_user_id": 1, "async": 2},
    "RequestSyncDevicesResponse": {},
    "ReportStateAndNotificationRequest": {
        "request_id": 1,
        "agent_user_id": 2,
        "payload": 3,
        "event_id": 4,
        "follow_up_token": 5,
    },
    "ReportStateAndNotificationResponse": {"request_id": 1},
    "StateAndNotificationPayload": {"devices": 1},
    "ReportStateAndNotificationDevice": {"states": 1, "notifications": 2},
    "DeleteAgentUserRequest": {"request_id": 1, "agent_user_id": 2},
    "QueryRequest": {"request_id": 1, "agent_user_id": 2, "inputs": 3},
    "QueryRequestInput": {"payload": 1},
    "QueryRequestPayload": {"devices": 1},
    "AgentDeviceId": {"id": 1},
    "QueryResponse": {"request_id": 1, "payload": 2},
    "QueryResponsePayload": {"devices": 1},
    "SyncRequest": {"request_id": 1, "agent_user_id": 2},
    "SyncResponse": {"request_id": 1, "payload": 2},
    "SyncResponsePayload": {"agent_user_id": 1, "devices": 2},
    "Device": {
        "id": 1,
        "type": 2,
        "traits": 3,
        "name": 4,
        "will_report_state": 5,
        "room_hint": 6,
        "structure_hint": 7,
        "device_info": 8,
        "attributes": 9,
        "custom_data": 10,
        "other_device_ids": 11,
        "notification_supported_by_agent": 12,
    },
    "DeviceNames": {"name": 1, "nicknames": 2, "default_names": 3},
    "DeviceInfo": {"manufacturer": 1, "model": 2, "hw_version": 3, "sw_version": 4},
    "AgentOtherDeviceId": {"agent_id": 1, "device_id": 2},
    "Empty": {},
}


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_are_those_of_google(name):
    """A stub that Google has generated finds each field where it looks for it."""
    numbered = {field.name: field.number for field in ALL[name].fields if field.number}

    assert numbered == NUMBERS[name]


def test_messages_without_public_numbers_are_the_young_ones():
    """Everything else came in 2025 or later, and has no number at all."""
    young = set(ALL) - set(NUMBERS)

    assert young == {
        "Component",
        "ComponentTraitUpdates",
        "DeviceMetadata",
        "EventData",
        "Events",
        "HomeEvents",
        "HomeTraitPayload",
        "HomeTraitUpdates",
        "JsonTrait",
        "JsonTraitEvent",
        "Result",
        "TraitData",
    }
    assert not any(field.number for name in young for field in ALL[name].fields)


@pytest.mark.parametrize("message", ALL.values(), ids=list(ALL))
def test_a_table_is_complete(message):
    """Names, kinds and sentences fit together, and fields stand in the order of their numbers."""
    assert re.fullmatch(
        r"google\.protobuf\.Empty|google\.home\.graph\.v1\.[A-Z][A-Za-z]+", message.name
    )
    assert message.doc.endswith(".")
    numbers = [field.number for field in message.fields if field.number]
    assert numbers == sorted(set(numbers))
    for field in message.fields:
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", field.name)
        assert (field.kind == "message") == (field.message is not None)
        assert (field.kind == "enum") == (field.enum is not None)
        assert not (field.repeated and field.keyed)
        assert field.doc.endswith(".")
        assert len(field.doc) <= 130


def test_what_google_documents_as_required():
    """The user everywhere, the content of a report, the inputs of a query."""
    required = {
        f"{name}.{field.name}"
        for name, message in ALL.items()
        for field in message.fields
        if field.required
    }

    assert {f"{m.request.short}.agent_user_id" for m in METHODS.values()} < required
    assert {"ReportStateAndNotificationRequest.payload", "QueryRequest.inputs"} < required
    answers = messages_in(*(method.response for method in METHODS.values()))
    assert not any(field.required for message in answers.values() for field in message.fields)


def test_every_message_is_found_once():
    """Also those that several others contain; roots are included."""
    found = messages_in(messages.REPORT, messages.QUERY_ANSWER)

    assert list(found) == sorted(found)
    assert found["TraitData"].name == f"{PACKAGE}.TraitData"
    assert "SyncRequest" not in found
    assert messages_in() == {}
