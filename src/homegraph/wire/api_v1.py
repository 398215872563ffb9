"""The methods of HomeGraph API v1, and the reading of their requests.

``METHODS`` says which method stands at which path, which credentials it takes and whether it counts against the quota;
routing, discovery and the check of a ``fields`` mask ask it. For each method there is one reader from what was sent to a frozen
value; that of reports, the longest, is in ``reports``. How a body becomes fields at all is told in ``transcoding``. The second
half of each reader, ``…_of``, takes the fields of a request by their proto names, for a door that does not speak JSON.

What a reader checks is what can be known without knowing any user: that required fields are there and not too long. Whether the
user exists, and what a state means, is decided elsewhere.

The rule that is easily broken: a reader's fast way must accept nothing that its slow way refuses. The strict structs know
the JSON names only (Request Sync, which has old clients, both spellings), no null and no word in place of a bool; everything
they refuse is read again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal
from urllib.parse import unquote_to_bytes

import msgspec

from homegraph.errors import CallRefused
from homegraph.wire import messages
from homegraph.wire.details import API, SCOPE
from homegraph.wire.proto_json import Message, bind
from homegraph.wire.transcoding import (
    SURELY_SHORT_ENOUGH,
    Parameters,
    agent_user_in,
    field_missing,
    read_strictly,
    transcode,
)

__all__ = [
    "METHODS",
    "DeleteAgentUser",
    "Method",
    "Query",
    "RequestSync",
    "Sync",
    "delete_of",
    "find_method",
    "query_of",
    "read_delete",
    "read_query_request",
    "read_request_sync",
    "read_sync",
    "request_sync_of",
    "route",
    "sync_of",
]

# --- the methods -----------------------------------------------------------------------------------------------------

Counting = Literal["always", "async"]
"""Which calls of a method count against the project's quota: all, or only those that nobody waits for."""

AGENT_USERS: Final = "agentUsers/"
"""What the name of an agent user begins with, in paths and in gRPC."""

