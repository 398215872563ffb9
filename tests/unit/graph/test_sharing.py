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


@given(st.integers(0, 20), projects, running, st.integers(1, 5))
def test_never_more_than_free_and_never_more_than_each(free, due, held, each_max):
    """The shares fit in the free places, respect the bound, and leave none free that could be used."""
    shares = share(free, due, held, each_max=each_max)

    assert sum(shares.values()) <= free
    after = {project: held.get(project, 0) + shares.get(project, 0) for project in due}
    assert all(shares[project] >= 1 and after[project] <= each_max for project in shares)
    if sum(shares.values()) < free:
        assert all(count >= each_max for count in after.values())
