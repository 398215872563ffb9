"""Checks of what a fulfillment answers to EXECUTE."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from homegraph.graph.checks.envelopes import codes, error_payload, open_answer
from homegraph.graph.checks.rule import Rule, pointer, shown
from homegraph.graph.checks.syncs import cut
from homegraph.graph.checks.traits import trait_findings
from homegraph.graph.model import Finding
from homegraph.wire.catalog.book import Catalog
from homegraph.wire.catalog.shapes import Bound
from homegraph.wire.catalog.suggestions import did_you_mean
from homegraph.wire.execute_intent import CHALLENGE_NEEDED
from homegraph.wire.query_intent import EXCEPTION_CODE

CHALLENGES: Final = ("ackNeeded", "pinNeeded", "challengeFailedPinNeeded")
"""What a device may ask back before it obeys (protocol.md 5.6)."""

SLOW_SECONDS: Final = 1.0
"""Google's quality bar for nine of ten answers."""


class _Sent(NamedTuple):
    """What the devices were told; the command is empty when nobody knows."""

    command: str
    params: Mapping[str, Any]


def check_execute(  # noqa: PLR0913  # what is known of an intent
    body: bytes,
    catalog: Catalog,
    *,
    devices: Mapping[str, Bound] | None = None,
    asked: frozenset[str] | None = None,
    command: str = "",
    params: Mapping[str, Any] | None = None,
    request_id: str = "",
    took: float = 0.0,
) -> tuple[Finding, ...]:
    """Everything that is wrong with an answer to EXECUTE.

    ``devices`` are those that are known, ``asked`` the ids that the command was for, ``command`` its full name and ``params`` its
    parameters; None and empty where nobody knows.
    """
    opened = open_answer(body, request_id=request_id)
    findings = list(opened.findings)
    payload = opened.payload
    if payload is None:
        return tuple(findings)
    findings += error_payload(payload, "EXECUTE", catalog.error_codes)
    if not payload.get("errorCode"):
        findings += _groups(
            payload.get("commands"), catalog, devices or {}, asked, _Sent(command, params or {})
        )
    if took > SLOW_SECONDS:
        findings.append(EXECUTE_SLOW.found(f"The answer took {took:.1f} s."))
    return cut(findings)


def _groups(
    groups: object,
    catalog: Catalog,
    devices: Mapping[str, Bound],
    asked: frozenset[str] | None,
    sent: _Sent,
) -> Iterator[Finding]:
    if not isinstance(groups, list):
        told = "missing" if groups is None else f"{shown(groups)}, not a list"
        what = f"payload.commands is {told}."
        yield EXECUTE_COMMANDS_MISSING.found(what, path="/payload/commands")
        return
    seen: set[str] = set()
    for index, group in enumerate(groups):
        at = ("payload", "commands", index)
        ids = group.get("ids") if isinstance(group, dict) else None
        if not isinstance(ids, list) or not all(isinstance(one, str) for one in ids) or not ids:
            what = f"Entry {index} of commands has no list of ids."
            yield EXECUTE_IDS_MISSING.found(what, path=pointer(*at, "ids"))
            continue
        for place, device_id in enumerate(ids):
            path = pointer(*at, "ids", place)
            if device_id in seen:
                what = f"Device {shown(device_id)} is answered twice."
                yield EXECUTE_DEVICE_TWICE.found(what, path=path, device_id=device_id)
            elif asked is not None and device_id not in asked:
                what = f"The command was not for device {shown(device_id)}."
                yield EXECUTE_DEVICE_UNASKED.found(what, path=path, device_id=device_id)
            seen.add(device_id)
        yield from _group(group, at, ids[0], catalog)
        yield from _states(group, at, ids, devices, sent)
    for device_id in sorted((asked or frozenset()) - seen):
        what = f"Device {shown(device_id)} was given the command and is not answered."
        yield EXECUTE_DEVICE_MISSING.found(what, path="/payload/commands", device_id=device_id)


def _group(
    group: Mapping[str, Any], at: tuple[str | int, ...], device_id: str, catalog: Catalog
) -> Iterator[Finding]:
    status = group.get("status")
    words = catalog.common.execute_status.values
    if status not in words:
        meant = did_you_mean(status, words) if isinstance(status, str) else ""
        what = f"status is {shown(status)}; it is one of {', '.join(words)}.{meant}"
        path = pointer(*at, "status")
        yield EXECUTE_STATUS_UNKNOWN.found(what, path=path, device_id=device_id)
    if status == "ERROR" and not group.get("errorCode"):
        what = "status is ERROR, and no errorCode says why."
        yield EXECUTE_ERROR_CODE_MISSING.found(what, path=pointer(*at), device_id=device_id)
    yield from codes(group, catalog.error_codes, at, device_id)
    states = group.get("states")
    if isinstance(states, dict):
        yield from codes(states, catalog.error_codes, (*at, "states"), device_id)
    elif status == "SUCCESS":
        what = "status is SUCCESS, and no states say what came of it."
        yield EXECUTE_STATES_MISSING.found(what, path=pointer(*at), device_id=device_id)
    if status == "PENDING":
        what = "status is PENDING."
        yield EXECUTE_PENDING.found(what, path=pointer(*at, "status"), device_id=device_id)
    yield from _challenge(group, at, device_id)


