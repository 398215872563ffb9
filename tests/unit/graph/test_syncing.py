"""When a SYNC is due, and what follows one: every move of the table, and every rule that is not in it."""

import itertools

import pytest
from msgspec.structs import replace

from homegraph.graph import syncing
from homegraph.graph.model import Cause, Mode, Outcome, Target
from homegraph.graph.syncing import (
    MOVES,
    SYNC_CALL_SECONDS,
    Admission,
    Event,
    Finish,
    GiveUp,
    Retry,
    RetryPolicy,
    State,
    Work,
    state_of,
)

LEASE_SECONDS = 30.0
POLICY = RetryPolicy(attempts_max=3, first=1.0, longest=10.0)


def requested(work, mode=Mode.ASYNC, now=0.0, cause=Cause.REQUEST):
    """``work`` after one more request."""
    return syncing.request(work, mode, cause, now)[1]


def claimed(work, now=0.0, worker="worker-1"):
    """``work`` as claimed."""
    return syncing.claim(work, worker, now, LEASE_SECONDS)


def in_state(state):
    """Work in each state, nothing else about it being special."""
    waiting = requested(Work())
    return {
        State.IDLE: Work(),
        State.WAITING: waiting,
        State.RUNNING: claimed(waiting),
        State.RUNNING_AGAIN: requested(claimed(waiting)),
    }[state]


def happen(work, event):
    """Let ``event`` happen to ``work`` through the public functions."""
    return {
        Event.REQUESTED: lambda: requested(work),
        Event.CLAIMED: lambda: claimed(work),
        Event.FINISHED: lambda: syncing.settle(work, Finish(), 1.0),
        Event.RETRIED: lambda: syncing.settle(work, Retry(5.0), 1.0),
        Event.INTERRUPTED: lambda: syncing.interrupt(work, 1.0),
    }[event]()


@pytest.mark.parametrize(("state", "event"), list(itertools.product(State, Event)))
def test_moves(state, event):
    """Every move of the table leads where the table says, and every move that is not in it raises."""
    expected = MOVES.get((state, event))

    if expected is None:
        with pytest.raises(AssertionError, match=f"{event} in {state}"):
            happen(in_state(state), event)
    else:
        assert state_of(happen(in_state(state), event)) is expected


def test_a_function_that_disagrees_with_the_table_raises(monkeypatch):
    """The table is checked at every move: code that leads elsewhere cannot go unseen."""
    monkeypatch.setitem(MOVES, (State.WAITING, Event.CLAIMED), State.IDLE)

    with pytest.raises(AssertionError, match="may not lead to Running"):
        claimed(in_state(State.WAITING))


# --- requests ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "mode", "admission"),
    [
        (State.IDLE, Mode.SYNC, Admission.START),
        (State.IDLE, Mode.ASYNC, Admission.JOIN),
        (State.WAITING, Mode.SYNC, Admission.START),
        (State.WAITING, Mode.ASYNC, Admission.JOIN),
        (State.RUNNING, Mode.SYNC, Admission.JOIN),
        (State.RUNNING, Mode.ASYNC, Admission.JOIN),
        (State.RUNNING_AGAIN, Mode.SYNC, Admission.JOIN),
        (State.RUNNING_AGAIN, Mode.ASYNC, Admission.JOIN),
    ],
)
def test_admission(state, mode, admission):
    """A sync-mode call starts the run unless one is under way; async requests leave it to the loop."""
    got, work = syncing.request(in_state(state), mode, Cause.REQUEST, 1.0)

    assert got is admission
    assert work.requested == in_state(state).requested + 1


def test_a_second_sync_mode_call_is_refused_until_the_first_is_answered():
    """Sync mode: one call at a time, waiting or under way; the refused one leaves no trace."""
    waiting = requested(Work(), Mode.SYNC)
    running = claimed(waiting)

    for work in (waiting, running, requested(running)):
        assert syncing.request(work, Mode.SYNC, Cause.REQUEST, 1.0) == (Admission.REFUSE, work)
    answered = syncing.settle(running, Finish(), 2.0)
    assert syncing.request(answered, Mode.SYNC, Cause.REQUEST, 2.0)[0] is Admission.START


