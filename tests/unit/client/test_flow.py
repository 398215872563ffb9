"""How a call is carried out: each decision by itself, without a network and without a clock."""

from __future__ import annotations

import pytest

from homegraph.client import calls, flow
from homegraph.client.auth import Grant
from homegraph.client.calls import Response
from homegraph.client.flow import Authorise, Send, Wait
from homegraph.errors import ApiError, ServerUnreachable

KEY = Grant((("x-goog-api-key", "k"),), renewable=False)
FIRST = Grant((("authorization", "Bearer first"),))
SECOND = Grant((("authorization", "Bearer second"),))

OK = Response(200, {}, b"{}")

REPEATABLE = [calls.query("u", ["a"]), calls.sync("u"), calls.delete_agent_user("u")]
NEVER_REPEATED = [
    calls.request_sync("u"),
    calls.request_sync("u", async_=True),
    calls.report_state("u", {}),
]


def error(status):
    """An error answer."""
    return Response(status, {}, b"")


class Run:
    """Carries a call out against prepared answers; time passes only while something is waited for.

    ``answers`` are responses or errors, one for each sending; ``grants`` likewise. ``sending`` is how long each sending takes.
    """

    def __init__(self, call, answers, *, grants=(KEY,), timeout=None, sending=0.0):
        self.sent, self.waited, self.asked = [], [], []
        self.value = self.error = None
        now = 100.0
        answers, grants = list(answers), list(grants)
        steps = flow.carry_out(call, "http://h", timeout=timeout, now=lambda: now)
        outcome = None
        try:
            while True:
                step = (
                    steps.throw(outcome) if isinstance(outcome, ApiError) else steps.send(outcome)
                )
                match step:
                    case Authorise(refused):
                        self.asked.append(refused)
                        outcome = grants.pop(0) if len(grants) > 1 else grants[0]
                    case Send(request):
                        self.sent.append(request)
                        now += sending
                        outcome = answers.pop(0)
                    case Wait(seconds):
                        self.waited.append(seconds)
                        now += seconds
                        outcome = None
        except StopIteration as end:
            self.value = end.value
        except ApiError as exc:
            self.error = exc


class TestOneAttempt:
    def test_success(self):
        """A grant, a request with its headers, and the value of the answer."""
        answer = Response(200, {}, b'{"payload": {"devices": {"a": {"on": true}}}}')

        run = Run(calls.query("u", ["a"]), [answer])

        assert run.value == {"a": {"on": True}}
        assert [dict(one.headers)["x-goog-api-key"] for one in run.sent] == ["k"]
        assert (run.asked, run.waited) == ([None], [])

    @pytest.mark.parametrize("status", [400, 403, 404, 429, 500, 501, 502])
    @pytest.mark.parametrize("call", REPEATABLE)
    def test_other_errors_are_not_repeated(self, call, status):
        """Google's policy names two statuses, and these are others."""
        run = Run(call, [error(status)])

        assert (run.error.http_status, len(run.sent)) == (status, 1)

    @pytest.mark.parametrize("answer", [error(503), error(504), ServerUnreachable("x")])
    @pytest.mark.parametrize("call", NEVER_REPEATED)
    def test_request_sync_and_reports_are_never_repeated(self, call, answer):
        """They may have been carried out."""
        run = Run(call, [answer])

        assert run.error is not None
        assert (len(run.sent), run.waited) == (1, [])