def _challenge(
    group: Mapping[str, Any], at: tuple[str | int, ...], device_id: str
) -> Iterator[Finding]:
    challenge = group.get(CHALLENGE_NEEDED)
    if group.get("errorCode") == CHALLENGE_NEEDED or challenge is not None:
        type_ = challenge.get("type") if isinstance(challenge, dict) else None
        if type_ not in CHALLENGES:
            meant = did_you_mean(type_, CHALLENGES) if isinstance(type_, str) else ""
            what = f"The challenge's type is {shown(type_)}; it is one of {', '.join(CHALLENGES)}.{meant}"
            path = pointer(*at, CHALLENGE_NEEDED, *([] if challenge is None else ["type"]))
            yield EXECUTE_CHALLENGE_FORM.found(what, path=path, device_id=device_id)


def _states(
    group: Mapping[str, Any],
    at: tuple[str | int, ...],
    ids: list[str],
    devices: Mapping[str, Bound],
    sent: _Sent,
) -> Iterator[Finding]:
    """States after the command, by what each device of the group may say; among them stand the command's results, and an exception."""
    states = group.get("states")
    if states is None:
        return
    if not isinstance(states, dict):
        what = f"states is {shown(states)}, not an object."
        yield EXECUTE_STATES_FORM.found(what, path=pointer(*at, "states"), device_id=ids[0])
        return
    for device_id in ids:
        bound = devices.get(device_id)
        if bound is None:
            continue
        found = bound.command(sent.command)
        # Where nobody knows the command, the results of any may be there.
        known = (found[1],) if found else bound.commands()
        besides = {field.name for one in known for field in one.results} | {EXCEPTION_CODE}
        plain = {name: value for name, value in states.items() if name not in besides}
        problems = bound.state_problems(plain, whole=False)
        if found and group.get("status") == "SUCCESS":
            problems += bound.result_problems(sent.command, states, sent.params)
        yield from trait_findings(problems, *at, "states", device_id=device_id)


def _rule(id_: str, severity: Any, title: str, why: str, fix: str) -> Rule:
    return Rule(
        id=f"execute-{id_}",
        severity=severity,
        subject="EXECUTE",
        title=title,
        why=why,
        fix=fix,
        source="EXECUTE response schema",
    )


EXECUTE_COMMANDS_MISSING: Final = _rule(
    "commands-missing",
    "refused",
    "The answer has no list of commands",
    "What came of a command stands in payload.commands, by groups of devices.",
    'Send {"commands": [{"ids": ["ID"], "status": "SUCCESS", "states": {…}}]}.',
)
EXECUTE_IDS_MISSING: Final = _rule(
    "ids-missing",
    "refused",
    "A group of the answer has no ids",
    "Without ids it is not known whose result it is.",
    "Name the devices of each group in ids.",
)
EXECUTE_DEVICE_TWICE: Final = _rule(
    "device-twice",
    "advice",
    "A device is answered twice",
    "Which of the two answers counts is not known.",
    "Put every device into one group.",
)
EXECUTE_DEVICE_UNASKED: Final = _rule(
    "device-unasked",
    "ignored",
    "A device is answered that the command was not for",
    "Nothing reads it.",
    "Answer for the devices of the command only; report others by Report State.",
)
EXECUTE_DEVICE_MISSING: Final = _rule(
    "device-missing",
    "refused",
    "A device that was given the command is not answered",
    "A device without an answer counts as failed.",
    "Put every device of the command into a group.",
)
EXECUTE_STATUS_UNKNOWN: Final = _rule(
    "status-unknown",
    "refused",
    "status is missing, or a word that does not exist",
    "Only five words are understood, in capitals.",
    "Use SUCCESS, PENDING, OFFLINE, EXCEPTIONS or ERROR.",
)
EXECUTE_ERROR_CODE_MISSING: Final = _rule(
    "error-code-missing",
    "advice",
    "An error says nothing of its cause",
    "A user hears a general excuse in place of what is wrong.",
    "Add an errorCode.",
)
EXECUTE_STATES_MISSING: Final = _rule(
    "states-missing",
    "advice",
    "A success has no states",
    "The states after the command are what the user is told.",
    "Add states with the values after the command, and online.",
)
EXECUTE_STATES_FORM: Final = _rule(
    "states-form",
    "refused",
    "states is no object",
    "States are members of an object.",
    "Send an object, or leave states out.",
)
EXECUTE_PENDING: Final = _rule(
    "pending",
    "advice",
    "A command is still under way",
    "PENDING promises a result that the user does not see; it is meant for slow devices only.",
    "Answer with the result where it is there within a second or two; else report the state when it is.",
)
EXECUTE_CHALLENGE_FORM: Final = _rule(
    "challenge-form",
    "refused",
    "A challenge does not say what it asks for",
    "Without a known type nobody can be asked.",
    'Send {"challengeNeeded": {"type": "pinNeeded"}} with errorCode challengeNeeded.',
)
EXECUTE_SLOW: Final = _rule(
    "slow",
    "advice",
    "The answer came late",
    f"Google wants nine of ten answers within {SLOW_SECONDS:.0f} s, and gives up after three to five.",
    "Answer as soon as the command is sent; report the state when it has changed.",
)

RULES: Final = (
    EXECUTE_COMMANDS_MISSING,
    EXECUTE_IDS_MISSING,
    EXECUTE_DEVICE_TWICE,
    EXECUTE_DEVICE_UNASKED,
    EXECUTE_DEVICE_MISSING,
    EXECUTE_STATUS_UNKNOWN,
    EXECUTE_ERROR_CODE_MISSING,
    EXECUTE_STATES_MISSING,
    EXECUTE_STATES_FORM,
    EXECUTE_PENDING,
    EXECUTE_CHALLENGE_FORM,
    EXECUTE_SLOW,
)
