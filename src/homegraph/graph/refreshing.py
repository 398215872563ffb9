"""When a link's tokens are renewed, whose turn it is, and what comes of it: pure functions of one ``Link``.

A refresh may be the only one that a token endpoint ever answers: servers that rotate refresh tokens drop the old one, and
some revoke the whole grant when it is shown to them twice. So one asks at a time (``RefreshState.leased_until``, in the
database, because several processes may share it), and what a refresh brought counts only if the link still holds the tokens that the
refresh started from. Whoever comes too late takes the newer ones, and breaks nothing.

A refusal (``invalid_grant``) breaks the link. Every other failure may pass: the endpoint is asked again, later each time, and until then
whoever needs a token is told at once what is wrong.

The rule that is easily broken: what happened is compared with the tokens it happened to (``is_same``), in the transaction that
writes what follows.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

from msgspec.structs import replace

from homegraph.graph.linking import MOVES, LinkEvent, mended
from homegraph.graph.model import Instant, Link, LinkState, RefreshState, Tokens
from homegraph.graph.syncing import RetryPolicy

EXPIRY_MARGIN_SECONDS: Final = 60.0
"""How long before its end an access token is renewed: longer than any intent takes, clocks a little apart included."""

EXPIRY_MARGIN_SHARE: Final = 0.1
"""Of its lifetime, if that is less: a token of a minute would otherwise be renewed for every intent."""

REFRESH_LEASE_SECONDS: Final = 15.0
"""How long one refresh keeps others from asking: a token endpoint has 10 s, the rest is for storing what it said."""

BACK_OFF: Final = RetryPolicy(attempts_max=0, first=1.0, longest=300.0)
"""Seconds between attempts at a token endpoint that fails, for each link. It never ends: intents that come ask again."""


AHEAD_SECONDS_MAX: Final = 2 * BACK_OFF.longest
"""No attempt is put off for longer; what lies further ahead was decided by a clock that was set back since."""


class Need(StrEnum):
    """How urgently a link needs another access token."""

    NONE = "none"
    SOON = "soon"  # good for a moment yet: if none is to be had, this one is used
    NOW = "now"


@dataclass(frozen=True, slots=True)
class Start:
    """It is your turn to ask the token endpoint, until the lease ends."""


@dataclass(frozen=True, slots=True)
class Renewed:
    """Nobody needs to ask: the link holds other tokens by now."""


@dataclass(frozen=True, slots=True)
class Busy:
    """Somebody else asks just now, until ``until`` at most."""

    until: Instant


@dataclass(frozen=True, slots=True)
class BackedOff:
    """The endpoint has failed, with ``error``, and is not asked before ``due_at``."""

    due_at: Instant
    error: str


@dataclass(frozen=True, slots=True)
class Broken:
    """The link is broken. Only a new grant helps, or somebody who insists."""


Turn: TypeAlias = Start | Renewed | Busy | BackedOff | Broken


@dataclass(frozen=True, slots=True)
class Refreshed:
    """The endpoint gave ``tokens`` for those of ``before``."""

    before: Tokens
    tokens: Tokens


@dataclass(frozen=True, slots=True)
class Refused:
    """The endpoint refused those of ``before`` for good."""

    before: Tokens


@dataclass(frozen=True, slots=True)
class Failed:
    """The endpoint did not answer as one does. ``spread`` in [0, 1) keeps many links from asking again together."""

    before: Tokens
    error: str
    spread: float


@dataclass(frozen=True, slots=True)
class Expired:
    """Somebody wants the access token to count as expired."""


@dataclass(frozen=True, slots=True)
class Revoked:
    """Somebody wants the grant to count as refused; the access token is forgotten."""


TokenEvent: TypeAlias = Refreshed | Refused | Failed | Expired | Revoked
"""What can happen to a link's tokens, but for a grant, which is ``linking.granted``."""


def need(tokens: Tokens, now: Instant) -> Need:
    """Whether to refresh before an intent is sent. Without a refresh token, or a time of expiry, only a 401 can tell."""
    if tokens.expires_at is None or not tokens.sealed_refresh:
        return Need.NONE
    if tokens.expires_at <= now:
        return Need.NOW
    margin = _margin(tokens.expires_at, tokens.issued_at)
    return Need.SOON if tokens.expires_at - margin <= now else Need.NONE


def is_same(one: Tokens, other: Tokens) -> bool:
    """Whether these are the same tokens, whatever is believed of their end."""
    return (one.sealed_access, one.sealed_refresh) == (other.sealed_access, other.sealed_refresh)


def begin(
    link: Link, before: Tokens, now: Instant, *, lease_seconds: float, insist: bool = False
) -> tuple[Turn, Link]:
    """Whose turn it is to replace the tokens ``before``, and the link as it must be saved (unchanged unless START).

    Who insists asks even for a broken link, and does not wait for a back-off; but he waits for his turn.
    """
    if link.state is LinkState.BROKEN and not insist:
        return Broken(), link
    if not is_same(link.tokens, before):
        return Renewed(), link
    state = link.refresh
    if state.leased_until > now:
        return Busy(state.leased_until), link
    if now < state.due_at < now + AHEAD_SECONDS_MAX and not insist:
        return BackedOff(state.due_at, state.error), link
    return Start(), replace(link, refresh=replace(state, leased_until=now + lease_seconds))


def follow(link: Link, event: TokenEvent, now: Instant) -> Link:
    """The link after ``event``; as it was, when the event is about tokens that it does not hold any more."""
    if isinstance(event, Expired):
        return replace(link, tokens=replace(link.tokens, expires_at=now), changed_at=now)
    if isinstance(event, Revoked):
        return _broken(replace(link, tokens=replace(link.tokens, sealed_access=b"")), now)
    if not is_same(link.tokens, event.before):
        return link
    if isinstance(event, Refused):
        return _broken(link, now)
    if isinstance(event, Failed):
        return replace(link, refresh=_failed(link.refresh, event, now))
    return replace(
        link,
        state=mended(link, LinkEvent.TOKEN_REFRESHED),
        tokens=event.tokens,
        problem="" if link.state is LinkState.BROKEN else link.problem,
        changed_at=now,
        refresh=RefreshState(),
    )


def _margin(expires_at: Instant, issued_at: Instant | None) -> float:
    if issued_at is None:
        return EXPIRY_MARGIN_SECONDS
    return min(EXPIRY_MARGIN_SECONDS, (expires_at - issued_at) * EXPIRY_MARGIN_SHARE)


def _broken(link: Link, now: Instant) -> Link:
    return replace(
        link,
        state=MOVES[link.state, LinkEvent.TOKEN_REFUSED],
        problem="TOKEN_REFUSED",
        changed_at=now,
        refresh=RefreshState(),
    )


def _failed(state: RefreshState, event: Failed, now: Instant) -> RefreshState:
    failures = state.failures + 1
    return RefreshState(
        failures=failures, due_at=now + BACK_OFF.delay(failures, event.spread), error=event.error
    )
