"""One call of a method over gRPC, from its bytes to its answer.

The order of checks is that of HTTP, without the steps that only HTTP has:

    1  credential                  in the metadata ``authorization`` and ``x-goog-api-key``, before a byte of the message is read
    2  what the credential may do  restrictions of the key, scopes of the token, then API enabled, then suspended
    3  the project's quota         of RequestSyncDevices only in async mode, which only the message tells: there after step 5
    4  message                     its size is bounded by the listener, its time here
    5  fields
    6  the use-case

A caller may have set a deadline, or go away. Either ends his waiting and nothing else: work is done in a task of its own, for
gRPC cancels the handler of such a call.

The rule that is easily broken: handlers take a stream, though it is of one message, and give bytes. To a handler of a single message gRPC
comes only once it is there, and waits for it without end: strangers who send none would hold all the places for calls. And with a
deserializer of gRPC's, a message that cannot be read would be answered by gRPC, in its words.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from types import MappingProxyType
from typing import Any, Final, TypeAlias, TypeVar
from urllib.parse import unquote

import grpc
import msgspec
from google.protobuf.message import DecodeError

from homegraph.errors import CallRefused, HomegraphError
from homegraph.graph.model import Project
from homegraph.rpc import values
from homegraph.rpc.descriptors import CLASSES
from homegraph.rpc.proto_files import rpc_name
from homegraph.rpc.refusals import refusal_of
from homegraph.service import states
from homegraph.service.events import Refused
from homegraph.service.explaining import bug_of
from homegraph.service.house import House
from homegraph.service.identity import Presented, identify, token_in
from homegraph.service.keeping import Kept
from homegraph.service.requesting import request_sync
from homegraph.wire.api_v1 import METHODS, Method, delete_of, query_of, request_sync_of, sync_of
from homegraph.wire.messages import DEVICE
from homegraph.wire.proto_json import write as cut_to
from homegraph.wire.reports import report_of

__all__ = ["MESSAGE_SECONDS_MAX", "Calls", "address_in", "only_message"]

MESSAGE_SECONDS_MAX: Final = 30.0
"""For the message of a call, as for a body in HTTP."""

Fields: TypeAlias = Mapping[str, Any]
Context: TypeAlias = grpc.aio.ServicerContext[bytes, bytes]

M = TypeVar("M")

_log: Final = logging.getLogger("homegraph.rpc")


class Calls:
    """The methods of the service, over one house."""

    def __init__(self, house: House, help_base: str) -> None:
        """``help_base`` is what a reason's page has before its code."""
        self._house = house
        self._help_base = help_base
        self._kept = Kept()

    def handlers(self) -> dict[str, grpc.RpcMethodHandler[bytes, bytes]]:
        """A handler for every method, by its name within the service."""
        return {rpc_name(method): self._handler(method) for method in METHODS.values()}

    def _handler(self, method: Method) -> grpc.RpcMethodHandler[bytes, bytes]:
        async def handle(messages: AsyncIterator[bytes], context: Context) -> bytes:  # noqa: RET503  # abort raises
            try:
                return await self._answer(method, messages, context)
            except HomegraphError as exc:
                refusal = refusal_of(self._house, exc, self._help_base)
            except Exception as exc:  # noqa: BLE001  # the boundary: a bug is answered, and told in the log only
                refusal = refusal_of(self._house, bug_of(self._house, _log, exc), self._help_base)
            await context.abort(*refusal)

        return grpc.stream_unary_rpc_method_handler(handle)

    async def _answer(
        self, method: Method, messages: AsyncIterator[bytes], context: Context
    ) -> bytes:
        """Take a call through all checks to its work; returns the answer's bytes.

        Raises:
            CallRefused: the first check that failed, or what came of the work.
        """
        house = self._house
        project: Project | None = None
        try:
            project = await identify(
                house,
                _presented(context),
                rpc=method.rpc,
                key_method=method.id if method.accepts_api_key else "",
            )
            if method.counts == "always":
                house.budgets.spend_call(project, house.clock.now())
            body = await only_message(messages, b"")
            work = _WORK[method.id](house, project, _fields(method, body))
            answered = await self._kept.carry_out(work, method.id)
        except HomegraphError as exc:
            project_id = project.id if project is not None else ""
            house.events.announce(Refused(method.id, project_id, exc.code))
            raise
        message = CLASSES[method.response.name]()
        values.write(method.response, message, answered)
        return message.SerializeToString()

    async def end(self, seconds: float) -> None:
        """Wait for work whose callers have left, at most so long."""
        await self._kept.end(seconds)


