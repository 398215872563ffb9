"""How a call is carried out: with which credential, and how often. Decided here, done elsewhere.

``carry_out`` is a generator. It yields what has to be done next (``Authorise``, ``Send``, ``Wait``), gets the outcome sent in, or
an ``ApiError`` thrown in, and returns the call's value in the end. The two clients do nothing but obey, one by blocking and one by
awaiting, so that they cannot come to behave differently.

The rules, which are Google's published policy for its own clients (``calls`` says for which calls it holds):

* A repeatable call is sent up to five times while the Home Graph is not there (UNAVAILABLE) or too slow (DEADLINE_EXCEEDED),
  after 0.1 s, and each time 1.3 times as long. An access token that cannot be had for the same reason counts alike.
* 401 to an access token means that it has ended before its time: one other is asked for, and the call is sent once more, whatever
  call it is, since nothing was done. A second 401 is the answer.
* The timeout is one for all attempts together. It begins when the first of them is sent.

The rule that is easily broken: Request Sync and Report State are never sent twice after anything but a 401. A call that got no answer
may have been carried out.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, Final, TypeVar

import msgspec

from homegraph.client.auth import Grant
from homegraph.client.calls import Call, Request, Response
from homegraph.errors import ApiError, SettingsError

__all__ = [
    "ATTEMPTS_MAX",
    "Authorise",
    "Send",
    "Step",
    "Steps",
    "Wait",
    "allowed_seconds",
    "carry_out",
    "pause_after",
]

ATTEMPTS_MAX: Final = 5
"""Of a repeatable call, the first one included."""

PAUSE_FIRST_SECONDS: Final = 0.1
PAUSE_GROWTH: Final = 1.3

TIMEOUT_SECONDS_MAX: Final = 86_400
"""A day. Who means "for ever" would not notice that nobody answers."""

LEFT_MIN_SECONDS: Final = 0.001
"""For a call whose time was over when its token was renewed: sent nevertheless, it fails in the usual way."""

PASSING: Final = frozenset(("UNAVAILABLE", "DEADLINE_EXCEEDED"))
"""Statuses after which a repeatable call is repeated."""

UNAUTHENTICATED: Final = 401

T = TypeVar("T")


class Authorise(msgspec.Struct, frozen=True):
    """Get a grant; another one than ``refused``. Answered with a ``Grant``, or by ApiError."""

    refused: Grant | None = None


class Send(msgspec.Struct, frozen=True):
    """Send the request. Answered with a ``Response``, or by ServerUnreachable."""

    request: Request


class Wait(msgspec.Struct, frozen=True):
    """Wait for so many seconds. Answered with nothing."""

    seconds: float


Step = Authorise | Send | Wait
Steps = Generator[Step, Any, T]


def carry_out(
    call: Call[T], base_url: str, *, timeout: float | None, now: Callable[[], float]
) -> Steps[T]:
    """Carry a call out; returns its value.

    ``timeout`` is in seconds, None for the call's own. ``now`` is a clock that never goes back, in seconds from anywhere.

    Raises:
        ApiError: the last attempt's.
    """
    allowed = call.timeout if timeout is None else timeout
    refused: Grant | None = None
    ends: float | None = None
    attempt = 1
    while True:
        try:
            grant = yield Authorise(refused)
            if ends is None:
                ends = now() + allowed
                left = allowed
            else:
                left = max(LEFT_MIN_SECONDS, round(ends - now(), 3))
            response: Response = yield Send(call.request(base_url, grant.headers, left))
            if _may_renew(response, grant, refused):
                refused = grant
                continue
            return call.result(response)
        except ApiError as exc:
            pause = pause_after(attempt, exc) if call.repeatable else None
            if pause is None or (ends is not None and now() + pause >= ends):
                raise
        yield Wait(pause)
        attempt += 1


def allowed_seconds(timeout: object) -> float | None:
    """The timeout that a client was given. Raises SettingsError when it is none."""
    if timeout is None:
        return None
    if isinstance(timeout, int | float) and 0 < timeout <= TIMEOUT_SECONDS_MAX:
        return timeout
    raise SettingsError(
        f"{timeout!r} is not a time that a call may take.",
        place="timeout",
        hint=f"Give seconds, more than 0 and at most {TIMEOUT_SECONDS_MAX:,}; None is each call's own.",
    )


def pause_after(attempt: int, error: ApiError) -> float | None:
    """How many seconds to wait after this attempt of a repeatable call, the first being 1; None when it was the last."""
    if attempt >= ATTEMPTS_MAX or error.status not in PASSING:
        return None
    return PAUSE_FIRST_SECONDS * PAUSE_GROWTH ** (attempt - 1)


def _may_renew(response: Response, grant: Grant, refused: Grant | None) -> bool:
    """Whether another access token may help. Only the first one that is refused is replaced."""
    return response.status == UNAUTHENTICATED and grant.renewable and refused is None
