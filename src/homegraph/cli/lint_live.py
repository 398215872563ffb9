"""Asking a running fulfillment what it answers: SYNC, then QUERY for the devices that it lists.

The same bytes and headers as the server sends, from this process, so that nothing has to be set up. A fulfillment that gives no
answer at all is an error of the command, not a finding about an answer.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final

from homegraph.cli.admin import transport_to_url
from homegraph.client.calls import Request, Response
from homegraph.client.transport import CERTIFICATE, SyncTransport
from homegraph.errors import (
    FulfillmentFailed,
    FulfillmentRefused,
    HomegraphError,
    ServerUnreachable,
)
from homegraph.graph.linting import Answered, devices_of
from homegraph.service.clock import SystemClock, SystemIds
from homegraph.service.transcript import MASK
from homegraph.wire.intents import (
    PASSING_STATUSES,
    REDIRECTS,
    REQUEST_HEADERS,
    quoted,
    refusal_told,
    sync_request,
)
from homegraph.wire.query_intent import QueryDevice, query_request

SYNC_SECONDS: Final = 30.0
QUERY_SECONDS: Final = 5.0
"""How long an answer is waited for, as the server does by default."""

_OK: Final = range(200, 300)
_UNAUTHORIZED: Final = 401


def ask(url: str, token: str, *, previous: bytes | None = None) -> list[Answered]:
    """What a fulfillment answers to SYNC and, when that lists devices, to QUERY. ``previous`` is a SYNC answer from before.

    Raises:
        ServerUnreachable: no answer in time.
        FulfillmentFailed, FulfillmentRefused: an answer without a success.
    """
    ids = SystemIds(SystemClock())
    headers = dict(REQUEST_HEADERS)
    if token:
        headers["authorization"] = f"Bearer {token}"
    with transport_to_url(url) as transport:
        request_id = ids.intent()
        body, took = _send(transport, url, headers, sync_request(request_id), SYNC_SECONDS)
        answers = [
            Answered("SYNC", body, "SYNC", request_id=request_id, took=took, previous=previous)
        ]
        listed = devices_of(body)
        if listed:
            asked = [QueryDevice(one, _custom(members)) for one, members in listed.items()]
            request_id = ids.intent()
            answer, took = _send(
                transport, url, headers, query_request(request_id, asked), QUERY_SECONDS
            )
            answers.append(
                Answered("QUERY", answer, "QUERY", devices=body, request_id=request_id, took=took)
            )
    return answers


def _custom(members: Mapping[str, Any]) -> dict[str, Any] | None:
    custom = members.get("customData")
    return custom if isinstance(custom, dict) else None


def _send(
    transport: SyncTransport, url: str, headers: Mapping[str, str], body: bytes, seconds: float
) -> tuple[bytes, float]:
    """An answer's body, and the seconds that it took."""
    started = time.monotonic()
    request = Request("POST", url, tuple(headers.items()), body, seconds)
    try:
        answer = transport.send(request)
    except ServerUnreachable as exc:
        # The transport speaks of a Home Graph, which has no part in this.
        hint = "Is the fulfillment running, and is this its address? Look at what answers there with `curl -v`."
        if CERTIFICATE in exc.message:
            hint = "Let SSL_CERT_FILE name the authority's certificate; or have `curl -k` bring the answer, and `homegraph lint -` judge it."
        raise ServerUnreachable(exc.message, hint=hint) from None
    if answer.status not in _OK:
        raise _refused(answer, headers.get("authorization", "").removeprefix("Bearer "))
    return answer.body, time.monotonic() - started


def _refused(answer: Response, token: str) -> HomegraphError:
    status, hint = answer.status, "Look into the fulfillment's own log."
    told = refusal_told(status, answer.headers)
    text = answer.body.decode(errors="replace")
    # A page that was asked may quote what it was asked with.
    said = " ".join((text.replace(token, MASK) if token else text).split())
    if said:
        told += f" It says: {quoted(said)}"
    if status in PASSING_STATUSES:
        return FulfillmentFailed(told, hint=hint)
    if status in REDIRECTS:
        hint = "Give the address that answers POST itself."
    if status == _UNAUTHORIZED:
        hint = "Give a token that the fulfillment takes: --token, or HOMEGRAPH_FULFILLMENT_TOKEN."
    return FulfillmentRefused(told, hint=hint)
