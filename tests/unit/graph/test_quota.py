"""The budget of a project: a window that slides, against a list of times on paper."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homegraph.graph import quota
from homegraph.graph.quota import WINDOW_SECONDS, Quota, Window

NOON = 1_700_000_000.0


def admitted(window, *times, limit=2):
    """What becomes of calls at these times after noon."""
    return [window.admit(NOON + time, limit) for time in times]


def test_as_many_calls_as_allowed_are_admitted():
    """The limit itself is allowed, the next call is not."""
    assert admitted(Window(), 0, 0, 0, 59.9) == [True, True, False, False]


def test_a_call_leaves_the_window_after_a_minute():
    """The budget comes back as it was spent, not all at once."""
    assert admitted(Window(), 0, 30, 59, 60, 60, 89, 90, 90) == [
        *(True, True, False),
        *(True, False, False),
        *(True, False),
    ]


def test_a_refused_call_is_not_counted():
    """Whoever asks all the time is served as soon as there is room."""
    window = Window()
    admitted(window, 0, 0)

    assert not any(admitted(window, *range(60)))
    assert admitted(window, 60, 60, 60) == [True, True, False]


def test_a_long_silence_empties_the_window():
    """However long it was."""
    window = Window()
    admitted(window, 0, 0)

    assert admitted(window, 1e9, 1e9, 1e9) == [True, True, False]


def test_a_clock_set_back_a_little_gives_nothing_twice():
    """Correcting a clock by seconds neither empties the window nor blocks it for longer."""
    window = Window()

    assert admitted(window, 30, 20, 10, 30, 89, 90) == [True, True, False, False, False, True]


def test_a_clock_set_back_by_far_starts_afresh():
    """Nobody waits an hour because the clock was wrong by one."""
    window = Window()
    admitted(window, 3600, 3600)

    assert admitted(window, 0, 0, 0) == [True, True, False]


@given(st.lists(st.floats(0, 40), max_size=60), st.integers(1, 5))
def test_the_window_counts_as_a_list_of_times_does(steps, limit):
    """With whole seconds for times, any sequence of calls is admitted as by a list that is searched every time."""
    window, kept, now = Window(), [], NOON
    for step in steps:
        now += step
        second = math.floor(now)
        kept = [one for one in kept if one > second - WINDOW_SECONDS]
        fits = len(kept) < limit
        if fits:
            kept.append(second)
        assert window.admit(now, limit) is fits


def test_each_project_has_its_own_budget():
    """One project cannot use up another's."""
    budget = Quota(1)

    assert [budget.admit(who, NOON) for who in ("a", "b", "a", "b")] == [True, True, False, False]


def test_no_limit_is_no_limit():
    """0 switches the quota off."""
    budget = Quota(0)

    assert all(budget.admit("a", NOON) for _ in range(10_000))


@pytest.mark.parametrize(("others", "still_counted"), [(1, True), (2, False)])
def test_the_project_that_called_least_lately_is_forgotten(monkeypatch, others, still_counted):
    """The places are bounded; calling again keeps one's place."""
    monkeypatch.setattr(quota, "PROJECTS_MAX", 2)
    budget = Quota(1)
    budget.admit("a", NOON)
    budget.admit("z", NOON)
    budget.admit("a", NOON)
    for number in range(others):
        budget.admit(f"other {number}", NOON)

    assert budget.admit("a", NOON) is not still_counted
