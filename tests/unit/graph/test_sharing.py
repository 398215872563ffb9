"""Sharing free places among projects."""

from hypothesis import given
from hypothesis import strategies as st

from homegraph.graph.sharing import share

projects = st.lists(st.sampled_from("abcdef"), unique=True)
running = st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 6))


def test_everybody_gets_one_before_anybody_gets_two():
    """A project that is first in line does not take all places."""
    shares = share(4, ["a", "b", "c"], {}, each_max=10)

    assert shares == {"a": 2, "b": 1, "c": 1}


def test_who_runs_most_comes_last():
    """Places go to the projects that hold the fewest."""
    shares = share(2, ["a", "b"], {"a": 3}, each_max=10)

    assert shares == {"b": 2}


def test_a_project_at_its_bound_gets_nothing():
    """A project that holds all it may leaves the free places to nobody but others."""
    assert share(5, ["a", "b"], {"a": 2}, each_max=2) == {"b": 2}
    assert share(5, ["a"], {"a": 2}, each_max=2) == {}


def test_the_last_places_are_for_those_who_have_none():
    """Projects that hang may hold all but the reserve; whoever comes after them has a place at once."""
    assert share(4, ["a", "b"], {"a": 3}, each_max=9, reserve=4) == {"b": 1}
    assert share(6, ["a"], {"a": 1}, each_max=9, reserve=4) == {"a": 2}
    assert share(3, ["a", "b"], {"a": 3, "b": 2}, each_max=9, reserve=4) == {}


@given(st.integers(0, 20), projects, running, st.integers(1, 5), st.integers(0, 6))
def test_never_more_than_free_and_never_more_than_each(free, due, held, each_max, reserve):
    """The shares fit in the free places, respect the bounds, and leave none free that could be used."""
    shares = share(free, due, held, each_max=each_max, reserve=reserve)

    assert sum(shares.values()) <= free
    after = {project: held.get(project, 0) + shares.get(project, 0) for project in due}
    assert all(shares[project] >= 1 and after[project] <= each_max for project in shares)
    if sum(shares.values()) < free:
        left = free - sum(shares.values())
        assert all(count >= (each_max if left > reserve else 1) for count in after.values())
