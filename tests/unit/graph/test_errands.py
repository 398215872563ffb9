"""Errands as values."""

import pytest

from homegraph.graph.errands import FOLLOW_UP_SECONDS, FollowUp


@pytest.mark.parametrize(
    ("answered_at", "late"),
    [(None, False), (100 + FOLLOW_UP_SECONDS, False), (100.1 + FOLLOW_UP_SECONDS, True)],
)
def test_a_follow_up_is_late_when_nobody_waits_any_more(answered_at, late):
    """One that has not come is not late: nobody knows."""
    assert FollowUp(token="t", device_id="d", sent_at=100, answered_at=answered_at).is_late is late