DELETE_PATH: Final = f"/v1/{AGENT_USERS}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One method of the API.

    ``id`` is its short name, e.g. in the restrictions of an API key; ``path`` is that of REST, and its beginning when it ends
    with a slash; ``rpc`` is the full name in gRPC and in Google's error details.
    """

    id: str
    http: str
    path: str
    rpc: str
    request: Message
    response: Message
    doc: str
    accepts_api_key: bool = False
    counts: Counting = "always"
    scope: str = SCOPE


_ALL: Final = (
    Method(
        id="devices.requestSync",
        http="POST",
        path="/v1/devices:requestSync",
        rpc=f"{API}.RequestSyncDevices",
        request=messages.REQUEST_SYNC,
        response=messages.REQUEST_SYNC_ANSWER,
        doc="Has the fulfillment asked for the devices of a user, by one SYNC for every link of his.",
        accepts_api_key=True,
        counts="async",
    ),
    Method(
        id="devices.reportStateAndNotification",
        http="POST",
        path="/v1/devices:reportStateAndNotification",
        rpc=f"{API}.ReportStateAndNotification",
        request=messages.REPORT,
        response=messages.REPORT_ANSWER,
        doc="Stores new states of devices, and takes notifications.",
    ),
    Method(
        id="devices.query",
        http="POST",
        path="/v1/devices:query",
        rpc=f"{API}.Query",
        request=messages.QUERY,
        response=messages.QUERY_ANSWER,
        doc="Tells the stored states of devices. The fulfillment is not asked.",
    ),
    Method(
        id="devices.sync",
        http="POST",
        path="/v1/devices:sync",
        rpc=f"{API}.Sync",
        request=messages.SYNC,
        response=messages.SYNC_ANSWER,
        doc="Tells the stored devices of a user. The fulfillment is not asked.",
    ),
    Method(
        id="agentUsers.delete",
        http="DELETE",
        path=DELETE_PATH,
        rpc=f"{API}.DeleteAgentUser",
        request=messages.DELETE_AGENT_USER,
        response=messages.EMPTY,
        doc="Unlinks a user and forgets his devices and states.",
    ),
)

METHODS: Final[Mapping[str, Method]] = MappingProxyType({method.path: method for method in _ALL})
"""Every method by its path."""

_DELETE: Final = METHODS[DELETE_PATH]


def find_method(path: str) -> Method | None:
    """Return the method that stands at a path, whatever the HTTP method of the call is."""
    method = METHODS.get(path)
    if method is None and path.startswith(DELETE_PATH):
        return _DELETE
    return method


def route(http: str, path: str) -> Method | None:
    """Return the method that a call is of, None when there is no such path or another HTTP method belongs to it."""
    method = find_method(path)
    return method if method is not None and method.http == http else None


# --- requestSync -----------------------------------------------------------------------------------------------------


class RequestSync(msgspec.Struct, frozen=True):
    """A call of Request Sync: for whom, and whether the caller waits for the outcome."""

    agent_user_id: str
    async_: bool = False


class _StrictRequestSync(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """What msgspec reads: both spellings, and nothing besides."""

    camel: str = msgspec.field(name="agentUserId", default="")
    snake: str = msgspec.field(name="agent_user_id", default="")
    async_: bool = msgspec.field(name="async", default=False)


_decode_request_sync: Final = msgspec.json.Decoder(_StrictRequestSync).decode


def read_request_sync(
    body: bytes,
    content_type: str | None,
    parameters: Parameters = (),
    *,
    lenient_form: bool = False,
) -> RequestSync:
    """Read a call of Request Sync.

    ``content_type`` is the header's value, None without one; ``parameters`` are those of the query string that are no system
    parameters. With ``lenient_form`` JSON is understood under the form type, too, which Google does not do.

    Raises:
        CallRefused: JSON_SYNTAX, JSON_ROOT, JSON_UNKNOWN_NAME, JSON_TYPE, BODY_TOO_LARGE, QUERY_TOO_LARGE, FIELD_REQUIRED or
            FIELD_TOO_LONG. Nothing else, whatever the bytes are.
    """
    strict = read_strictly(_decode_request_sync, body, content_type, parameters)
    if strict is not None:
        agent_user_id = strict.camel or strict.snake
        in_one_spelling = not (strict.camel and strict.snake)
        if in_one_spelling and 0 < len(agent_user_id) <= SURELY_SHORT_ENOUGH:
            return RequestSync(agent_user_id, strict.async_)
    bound = transcode(
        messages.REQUEST_SYNC, body, content_type, parameters, lenient_form=lenient_form
    )
    return request_sync_of(bound)


def request_sync_of(bound: Mapping[str, Any]) -> RequestSync:
    """Read the fields of a RequestSyncDevicesRequest. Raises CallRefused: FIELD_REQUIRED, FIELD_TOO_LONG."""
    return RequestSync(agent_user_in(bound), bound.get("async", False))


# --- query -----------------------------------------------------------------------------------------------------------


class Query(msgspec.Struct, frozen=True):
    """A question for the stored states of devices. ``device_ids`` has each id once, ``device_view`` is "" when not said."""

    agent_user_id: str
    device_ids: tuple[str, ...]
    request_id: str = ""
    device_view: str = ""
    include_device_metadata: bool = False


class _StrictDeviceId(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    id: str = ""


class _StrictQueryPayload(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    devices: list[_StrictDeviceId] = []


class _StrictQueryInput(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    payload: _StrictQueryPayload


class _StrictQuery(msgspec.Struct, gc=False, forbid_unknown_fields=True, rename="camel"):
    agent_user_id: str = ""
    request_id: str = ""
    inputs: list[_StrictQueryInput] = []
    device_view: Literal[tuple(messages.DEVICE_VIEW.words)] = ""  # type: ignore[valid-type]  # they are strings
    include_device_metadata: bool = False


_decode_query: Final = msgspec.json.Decoder(_StrictQuery).decode


def read_query_request(
    body: bytes,
    content_type: str | None,
    parameters: Parameters = (),
    *,
    lenient_form: bool = False,
) -> Query:
    """Read a call of devices:query; the arguments are those of ``read_request_sync``.

    Raises:
        CallRefused: as ``read_request_sync``. Every input must have a device, and every device an id, else FIELD_REQUIRED.
    """
    strict = read_strictly(_decode_query, body, content_type, parameters)
    if strict is not None and 0 < len(strict.agent_user_id) <= SURELY_SHORT_ENOUGH:
        device_ids = {device.id: None for each in strict.inputs for device in each.payload.devices}
        # Whether an input has no device cannot be seen there; only the usual single one is surely complete.
        if len(strict.inputs) == 1 and device_ids and "" not in device_ids:
            return Query(
                strict.agent_user_id,
                tuple(device_ids),
                strict.request_id,
                strict.device_view,
                strict.include_device_metadata,
            )
    return query_of(
        transcode(messages.QUERY, body, content_type, parameters, lenient_form=lenient_form)
    )


def query_of(bound: Mapping[str, Any]) -> Query:
    """Read the fields of a QueryRequest. Raises CallRefused: FIELD_REQUIRED, FIELD_TOO_LONG."""
    return Query(
        agent_user_in(bound),
        _device_ids_in(bound.get("inputs", ())),
        bound.get("request_id", ""),
        bound.get("device_view", ""),
        bound.get("include_device_metadata", False),
    )


def _device_ids_in(inputs: Any) -> tuple[str, ...]:
    """The devices of all inputs, each once and in the order in which they were named."""
    if not inputs:
        raise field_missing("inputs", "inputs")
    device_ids: dict[str, None] = {}
    for at, each in enumerate(inputs):
        path = f"inputs[{at}].payload.devices"
        devices = each.get("payload", {}).get("devices")
        if not devices:
            raise field_missing(path, path)
        for index, device in enumerate(devices):
            if not device.get("id"):
                raise field_missing(f"{path}[{index}].id", f"{path}[{index}].id")
            device_ids[device["id"]] = None
    return tuple(device_ids)


# --- sync ------------------------------------------------------------------------------------------------------------


class Sync(msgspec.Struct, frozen=True):
    """A question for the stored devices of a user."""

    agent_user_id: str
    request_id: str = ""


class _StrictSync(msgspec.Struct, gc=False, forbid_unknown_fields=True, rename="camel"):
    agent_user_id: str = ""
    request_id: str = ""


_decode_sync: Final = msgspec.json.Decoder(_StrictSync).decode


def read_sync(
    body: bytes,
    content_type: str | None,
    parameters: Parameters = (),
    *,
    lenient_form: bool = False,
) -> Sync:
    """Read a call of devices:sync; the arguments are those of ``read_request_sync``.

    Raises:
        CallRefused: as ``read_request_sync``.
    """
    strict = read_strictly(_decode_sync, body, content_type, parameters)
    if strict is not None and 0 < len(strict.agent_user_id) <= SURELY_SHORT_ENOUGH:
        return Sync(strict.agent_user_id, strict.request_id)
    return sync_of(
        transcode(messages.SYNC, body, content_type, parameters, lenient_form=lenient_form)
    )


def sync_of(bound: Mapping[str, Any]) -> Sync:
    """Read the fields of a SyncRequest. Raises CallRefused: FIELD_REQUIRED, FIELD_TOO_LONG."""
    return Sync(agent_user_in(bound), bound.get("request_id", ""))


# --- agentUsers.delete -----------------------------------------------------------------------------------------------


class DeleteAgentUser(msgspec.Struct, frozen=True):
    """A call that unlinks a user. ``agent_user_id`` is the bare id, without ``agentUsers/``."""

    agent_user_id: str
    request_id: str = ""


def read_delete(path: bytes, parameters: Parameters = ()) -> DeleteAgentUser:
    """Read a call of agentUsers.delete from its path, as it stands in the request line without the query.

    The id is all that follows ``agentUsers/``, slashes included, with every percent escape decoded once: an id with a slash
    may be sent with the slash or with %2F. There is no body.

    Raises:
        CallRefused: JSON_UNKNOWN_NAME or JSON_TYPE for a parameter; FIELD_REQUIRED or FIELD_TOO_LONG for the id; ROUTE_UNKNOWN
            when the path is another one.
    """
    decoded = unquote_to_bytes(path).decode(errors="replace")
    if not decoded.startswith(DELETE_PATH):
        raise CallRefused("ROUTE_UNKNOWN", "This is no path of an agent user.")
    bound = bind(messages.DELETE_AGENT_USER, {}, parameters)
    bound["agent_user_id"] = AGENT_USERS + decoded.removeprefix(DELETE_PATH)
    return delete_of(bound)


def delete_of(bound: Mapping[str, Any]) -> DeleteAgentUser:
    """Read the fields of a DeleteAgentUserRequest, whose agent_user_id is a name: ``agentUsers/`` and the id.

    Raises:
        CallRefused: FIELD_REQUIRED, FIELD_TOO_LONG, or AGENT_USER_PREFIX_MISSING for a bare id.
    """
    name: str = bound.get("agent_user_id", "")
    if name and not name.startswith(AGENT_USERS):
        text = f"agent_user_id does not begin with {AGENT_USERS}"
        raise CallRefused(
            "AGENT_USER_PREFIX_MISSING", text, wrong_fields=(("agent_user_id", text),)
        )
    bare = {"agent_user_id": name.removeprefix(AGENT_USERS)}
    return DeleteAgentUser(agent_user_in(bare), bound.get("request_id", ""))