async def only_message(messages: AsyncIterator[M], default: M) -> M:
    """The message of a call; ``default``, which is one without a field, when the caller sends none.

    Raises:
        CallRefused: BODY_TOO_SLOW.
    """
    try:
        async with asyncio.timeout(MESSAGE_SECONDS_MAX):
            return await anext(messages, default)
    except TimeoutError as exc:
        raise CallRefused("BODY_TOO_SLOW") from exc


# --- what came in ----------------------------------------------------------------------------------------------------


def _presented(context: Context) -> Presented:
    """The credentials of a call; of repeated metadata the first counts, as with headers."""
    found: dict[str, str] = {}
    for name, value in context.invocation_metadata() or ():
        if isinstance(value, str):
            found.setdefault(name, value)
    return Presented(
        key=found.get("x-goog-api-key", "").strip(),
        token=token_in(found.get("authorization", "")),
        address=address_in(context.peer()),
    )


def address_in(peer: str) -> str:
    """The IP address in gRPC's name for a caller, e.g. "ipv4:127.0.0.1:1234" or "ipv6:%5B::1%5D:1234"; "" for a Unix socket."""
    family, _, place = peer.partition(":")
    if family not in ("ipv4", "ipv6"):
        return ""
    host, _, _ = unquote(place).rpartition(":")
    return host.removeprefix("[").removesuffix("]")


def _fields(method: Method, body: bytes) -> Fields:
    """The fields of a request. Raises CallRefused: MESSAGE_UNREADABLE."""
    message = CLASSES[method.request.name]()
    try:
        message.ParseFromString(body)
    except DecodeError as exc:
        text = f"The bytes are no {method.request.short}."
        raise CallRefused("MESSAGE_UNREADABLE", text, wrong_fields=((None, text),)) from exc
    return values.read(method.request, message)


# --- what is done, and answered as JSON that a message is filled from ----------------------------------------------------


async def _request_sync(house: House, project: Project, fields: Fields) -> dict[str, Any]:
    message = request_sync_of(fields)
    if message.async_:
        house.budgets.spend_call(project, house.clock.now())
    await request_sync(house, project, message)
    return {}


async def _report(house: House, project: Project, fields: Fields) -> dict[str, Any]:
    message = report_of(fields)
    await states.report_state(house, project, message)
    return {"requestId": message.request_id}


async def _query(house: House, project: Project, fields: Fields) -> dict[str, Any]:
    message = query_of(fields)
    found = await states.query(house, project, message)
    devices = {device_id: msgspec.json.decode(state) for device_id, state in found.states.items()}
    return {"requestId": message.request_id, "payload": {"devices": devices}}


async def _sync(house: House, project: Project, fields: Fields) -> dict[str, Any]:
    message = sync_of(fields)
    devices = [cut_to(DEVICE, device) for device in await states.sync(house, project, message)]
    payload = {"agentUserId": message.agent_user_id, "devices": devices}
    return {"requestId": message.request_id, "payload": payload}


async def _delete(house: House, project: Project, fields: Fields) -> dict[str, Any]:
    await states.delete_agent_user(house, project, delete_of(fields))
    return {}


_WORK: Final[
    Mapping[str, Callable[[House, Project, Fields], Coroutine[Any, Any, dict[str, Any]]]]
] = MappingProxyType(
    {
        "devices.requestSync": _request_sync,
        "devices.reportStateAndNotification": _report,
        "devices.query": _query,
        "devices.sync": _sync,
        "agentUsers.delete": _delete,
    }
)
"""By a method's short name: from the fields of a request to the members of its answer."""
