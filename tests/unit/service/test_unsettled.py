"""Leases of runs that could not be stored: how long they are kept, and how many."""

import asyncio

import pytest

from homegraph.errors import StoreUnavailable
from homegraph.graph.model import Target
from homegraph.service import unsettled
from homegraph.service.unsettled import HAND_BACK_AFTER_SECONDS, Unsettled
from homegraph.store.port import Lease
from homegraph.testing.clock import ManualClock


class Taking:
    """A store that takes leases back, or nothing."""

    def __init__(self):
        self.handed_back = []
        self.is_down = False

    async def hand_back(self, leases, _now):
        if self.is_down:
            raise StoreUnavailable
        self.handed_back += [lease.target.agent_user_id for lease in leases]


@pytest.fixture
def store():
    """A store that is there."""
    return Taking()


@pytest.fixture
def clock():
    """Time stands still."""
    return ManualClock()


@pytest.fixture
def leases(store, clock):
    """The leases of a process."""
    return Unsettled(store, clock)


def lease(agent_user_id):
    """The right to a run of an agent user."""
    return Lease(Target("acme", agent_user_id), 1, "worker")


def test_a_lease_goes_back_when_its_time_has_come(leases, store, clock):
    """Not before, and once."""
    leases.note(lease("a"))
    clock.advance(HAND_BACK_AFTER_SECONDS - 1)
    leases.note(lease("b"))
    asyncio.run(leases.hand_back_due())
    assert store.handed_back == []
    clock.advance(1)
    for _ in range(2):
        asyncio.run(leases.hand_back_due())
    assert store.handed_back == ["a"]


def test_a_lease_is_kept_until_the_store_takes_it(leases, store):
    """Whoever wants it back is told that it cannot be yet."""
    leases.note(lease("a"))
    leases.note(lease("other"))
    store.is_down = True
    with pytest.raises(StoreUnavailable):
        asyncio.run(leases.hand_back_of(lease("a").target))
    store.is_down = False
    assert [asyncio.run(leases.hand_back_of(lease("a").target)) for _ in range(2)] == [True, False]
    assert store.handed_back == ["a"]


def test_the_oldest_are_forgotten(leases, store, monkeypatch):
    """They end by themselves; a store that is away for long fills no memory."""
    monkeypatch.setattr(unsettled, "UNSETTLED_MAX", 2)
    for name in "abc":
        leases.note(lease(name))
    asyncio.run(leases.hand_back_all([lease("other")]))
    assert store.handed_back == ["b", "c", "other"]
