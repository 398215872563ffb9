"""Every pair of the corpus: an answer, and exactly what is found in it."""

import json

import pytest

from homegraph.graph.checks.rulebook import RULES
from homegraph.graph.linting import Answered, lint_answer
from homegraph.wire.json_places import find_places
from support.findings import cases

CASES = {case.id: case for case in cases()}

UNREACHED = {
    # Not in the answer: they need a Home Graph that remembers.
    "links-disagree",
    "first-query-failed",
    "query-disagrees",
    "report-never",
    # Thousands of devices; in test_syncs.
    "devices-too-many",
    "findings-cut",
    # Only where it is known what was asked; in test_queries and test_executes.
    "query-device-missing",
    "execute-device-missing",
    "execute-device-unasked",
    "result-unlisted",
}


def found(case):
    """What is found in a case's answer."""
    listed = None if case.devices is None else json.dumps(case.devices).encode()
    return lint_answer(
        Answered(
            case.id,
            case.body,
            case.subject,
            listed,
            case.request_id,
            case.took,
            case.command,
            case.previous,
        )
    )


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_exactly_what_is_wrong_is_found(case):
    """No finding too many, none too few, each at its place."""
    findings = found(case)
    told = [(one.rule, one.path, one.device_id, one.severity) for one in findings]
    assert sorted(one[0] for one in told) == sorted(one[0] for one in case.findings), told
    for expected in case.findings:
        assert any(one[: len(expected)] == expected for one in told), told


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_every_path_points_at_its_place(case):
    """A path leads to the value, or, where something is missing, to the object that should have it."""
    for path in {one.path for one in found(case)}:
        # Two steps: what is missing may have been in an object that is missing, too.
        near = [path, path.rpartition("/")[0], path.rpartition("/")[0].rpartition("/")[0]]
        places = find_places(case.body.decode(errors="replace"), near)
        assert not case.body or any(places[one].exact for one in near), path


def test_every_rule_is_hit():
    """A rule that no pair breaks is a rule that nobody has tried."""
    hit = {finding[0] for case in CASES.values() for finding in case.findings}
    assert sorted(RULES.keys() - hit - UNREACHED) == []
    assert not hit & UNREACHED


def test_there_are_enough_pairs():
    """And a fair part of them is right."""
    assert len(CASES) >= 120
    assert sum(not case.findings for case in CASES.values()) >= 30
