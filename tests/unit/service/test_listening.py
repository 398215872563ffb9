"""A caller who waits for a run hears of the one that answers him, or that it did not come in time."""

import asyncio

import pytest

from homegraph.errors import FulfillmentTimeout
from homegraph.graph.model import Target
from homegraph.service.listening import Listeners

ANN, BOB = Target("acme", "ann"), Target("acme", "bob")
LONG, AT_ONCE = 60.0, 0.0


def heard(*told, generation=7, seconds_max=LONG, before=()):
    """What a caller hears: ``before`` is told before he waits, ``told`` in one turn of the loop while he does."""

    async def wait():
        listeners = Listeners()
        with listeners.listen(ANN) as listening:
            for one in before:
                listeners.tell(*one)
            waiting = asyncio.ensure_future(listening.outcome_of(generation, seconds_max))
            for one in told:
                asyncio.get_running_loop().call_soon(listeners.tell, *one)
            return await waiting

    return asyncio.run(wait())


def test_the_run_that_answers():
    """It is the first that took the generation or a later one; its failure is the answer."""
    failure = FulfillmentTimeout()

    assert heard((ANN, 6, None), (ANN, 8, failure), (ANN, 9, None)) is failure
    assert heard((ANN, 6, failure), (ANN, 7, None)) is None


def test_a_run_that_is_settled_before_anybody_waits():
    """Who listens before he asks misses nothing."""
    assert heard(before=[(ANN, 7, None)]) is None


def test_in_time():
    """Nothing, an older generation and another one's run are no answers; one that is there already is, however late it is."""
    with pytest.raises(TimeoutError):
        heard(seconds_max=AT_ONCE)
    with pytest.raises(TimeoutError):
        heard((ANN, 6, None), (BOB, 7, None), seconds_max=AT_ONCE)
    assert heard(before=[(ANN, 7, None)], seconds_max=AT_ONCE) is None


def test_nobody_is_left_behind():
    """Who has gone is told nothing, and is not counted."""

    async def listen():
        listeners = Listeners()
        with listeners.listen(ANN) as gone, listeners.listen(ANN) as other:
            both = listeners.count
            listeners.remove(gone)
            listeners.tell(ANN, 7, None)
            told = await other.outcome_of(7, LONG)
            listeners.add(gone)
            with pytest.raises(TimeoutError):
                await gone.outcome_of(7, AT_ONCE)
        return both, told, listeners.count

    assert asyncio.run(listen()) == (2, None, 0)
