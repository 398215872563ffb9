"""What each method of the API does with a call that has passed the checks: read it, carry it out, write the answer.

Two functions per method, all of one shape, so that ``web.api_v1`` has one pipeline for them: one reads the message, which may be done in a
thread, the other does the rest. A method's message is read before its quota is asked only where the body decides whether the
call counts (requestSync in sync mode does not).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, Final, NamedTuple, TypeVar

import msgspec

from homegraph.graph.model import Project
from homegraph.service import states
from homegraph.service.house import House
from homegraph.service.requesting import request_sync
from homegraph.wire import answers
from homegraph.wire.api_v1 import (
    DeleteAgentUser,
    Query,
    RequestSync,
    Sync,
    read_delete,
    read_query_request,
    read_request_sync,
    read_sync,
)
from homegraph.wire.field_mask import FieldMask
from homegraph.wire.reports import ReportState, read_report
from homegraph.wire.status import render_success

SMART_HOME_TRAIT_ONLY: Final = frozenset({"", "DEVICE_VIEW_UNSPECIFIED", "SMART_HOME_TRAIT_ONLY"})
HOME_TRAIT_ONLY: Final = "HOME_TRAIT_ONLY"

T = TypeVar("T")


class Call(msgspec.Struct, frozen=True):
    """A call whose caller is known. ``path`` is as in the request line; ``parameters`` are those to be bound.

    ``keep`` makes work go on whatever becomes of the handler; it returns what to wait for.
    """

    project: Project
    path: bytes
    body: bytes
    content_type: str | None
    parameters: list[tuple[str, str]]
    lenient_form: bool
    pretty: bool
    mask: FieldMask | None
    keep: Callable[[Coroutine[Any, Any, None]], Awaitable[None]]


class Answering(NamedTuple):
    """A method: what reads the message of a call, and what brings the body of the answer."""

    read: Callable[[Call], Any]
    answer: Callable[[House, Call, Any], Awaitable[bytes]]


def _in_body(reader: Callable[..., T]) -> Callable[[Call], T]:
    """Read the message from the body, or from parameters."""

    def read(call: Call) -> T:
        return reader(call.body, call.content_type, call.parameters, lenient_form=call.lenient_form)

    return read


def _in_path(call: Call) -> DeleteAgentUser:
    """A body is ignored, as for any DELETE."""
    return read_delete(call.path, call.parameters)


async def answer_request_sync(house: House, call: Call, message: RequestSync) -> bytes:
    """``devices.requestSync``. A caller who waits for the outcome may leave; the work goes on."""
    if message.async_:
        house.budgets.spend_call(call.project, house.clock.now())
        await request_sync(house, call.project, message)
    else:
        await call.keep(request_sync(house, call.project, message))
    return render_success(_EMPTY, pretty=call.pretty, fields=call.mask)


async def answer_report(house: House, call: Call, message: ReportState) -> bytes:
    """``devices.reportStateAndNotification``."""
    await states.report_state(house, call.project, message)
    return answers.report_answer(message.request_id, pretty=call.pretty, fields=call.mask)


async def answer_query(house: House, call: Call, message: Query) -> bytes:
    """``devices.query``. There are no home traits here, which is what callers who ask for them are told."""
    found = await states.query(house, call.project, message)
    return answers.query_answer(
        message.request_id,
        {} if message.device_view == HOME_TRAIT_ONLY else found.states,
        found.committed if message.include_device_metadata else None,
        home_trait_payload=message.device_view not in SMART_HOME_TRAIT_ONLY,
        pretty=call.pretty,
        fields=call.mask,
    )


async def answer_sync(house: House, call: Call, message: Sync) -> bytes:
    """``devices.sync``."""
    devices = await states.sync(house, call.project, message)
    return answers.sync_answer(
        message.request_id,
        message.agent_user_id,
        devices,
        pretty=call.pretty,
        fields=call.mask,
    )


async def answer_delete(house: House, call: Call, message: DeleteAgentUser) -> bytes:
    """``agentUsers.delete``."""
    await states.delete_agent_user(house, call.project, message)
    return render_success(_EMPTY, pretty=call.pretty, fields=call.mask)


ANSWERING: Final[Mapping[str, Answering]] = {
    "devices.requestSync": Answering(_in_body(read_request_sync), answer_request_sync),
    "devices.reportStateAndNotification": Answering(_in_body(read_report), answer_report),
    "devices.query": Answering(_in_body(read_query_request), answer_query),
    "devices.sync": Answering(_in_body(read_sync), answer_sync),
    "agentUsers.delete": Answering(_in_path, answer_delete),
}

_EMPTY: Final[dict[str, Any]] = {}
