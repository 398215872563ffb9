"""Judging one answer of a fulfillment by itself, as ``homegraph lint`` and ``homegraph.lint`` do.

The checks are those of a running Home Graph; here is decided which of them an answer needs: what it answers is given, or seen by its
shape, and devices come from a SYNC answer. An answer that cannot be read has a finding, too. Nothing raises.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from homegraph.errors import FulfillmentError
from homegraph.graph import applying
from homegraph.graph.applying import changes, compare, fingerprints, known_of, mark_of
from homegraph.graph.checks.differences import without_effect
from homegraph.graph.checks.envelopes import NOT_JSON, check_members
from homegraph.graph.checks.executes import check_execute
from homegraph.graph.checks.queries import check_query
from homegraph.graph.checks.replies import is_suspicious, shrunk
from homegraph.graph.checks.reports import Known, check_report
from homegraph.graph.checks.syncs import check_sync
from homegraph.graph.checks.tokens import check_tokens
from homegraph.graph.errands import EXECUTE, QUERY
from homegraph.graph.judging import Judgement, judge
from homegraph.graph.model import Finding
from homegraph.graph.policy import Policy
from homegraph.wire.catalog.book import Catalog, builtin
from homegraph.wire.catalog.shapes import Bound
from homegraph.wire.intents import SyncReply, read_sync_reply

SYNC: Final = "SYNC"
REPORT: Final = "report"
LINKING: Final = "linking"


class Answered(msgspec.Struct, frozen=True):
    """An answer and what is known about it.

    ``name`` is what it is called where findings are shown. ``intent`` is SYNC, QUERY, EXECUTE, report or, for what a token endpoint
    answers, linking; empty means: by its shape.
    ``devices`` is the SYNC answer that lists the devices. ``request_id`` is what the intent had and ``command`` the full name of what
    EXECUTE asked for, empty when nobody knows; ``took`` is in seconds. ``previous`` is the answer to SYNC before this one, or of the
    token endpoint before this refresh.
    """

    name: str
    body: bytes
    intent: str = ""
    devices: bytes | None = None
    request_id: str = ""
    took: float = 0.0
    command: str = ""
    previous: bytes | None = None


def lint(
    answer: bytes | str | Mapping[str, Any],
    *,
    intent: str = "",
    devices: bytes | str | Mapping[str, Any] | None = None,
    request_id: str = "",
    command: str = "",
    previous: bytes | str | Mapping[str, Any] | None = None,
    catalog: bytes | str = b"",
) -> list[Finding]:
    """Everything that is wrong with an answer of a fulfillment, or with a report; no server is needed.

    ``answer`` is JSON as bytes or text, or what became of it. ``intent`` is SYNC, QUERY, EXECUTE, report or linking (an answer of
    a token endpoint); without it the answer's shape tells. ``devices`` is the SYNC answer that lists the devices: with it states and
    results are judged by their traits. ``request_id`` is what the intent had, ``command`` what EXECUTE asked for, by its full name.
    ``previous`` is the answer to SYNC before this one: with it devices that are gone and changes that come too late are seen; or the
    token endpoint's answer before this refresh. ``catalog`` is JSON that adds to the builtin catalog.

    Raises:
        CatalogError: ``catalog`` is none.
    """
    known = builtin().extended(_bytes(catalog)) if catalog else None
    try:
        body = _bytes(answer)
    except (TypeError, ValueError, RecursionError) as exc:
        return [NOT_JSON.found(f"The answer cannot be written as JSON: {exc}.")]
    answered = Answered(
        "",
        body,
        intent,
        devices=None if devices is None else _bytes(devices),
        request_id=request_id,
        command=command,
        previous=None if previous is None else _bytes(previous),
    )
    return list(lint_answer(answered, known))


def _bytes(document: bytes | str | Mapping[str, Any]) -> bytes:
    """A document as it goes over the wire. Of an object these are the bytes that Python makes of it, NaN and half characters included."""
    if isinstance(document, str):
        return document.encode("utf-8", "surrogatepass")
    return (
        document if isinstance(document, bytes) else json.dumps(document, default=_plain).encode()
    )


def _plain(value: object) -> dict[Any, Any]:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"there is no JSON for {type(value).__name__}")


def intent_of(document: object) -> str:
    """What a document answers, by its shape. What has none of the shapes counts as an answer to SYNC."""
    payload = document.get("payload") if isinstance(document, Mapping) else None
    if not isinstance(document, Mapping) or not isinstance(payload, Mapping):
        return LINKING if isinstance(document, Mapping) and "access_token" in document else SYNC
    devices = payload.get("devices")
    if "commands" in payload:
        return EXECUTE
    if isinstance(devices, Mapping):
        named = "agentUserId" in document or "agent_user_id" in document
        return REPORT if named and devices.keys() & {"states", "notifications"} else QUERY
    return SYNC


def lint_answer(answer: Answered, catalog: Catalog | None = None) -> tuple[Finding, ...]:
    """Everything that is wrong with an answer, without a server. The catalog is the builtin one unless another is given."""
    known = catalog or builtin()
    intent = answer.intent or intent_of(_document(answer.body))
    if intent == LINKING:
        return check_tokens(answer.body, previous=answer.previous)
    if intent == REPORT:
        listed = None if answer.devices is None else devices_of(answer.devices)
        return check_report(answer.body, known, devices=_reporting(listed, known))
    return (*_judged(answer, intent, known), *check_members(answer.body))


def _judged(answer: Answered, intent: str, known: Catalog) -> tuple[Finding, ...]:
    if intent == SYNC:
        before = None if answer.previous is None else _before(answer.previous)
        found = check_sync(
            answer.body,
            known,
            request_id=answer.request_id,
            agent_user_id=before.agent_user_id if before else "",
            took=answer.took,
        )
        return found if before is None else (*found, *_since(before, answer.body, known))
    listed = None if answer.devices is None else devices_of(answer.devices)
    bound = None if listed is None else {one: _bound(m, known) for one, m in listed.items()}
    if intent == QUERY:
        # Devices that are listed are not devices that were asked about, unless this process has asked.
        asked = bound if bound is None or answer.request_id else _answered(bound, answer.body)
        return check_query(
            answer.body, known, devices=asked, request_id=answer.request_id, took=answer.took
        )
    return check_execute(
        answer.body,
        known,
        devices=bound,
        command=answer.command,
        request_id=answer.request_id,
        took=answer.took,
    )


def _before(previous: bytes) -> SyncReply | None:
    """The answer before this one; None when there is nothing to compare with."""
    try:
        return read_sync_reply(previous)
    except FulfillmentError:
        return None


def _since(before: SyncReply, body: bytes, catalog: Catalog) -> tuple[Finding, ...]:
    """What is wrong with the step from one answer to the next, as a run would see it."""
    try:
        devices = read_sync_reply(body).devices
    except FulfillmentError:
        return ()
    first = _taken(known_of({}), before.devices, catalog)
    old = {one.id: one.written for one in first.decoded}
    marks = {
        mark_of(one.fingerprint, device.name): device.id
        for one, device in zip(first.comparison.fresh, first.decoded, strict=True)
    }
    known = replace(known_of(marks), definitions=old)
    now = _taken(known, devices, catalog)
    applied = changes(known, now.comparison, now.decoded, now.held)
    found = without_effect(applied.changes, now.listed)
    # That all are gone has a finding of its own already.
    if devices and is_suspicious(len(old), len(applied.removed)):
        return (*found, shrunk(len(old), len(applied.removed)))
    return found


def _taken(known: applying.Known, devices: Sequence[bytes], catalog: Catalog) -> Judgement:
    comparison = compare(known, fingerprints(devices), devices)
    return judge(comparison, devices, catalog, Policy(sync_mode="quarantine"))


def devices_of(sync_answer: bytes) -> dict[str, dict[str, Any]]:
    """The devices of a SYNC answer by their ids, as far as they can be read."""
    document = _document(sync_answer)
    payload = document.get("payload") if isinstance(document, dict) else None
    devices = payload.get("devices") if isinstance(payload, dict) else None
    return {
        one["id"]: one
        for one in (devices if isinstance(devices, list) else ())
        if isinstance(one, dict) and isinstance(one.get("id"), str)
    }


def _document(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _bound(members: Mapping[str, Any], catalog: Catalog) -> Bound:
    listed, attributes = members.get("traits"), members.get("attributes")
    traits = [one for one in listed if isinstance(one, str)] if isinstance(listed, list) else []
    return catalog.shape(tuple(traits)).bind(attributes if isinstance(attributes, dict) else {})


def _reporting(
    listed: Mapping[str, Mapping[str, Any]] | None, catalog: Catalog
) -> dict[str, Known] | None:
    if listed is None:
        return None
    return {
        one: Known(_bound(members, catalog), members.get("notificationSupportedByAgent") is True)
        for one, members in listed.items()
    }


def _answered(bound: Mapping[str, Bound], body: bytes) -> dict[str, Bound]:
    document = _document(body)
    payload = document.get("payload") if isinstance(document, dict) else None
    answers = payload.get("devices") if isinstance(payload, dict) else None
    named = answers.keys() if isinstance(answers, dict) else ()
    return {one: bound[one] for one in named if one in bound}
