"""One timer looks who is late: everybody in time, nobody too early."""

from homegraph.http.deadlines import LOOK_SECONDS, NEVER, Deadlines


class ManualLoop:
    """The time of a loop, moved by hand."""

    def __init__(self):
        self.now, self.timers = 0.0, []

    def time(self):
        return self.now

    def call_at(self, when, call):
        timer = Timer(when, call, self.timers)
        self.timers.append(timer)
        return timer

    def advance(self, to):
        """Let time pass, and everything happen that is due, one after the other."""
        while self.timers and (timer := min(self.timers, key=lambda one: one.when)).when <= to:
            self.timers.remove(timer)
            self.now = timer.when
            timer.call()
        self.now = to


class Timer:
    def __init__(self, when, call, timers):
        self.when, self.call, self._timers = when, call, timers

    def cancel(self):
        self._timers.remove(self)


class Exchange:
    """Notes when it was told that it is late."""

    def __init__(self, loop):
        self._loop, self.deadline, self.ended = loop, NEVER, []

    def late(self):
        self.ended.append(self._loop.now)
        self.deadline = NEVER


def begun(loop, deadlines, *until):
    """Exchanges with these deadlines."""
    exchanges = [Exchange(loop) for _ in until]
    for exchange, deadline in zip(exchanges, until, strict=True):
        deadlines.add(exchange)
        exchange.deadline = deadline
        deadlines.watch(deadline)
    return exchanges


def test_each_ends_at_its_deadline():
    """Whichever comes first; with one timer at a time."""
    loop = ManualLoop()
    late, early, later = begun(loop, Deadlines(loop), 20.0, 10.0, 30.0)

    loop.advance(15.0)
    assert (late.ended, early.ended, later.ended, len(loop.timers)) == ([], [10.0], [], 1)
    loop.advance(40.0)
    assert (late.ended, early.ended, later.ended, loop.timers) == ([20.0], [10.0], [30.0], [])


def test_who_has_ended_is_left_alone():
    """A timer that goes off for an exchange that is over looks for the next one; a later one on the same connection counts."""
    loop = ManualLoop()
    deadlines = Deadlines(loop)
    over, again = begun(loop, deadlines, 10.0, 10.0)
    over.deadline = NEVER
    again.deadline = 12.0
    deadlines.watch(12.0)

    loop.advance(20.0)

    assert (over.ended, again.ended, loop.timers) == ([], [12.0], [])


def test_many_that_are_late_in_a_row_cost_few_looks():
    """One is told so a moment after its deadline at most."""
    loop = ManualLoop()
    exchanges = begun(
        loop, Deadlines(loop), *(10 + number * LOOK_SECONDS / 10 for number in range(30))
    )

    loop.advance(20.0)

    told = [one.ended[0] for one in exchanges]
    assert len(set(told)) <= 5
    assert all(
        10.0 <= at <= 10 + (number / 10 + 1.01) * LOOK_SECONDS for number, at in enumerate(told)
    )


def test_a_timer_that_is_early_ends_nobody():
    """The clocks of loops are coarse: who is not late yet is looked at again."""
    loop = ManualLoop()
    (one,) = begun(loop, Deadlines(loop), 10.0)
    loop.now = 9.999
    loop.timers.pop().call()
    assert one.ended == []

    loop.advance(11.0)

    assert one.ended == [9.999 + LOOK_SECONDS]


def test_without_connections_there_is_no_timer():
    """Nothing is left behind that would go off for nobody."""
    loop = ManualLoop()
    deadlines = Deadlines(loop)
    one, other = begun(loop, deadlines, 10.0, 20.0)

    deadlines.remove(one)
    deadlines.remove(one)
    assert len(loop.timers) == 1
    deadlines.remove(other)

    assert loop.timers == []
