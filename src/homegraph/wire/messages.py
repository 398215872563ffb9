"""The messages of HomeGraph API v1, as tables.

One table per message: names, kinds, numbers, and a sentence on each field. Requests are bound by them (``proto_json``), masks
are checked against them (``field_mask``), and the discovery document, the OpenAPI document and the check of our .proto file
are made of them. So a field is added here and nowhere else.

The classic part has the field numbers of Google's public .proto files. What was added in 2025 and 2026 is public only as JSON:
those fields have no number, do not exist in gRPC, and arrive as they are (``kept``), since their shape is still moving.

The order of fields is the order in which answers are written, which is that of the numbers. The sentences are ours.

What this module does not do: it says what a message may hold, not what a call must say to make sense. ``required`` is what
Google documents as required; the readers in ``api_v1`` and ``reports`` enforce it.
"""

from __future__ import annotations

from typing import Any, Final

from homegraph.wire.proto_json import Enum, Field, Message

__all__ = [
    "DELETE_AGENT_USER",
    "DEVICE",
    "EMPTY",
    "PACKAGE",
    "QUERY",
    "QUERY_ANSWER",
    "REPORT",
    "REPORT_ANSWER",
    "REQUEST_SYNC",
    "REQUEST_SYNC_ANSWER",
    "SYNC",
    "SYNC_ANSWER",
    "messages_in",
]

PACKAGE: Final = "google.home.graph.v1"

NOT_PUBLIC: Final = 0
"""In place of a number that Google has published nowhere."""


def _message(name: str, doc: str, *fields: Field) -> Message:
    return Message(f"{PACKAGE}.{name}", fields, doc)


def _text(name: str, number: int, doc: str, **more: Any) -> Field:
    return Field(name, "string", number=number, doc=doc, **more)


def _flag(name: str, number: int, doc: str) -> Field:
    return Field(name, "bool", number=number, doc=doc)


def _time(name: str, number: int, doc: str, **more: Any) -> Field:
    return Field(name, "timestamp", number=number, doc=doc, **more)


def _struct(name: str, number: int, doc: str, **more: Any) -> Field:
    return Field(name, "struct", number=number, doc=doc, **more)


def _of(message: Message, name: str, number: int, doc: str, **more: Any) -> Field:
    return Field(name, "message", message=message, number=number, doc=doc, **more)


_AGENT_USER_ID_DOC: Final = (
    "The user's id in your own system: what your fulfillment answers as agentUserId to SYNC."
)
_REQUEST_ID: Final = _text("request_id", 1, "Any text of yours, for finding the call again.")
_REQUEST_ID_BACK: Final = _text("request_id", 1, "The requestId of the request.")
_AGENT_USER_ID: Final = _text("agent_user_id", 2, _AGENT_USER_ID_DOC, required=True)

# --- requestSync -----------------------------------------------------------------------------------------------------

REQUEST_SYNC: Final = _message(
    "RequestSyncDevicesRequest",
    "Asks for a SYNC of a user's devices.",
    _text("agent_user_id", 1, _AGENT_USER_ID_DOC, required=True),
    _flag(
        "async",
        2,
        "Whether to answer at once and do the SYNC later. Without it the call waits, and tells how the SYNC ended.",
    ),
)
REQUEST_SYNC_ANSWER: Final = _message(
    "RequestSyncDevicesResponse", "Nothing: the SYNC was done, or will be."
)

# --- what a device can do beyond classic traits ----------------------------------------------------------------------

