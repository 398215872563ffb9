"""The QUERY intent: bytes <-> typed values.

Written as Google writes it: compact, keys in alphabetical order, ``customData`` only where SYNC gave one. In the reply, states
stand flat beside ``online``, ``status`` and ``errorCode``; a missing ``status`` counts as success, because many live
integrations leave it out (observed).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from homegraph.errors import ReplyUnusable
from homegraph.wire.intents import error_payload, why_unreadable

QUERY: Final = "action.devices.QUERY"

EXCEPTION_CODE: Final = "exceptionCode"
"""What is notable about a device although all went well. Answers to EXECUTE have it among the states as well."""

NOT_STATES: Final = frozenset({"status", "errorCode", EXCEPTION_CODE, "debugString"})
"""Members of a device's answer that are about the answer, not about the device."""


class QueryDevice(msgspec.Struct, frozen=True):
    """A device that is asked about; ``custom_data`` is what SYNC gave, to be returned as it was."""

    id: str
    custom_data: dict[str, Any] | None = None


class DeviceAnswer(msgspec.Struct, frozen=True):
    """What was answered about one device. ``states`` holds ``online`` and the states of all traits, without nulls."""

    status: str
    error_code: str
    states: dict[str, Any]
    exception_code: str = ""
    debug: str = ""


class QueryReply(msgspec.Struct, frozen=True):
    """A QUERY reply: an answer for each device id that it names."""

    request_id: str
    devices: dict[str, DeviceAnswer]


class _Payload(msgspec.Struct):
    devices: dict[str, dict[str, Any]] | None = None
    errorCode: str | None = None  # noqa: N815
    debugString: str | None = None  # noqa: N815


class _Reply(msgspec.Struct):
    requestId: str | None = None  # noqa: N815
    payload: _Payload | None = None


_decoder: Final = msgspec.json.Decoder(_Reply)


def query_request(request_id: str, devices: Iterable[QueryDevice]) -> bytes:
    """The body of a QUERY intent."""
    listed = list(map(named, devices))
    return msgspec.json.encode(
        {"inputs": [{"intent": QUERY, "payload": {"devices": listed}}], "requestId": request_id}
    )


def named(device: QueryDevice) -> dict[str, Any]:
    """A device as intents name it."""
    if device.custom_data is None:
        return {"id": device.id}
    return {"customData": device.custom_data, "id": device.id}


def read_query_reply(body: bytes) -> QueryReply:
    """Read a QUERY reply.

    Raises:
        ReplyErrorPayload: the fulfillment reports an error for the whole intent.
        ReplyUnusable: not JSON, or not an object with ``payload.devices``.
    """
    try:
        reply = _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise ReplyUnusable(why_unreadable("QUERY", body, str(exc))) from exc
    payload = reply.payload
    if payload is not None and payload.errorCode:
        raise error_payload("QUERY", payload.errorCode, payload.debugString)
    if payload is None or payload.devices is None:
        raise ReplyUnusable("The reply to QUERY has no payload.devices.")
    answers = {device_id: _answer(members) for device_id, members in payload.devices.items()}
    return QueryReply(reply.requestId or "", answers)


def _answer(members: dict[str, Any]) -> DeviceAnswer:
    return DeviceAnswer(
        text_of(members, "status", "SUCCESS"),
        text_of(members, "errorCode"),
        {
            key: value
            for key, value in members.items()
            if key not in NOT_STATES and value is not None
        },
        text_of(members, EXCEPTION_CODE),
        text_of(members, "debugString"),
    )


def text_of(members: Mapping[str, Any], name: str, otherwise: str = "") -> str:
    """A member that is a text; what it is otherwise, counts as missing."""
    value = members.get(name)
    return value if isinstance(value, str) else otherwise
