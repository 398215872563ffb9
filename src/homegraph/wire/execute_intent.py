"""The EXECUTE intent: bytes <-> typed values.

Written as Google writes it: compact, keys in alphabetical order, ``customData`` only where SYNC gave one. ``context`` is not
sent: it is the locale of somebody who spoke, and nobody has spoken here.

The reply groups devices as it likes, whatever the grouping of the request was, so it is read into one result per device. It is
read leniently: an entry that cannot be understood says nothing about any device, and whoever asked notices that a device is
missing (``silent``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec

from homegraph.errors import ReplyUnusable
from homegraph.wire.intents import error_payload, why_unreadable
from homegraph.wire.query_intent import EXCEPTION_CODE, QueryDevice, named, text_of

EXECUTE: Final = "action.devices.EXECUTE"

SUCCESS: Final = "SUCCESS"
PENDING: Final = "PENDING"
ERROR: Final = "ERROR"

CHALLENGE_NEEDED: Final = "challengeNeeded"

FOLLOW_UP_TOKEN: Final = "followUpToken"  # noqa: S105  # a name


SECRET_RESULTS: Final = frozenset({"cameraStreamAuthToken", "guestNetworkPassword"})
"""Members of ``states`` that answer a command and are for whoever gave it only."""


class CommandGroup(msgspec.Struct, frozen=True):
    """Devices that are told the same: an entry of ``payload.commands``."""

    devices: tuple[QueryDevice, ...]
    params: Mapping[str, Any]


class ExecuteResult(msgspec.Struct, frozen=True):
    """What a command did to one device. ``challenge`` is the type of what must be answered first, "" for nothing.

    ``states`` are those after the command, as the fulfillment says; ``exception_code`` is taken from beside or among them.
    """

    status: str
    error_code: str = ""
    exception_code: str = ""
    debug: str = ""
    challenge: str = ""
    states: Mapping[str, Any] = {}

    @property
    def is_well(self) -> bool:
        """Whether the command was carried out, or will be."""
        return self.status in {SUCCESS, PENDING, "EXCEPTIONS"} and not self.error_code


class ExecuteReply(msgspec.Struct, frozen=True):
    """An EXECUTE reply: a result for each device id that it names."""

    request_id: str
    devices: dict[str, ExecuteResult]


class _Payload(msgspec.Struct):
    commands: list[Any] | None = None
    errorCode: str | None = None  # noqa: N815
    debugString: str | None = None  # noqa: N815


class _Reply(msgspec.Struct):
    requestId: str | None = None  # noqa: N815
    payload: _Payload | None = None


_decoder: Final = msgspec.json.Decoder(_Reply)


def execute_request(
    request_id: str,
    groups: Iterable[CommandGroup],
    command: str,
    challenge: Mapping[str, Any] | None = None,
) -> bytes:
    """The body of an EXECUTE intent: one command for all these groups of devices."""
    entries = [_entry(group, command, challenge) for group in groups]
    payload = {"commands": entries}
    return msgspec.json.encode(
        {"inputs": [{"intent": EXECUTE, "payload": payload}], "requestId": request_id}
    )


def read_execute_reply(body: bytes) -> ExecuteReply:
    """Read an EXECUTE reply.

    Raises:
        ReplyErrorPayload: the fulfillment reports an error for the whole intent.
        ReplyUnusable: not JSON, or not an object with a list ``payload.commands``.
    """
    try:
        reply = _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise ReplyUnusable(why_unreadable("EXECUTE", body, str(exc))) from exc
    payload = reply.payload
    if payload is not None and payload.errorCode:
        raise error_payload("EXECUTE", payload.errorCode, payload.debugString)
    if payload is None or payload.commands is None:
        raise ReplyUnusable("The reply to EXECUTE has no payload.commands.")
    results: dict[str, ExecuteResult] = {}
    for entry in payload.commands:
        for device_id, result in _results(entry):
            known = results.get(device_id)
            # A device may be in several entries; that something went wrong must not be hidden by a later success.
            if known is None or known.is_well:
                results[device_id] = result
    return ExecuteReply(reply.requestId or "", results)


def silent() -> ExecuteResult:
    """The result of a device that the reply does not mention: nobody knows what became of the command."""
    return ExecuteResult(ERROR, "", debug="The reply does not mention this device.")


def follow_up_token(notification: object) -> str:
    """The token of the command whose result a notification tells; "" when it tells none."""
    response = notification.get("followUpResponse") if isinstance(notification, Mapping) else None
    return text_of(response, FOLLOW_UP_TOKEN) if isinstance(response, Mapping) else ""


def _entry(
    group: CommandGroup, command: str, challenge: Mapping[str, Any] | None
) -> dict[str, Any]:
    execution: dict[str, Any] = {} if challenge is None else {"challenge": challenge}
    execution["command"] = command
    execution["params"] = msgspec.Raw(msgspec.json.encode(group.params, order="sorted"))
    return {"devices": list(map(named, group.devices)), "execution": [execution]}


def _results(entry: Any) -> Iterator[tuple[str, ExecuteResult]]:
    if not isinstance(entry, dict) or not isinstance(entry.get("ids"), list):
        return
    states = entry.get("states")
    states = dict(states) if isinstance(states, dict) else {}
    among = text_of(states, EXCEPTION_CODE)
    error_code = text_of(entry, "errorCode")
    asked = entry.get("challengeNeeded")
    result = ExecuteResult(
        # As in QUERY, live integrations leave the status out.
        text_of(entry, "status") or (ERROR if error_code else SUCCESS),
        error_code,
        text_of(entry, EXCEPTION_CODE) or among,
        text_of(entry, "debugString"),
        text_of(asked, "type") if isinstance(asked, dict) else "",
        {key: value for key, value in states.items() if key != EXCEPTION_CODE},
    )
    for device_id in entry["ids"]:
        if isinstance(device_id, str):
            yield device_id, result
