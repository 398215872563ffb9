"""Checks of a body that is sent to Report State, before anybody sends it.

The Home Graph itself answers such a call by ``graph.reporting``; here is the same, and what is only advice, as findings.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec

from homegraph.errors import CallRefused
from homegraph.graph.checks.envelopes import error_code, status_codes
from homegraph.graph.checks.rule import Rule, pointer, shown
from homegraph.graph.checks.syncs import cut
from homegraph.graph.checks.traits import BY_PROBLEM, trait_findings
from homegraph.graph.model import Finding, Instant
from homegraph.graph.reporting import FOREIGN_KEYS
from homegraph.wire.catalog.book import Catalog
from homegraph.wire.catalog.problems import Kind, Place
from homegraph.wire.catalog.shapes import Bound
from homegraph.wire.reports import read_report

_AT: Final = ("payload", "devices")

REPORT_EXPECTED_SECONDS: Final = 60.0
"""From the SYNC that brought a device: its first report is due at once, and a minute is patient."""


class Known(msgspec.Struct, frozen=True):
    """A device as a report is judged by: what it may say, and whether it may notify."""

    bound: Bound
    notifies: bool = False


class Promise(msgspec.Struct, frozen=True):
    """What is known of a device that said willReportState: when SYNC brought it, and when a state of it was stored last."""

    device_id: str
    added_at: Instant
    stored_at: Instant | None


def check_promises(promises: Iterable[Promise], now: Instant) -> Iterator[Finding]:
    """Devices that said they would report and have not. What the QUERY after the first SYNC brought is stored before they are."""
    for one in promises:
        is_silent = one.stored_at is None or one.stored_at <= one.added_at
        if is_silent and now >= one.added_at + REPORT_EXPECTED_SECONDS:
            what = f"Device {shown(one.device_id)} has willReportState true and was never reported."
            yield REPORT_NEVER.found(what, device_id=one.device_id)


def check_report(
    body: bytes, catalog: Catalog, *, devices: Mapping[str, Known] | None = None
) -> tuple[Finding, ...]:
    """Everything that is wrong with a report; ``devices`` are those of the agent user, None when nobody knows."""
    try:
        report = read_report(body, "application/json")
    except CallRefused as exc:
        told = exc.facts.get("wrong_fields") or ((None, exc.message),)
        return tuple(REPORT_UNREADABLE.found(text) for _, text in told)
    findings: list[Finding] = []
    for device_id, states in report.states.items():
        findings += _states(device_id, states, devices)
        at = (*_AT, "states", device_id)
        findings += status_codes(states, catalog.error_codes, at, device_id)
    for device_id, notified in report.notifications.items():
        findings += _notified(device_id, notified, devices, catalog.error_codes)
    if not report.states and not report.notifications:
        findings.append(REPORT_EMPTY.found("The report names no device.", path=pointer(*_AT)))
    return cut(findings)


def _states(
    device_id: str, states: Mapping[str, Any], devices: Mapping[str, Known] | None
) -> Iterator[Finding]:
    at = (*_AT, "states", device_id)
    known = None if devices is None else devices.get(device_id)
    for name in (one for one in states if one in FOREIGN_KEYS):
        what = f"{name!r} is no state; it belongs to the answer of an intent."
        yield REPORT_FOREIGN.found(what, path=pointer(*at, name), device_id=device_id)
    plain = {name: value for name, value in states.items() if name not in FOREIGN_KEYS}
    if devices is not None and known is None:
        what = f"Device {shown(device_id)} is not listed in SYNC."
        yield REPORT_DEVICE_UNKNOWN.found(what, path=pointer(*at), device_id=device_id)
    elif known is not None:
        yield from _judged(device_id, plain, known, at)
    else:
        for name, value in plain.items():
            if value is None:
                what = f"{name} is null."
                yield REPORT_NULL.found(what, path=pointer(*at, name), device_id=device_id)


def _judged(
    device_id: str, states: Mapping[str, Any], known: Known, at: tuple[str, ...]
) -> Iterator[Finding]:
    """By the device's traits. Google refuses a report for a state that no trait has; in an answer it would be ignored."""
    if known.bound.states_fit(states, whole=False):
        return
    for finding in trait_findings(
        known.bound.state_problems(states, whole=False), *at, device_id=device_id
    ):
        if finding.rule == "state-unknown":
            yield REPORT_UNDECLARED.found(finding.what, path=finding.path, device_id=device_id)
        elif finding.rule == "state-missing":
            yield REPORT_INCOMPLETE.found(finding.what, path=finding.path, device_id=device_id)
        else:
            yield finding