_JSON_TRAIT: Final = _message(
    "JsonTrait",
    "A home trait by its id, with its fields as plain JSON.",
    _text("id", NOT_PUBLIC, "Which trait it is."),
    _struct("data", NOT_PUBLIC, "The fields of the trait."),
)
_JSON_TRAIT_EVENT: Final = _message(
    "JsonTraitEvent",
    "An event of a home trait by its id, with its fields as plain JSON.",
    _text("id", NOT_PUBLIC, "Which event it is."),
    _struct("data", NOT_PUBLIC, "The fields of the event."),
)
_TRAIT_DATA: Final = _message(
    "TraitData",
    "The state of one home trait.",
    _struct("trait", NOT_PUBLIC, "The trait, its type under @type."),
    _of(_JSON_TRAIT, "json_trait", NOT_PUBLIC, "The trait, its type as an id."),
    _time("commit_time", NOT_PUBLIC, "When the Home Graph has stored it."),
    _time("provider_update_time", NOT_PUBLIC, "When it changed at the device cloud."),
    _time("provider_version_time", NOT_PUBLIC, "An earlier name of providerUpdateTime."),
)
_COMPONENT_TRAIT_UPDATES: Final = _message(
    "ComponentTraitUpdates",
    "New states of one component of a device.",
    _text("component_id", NOT_PUBLIC, "The component's id at the device cloud."),
    _of(_TRAIT_DATA, "trait_data", NOT_PUBLIC, "The states.", repeated=True),
)
_HOME_TRAIT_UPDATES: Final = _message(
    "HomeTraitUpdates",
    "New states of home traits of one device.",
    _text("device_id", NOT_PUBLIC, "The device's id."),
    _of(
        _COMPONENT_TRAIT_UPDATES,
        "components",
        NOT_PUBLIC,
        "The components of the device that have news.",
        repeated=True,
    ),
)
_EVENT_DATA: Final = _message(
    "EventData",
    "One event.",
    _text("event_id", NOT_PUBLIC, "An id that no other event has."),
    _time("event_time", NOT_PUBLIC, "When it happened."),
    _struct("event", NOT_PUBLIC, "The event, its type under @type."),
    _of(_JSON_TRAIT_EVENT, "json_trait_event", NOT_PUBLIC, "The event, its type as an id."),
)
_EVENTS: Final = _message(
    "Events",
    "Events of one component of a device.",
    _text("component_id", NOT_PUBLIC, "The component's id at the device cloud."),
    _of(_EVENT_DATA, "events", NOT_PUBLIC, "The events.", repeated=True),
)
_HOME_EVENTS: Final = _message(
    "HomeEvents",
    "Events of one device.",
    _text("device_id", NOT_PUBLIC, "The device's id."),
    _of(_EVENTS, "events", NOT_PUBLIC, "Its events, by component.", repeated=True),
)
_COMPONENT: Final = _message(
    "Component",
    "A part of a device that has home traits of its own.",
    _text("id", NOT_PUBLIC, "The component's id at the device cloud."),
    _text("device_types", NOT_PUBLIC, "What kind of device it is.", repeated=True),
    _of(_TRAIT_DATA, "trait_data", NOT_PUBLIC, "Its states.", repeated=True),
    # A table cannot hold itself; we answer none of these, so nothing is lost.
    _struct("child_components", NOT_PUBLIC, "Components within it, of this shape.", repeated=True),
)
_HOME_TRAIT_PAYLOAD: Final = _message(
    "HomeTraitPayload",
    "The home traits of one device.",
    _of(_COMPONENT, "root_component", NOT_PUBLIC, "The device as a whole."),
)

# --- reportStateAndNotification --------------------------------------------------------------------------------------

