"""Checks of what stands around the content of any answer: that it is JSON, an object, and has a payload.

An answer that cannot be used has a finding like any other, so that whoever sends it reads the same words wherever it is looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from homegraph.graph.checks.rule import Rule, pointer, shown, strangers
from homegraph.graph.model import Finding
from homegraph.wire.catalog.suggestions import did_you_mean
from homegraph.wire.json_faults import Fault, fault_of
from homegraph.wire.json_places import repeated_members
from homegraph.wire.query_intent import EXCEPTION_CODE

_TOP: Final = frozenset({"requestId", "payload"})


class Opened(msgspec.Struct, frozen=True):
    """An answer as far as it could be opened: the payload, None when there is none to look into."""

    request_id: str
    payload: Mapping[str, Any] | None
    findings: tuple[Finding, ...]


def open_answer(body: bytes, *, request_id: str = "") -> Opened:
    """Open an answer. ``request_id`` is what the intent had, empty when nobody knows."""
    if fault := fault_of(body):
        return _closed(unreadable(fault))
    document: Any = msgspec.json.decode(body)
    if not isinstance(document, dict):
        return _closed(_no_object(document))
    payload = document.get("payload")
    findings = [
        *check_request_id(document.get("requestId"), request_id),
        *strangers(ANSWER_MEMBER_UNKNOWN, document, _TOP, "an answer"),
    ]
    if not isinstance(payload, dict):
        told = "no payload" if payload is None else "a payload that is no object"
        findings.append(PAYLOAD_MISSING.found(f"The answer has {told}.", path="/payload"))
        payload = None
    echoed = document.get("requestId")
    return Opened(echoed if isinstance(echoed, str) else "", payload, tuple(findings))


def error_payload(
    payload: Mapping[str, Any], intent: str, known: frozenset[str]
) -> Iterator[Finding]:
    """An error for the whole intent: legal, and nothing is taken of the answer."""
    code = payload.get("errorCode")
    if not code:
        return
    debug = payload.get("debugString")
    said = f" It says: {shown(debug)}." if debug else ""
    what = f"The answer to {intent} is the error {shown(code)}.{said}"
    yield ERROR_PAYLOAD.found(what, path="/payload/errorCode")
    yield from error_code(code, known, "/payload/errorCode")


def error_code(
    code: object, known: frozenset[str], path: str, device_id: str = ""
) -> Iterator[Finding]:
    """A word that is no known code."""
    if not isinstance(code, str) or code not in known:
        meant = did_you_mean(code, known) if isinstance(code, str) else ""
        what = f"{shown(code)} is no known error or exception code.{meant}"
        yield ERROR_CODE_UNKNOWN.found(what, path=path, device_id=device_id)


def codes(
    members: Mapping[str, Any], known: frozenset[str], at: Sequence[str | int], device_id: str
) -> Iterator[Finding]:
    """Words beside or among the states of a device that are no known codes. Errors and exceptions share one list."""
    for name in ("errorCode", EXCEPTION_CODE):
        if members.get(name) is not None:
            yield from error_code(members[name], known, pointer(*at, name), device_id)
    yield from status_codes(members, known, at, device_id)


def status_codes(
    states: Mapping[str, Any], known: frozenset[str], at: Sequence[str | int], device_id: str
) -> Iterator[Finding]:
    """The same of what StatusReport tells. What is no text there is told by the trait."""
    reports = states.get("currentStatusReport")
    for place, one in enumerate(reports if isinstance(reports, list) else ()):
        code = one.get("statusCode") if isinstance(one, dict) else None
        if isinstance(code, str):
            path = pointer(*at, "currentStatusReport", place, "statusCode")
            yield from error_code(code, known, path, device_id)


def unreadable(fault: Fault, *, subject: str = "The answer", path: str = "") -> Finding:
    """The finding about bytes of which nothing can be read; ``subject`` is what they are."""
    rule = NOT_JSON if fault.is_text else NOT_UTF8
    return rule.found(fault.told_of(subject), path=path)


def _no_object(document: object) -> Finding:
    what = f"The answer is {shown(document)}, not an object."
    if isinstance(document, list) and any(isinstance(one, dict) for one in document):
        is_answer = any(isinstance(one, dict) and "payload" in one for one in document)
        fix = "Send the object itself, without the list around it." if is_answer else ""
        return NOT_OBJECT.found(what, fix=fix)
    if isinstance(document, str) and document.lstrip().startswith("{"):
        return NOT_OBJECT.found(what, fix="The answer was made JSON twice; do it once.")
    return NOT_OBJECT.found(what)


def _closed(finding: Finding) -> Opened:
    return Opened("", None, (finding,))


def check_request_id(echoed: object, sent: str) -> Iterator[Finding]:
    """Whether ``requestId`` came back as it was ``sent``, which is empty when nobody knows."""
    if echoed is None or echoed == "":
        yield REQUEST_ID_NOT_ECHOED.found("The reply has no requestId.", path="/requestId")
    elif not isinstance(echoed, str):
        what = f"requestId is {shown(echoed)}; it must be text."
        yield REQUEST_ID_NOT_ECHOED.found(what, path="/requestId", severity="refused")
    elif sent and echoed != sent:
        what = f"requestId is {shown(echoed)}, which is not the one that was sent."
        yield REQUEST_ID_NOT_ECHOED.found(what, path="/requestId")


def check_members(body: bytes) -> Iterator[Finding]:
    """Members that are given twice. Only of an answer that can be opened."""
    for path in repeated_members(body.decode(errors="replace")):
        name = path.rpartition("/")[2].replace("~1", "/").replace("~0", "~")
        yield MEMBER_TWICE.found(f"{shown(name)} is given more than once in one object.", path=path)


NOT_JSON: Final = Rule(
    id="answer-not-json",
    severity="refused",
    subject="SYNC",
    title="The answer is not JSON",
    why="Nothing can be read of it. Mostly it is a page of a proxy, an error message, or cut off.",
    fix="Answer with a JSON object, also when something fails.",
    source="RFC 8259",
)

NOT_UTF8: Final = Rule(
    id="answer-not-utf8",
    severity="refused",
    subject="SYNC",
    title="The answer is not UTF-8",
    why="JSON is exchanged in UTF-8; nothing can be read of anything else.",
    fix="Encode the answer in UTF-8.",
    source="RFC 8259 section 8.1",
)

NOT_OBJECT: Final = Rule(
    id="answer-not-object",
    severity="refused",
    subject="SYNC",
    title="The answer is JSON, but no object",
    why="An answer has requestId and payload; a list or a text has neither.",
    fix='Wrap it: {"requestId": …, "payload": …}.',
    source="SYNC response schema",
    wrong="[]",
    right='{"requestId": "1", "payload": {"agentUserId": "1836", "devices": []}}',
)

PAYLOAD_MISSING: Final = Rule(
    id="payload-missing",
    severity="refused",
    subject="SYNC",
    title="The answer has no payload",
    why="Everything that an answer says stands in payload.",
    fix="Put devices, commands or errorCode into payload.",
    source="SYNC response schema",
    wrong='{"requestId": "1", "devices": []}',
)

ANSWER_MEMBER_UNKNOWN: Final = Rule(
    id="answer-member-unknown",
    severity="ignored",
    subject="SYNC",
    title="The answer has a member that does not exist",
    why="Nothing reads it. Mostly it belongs into payload.",
    fix="Move it into payload, or leave it out.",
    source="SYNC response schema",
)

REQUEST_ID_NOT_ECHOED: Final = Rule(
    id="request-id-not-echoed",
    severity="advice",
    subject="SYNC",
    title="requestId is not the one of the request",
    why="It must be the same as in the request.",
    fix="Copy requestId from the request into the reply.",
    source="SYNC response schema",
    wrong='{"payload": {"agentUserId": "1836", "devices": []}}',
    right='{"requestId": "6894439706274654512", "payload": {"agentUserId": "1836", "devices": []}}',
)

UNREADABLE: Final = frozenset({NOT_JSON.id, NOT_UTF8.id})
"""Rules about an answer in which no place can be pointed at but the one where reading ended."""

MEMBER_TWICE: Final = Rule(
    id="member-twice",
    severity="advice",
    subject="SYNC",
    title="An object has a member twice",
    why="JSON leaves open which one counts. Here, as in most places, the last one does and the others are lost.",
    fix="Give every member once.",
    source="RFC 8259 section 4",
    wrong='{"requestId": "1", "requestId": "2", "payload": {"agentUserId": "1836", "devices": []}}',
    right='{"requestId": "1", "payload": {"agentUserId": "1836", "devices": []}}',
)

ERROR_PAYLOAD: Final = Rule(
    id="error-payload",
    severity="refused",
    subject="SYNC",
    title="The answer is an error",
    why="With an errorCode in payload nothing else of the answer is taken; what is stored stays.",
    fix="Look into the fulfillment's own log. Of a SYNC, an error is right while devices are not loaded.",
    source="SYNC response schema",
    wrong='{"requestId": "1", "payload": {"errorCode": "deviceNotReady"}}',
)

ERROR_CODE_UNKNOWN: Final = Rule(
    id="error-code-unknown",
    severity="advice",
    subject="SYNC",
    title="The code of an error or exception is not on the list",
    why="A user hears a general excuse in place of what is wrong. The list is open, so it is only advice.",
    fix="Use a code of the list, which stands in the reference of traits.",
    source="the platform's published list of error codes",
)

RULES: Final = (
    NOT_JSON,
    NOT_UTF8,
    NOT_OBJECT,
    PAYLOAD_MISSING,
    ANSWER_MEMBER_UNKNOWN,
    REQUEST_ID_NOT_ECHOED,
    MEMBER_TWICE,
    ERROR_PAYLOAD,
    ERROR_CODE_UNKNOWN,
)
