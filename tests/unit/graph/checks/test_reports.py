"""Findings about reports that never came."""

import pytest

from homegraph.graph.checks.reports import REPORT_EXPECTED_SECONDS, Promise, check_promises

ADDED = 1_000.0
LATER = ADDED + REPORT_EXPECTED_SECONDS


@pytest.mark.parametrize(
    ("stored_at", "now", "is_told"),
    [
        (None, LATER, True),
        (ADDED, LATER, True),
        (ADDED - 1, LATER, True),
        (ADDED + 0.1, LATER, False),
        (None, LATER - 0.1, False),
    ],
    ids=["nothing", "the first QUERY", "before", "reported", "too early"],
)
def test_a_promise_that_is_not_kept_is_named(stored_at, now, is_told):
    """What the first QUERY brought is no report; a device that has just come has a minute."""
    found = list(check_promises([Promise("lamp", ADDED, stored_at)], now))

    assert [(one.rule, one.device_id) for one in found] == [("report-never", "lamp")] * is_told