class TestRepetition:
    @pytest.mark.parametrize("answer", [error(503), error(504), ServerUnreachable("x")])
    @pytest.mark.parametrize("call", REPEATABLE)
    def test_five_attempts_with_growing_pauses(self, call, answer):
        """0.1 s, then 1.3 times as long each time; the fifth error is the caller's."""
        run = Run(call, [answer] * 9)

        assert len(run.sent) == 5
        assert run.waited == pytest.approx([0.1, 0.13, 0.169, 0.2197])
        assert run.error.status in flow.PASSING

    def test_success_ends_it(self):
        """What came before is forgotten."""
        run = Run(calls.sync("u"), [error(503), ServerUnreachable("x"), OK, error(400)])

        assert (run.value, run.error, len(run.sent)) == ([], None, 3)

    def test_another_error_ends_it(self):
        """A Home Graph that is back and says no is believed."""
        run = Run(calls.sync("u"), [error(503), error(404), OK])

        assert (run.error.http_status, len(run.sent)) == (404, 2)

    def test_status_in_the_body_counts(self):
        """What the answer calls itself is what Google's policy speaks of."""
        body = b'{"error": {"code": 500, "message": "x", "status": "UNAVAILABLE"}}'

        assert len(Run(calls.sync("u"), [Response(500, {}, body), OK]).sent) == 2

    def test_timeout_is_for_all_attempts(self):
        """Each attempt gets what is left, and none begins when nothing would be."""
        run = Run(calls.sync("u"), [error(503)] * 9, timeout=3.0, sending=1.0)

        assert [one.timeout for one in run.sent] == pytest.approx([3.0, 1.9, 0.77])
        assert run.error.http_status == 503

    def test_an_attempt_that_took_all_the_time_was_the_last(self):
        """No answer within the timeout leaves no time for another attempt."""
        run = Run(calls.sync("u"), [ServerUnreachable("x")] * 9, sending=10.0)

        assert (len(run.sent), run.waited) == (1, [])

    def test_token_that_cannot_be_had_now_counts_as_an_attempt(self):
        """A token endpoint that is away for a moment is no reason to give up a call that may be repeated."""
        run = Run(calls.sync("u"), [OK], grants=[ServerUnreachable("x"), FIRST])

        assert (run.value, len(run.sent), run.waited) == ([], 1, [0.1])

    def test_token_that_is_refused_does_not(self):
        """A key that was revoked stays revoked."""
        refused = ApiError("no", http_status=400, status="UNAUTHENTICATED")

        run = Run(calls.sync("u"), [OK], grants=[refused])

        assert (run.error, run.sent, run.waited) == (refused, [], [])


class TestRenewal:
    @pytest.mark.parametrize("call", [*REPEATABLE, *NEVER_REPEATED])
    def test_401_is_answered_with_another_token_once(self, call):
        """Whatever the call is: nothing was done, and a fresh token may be all that is missing."""
        run = Run(call, [error(401), OK], grants=[FIRST, SECOND])

        assert run.error is None
        assert run.asked == [None, FIRST]
        assert [dict(one.headers)["authorization"] for one in run.sent] == [
            "Bearer first",
            "Bearer second",
        ]

    def test_second_401_is_the_answer(self):
        """A Home Graph that refuses a token just made is right."""
        run = Run(calls.sync("u"), [error(401)] * 9, grants=[FIRST, SECOND])

        assert (run.error.http_status, len(run.sent)) == (401, 2)

    def test_there_is_one_renewal_in_all_attempts(self):
        """Repeating for another cause brings no new renewals."""
        answers = [error(401), error(503), error(401), OK]

        run = Run(calls.sync("u"), answers, grants=[FIRST, SECOND])

        assert (run.error.http_status, len(run.sent)) == (401, 3)

    def test_api_key_is_not_renewed(self):
        """There is no other key; the first 401 is the answer."""
        run = Run(calls.sync("u"), [error(401), OK])

        assert (run.error.http_status, len(run.sent)) == (401, 1)

    def test_403_is_no_reason(self):
        """The token was good, and not allowed to."""
        run = Run(calls.sync("u"), [error(403), OK], grants=[FIRST, SECOND])

        assert (run.error.http_status, run.asked) == (403, [None])

    def test_renewal_that_fails_is_the_answer(self):
        """Why there is no other token tells more than the 401."""
        revoked = ApiError("Invalid JWT Signature.", http_status=400, status="UNAUTHENTICATED")

        run = Run(calls.request_sync("u"), [error(401)], grants=[FIRST, revoked])

        assert run.error is revoked