def test_a_sync_mode_call_that_waits_for_the_next_run_is_in_flight_through_both():
    """A call that came too late for the run under way is not answered by it."""
    running = claimed(requested(Work()))
    second = syncing.settle(requested(running, Mode.SYNC, 1.0), Finish(), 2.0)

    assert syncing.sync_call_in_flight(second, 2.0)
    assert syncing.request(second, Mode.SYNC, Cause.REQUEST, 2.0)[0] is Admission.REFUSE
    assert claimed(second, 3.0).run_mode is Mode.SYNC


def test_a_sync_mode_call_holds_others_off_no_longer_than_its_deadline():
    """After 60 s its caller has been answered with an error, so the next call is let in."""
    running = syncing.claim(requested(Work(), Mode.SYNC, 0.0), "worker-1", 0.0, 120.0)

    assert syncing.sync_call_in_flight(running, SYNC_CALL_SECONDS - 0.1)
    admission, _ = syncing.request(running, Mode.SYNC, Cause.REQUEST, SYNC_CALL_SECONDS)
    assert admission is Admission.JOIN


def test_async_requests_are_never_refused():
    """Async mode merges, whoever waits."""
    work = requested(Work(), Mode.SYNC)

    assert syncing.request(work, Mode.ASYNC, Cause.REQUEST, 0.0)[0] is Admission.JOIN


def test_requests_merge_into_one_run():
    """Any number of waiting requests are one run, and it knows how many they were."""
    work = Work()
    for _ in range(5):
        work = requested(work)
    running = claimed(work)
    running = requested(requested(running))

    assert syncing.merged(running) == 5
    assert syncing.merged(claimed(syncing.settle(running, Finish(), 1.0))) == 2


def test_a_run_tells_of_the_oldest_request_it_answers():
    """Cause and time of a run are those of the first request that waited for it."""
    work = requested(Work(), now=1.0, cause=Cause.LINK)
    work = requested(work, now=2.0, cause=Cause.OPERATOR)
    running = requested(claimed(work, 3.0), now=4.0, cause=Cause.OPERATOR)
    running = requested(running, now=5.0, cause=Cause.REQUEST)
    next_run = claimed(syncing.settle(running, Finish(), 6.0), 6.0)

    assert (running.run_cause, running.run_requested_at) == (Cause.LINK, 1.0)
    assert (next_run.run_cause, next_run.run_requested_at) == (Cause.OPERATOR, 4.0)


# --- claiming ------------------------------------------------------------------------------------------------


def test_work_is_claimable_when_it_waits_and_is_due():
    """Idle work is not claimable, waiting work from its due time on, or at once if the caller says so."""
    backing_off = syncing.settle(in_state(State.RUNNING), Retry(9.0), 1.0)

    assert not syncing.is_claimable(Work(), 99.0)
    assert not syncing.is_claimable(backing_off, 8.9)
    assert syncing.is_claimable(backing_off, 9.0)
    assert syncing.is_claimable(backing_off, 8.9, regardless_of_due=True)
    assert not syncing.is_claimable(Work(), 99.0, regardless_of_due=True)


def test_a_lease_is_somebody_elses_until_it_runs_out():
    """A run under way can be taken over only when its lease is over, and then under a higher fence."""
    running = claimed(requested(Work()), 0.0)

    assert not syncing.is_claimable(running, LEASE_SECONDS - 0.1)
    with pytest.raises(AssertionError, match="Claimed in Running"):
        claimed(running, LEASE_SECONDS - 0.1)
    taken_over = claimed(running, LEASE_SECONDS, "worker-2")
    assert (taken_over.worker, taken_over.fence) == ("worker-2", running.fence + 1)
    assert (taken_over.attempts, taken_over.lease_until) == (1, 2 * LEASE_SECONDS)