def _notified(
    device_id: str,
    notified: Mapping[str, Any],
    devices: Mapping[str, Known] | None,
    codes: frozenset[str],
) -> Iterator[Finding]:
    at = (*_AT, "notifications", device_id)
    known = None if devices is None else devices.get(device_id)
    if known is None:
        return
    if not known.notifies:
        what = "The device did not declare notificationSupportedByAgent in SYNC."
        yield REPORT_SILENT.found(what, path=pointer(*at), device_id=device_id)
    for key, body in notified.items():
        if not isinstance(body, dict):
            what = f"{key} is {shown(body)}; a notification is an object."
            rule = BY_PROBLEM[Place.NOTIFICATION, Kind.TYPE]
            yield rule.found(what, path=pointer(*at, key), device_id=device_id)
        else:
            problems = known.bound.notification_problems(key, body)
            yield from trait_findings(problems, *at, key, device_id=device_id)
            response = body.get("followUpResponse")
            code = response.get("errorCode") if isinstance(response, dict) else None
            if isinstance(code, str):  # of what is no text the trait's schema speaks
                path = pointer(*at, key, "followUpResponse", "errorCode")
                yield from error_code(code, codes, path, device_id)


def _rule(id_: str, severity: Any, title: str, why: str, fix: str) -> Rule:
    return Rule(
        id=f"report-{id_}",
        severity=severity,
        subject="report",
        title=title,
        why=why,
        fix=fix,
        source="the HomeGraph API's reference of reportStateAndNotification",
    )


REPORT_UNREADABLE: Final = _rule(
    "unreadable",
    "refused",
    "The call cannot be read",
    "The Home Graph answers it with 400 and stores nothing.",
    'Send {"agentUserId": …, "payload": {"devices": {"states": {"ID": {…}}}}}.',
)
REPORT_EMPTY: Final = _rule(
    "empty",
    "advice",
    "The report says nothing",
    "It costs quota and changes nothing.",
    "Report when a state has changed.",
)
REPORT_DEVICE_UNKNOWN: Final = _rule(
    "device-unknown",
    "refused",
    "A device is reported that SYNC does not list",
    "The Home Graph answers 404 and stores nothing of the whole report.",
    "Request a sync when devices are added, and report afterwards.",
)
REPORT_FOREIGN: Final = _rule(
    "foreign",
    "refused",
    "A report has members of another answer",
    "status and errorCode are no states; the report is refused with 400.",
    "Report states only: what QUERY has without status and errorCode.",
)
REPORT_NULL: Final = _rule(
    "null",
    "refused",
    "A state is null",
    "Null is no state; the report is refused with 400.",
    "Leave a state out that is not known.",
)
REPORT_UNDECLARED: Final = _rule(
    "undeclared",
    "refused",
    "A state belongs to none of the device's traits",
    "The API refuses a state outside the declared traits with INVALID_ARGUMENT.",
    "Declare the trait in SYNC, or leave the state out.",
)
REPORT_INCOMPLETE: Final = _rule(
    "incomplete",
    "advice",
    "A trait is reported without all of its states",
    "A trait that is mentioned is replaced as a whole, so what is left out is gone.",
    "Report all states of a trait together.",
)
REPORT_SILENT: Final = _rule(
    "silent",
    "refused",
    "A device notifies that has not declared it",
    "Notifications of a device without notificationSupportedByAgent are refused with 400.",
    "Set notificationSupportedByAgent to true in SYNC.",
)

REPORT_NEVER: Final = _rule(
    "never",
    "advice",
    "A device that promised to report does not",
    "With willReportState true the Home Graph relies on reports, and shows what the first QUERY said for ever.",
    "Call Report State after SYNC, after EXECUTE and whenever a state changes; or set willReportState to false.",
)

RULES: Final = (
    REPORT_UNREADABLE,
    REPORT_EMPTY,
    REPORT_DEVICE_UNKNOWN,
    REPORT_FOREIGN,
    REPORT_NULL,
    REPORT_UNDECLARED,
    REPORT_INCOMPLETE,
    REPORT_SILENT,
    REPORT_NEVER,
)
