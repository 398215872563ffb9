"""Work whose caller may leave: it goes on, and a bug in it is told."""

import asyncio

import pytest

from homegraph.errors import CallRefused
from homegraph.service.keeping import Kept


async def left_by_its_caller(outcome):
    """Work that ends with ``outcome`` after its caller has left; what the loop is told of it."""
    kept = Kept()
    told, begun, go_on, ended = [], asyncio.Event(), asyncio.Event(), []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))

    async def work():
        begun.set()
        await go_on.wait()
        ended.append(outcome)
        if isinstance(outcome, Exception):
            raise outcome

    caller = asyncio.create_task(kept.carry_out(work(), "work"))
    await begun.wait()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    go_on.set()
    await kept.end(10)
    assert ended == [outcome]
    return [context["exception"] for context in told]


def test_work_goes_on_without_its_caller(run):
    """It is carried out to its end, which whoever ends the server waits for."""
    assert run(left_by_its_caller("done")) == []


def test_the_end_is_not_waited_for_without_end(run):
    """Work that hangs does not keep a server from stopping."""

    async def story():
        kept, never, begun = Kept(), asyncio.Event(), asyncio.Event()

        async def work():
            begun.set()
            await never.wait()

        caller = asyncio.create_task(kept.carry_out(work(), "work"))
        await begun.wait()
        await asyncio.wait_for(kept.end(0), 10)
        assert not caller.done()
        never.set()
        await caller

    run(story())


def test_a_bug_is_told_when_the_caller_has_left(run):
    """Nobody else would learn of it."""
    bug = ValueError("a bug")

    assert run(left_by_its_caller(bug)) == [bug]


def test_a_refusal_of_a_caller_who_left_is_nothing_to_tell(run):
    """It was for him."""
    assert run(left_by_its_caller(CallRefused("SYNC_IN_FLIGHT"))) == []


def test_a_caller_who_waits_is_told_himself(run):
    """What work brings or raises is his, and the loop is told nothing."""
    told = []

    async def seven():
        return 7

    async def bug():
        raise ValueError("a bug")

    async def story():
        kept = Kept()
        asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
        assert await kept.carry_out(seven(), "seven") == 7
        with pytest.raises(ValueError, match="a bug"):
            await kept.carry_out(bug(), "bug")
        await kept.end(0)

    run(story())
    assert told == []
