"""The machine's clock, and the one of a database that it is set by."""

import asyncio

import pytest

from homegraph.service import clock as module
from homegraph.service.clock import READINGS, SystemClock
from homegraph.service.upkeep import SET_CLOCK_EVERY_SECONDS, Upkeep

DATABASE = 5_000_000.0
"""What time it is there when the machine was started."""


class Machine:
    """Its clock, which anybody may set, and the time since it was started, which nobody can."""

    CLOCK = 1_000.0

    def __init__(self):
        self.clock, self.since_start = self.CLOCK, 0.0

    def time(self):
        return self.clock + self.since_start

    def clock_gettime(self, _):
        return self.since_start


@pytest.fixture
def machine(monkeypatch):
    """The machine of the clock."""
    made = Machine()
    monkeypatch.setattr(module, "time", made)
    return made


def set_by_database(clock, machine, *, there, back):
    """Set a clock by that of the database, which takes so many seconds to be asked and to answer, each time."""
    ways = iter(zip(there, back, strict=True))

    async def read():
        to_it, from_it = next(ways)
        machine.since_start += to_it
        at = DATABASE + machine.since_start
        machine.since_start += from_it
        return at

    assert asyncio.run(clock.set_by(read))


def test_the_quickest_reading_counts(machine):
    """A reading that was held up on its way tells less."""
    clock = SystemClock()
    set_by_database(clock, machine, there=(4.0, 0.5, 1.0), back=(0.5, 0.5, 9.0))

    assert READINGS == 3
    assert clock.now() == DATABASE + machine.since_start


def test_a_machine_whose_clock_is_set_while_the_database_tells_the_time(machine):
    """A machine that is started gets its right time some seconds later: between two looks at the database nothing comes of it."""
    clock = SystemClock()
    assert clock.now() == Machine.CLOCK
    set_by_database(clock, machine, there=(0.0,) * READINGS, back=(0.0,) * READINGS)
    machine.clock += 86_400.0
    machine.since_start += 3.0

    assert clock.now() == DATABASE + 3.0


def test_a_database_without_a_clock_leaves_the_machine_its_own(machine):
    """A file has none; then what the machine's clock is set to counts."""
    clock = SystemClock()

    async def none():
        return None

    assert not asyncio.run(clock.set_by(none))
    machine.clock += 60.0
    assert clock.now() == Machine.CLOCK + 60.0


def test_a_database_whose_clock_is_set_back_is_asked_again_as_soon_as_ever(machine):
    """The next look is ten seconds from now, not from the time that it was believed to be."""

    class Waiting(SystemClock):
        waited = ()

        async def wait(self, wake, until):
            self.waited += (until - self.now(),)
            database.clock -= 3_600.0
            if len(self.waited) == 2:
                wake.set()

    class Database:
        clock = DATABASE

        async def time(self):
            return self.clock

    clock, database = Waiting(), Database()
    upkeep = Upkeep(
        store=database,
        runs=None,
        clock=clock,
        events=None,
        limits=None,
        lease_seconds=30.0,
        instance=None,
    )
    asyncio.run(upkeep.keep_time())

    assert clock.waited == (SET_CLOCK_EVERY_SECONDS,) * 2