_REPORT_DEVICES: Final = _message(
    "ReportStateAndNotificationDevice",
    "What there is to tell about devices.",
    _struct(
        "states",
        1,
        'By device id an object of states, e.g. {"123": {"on": true}}. What is told of a trait must be all of its state.',
    ),
    _struct(
        "notifications",
        2,
        "By device id an object with the short names of traits, and the notification of each.",
    ),
    _of(
        _HOME_TRAIT_UPDATES,
        "home_traits",
        NOT_PUBLIC,
        "States of home traits.",
        repeated=True,
        kept=True,
    ),
    _of(
        _HOME_EVENTS, "home_events", NOT_PUBLIC, "Events of home traits.", repeated=True, kept=True
    ),
)
_REPORT_PAYLOAD: Final = _message(
    "StateAndNotificationPayload",
    "The content of a report.",
    _of(_REPORT_DEVICES, "devices", 1, "The devices that the report is about.", required=True),
)
REPORT: Final = _message(
    "ReportStateAndNotificationRequest",
    "Tells new states and notifications of a user's devices.",
    _REQUEST_ID,
    _AGENT_USER_ID,
    _of(_REPORT_PAYLOAD, "payload", 3, "States and notifications.", required=True),
    _text("event_id", 4, "An id that no other event has; for notifications."),
    _text(
        "follow_up_token",
        5,
        "Ties a notification to an EXECUTE. It belongs into the notification itself.",
        deprecated=True,
    ),
)
_RESULT: Final = _message(
    "Result",
    "What became of one device of a report.",
    _time("home_trait_commit_time", NOT_PUBLIC, "When its home traits were stored."),
)
REPORT_ANSWER: Final = _message(
    "ReportStateAndNotificationResponse",
    "The whole report was stored.",
    _REQUEST_ID_BACK,
    _of(
        _RESULT,
        "device_results",
        NOT_PUBLIC,
        "By device id what became of its home traits.",
        keyed=True,
    ),
)

# --- agentUsers.delete -----------------------------------------------------------------------------------------------

DELETE_AGENT_USER: Final = _message(
    "DeleteAgentUserRequest",
    "Unlinks a user and forgets everything about him.",
    _REQUEST_ID,
    _text("agent_user_id", 2, "agentUsers/ and the user's id in your own system.", required=True),
)
EMPTY: Final = Message("google.protobuf.Empty", (), "Nothing.")

# --- query -----------------------------------------------------------------------------------------------------------

_AGENT_DEVICE_ID: Final = _message(
    "AgentDeviceId",
    "Names a device.",
    _text("id", 1, "The device's id, as in SYNC.", required=True),
)
_QUERY_PAYLOAD: Final = _message(
    "QueryRequestPayload",
    "The content of an input.",
    _of(
        _AGENT_DEVICE_ID,
        "devices",
        1,
        "The devices whose states are wanted.",
        repeated=True,
        required=True,
    ),
)
_QUERY_INPUT: Final = _message(
    "QueryRequestInput",
    "One input of a query.",
    _of(_QUERY_PAYLOAD, "payload", 1, "The devices whose states are wanted.", required=True),
)
DEVICE_VIEW: Final = Enum(
    f"{PACKAGE}.DeviceView",
    {
        "DEVICE_VIEW_UNSPECIFIED": "The same as SMART_HOME_TRAIT_ONLY.",
        "SMART_HOME_TRAIT_ONLY": "States of classic traits, in devices.",
        "HOME_TRAIT_ONLY": "States of home traits, in homeTraitPayload.",
        "HOME_TRAIT_AND_SMART_HOME_TRAIT": "Both.",
        "JSON_TRAIT_ONLY": "All states as JsonTrait, in homeTraitPayload.",
    },
)
QUERY: Final = _message(
    "QueryRequest",
    "Asks for the stored states of devices.",
    _REQUEST_ID,
    _AGENT_USER_ID,
    _of(
        _QUERY_INPUT,
        "inputs",
        3,
        "The devices whose states are wanted.",
        repeated=True,
        required=True,
    ),
    Field("device_view", "enum", enum=DEVICE_VIEW, doc="Which kinds of traits are wanted."),
    _flag("include_device_metadata", NOT_PUBLIC, "Whether deviceMetadata is wanted, too."),
)
_DEVICE_METADATA: Final = _message(
    "DeviceMetadata",
    "What is known about the states of one device.",
    _time(
        "trait_commit_timestamps",
        NOT_PUBLIC,
        "By the full name of a trait the time when its state was stored.",
        keyed=True,
    ),
)
_QUERY_ANSWER_PAYLOAD: Final = _message(
    "QueryResponsePayload",
    "The states.",
    _struct("devices", 1, "By device id the states of the device.", keyed=True),
    _of(
        _HOME_TRAIT_PAYLOAD,
        "home_trait_payload",
        NOT_PUBLIC,
        "By device id its home traits. This server answers none.",
        keyed=True,
    ),
    _of(
        _DEVICE_METADATA,
        "device_metadata",
        NOT_PUBLIC,
        "By device id what is known about its states; with includeDeviceMetadata.",
        keyed=True,
    ),
)
QUERY_ANSWER: Final = _message(
    "QueryResponse",
    "The stored states of the devices that were asked for.",
    _REQUEST_ID_BACK,
    _of(_QUERY_ANSWER_PAYLOAD, "payload", 2, "The states."),
)

