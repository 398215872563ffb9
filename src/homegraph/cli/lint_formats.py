"""Findings in the forms that other programs read: our own JSON, SARIF 2.1.0, JUnit's XML.

SARIF is what code hosts show beside a line, JUnit's XML what every CI server shows as tests. In both a rule is named by its id and its
page; a place has the line. Pure functions of what was judged.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote
from xml.etree import ElementTree as ET

import msgspec

from homegraph import __version__
from homegraph.graph.checks.rulebook import RULES
from homegraph.graph.model import Finding
from homegraph.wire.json_places import Place

PAGES: Final = "https://github.com/homegraph/homegraph/blob/main/docs/reference/findings"
SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"

_LEVELS: Final[Mapping[str, str]] = {"refused": "error", "ignored": "warning", "advice": "note"}
"""Severities as SARIF has them."""

_NOT_IN_XML: Final = dict.fromkeys((*range(9), 11, 12, *range(14, 32)), "�")
"""Control characters that no XML document may hold, escaped or not."""


class Judged(msgspec.Struct, frozen=True):
    """An answer with its findings: its ``name`` (a file's, or the intent's), its text, and where in it the findings point."""

    name: str
    text: str
    findings: Sequence[Finding]
    places: Mapping[str, Place]


def as_json(findings: Sequence[Finding]) -> bytes:
    """``{"findings": [{"rule", "severity", "device_id", "path", "what", "why", "fix", "source"}]}``."""
    return msgspec.json.encode(
        {
            "findings": [
                {
                    "rule": one.rule,
                    "severity": one.severity,
                    "device_id": one.device_id,
                    "path": one.path,
                    "what": one.what,
                    "why": one.why,
                    "fix": one.fix,
                    "source": one.source,
                }
                for one in findings
            ]
        }
    )


def as_sarif(judged: Sequence[Judged]) -> bytes:
    """One SARIF run over all answers."""
    named = list(dict.fromkeys(finding.rule for one in judged for finding in one.findings))
    driver = {
        "name": "homegraph",
        "version": __version__,
        "informationUri": PAGES,
        "rules": [_sarif_rule(rule) for rule in named],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [
            _sarif_result(finding, named.index(finding.rule), one)
            for one in judged
            for finding in one.findings
        ],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}).encode()


def as_junit(judged: Sequence[Judged]) -> bytes:
    """A suite per answer: a device, or the answer itself, is a case. It fails by what is refused; the rest stands in its output."""
    suites = ET.Element("testsuites")
    for one in judged:
        suite = ET.SubElement(suites, "testsuite", name=_xml(one.name))
        by_device: dict[str, list[Finding]] = {"": []}
        for finding in one.findings:
            by_device.setdefault(finding.device_id, []).append(finding)
        failures = sum(_junit_case(suite, *case, one) for case in by_device.items())
        suite.set("tests", str(len(by_device)))
        suite.set("failures", str(failures))
        suite.set("errors", "0")  # Jenkins' schema wants it said
    document: bytes = ET.tostring(suites, encoding="utf-8", xml_declaration=True)
    return document


def _junit_case(
    suite: ET.Element, device_id: str, findings: Sequence[Finding], judged: Judged
) -> bool:
    """Add a case; whether it failed."""
    name = _xml(device_id) or "the answer itself"
    case = ET.SubElement(suite, "testcase", classname="homegraph.lint", name=name)
    refused = [one for one in findings if one.severity == "refused"]
    for one in refused:
        failure = ET.SubElement(case, "failure", type=one.rule, message=_xml(one.what))
        failure.text = _xml(_told(one, judged))
    others = [_told(one, judged) for one in findings if one.severity != "refused"]
    if others:
        ET.SubElement(case, "system-out").text = _xml("\n\n".join(others))
    return bool(refused)


def _told(finding: Finding, judged: Judged) -> str:
    place = judged.places.get(finding.path)
    at = f"{judged.name}:{place.line}:{place.column} " if place else ""
    return (
        f"{finding.severity} {finding.rule}\n{at}{finding.path}\n"
        f"{finding.what}\nwhy: {finding.why}\nfix: {finding.fix}"
    )


def _sarif_rule(rule_id: str) -> dict[str, Any]:
    rule = RULES[rule_id]
    return {
        "id": rule.id,
        "shortDescription": {"text": f"{rule.title}."},
        "fullDescription": {"text": rule.why},
        "help": {"text": rule.fix},
        "helpUri": f"{PAGES}/{rule.id}.md",
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
    }


def _sarif_result(finding: Finding, rule_index: int, judged: Judged) -> dict[str, Any]:
    file = {"artifactLocation": {"uri": quote(judged.name)}}
    location: dict[str, Any] = {"physicalLocation": file}
    if place := judged.places.get(finding.path):
        location["physicalLocation"]["region"] = {
            "startLine": place.line,
            "startColumn": place.column,
            "endLine": place.end_line,
            "endColumn": place.end_column,
        }
    logical = [{"fullyQualifiedName": finding.path, "kind": "member"}] if finding.path else []
    if finding.device_id:
        logical.append({"name": finding.device_id, "kind": "object"})
    if logical:
        location["logicalLocations"] = logical
    return {
        "ruleId": finding.rule,
        "ruleIndex": rule_index,
        "level": _LEVELS[finding.severity],
        "message": {"text": f"{finding.what} {finding.fix}"},
        "locations": [location],
    }


def _xml(text: str) -> str:
    return text.translate(_NOT_IN_XML)
