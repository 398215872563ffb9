"""What each method of the API does with a call that has passed the checks: read it, carry it out, write the answer.

One function per method, all of one shape, so that ``web.api_v1`` has one pipeline for them. A method's message is read before
its quota is asked only where the body decides whether the call counts (requestSync in sync mode does not).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, Final, TypeAlias, TypeVar

import msgspec

from homegraph.graph.model import Project
from homegraph.service import states
from homegraph.service.house import House
from homegraph.service.requesting import request_sync
from homegraph.wire import answers
from homegraph.wire.api_v1 import (
    read_delete,
    read_query_request,
    read_request_sync,
    read_sync,
)
from homegraph.wire.field_mask import FieldMask
from homegraph.wire.reports import read_report
from homegraph.wire.status import render_success

SMART_HOME_TRAIT_ONLY: Final = frozenset({"", "DEVICE_VIEW_UNSPECIFIED", "SMART_HOME_TRAIT_ONLY"})
HOME_TRAIT_ONLY: Final = "HOME_TRAIT_ONLY"

READ_AT_ONCE_MAX_BYTES: Final = 64 * 1024
"""Bodies up to this are read where they arrive: a tenth of a second at the very worst, microseconds usually."""

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


Answering: TypeAlias = Callable[[House, Call], Awaitable[bytes]]


async def _read(reader: Callable[..., T], call: Call) -> T:
    """Read the message of a call. A large one is read in a thread, so that nobody else waits for it.

    The lenient parser takes a second for the worst mebibyte; who sends it has a credential, but should not have the loop.
    """
    given = (call.body, call.content_type, call.parameters)
    if len(call.body) <= READ_AT_ONCE_MAX_BYTES:
        return reader(*given, lenient_form=call.lenient_form)
    return await asyncio.to_thread(reader, *given, lenient_form=call.lenient_form)


async def answer_request_sync(house: House, call: Call) -> bytes:
    """``devices.requestSync``. A caller who waits for the outcome may leave; the work goes on."""
    message = await _read(read_request_sync, call)
    if message.async_:
        house.budgets.spend_call(call.project, house.clock.now())
        await request_sync(house, call.project, message)
    else:
        await call.keep(request_sync(house, call.project, message))
    return render_success(_EMPTY, pretty=call.pretty, fields=call.mask)


async def answer_report(house: House, call: Call) -> bytes:
    """``devices.reportStateAndNotification``."""
    message = await _read(read_report, call)
    await states.report_state(house, call.project, message)
    return answers.report_answer(message.request_id, pretty=call.pretty, fields=call.mask)


async def answer_query(house: House, call: Call) -> bytes:
    """``devices.query``. There are no home traits here, which is what callers who ask for them are told."""
    message = await _read(read_query_request, call)
    found = await states.query(house, call.project, message)
    return answers.query_answer(
        message.request_id,
        {} if message.device_view == HOME_TRAIT_ONLY else found.states,
        found.committed if message.include_device_metadata else None,
        home_trait_payload=message.device_view not in SMART_HOME_TRAIT_ONLY,
        pretty=call.pretty,
        fields=call.mask,
    )


async def answer_sync(house: House, call: Call) -> bytes:
    """``devices.sync``."""
    message = await _read(read_sync, call)
    devices = await states.sync(house, call.project, message)
    return answers.sync_answer(
        message.request_id,
        message.agent_user_id,
        devices,
        pretty=call.pretty,
        fields=call.mask,
    )


async def answer_delete(house: House, call: Call) -> bytes:
    """``agentUsers.delete``. A body is ignored, as for any DELETE."""
    message = read_delete(call.path, call.parameters)
    await states.delete_agent_user(house, call.project, message)
    return render_success(_EMPTY, pretty=call.pretty, fields=call.mask)


ANSWERING: Final[Mapping[str, Answering]] = {
    "devices.requestSync": answer_request_sync,
    "devices.reportStateAndNotification": answer_report,
    "devices.query": answer_query,
    "devices.sync": answer_sync,
    "agentUsers.delete": answer_delete,
}

_EMPTY: Final[dict[str, Any]] = {}
