"""What the HTTP client keeps has bounds and an age: idle connections, answers of resolvers, and who waits for a place."""

import asyncio

import pytest

from homegraph.errors import FulfillmentTimeout
from homegraph.http.pool import IDLE_MAX, IDLE_PER_PLACE_MAX, IDLE_SECONDS, Place, Pool
from homegraph.service.http import resolving
from homegraph.service.http.places import Places
from homegraph.service.http.resolving import ANSWERS_MAX, LOOK_UP_SECONDS, Resolver
from homegraph.testing.clock import ManualClock


class ManualLoop:
    """The time of a loop, moved by hand."""

    def __init__(self):
        self.now = 0.0
        self.timers = []

    def time(self):
        return self.now

    def call_later(self, seconds, call):
        timer = Timer(self.now + seconds, call)
        self.timers.append(timer)
        return timer

    def advance(self, seconds):
        """Let time pass, and everything happen that is due."""
        self.now += seconds
        due = [timer for timer in self.timers if timer.at <= self.now]
        self.timers = [timer for timer in self.timers if timer.at > self.now]
        for timer in due:
            timer.call()


class Timer:
    def __init__(self, at, call):
        self.at, self.call = at, call

    def cancel(self):
        self.call = lambda: None


class Idle:
    """A connection as the pool sees it."""

    def __init__(self):
        self.is_usable = True
        self.idle_since = 0.0

    def abort(self):
        self.is_usable = False


def place(number=1):
    """A place."""
    return Place("http", f"h{number}", 80, "127.0.0.1", "")


def test_the_newest_is_taken_first():
    """So that those nobody needs grow old; of another place none is taken."""
    pool = Pool(ManualLoop())
    old, new = Idle(), Idle()
    pool.keep(place(), old)
    pool.keep(place(), new)

    assert [pool.take(place(2)), pool.take(place()), pool.take(place()), pool.take(place())] == [
        None,
        new,
        old,
        None,
    ]


def test_a_connection_grows_old():
    """It is closed in time, by the pool itself or by whoever comes first; a younger one stays."""
    loop = ManualLoop()
    pool = Pool(loop)
    old, young = Idle(), Idle()
    pool.keep(place(), old)
    loop.advance(IDLE_SECONDS / 2)
    pool.keep(place(), young)
    loop.advance(IDLE_SECONDS / 2)

    assert (old.is_usable, young.is_usable) == (False, True)

    loop.now += IDLE_SECONDS
    assert pool.take(place()) is None
    assert not young.is_usable
    loop.advance(IDLE_SECONDS)
    assert loop.timers == []


def test_a_closed_connection_is_not_taken():
    """The other side may have closed it meanwhile."""
    pool = Pool(ManualLoop())
    good, closed = Idle(), Idle()
    pool.keep(place(), good)
    pool.keep(place(), closed)
    closed.is_usable = False

    assert pool.take(place()) is good


def test_so_many_are_kept():
    """To one place, and to all of them; those that go make room."""
    pool = Pool(ManualLoop())
    kept = [Idle() for _ in range(IDLE_MAX + 1)]
    for number, connection in enumerate(kept):
        pool.keep(place(number // IDLE_PER_PLACE_MAX), connection)
    one_place = Pool(ManualLoop())
    many = [Idle() for _ in range(IDLE_PER_PLACE_MAX + 1)]
    for connection in many:
        one_place.keep(place(), connection)

    assert [one.is_usable for one in kept] == [True] * IDLE_MAX + [False]
    assert [one.is_usable for one in many] == [True] * IDLE_PER_PLACE_MAX + [False]
    pool.take(place(0))
    again = Idle()
    pool.keep(place(99), again)
    assert again.is_usable


def test_closing_closes_all():
    """Nothing idle stays open."""
    pool = Pool(ManualLoop())
    kept = [Idle() for _ in range(3)]
    for number, connection in enumerate(kept):
        pool.keep(place(number), connection)
    pool.close()

    assert not any(connection.is_usable for connection in kept)


def test_so_many_answers_are_remembered():
    """One more, and the one that was asked for first is asked for again."""
    asked = []

    async def look_up(host):
        asked.append(host)
        return ["127.0.0.1"]

    async def story():
        resolver = Resolver(lambda: 0.0, look_up)
        for number in range(ANSWERS_MAX + 1):
            await resolver.addresses(f"h{number}", LOOK_UP_SECONDS)
        return [bool(resolver.remembered(f"h{number}")) for number in (0, 1, ANSWERS_MAX)]

    assert asyncio.run(story()) == [False, True, True]
    assert len(asked) == ANSWERS_MAX + 1


def test_an_answer_from_later_is_asked_for_again():
    """After a clock was set back it would otherwise be believed for as long as that."""
    clock = ManualClock()

    async def look_up(_):
        return ["127.0.0.1"]

    async def story():
        resolver = Resolver(clock.now, look_up)
        await resolver.addresses("h", LOOK_UP_SECONDS)
        believed = bool(resolver.remembered("h"))
        clock.advance(-1.0)
        return believed, bool(resolver.remembered("h"))

    assert asyncio.run(story()) == (True, False)


def test_an_answer_that_was_asked_for_again_is_a_new_one(monkeypatch):
    """It goes when the others that are older have gone."""
    monkeypatch.setattr(resolving, "ANSWERS_MAX", 2)
    clock = ManualClock()

    async def look_up(_):
        return ["127.0.0.1"]

    async def story():
        resolver = Resolver(clock.now, look_up)
        for host in ("a", "b"):
            await resolver.addresses(host, LOOK_UP_SECONDS)
        clock.advance(resolving.ANSWER_SECONDS)
        for host in ("b", "a", "c"):
            await resolver.addresses(host, LOOK_UP_SECONDS)
        return [host for host in "abc" if resolver.remembered(host)]

    assert asyncio.run(story()) == ["a", "c"]


def _with_two_who_wait(what):
    """One has the only place of a project, two wait; ``what(places, second)`` happens. Which of them has the place then?"""

    async def story():
        places = Places(1)
        await places.take("p", 1)
        got = []

        async def wait(name):
            await places.take("p", 20)
            got.append(name)

        second, third = (asyncio.create_task(wait(name)) for name in ("second", "third"))
        while len(places._queues.get("p", ())) < 2:
            await asyncio.wait({second, third}, timeout=0)
        what(places, second)
        await asyncio.wait({third}, timeout=20)
        places.leave("p")
        return got, places._queues, places._taken

    return asyncio.run(story())


LEAVING = {
    "before": lambda places, second: (second.cancel(), places.leave("p")),
    "at-the-same-moment": lambda places, second: (places.leave("p"), second.cancel()),
}


@pytest.mark.parametrize("when", LEAVING)
def test_who_leaves_the_queue_takes_no_place_with_him(when):
    """Whether he leaves just before his turn or just when it comes, the next one gets it, and nothing is left over."""
    assert _with_two_who_wait(LEAVING[when]) == (["third"], {}, {})


def test_who_waited_too_long_is_forgotten():
    """The queue of a project that hangs does not grow by those who have gone."""

    async def story():
        places = Places(1)
        await places.take("p", 1)
        for _ in range(3):
            with pytest.raises(FulfillmentTimeout):
                await places.take("p", 0.001)
        return places._queues

    assert asyncio.run(story()) == {}