def test_a_run_that_is_taken_over_answers_what_came_meanwhile():
    """What was asked for during a run that died is answered by its successor."""
    running = requested(claimed(requested(Work())), Mode.SYNC, 29.0)
    taken_over = claimed(running, LEASE_SECONDS)

    assert syncing.merged(taken_over) == 2
    assert taken_over.run_mode is Mode.SYNC


# --- what follows a run --------------------------------------------------------------------------------------


def next_step(work, *, failed=True, retryable=True, spread=0.5, policy=POLICY, retry_from=0.0):
    """What follows a run that failed, unless told otherwise."""
    return syncing.next_step(
        work,
        failed=failed,
        retryable=retryable,
        policy=policy,
        now=100.0,
        spread=spread,
        retry_from=retry_from,
    )


def test_a_run_that_succeeded_is_over():
    """Success ends it."""
    assert next_step(in_state(State.RUNNING), failed=False) == Finish(Outcome.DONE)


def test_a_failure_that_repeating_does_not_cure_is_over():
    """A refusal of the fulfillment is not asked for again."""
    assert next_step(in_state(State.RUNNING), retryable=False) == Finish(Outcome.FAILED)


def test_sync_mode_is_not_retried():
    """The caller was told of the failure; trying again is up to it."""
    assert next_step(claimed(requested(Work(), Mode.SYNC))) == Finish(Outcome.FAILED)


def test_a_failed_sync_mode_run_is_retried_for_the_async_requests_it_was_to_answer():
    """Async callers were not told, so their requests are still owed a SYNC."""
    both = claimed(requested(requested(Work()), Mode.SYNC))

    assert next_step(both) == Retry(101.0)
    assert next_step(claimed(requested(syncing.settle(both, Retry(101.0), 100.0)))) == Retry(102.0)


def test_a_sync_mode_run_after_async_ones_that_are_done_is_not_retried():
    """Async requests of the past are no reason to repeat a sync-mode run."""
    done = syncing.settle(in_state(State.RUNNING), Finish(), 1.0)

    assert next_step(claimed(requested(done, Mode.SYNC))) == Finish(Outcome.FAILED)


def test_a_retry_waits_for_what_it_needs():
    """It is not made before it has a chance; when that has come already, the back-off counts."""
    work = in_state(State.RUNNING)

    assert next_step(work, retry_from=150.0) == Retry(150.0)
    assert next_step(work, retry_from=100.5) == Retry(101.0)


def test_giving_up():
    """After the last allowed attempt the run is given up; with no limit it never is."""
    work = replace(in_state(State.RUNNING), attempts=3)

    assert next_step(work) == GiveUp()
    assert next_step(work, policy=RetryPolicy(attempts_max=0)) == Retry(104.0)


@pytest.mark.parametrize(
    ("attempts", "spread", "seconds"),
    [
        (1, 0.5, 1.0),
        (2, 0.5, 2.0),
        (3, 0.5, 4.0),
        (5, 0.5, 10.0),
        (1_000, 0.5, 10.0),
        (1, 0.0, 0.75),
    ],
)
def test_delays_double_up_to_a_bound(attempts, spread, seconds):
    """Back-off: doubled each time up to the longest, spread by a quarter to either side."""
    assert POLICY.delay(attempts, spread) == seconds


def test_attempts_count_until_the_run_is_over():
    """Failures in a row are counted, and forgotten with the first end."""
    work = syncing.settle(in_state(State.RUNNING), Retry(2.0), 1.0)
    second = claimed(work, 2.0)

    assert (work.attempts, second.attempts) == (1, 2)
    assert syncing.settle(second, Finish(), 3.0).attempts == 0
    assert syncing.settle(second, GiveUp(), 3.0).attempts == 0


