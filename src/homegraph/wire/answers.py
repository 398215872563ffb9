"""Writing the successes of the methods that answer something.

Request Sync and agentUsers.delete answer an empty message: ``status.render_success({})``. Here are the three others. Members
stand in the order of the message tables, and what has its default value is left out, as proto3-JSON has it.

States are written from the bytes that they are stored as, without being read, unless a ``fields`` mask wants a part of them.

The rule that is easily broken: those bytes go into the answer as they are. Whoever stores them has made sure that each is one
JSON object.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from homegraph.wire.field_mask import FieldMask
from homegraph.wire.messages import DEVICE
from homegraph.wire.proto_json import write
from homegraph.wire.status import render_success

__all__ = ["query_answer", "report_answer", "sync_answer"]

_PLAIN: Final = re.compile(r"[A-Za-z0-9._-]{1,128}").fullmatch
_REPEATED: Final = b'{\n  "requestId": "%b"\n}\n'
"""What callers of all kinds make their ids of, and the answer with it: no member of it needs an escape."""

States = Mapping[str, bytes | dict[str, Any]]
"""By device id a JSON object of states."""


def report_answer(
    request_id: str, *, pretty: bool = True, fields: FieldMask | None = None
) -> bytes:
    """Write the answer to a report that was stored."""
    if pretty and fields is None and _PLAIN(request_id):
        return _REPEATED % request_id.encode()
    return render_success(_with_request_id(request_id), pretty=pretty, fields=fields)


def query_answer(
    request_id: str,
    devices: States,
    metadata: Mapping[str, Mapping[str, str]] | None = None,
    *,
    home_trait_payload: bool = False,
    pretty: bool = True,
    fields: FieldMask | None = None,
) -> bytes:
    """Write the answer to a query.

    ``metadata`` has by device id and full name of a trait the time of its last change, as RFC 3339 in UTC; None when nobody
    asked for it. With ``home_trait_payload``, which is for those who asked for home traits, it is said that there are none.
    """
    payload: dict[str, Any] = {}
    if devices:
        look_inside = fields is not None
        payload["devices"] = {
            device_id: _states(states, look_inside=look_inside)
            for device_id, states in devices.items()
        }
    if home_trait_payload:
        payload["homeTraitPayload"] = {}
    if metadata:
        payload["deviceMetadata"] = {
            device_id: {"traitCommitTimestamps": times} if times else {}
            for device_id, times in metadata.items()
        }
    message = _with_request_id(request_id)
    message["payload"] = payload
    return render_success(message, pretty=pretty, fields=fields)


def sync_answer(
    request_id: str,
    agent_user_id: str,
    devices: Sequence[Mapping[str, Any]],
    *,
    pretty: bool = True,
    fields: FieldMask | None = None,
) -> bytes:
    """Write the stored devices of a user.

    ``devices`` are as the fulfillment described them in SYNC: what Google's message has no place for, or has in another type,
    is left out.
    """
    payload: dict[str, Any] = {"agentUserId": agent_user_id}
    if devices:
        payload["devices"] = [write(DEVICE, device) for device in devices]
    message = _with_request_id(request_id)
    message["payload"] = payload
    return render_success(message, pretty=pretty, fields=fields)


def _with_request_id(request_id: str) -> dict[str, Any]:
    return {"requestId": request_id} if request_id else {}


def _states(states: bytes | dict[str, Any], *, look_inside: bool) -> Any:
    if isinstance(states, dict):
        return states
    return msgspec.json.decode(states) if look_inside else msgspec.Raw(states)
