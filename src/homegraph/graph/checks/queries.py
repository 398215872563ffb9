"""Checks of what a fulfillment answers to QUERY."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from homegraph.graph.checks.envelopes import codes, error_payload, open_answer
from homegraph.graph.checks.rule import Rule, pointer, shown
from homegraph.graph.checks.syncs import cut
from homegraph.graph.checks.traits import trait_findings
from homegraph.graph.model import Finding
from homegraph.wire.catalog.book import Catalog
from homegraph.wire.catalog.shapes import Bound
from homegraph.wire.catalog.suggestions import did_you_mean
from homegraph.wire.query_intent import NOT_STATES

SLOW_SECONDS: Final = 1.0
"""Google's quality bar for nine of ten answers."""

_UNREACHABLE: Final = ("OFFLINE", "ERROR")


def first_query_failed(message: str) -> Finding:
    """The QUERY after a first SYNC brought nothing; ``message`` says what came instead."""
    return FIRST_QUERY_FAILED.found(
        f"The QUERY after the first SYNC brought no states. {message}", path="/payload/devices"
    )


def check_query(
    body: bytes,
    catalog: Catalog,
    *,
    devices: Mapping[str, Bound] | None = None,
    stored: Mapping[str, Mapping[str, Any]] | None = None,
    request_id: str = "",
    took: float = 0.0,
) -> tuple[Finding, ...]:
    """Everything that is wrong with an answer to QUERY.

    ``devices`` are those that were asked about, None when nobody knows; then only what is true of every device is judged.
    ``stored`` has the states that were reported last.
    """
    opened = open_answer(body, request_id=request_id)
    findings = list(opened.findings)
    payload = opened.payload
    if payload is None:
        return tuple(findings)
    findings += error_payload(payload, "QUERY", catalog.error_codes)
    if not payload.get("errorCode"):
        findings += _answers(payload.get("devices"), catalog, devices, stored or {})
    if took > SLOW_SECONDS:
        findings.append(QUERY_SLOW.found(f"The answer took {took:.1f} s."))
    return cut(findings)


