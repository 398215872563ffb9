"""The rule of Request Sync against a list of requests, step by step, in any order.

The model keeps every accepted request by itself: what a person would do with paper. The code keeps counters. Both must tell
the same story, whatever happens in whatever order.
"""

from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from homegraph.graph import syncing
from homegraph.graph.model import Cause, Mode, Outcome
from homegraph.graph.syncing import Admission, Retry, RetryPolicy, State, Work, state_of

LEASE_SECONDS = 30.0
POLICY = RetryPolicy(attempts_max=3, first=1.0, longest=10.0)


@dataclass(eq=False)
class Asked:
    """One accepted request, on paper. ``runs`` are the steps at which a run was claimed that was to answer it."""

    mode: Mode
    step: int
    until: float
    runs: list[int] = field(default_factory=list)
    told: bool = False
    answered: bool = False


class RequestSync(RuleBasedStateMachine):
    """Requests, claims, ends of runs, deaths of workers."""

    def __init__(self):
        super().__init__()
        self.work = Work()
        self.now = 1_000.0
        self.step = 0
        self.asked: list[Asked] = []
        self.running: list[Asked] | None = None
        self.fence = 0

    def open_requests(self):
        return [asked for asked in self.asked if not asked.answered]

    def caller_waits(self):
        """Whether a sync-mode caller has neither an answer nor passed its deadline."""
        return any(
            asked.mode is Mode.SYNC and not asked.told and asked.until > self.now
            for asked in self.open_requests()
        )

    def start(self):
        self.step += 1
        self.work = syncing.claim(self.work, "worker", self.now, LEASE_SECONDS)
        assert self.work.fence > self.fence, "no two runs have the same fence"
        self.fence = self.work.fence
        if self.running is not None:
            self.tell(self.running)
        self.running = self.open_requests()
        for asked in self.running:
            asked.runs.append(self.step)

    def tell(self, run):
        """Whoever waited for this run has been answered, well or badly."""
        for asked in run:
            asked.told = True

    @rule(mode=st.sampled_from(Mode))
    def request(self, mode):
        self.step += 1
        refused = mode is Mode.SYNC and self.caller_waits()
        admission, work = syncing.request(self.work, mode, Cause.REQUEST, self.now)
        assert (admission is Admission.REFUSE) is refused
        if refused:
            assert work == self.work
            return
        # A later sync-mode call takes the place of one whose deadline has passed.
        self.asked.append(Asked(mode, self.step, self.now + syncing.SYNC_CALL_SECONDS))
        self.work = work
        if admission is Admission.START:
            self.start()
        elif mode is Mode.SYNC:
            assert self.running is not None, "a sync-mode call joins only a run under way"

    @rule(seconds=st.sampled_from([0.1, 1.0, 29.0, 31.0, 61.0]))
    def time_passes(self, seconds):
        self.now += seconds

    @precondition(lambda self: syncing.is_claimable(self.work, self.now))
    @rule()
    def claim(self):
        self.start()

    @precondition(lambda self: self.running is not None)
    @rule(failed=st.booleans(), retryable=st.booleans())
    def settle(self, failed, retryable):
        step = syncing.next_step(
            self.work,
            failed=failed,
            retryable=retryable,
            policy=POLICY,
            now=self.now,
            spread=0.5,
        )
        if isinstance(step, Retry):
            assert any(asked.mode is Mode.ASYNC for asked in self.open_requests())
            assert retryable
            assert step.at > self.now
        elif failed and retryable:
            owed = any(asked.mode is Mode.ASYNC for asked in self.open_requests())
            assert step.outcome is (Outcome.GAVE_UP if owed else Outcome.FAILED)
        self.work = syncing.settle(self.work, step, self.now)
        self.tell(self.running)
        for asked in self.running:
            asked.answered = not isinstance(step, Retry)
        self.running = None

    @precondition(lambda self: self.running is not None)
    @rule()
    def hand_back(self):
        self.work = syncing.interrupt(self.work, self.now)
        self.tell(self.running)
        self.running = None

    @rule()
    def the_process_dies(self):
        self.work = syncing.recover(self.work, self.now)
        self.tell(self.asked)
        self.running = None

    @invariant()
    def the_counters_agree_with_the_paper(self):
        assert self.work.requested == len(self.asked)
        assert self.work.done == sum(asked.answered for asked in self.asked)
        if self.running is not None:
            assert syncing.merged(self.work) == len(self.running)

    @invariant()
    def the_state_agrees_with_the_paper(self):
        late = [asked for asked in self.open_requests() if asked not in (self.running or ())]
        expected = {
            (False, False): State.IDLE,
            (False, True): State.WAITING,
            (True, False): State.RUNNING,
            (True, True): State.RUNNING_AGAIN,
        }[self.running is not None, bool(late)]
        assert state_of(self.work) is expected

    @invariant()
    def every_answer_comes_from_a_run_claimed_after_the_request(self):
        for asked in self.asked:
            if asked.answered:
                assert asked.runs[-1] >= asked.step

    def teardown(self):
        """Whatever happened: at most one run is left to end and one to follow, and then all is answered."""
        for _ in range(2):
            if self.running is not None:
                self.settle(failed=False, retryable=False)
            elif self.open_requests():
                self.now = max(self.now, self.work.due_at)
                self.start()
                self.settle(failed=False, retryable=False)
        assert state_of(self.work) is State.IDLE
        assert not self.open_requests()


TestRequestSync = RequestSync.TestCase
TestRequestSync.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)