# --- sync ------------------------------------------------------------------------------------------------------------

SYNC: Final = _message(
    "SyncRequest", "Asks for the stored devices of a user.", _REQUEST_ID, _AGENT_USER_ID
)
_DEVICE_NAMES: Final = _message(
    "DeviceNames",
    "The names of a device.",
    _text("name", 1, "What the user calls it."),
    _text("nicknames", 2, "What he calls it besides.", repeated=True),
    _text("default_names", 3, "What its maker calls it.", repeated=True),
)
_DEVICE_INFO: Final = _message(
    "DeviceInfo",
    "Where a device comes from.",
    _text("manufacturer", 1, "Its maker."),
    _text("model", 2, "Its model, or its number at the maker."),
    _text("hw_version", 3, "Version of its hardware."),
    _text("sw_version", 4, "Version of its software."),
)
_OTHER_DEVICE_ID: Final = _message(
    "AgentOtherDeviceId",
    "Another id of a device, for local fulfillment.",
    _text("agent_id", 1, "Id of the project that knows it by this id."),
    _text("device_id", 2, "The id."),
)
DEVICE: Final = _message(
    "Device",
    "A device as its fulfillment has described it in SYNC.",
    _text("id", 1, "Its id at the device cloud."),
    _text("type", 2, "Its type, e.g. action.devices.types.LIGHT."),
    _text("traits", 3, "The full names of its traits.", repeated=True),
    _of(_DEVICE_NAMES, "name", 4, "Its names."),
    _flag("will_report_state", 5, "Whether its states are reported."),
    _text("room_hint", 6, "The room that it may be in."),
    _text("structure_hint", 7, "The building that it may be in."),
    _of(_DEVICE_INFO, "device_info", 8, "Where it comes from."),
    _struct("attributes", 9, "What its traits can do."),
    _struct("custom_data", 10, "What comes back in QUERY and EXECUTE."),
    _of(
        _OTHER_DEVICE_ID,
        "other_device_ids",
        11,
        "Its other ids, for local fulfillment.",
        repeated=True,
    ),
    _flag("notification_supported_by_agent", 12, "Whether it sends notifications."),
)
_SYNC_PAYLOAD: Final = _message(
    "SyncResponsePayload",
    "The devices.",
    _text("agent_user_id", 1, "The agentUserId of the request."),
    _of(DEVICE, "devices", 2, "His devices.", repeated=True),
)
SYNC_ANSWER: Final = _message(
    "SyncResponse",
    "The stored devices of the user.",
    _REQUEST_ID_BACK,
    _of(_SYNC_PAYLOAD, "payload", 2, "The devices."),
)


# --- all of them -----------------------------------------------------------------------------------------------------


def messages_in(*roots: Message) -> dict[str, Message]:
    """Return the roots and every message within them by short name, each once, in alphabetical order."""
    found: dict[str, Message] = {}
    left = list(roots)
    while left:
        message = left.pop()
        if message.short not in found:
            found[message.short] = message
            left += [f.message for f in message.fields if f.message is not None]
    return dict(sorted(found.items()))