def disagreeing(answer: Mapping[str, Any], stored: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of states that were reported differently. The answer is newer, so a report is missing."""
    return tuple(
        sorted(name for name in stored.keys() & answer.keys() if stored[name] != answer[name])
    )


def _answers(
    answers: object,
    catalog: Catalog,
    devices: Mapping[str, Bound] | None,
    stored: Mapping[str, Mapping[str, Any]],
) -> Iterator[Finding]:
    if not isinstance(answers, dict):
        told = "missing" if answers is None else f"{shown(answers)}, not an object"
        what = f"payload.devices is {told}; in QUERY it has an answer by the id of each device."
        yield QUERY_DEVICES_MISSING.found(what, path="/payload/devices")
        return
    for device_id in (one for one in devices or () if one not in answers):
        what = f"Device {shown(device_id)} was asked about and is not answered."
        yield QUERY_DEVICE_MISSING.found(what, path="/payload/devices", device_id=device_id)
    for device_id, answer in answers.items():
        at = pointer("payload", "devices", device_id)
        if devices is not None and device_id not in devices:
            what = f"Device {shown(device_id)} was not asked about."
            yield QUERY_DEVICE_UNASKED.found(what, path=at, device_id=device_id)
        elif not isinstance(answer, dict):
            what = f"The answer about {shown(device_id)} is {shown(answer)}, not an object."
            yield QUERY_ANSWER_FORM.found(what, path=at, device_id=device_id)
        else:
            yield from _answer(device_id, answer, catalog, (devices or {}).get(device_id))
            yield from _disagreement(device_id, answer, stored.get(device_id, {}))


def _answer(
    device_id: str, answer: Mapping[str, Any], catalog: Catalog, bound: Bound | None
) -> Iterator[Finding]:
    at = ("payload", "devices", device_id)
    status, online = answer.get("status"), answer.get("online")
    words = catalog.common.query_status.values
    if status is not None and status not in words:
        meant = did_you_mean(status, words) if isinstance(status, str) else ""
        what = f"status is {shown(status)}; it is one of {', '.join(words)}.{meant}"
        path = pointer(*at, "status")
        yield QUERY_STATUS_UNKNOWN.found(what, path=path, device_id=device_id)
    if status == "ERROR" and not answer.get("errorCode"):
        what = "status is ERROR, and no errorCode says why."
        yield QUERY_ERROR_CODE_MISSING.found(what, path=pointer(*at), device_id=device_id)
    yield from codes(answer, catalog.error_codes, at, device_id)
    if status == "OFFLINE" and online is True:
        what = "status is OFFLINE, and online is true."
        path = pointer(*at, "online")
        yield QUERY_OFFLINE_ONLINE.found(what, path=path, device_id=device_id)
    # Of a device that cannot be reached nobody expects all states.
    whole = status not in _UNREACHABLE and online is not False
    if bound is not None and not (whole and bound.states_fit(answer, whole=True)):
        known = answer if whole else {key: answer[key] for key in answer if key not in NOT_STATES}
        problems = bound.state_problems(known, whole=whole)
        yield from trait_findings(problems, *at, device_id=device_id)
    elif bound is None and not isinstance(online, bool):
        what = "online is missing." if online is None else f"online is {shown(online)}."
        path = pointer(*at, "online")
        yield QUERY_ONLINE_MISSING.found(what, path=path, device_id=device_id)


def _disagreement(
    device_id: str, answer: Mapping[str, Any], stored: Mapping[str, Any]
) -> Iterator[Finding]:
    for name in disagreeing(answer, stored):
        what = (
            f"{name} is {shown(answer[name])} here and was last reported as {shown(stored[name])}."
        )
        path = pointer("payload", "devices", device_id, name)
        yield QUERY_DISAGREES.found(what, path=path, device_id=device_id)


FIRST_QUERY_FAILED: Final = Rule(
    id="first-query-failed",
    severity="advice",
    subject="QUERY",
    title="The QUERY after the first SYNC brought no states",
    why="The Home Graph asks once for the states of new devices; afterwards it relies on Report State.",
    fix="Answer QUERY for every device that SYNC lists, or report their states.",
    source="Google's Report State documentation since August 2020",
)

QUERY_DEVICES_MISSING: Final = Rule(
    id="query-devices-missing",
    severity="refused",
    subject="QUERY",
    title="The answer has no object of devices",
    why="In QUERY devices is an object by ids, not a list as in SYNC.",
    fix='Send {"devices": {"ID": {"online": true, …}}}.',
    source="QUERY response schema",
)

QUERY_DEVICE_MISSING: Final = Rule(
    id="query-device-missing",
    severity="refused",
    subject="QUERY",
    title="A device that was asked about is not answered",
    why="A device without an answer counts as failed.",
    fix="Answer for every id of the request, with OFFLINE or an error where there is nothing to tell.",
    source="QUERY response schema",
)

QUERY_DEVICE_UNASKED: Final = Rule(
    id="query-device-unasked",
    severity="ignored",
    subject="QUERY",
    title="A device is answered that was not asked about",
    why="Nothing reads it.",
    fix="Answer for the ids of the request only.",
    source="QUERY response schema",
)

QUERY_ANSWER_FORM: Final = Rule(
    id="query-answer-form",
    severity="refused",
    subject="QUERY",
    title="The answer about a device is no object",
    why="States are members of an object.",
    fix='Send {"online": true, …} for each device.',
    source="QUERY response schema",
)

QUERY_STATUS_UNKNOWN: Final = Rule(
    id="query-status-unknown",
    severity="refused",
    subject="QUERY",
    title="status is a word that does not exist",
    why="Only four words are understood, in capitals.",
    fix="Use SUCCESS, OFFLINE, EXCEPTIONS or ERROR.",
    source="QUERY response schema",
)

QUERY_ERROR_CODE_MISSING: Final = Rule(
    id="query-error-code-missing",
    severity="advice",
    subject="QUERY",
    title="An error says nothing of its cause",
    why="A user hears a general excuse in place of what is wrong.",
    fix="Add an errorCode.",
    source="Google's page on errors and exceptions",
)

QUERY_OFFLINE_ONLINE: Final = Rule(
    id="query-offline-online",
    severity="advice",
    subject="QUERY",
    title="A device is offline and online at once",
    why="The two contradict each other; which one counts is not known.",
    fix="Send online false with OFFLINE.",
    source="QUERY response schema",
)

QUERY_ONLINE_MISSING: Final = Rule(
    id="query-online-missing",
    severity="refused",
    subject="QUERY",
    title="A device does not say whether it is online",
    why="online is required of every device.",
    fix="Send online as true or false.",
    source="QUERY response schema",
)

QUERY_DISAGREES: Final = Rule(
    id="query-disagrees",
    severity="advice",
    subject="QUERY",
    title="A state is not the one that was reported last",
    why="Whoever relies on reported states sees something else than the device does.",
    fix="Call Report State whenever a state changes.",
    source="Google's Report State documentation",
)

QUERY_SLOW: Final = Rule(
    id="query-slow",
    severity="advice",
    subject="QUERY",
    title="The answer came late",
    why=f"Google wants nine of ten answers within {SLOW_SECONDS:.0f} s, and gives up after about five.",
    fix="Answer from the states that you have; report what changes.",
    source="Google's quality requirements",
)

RULES: Final = (
    FIRST_QUERY_FAILED,
    QUERY_DEVICES_MISSING,
    QUERY_DEVICE_MISSING,
    QUERY_DEVICE_UNASKED,
    QUERY_ANSWER_FORM,
    QUERY_STATUS_UNKNOWN,
    QUERY_ERROR_CODE_MISSING,
    QUERY_OFFLINE_ONLINE,
    QUERY_ONLINE_MISSING,
    QUERY_DISAGREES,
    QUERY_SLOW,
)