def test_a_retry_keeps_what_the_run_was_to_answer():
    """Cause, time and number of the requests are those of the failed run when it is repeated."""
    work = requested(Work(), now=1.0, cause=Cause.LINK)
    failed = requested(claimed(work, 2.0), now=3.0)
    again = claimed(syncing.settle(failed, Retry(9.0), 4.0), 9.0)

    assert (again.run_cause, again.run_requested_at, syncing.merged(again)) == (Cause.LINK, 1.0, 2)


def test_what_came_during_a_failed_run_waits_for_its_retry():
    """A back-off holds for requests that join it, except for a sync-mode caller who waits for an answer."""
    failed = requested(in_state(State.RUNNING), now=1.0)
    with_caller = requested(in_state(State.RUNNING), Mode.SYNC, 1.0)

    assert syncing.settle(failed, Retry(9.0), 2.0).due_at == 9.0
    assert syncing.settle(with_caller, Retry(9.0), 2.0).due_at == 2.0
    assert syncing.settle(with_caller, Retry(99.0), 1.0 + SYNC_CALL_SECONDS).due_at == 99.0


def test_what_came_during_a_run_is_due_when_it_ends():
    """One more run follows at once."""
    work = syncing.settle(in_state(State.RUNNING_AGAIN), Finish(), 7.0)

    assert (state_of(work), work.due_at) == (State.WAITING, 7.0)


def test_handing_back():
    """A run that is handed back is due at once, counts no attempt, and nobody waits for it any more."""
    running = claimed(requested(Work(), Mode.SYNC, 1.0, Cause.OPERATOR), 2.0)
    back = syncing.interrupt(running, 3.0)

    assert (back.due_at, back.attempts, back.worker, back.taken) == (3.0, 0, "", 0)
    assert not syncing.sync_call_in_flight(back, 3.0)
    assert (back.cause, back.requested_at) == (Cause.OPERATOR, 1.0)
    assert claimed(back, 3.0).run_mode is Mode.ASYNC


@pytest.mark.parametrize(
    ("now", "due_at"),
    [(4.0, 9.0), (1.0 - syncing.SET_BACK_SECONDS, 9.0), (-syncing.SET_BACK_SECONDS, -300.0)],
)
def test_following_a_clock_that_was_set_back(now, due_at):
    """A wait that began at a time that has not come yet is over; what small corrections make of it stays. Who waits since a run, since that."""
    backing_off = syncing.settle(in_state(State.RUNNING), Retry(9.0), 1.0)
    since = replace(backing_off, requested_at=-1.0, run_started_at=1.0)

    assert syncing.follow_clock(since, now) == replace(since, due_at=due_at)
    assert syncing.recover(since, now) == since
    assert syncing.follow_clock(Work(), now) == Work()


def test_recovering_after_a_process_died():
    """Its runs are handed back; callers who waited are gone; back-offs go on."""
    running = requested(claimed(requested(Work())), Mode.SYNC)
    backing_off = syncing.settle(in_state(State.RUNNING), Retry(9.0), 1.0)

    recovered = syncing.recover(running, 5.0)
    assert (state_of(recovered), recovered.due_at) == (State.WAITING, 5.0)
    assert not syncing.sync_call_in_flight(recovered, 5.0)
    assert syncing.recover(backing_off, 5.0) == backing_off


def test_the_record_of_a_run_that_died():
    """It tells what the run was for, and that it was interrupted."""
    running = claimed(requested(requested(Work(), now=1.0), Mode.SYNC, 1.5), 2.0)
    run = syncing.interrupted_run("run-1", Target("acme", "1836"), running, 9.0)

    assert (run.id, run.outcome, run.reason) == ("run-1", Outcome.INTERRUPTED, "INTERRUPTED")
    assert (run.requested_at, run.started_at, run.finished_at) == (1.0, 2.0, 9.0)
    assert (run.merged, run.attempt, run.mode) == (2, 1, Mode.SYNC)
