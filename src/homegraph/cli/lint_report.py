"""Findings for people: each with its line, what, why and what to do; and the sum of it.

Foreign text (ids, names, the line itself) is shown, never obeyed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from homegraph.cli.lint_formats import Judged
from homegraph.cli.output import visible
from homegraph.graph.checks.rule import SEVERITIES
from homegraph.graph.model import Finding
from homegraph.wire.json_places import Place

LINE_SHOWN_MAX: Final = 100
"""Characters of a line that are shown: an answer of one line is cut around the place."""

BEFORE: Final = 30
"""Of those, before the place."""


def report(judged: Judged) -> Iterator[str]:
    """The lines of the report, the gravest findings first, within a severity by their place."""
    lines = judged.text.split("\n")
    ordered = sorted(judged.findings, key=lambda one: _order(one, judged.places))
    for one in ordered:
        yield from _finding(one, lines, judged.places.get(one.path), judged.name)
        yield ""
    yield summary(judged.findings, judged.name)


def summary(findings: Sequence[Finding], name: str) -> str:
    """One line: how many of what."""
    counts = Counter(one.severity for one in findings)
    if not counts:
        return f"{visible(name)}: nothing to complain about."
    told = ", ".join(f"{counts[one]} {one}" for one in SEVERITIES if counts[one])
    verdict = "Google refuses it." if counts["refused"] else "Google takes it."
    return f"{visible(name)}: {told}. {verdict}"


def _order(finding: Finding, places: Mapping[str, Place]) -> tuple[int, int, int]:
    place = places.get(finding.path)
    severity = SEVERITIES.index(finding.severity)
    return (severity, place.line, place.column) if place else (severity, 0, 0)


def _finding(
    finding: Finding, lines: Sequence[str], place: Place | None, name: str
) -> Iterator[str]:
    yield f"{finding.severity}: {visible(finding.what)}  [{finding.rule}]"
    if finding.path or place:
        at = f"{visible(name)}:{place.line}:{place.column}  " if place else ""
        device = f"  ({visible(finding.device_id)})" if finding.device_id else ""
        yield f"  at   {at}{visible(finding.path)}{device}"
    if place and place.line <= len(lines):
        yield from _marked(lines[place.line - 1], place)
    yield f"  why  {visible(finding.why)}"
    yield f"  fix  {visible(finding.fix)}"
    yield f"  from {visible(finding.source)}"


def _marked(line: str, place: Place) -> Iterator[str]:
    """The line, cut around the place, and a mark under the value."""
    start = place.column - 1
    first = max(0, min(start - BEFORE, len(line) - LINE_SHOWN_MAX))
    part = line[first : first + LINE_SHOWN_MAX]
    end = place.end_column - 1 if place.end_line == place.line else len(line)
    before, value = part[: start - first], part[start - first : max(end - first, start - first + 1)]
    number = f"  {place.line:>5} | "
    yield f"{number}{'…' if first else ''}{visible(part)}{'…' if first + len(part) < len(line) else ''}"
    indent = " " * (len(number) - 2) + "| " + " " * (bool(first) + len(visible(before)))
    yield indent + "^" * max(1, len(visible(value)))
