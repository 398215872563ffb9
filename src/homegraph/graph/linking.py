"""What becomes of a link: pure moves of one ``Link``. The store writes what they return.

A link starts with a grant and ends by being unlinked; in between it is linked or broken. Which agent user it belongs to is not
known before its first SYNC has succeeded, and may change with a later one. A link that has ended keeps the name of its
agent user, so that a refused call can be told about it, and starts over when a new grant comes.

``MOVES`` is the same as a table, with every event that moves a link or leaves it where it is; the picture in the documentation is drawn
from it. ``granted``, ``bind`` and ``end`` check their move against it, and so does ``refreshing``, whose two events are about tokens.
What a *run* finds out about links (``concluding``) is written as ``BindLink``, ``RekeyLink`` and ``Unlink``, which are the events of the
same names, and as ``NoteProblem``, which moves nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import msgspec
from msgspec.structs import replace

from homegraph.errors import LinkingRefused
from homegraph.graph.model import (
    Exchange,
    Finding,
    Instant,
    Link,
    LinkState,
    Outcome,
    RefreshState,
    Run,
    Tokens,
)

NO_TOKENS: Final = Tokens(b"")
"""What a link that has ended holds."""

BY_FILE: Final = "file"
BY_USER: Final = "user"
"""Whose grant a link holds: one that the file brought, or one that a user gave at the developer's login page."""

GRANTED: Final = "granted"
"""The outcome of a linking that brought tokens; what they are worth, its link tells."""


class LinkEvent(StrEnum):
    """What can happen to a link."""

    GRANTED = "Granted"  # a grant came: a user has signed in, or the file has a new one
    FIRST_SYNC_DONE = "FirstSyncDone"  # BindLink
    FIRST_SYNC_FAILED = "FirstSyncFailed"  # and is repeated
    LINKING_FAILED = "LinkingFailed"  # the first SYNC of a user who waits for it failed
    TOKEN_REFUSED = "TokenRefused"  # noqa: S105  # the token endpoint said invalid_grant
    TOKEN_REFRESHED = "TokenRefreshed"  # noqa: S105  # the token endpoint gave a new one
    TOKEN_WORKS = "TokenWorks"  # noqa: S105  # the link was asked, and answered
    REKEYED = "Rekeyed"  # RekeyLink: a SYNC named another agent user
    UNLINKED = "Unlinked"  # by the user, by the developer, or by an empty list


MOVES: Final[dict[tuple[LinkState, LinkEvent], LinkState]] = {
    (LinkState.UNLINKED, LinkEvent.GRANTED): LinkState.LINKING,
    (LinkState.LINKING, LinkEvent.GRANTED): LinkState.LINKING,  # the newer grant counts
    (LinkState.LINKING, LinkEvent.FIRST_SYNC_DONE): LinkState.LINKED,
    (LinkState.LINKING, LinkEvent.FIRST_SYNC_FAILED): LinkState.LINKING,
    (LinkState.LINKING, LinkEvent.LINKING_FAILED): LinkState.UNLINKED,
    (LinkState.LINKING, LinkEvent.TOKEN_REFRESHED): LinkState.LINKING,
    (LinkState.LINKING, LinkEvent.TOKEN_REFUSED): LinkState.BROKEN,
    (LinkState.LINKING, LinkEvent.UNLINKED): LinkState.UNLINKED,
    (LinkState.LINKED, LinkEvent.GRANTED): LinkState.LINKED,
    (LinkState.LINKED, LinkEvent.TOKEN_WORKS): LinkState.LINKED,
    (LinkState.LINKED, LinkEvent.REKEYED): LinkState.LINKED,
    (LinkState.LINKED, LinkEvent.TOKEN_REFRESHED): LinkState.LINKED,
    (LinkState.LINKED, LinkEvent.TOKEN_REFUSED): LinkState.BROKEN,
    (LinkState.LINKED, LinkEvent.UNLINKED): LinkState.UNLINKED,
    (
        LinkState.BROKEN,
        LinkEvent.GRANTED,
    ): LinkState.LINKED,  # linking, if its agent user is not known
    (LinkState.BROKEN, LinkEvent.FIRST_SYNC_DONE): LinkState.BROKEN,  # it broke in the QUERY
    (LinkState.BROKEN, LinkEvent.TOKEN_REFRESHED): LinkState.LINKED,  # likewise; somebody insisted
    (LinkState.BROKEN, LinkEvent.TOKEN_REFUSED): LinkState.BROKEN,
    (LinkState.BROKEN, LinkEvent.UNLINKED): LinkState.UNLINKED,
}
"""From a state and an event to the state that follows.

Two rows have two answers: a link that broke before its first SYNC had succeeded has no agent user yet and needs one (``mended``).
"""


STEPS_MAX: Final = 20
"""Steps of one linking that are kept. Three are the rule; whoever replays a state for hours fills no database."""


class StepKind(StrEnum):
    """What is done to link an account, up to the tokens; what follows is in the runs of the link."""

    AUTHORIZE = "authorize"  # the address of the login page was handed out
    CALLBACK = "callback"  # somebody came back from there
    EXCHANGE = "exchange"  # the code was exchanged for tokens


class LinkingStep(msgspec.Struct, frozen=True):
    """One step of a linking, secrets masked.

    ``request`` is what was asked or what came, in one line; ``exchange`` the HTTP request and its answer where there was one, and
    ``took`` its seconds. ``code`` is the reason if this step failed, ``message`` the sentence.
    """

    kind: StepKind
    at: Instant
    request: str = ""
    took: float = 0.0
    code: str = ""
    message: str = ""
    exchange: Exchange | None = None
    findings: tuple[Finding, ...] = ()


class Linking(msgspec.Struct, frozen=True):
    """An account that a user is about to link: he was sent to the developer's login page and has not come back yet.

    ``id`` is what the ``state`` names; ``sealed_verifier`` is empty without PKCE. ``used_at`` is when the browser came back,
    which it may do once; ``outcome`` is what that led to: a reason's code, ``granted``, or empty while nobody knows.
    """

    id: str
    project_id: str
    user_id: str
    redirect_uri: str
    created_at: Instant
    expires_at: Instant
    sealed_verifier: bytes = b""
    used_at: Instant | None = None
    outcome: str = ""
    steps: tuple[LinkingStep, ...] = ()


def noted(linking: Linking, steps: Sequence[LinkingStep]) -> Linking:
    """What happened so far, and this. Beyond the bound nothing is added: the first steps tell the story."""
    return replace(linking, steps=(*linking.steps, *steps)[:STEPS_MAX])


def used(linking: Linking, now: Instant, steps: Sequence[LinkingStep]) -> Linking:
    """The browser came back. Raises LinkingRefused when it did so before."""
    if linking.used_at is not None:
        raise LinkingRefused("LINKING_USED")
    return noted(replace(linking, used_at=now), steps)


def ended(linking: Linking, outcome: str, steps: Sequence[LinkingStep] = ()) -> Linking:
    """What it led to, unless that is known already; its verifier is needed no longer."""
    if not linking.outcome:
        linking = replace(linking, outcome=outcome, sealed_verifier=b"")
    return noted(linking, steps)


BROKEN_AT_ONCE: Final = "The devices have arrived, but the QUERY after them was refused with 401, and then the refresh token: the link is broken already."


class Stage(StrEnum):
    """How far a linking has come."""

    WAITING = "waiting"  # the browser has not come back
    SYNCING = "syncing"  # the code is being exchanged, or the first SYNC is under way
    LINKED = "linked"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Standing:
    """How a linking stands; of one that failed ``reason`` is the code, and ``message`` a sentence if one is known."""

    stage: Stage
    reason: str = ""
    message: str = ""


def sync_after(linking: Linking, runs: Sequence[Run]) -> Run | None:
    """The SYNC that tells what a grant is worth: the first one after it that was not interrupted. ``runs``: newest first."""
    for run in reversed(runs):
        if run.started_at >= (linking.used_at or 0.0) and run.outcome is not Outcome.INTERRUPTED:
            return run
    return None


def standing(linking: Linking, run: Run | None, now: Instant, *, problem: str = "") -> Standing:
    """How a linking stands; ``run`` is that of ``sync_after``, ``problem`` what has broken the link in the QUERY after it."""
    if linking.outcome not in ("", GRANTED):
        said = [step.message for step in linking.steps if step.code == linking.outcome]
        return Standing(Stage.FAILED, linking.outcome, said[0] if said else "")
    if linking.used_at is None:
        is_late = linking.expires_at <= now
        return Standing(Stage.FAILED, "LINKING_EXPIRED") if is_late else Standing(Stage.WAITING)
    if run is None:
        return Standing(Stage.SYNCING)
    if run.reason:
        return Standing(Stage.FAILED, run.reason, run.message)
    if problem:
        return Standing(Stage.FAILED, problem, BROKEN_AT_ONCE)
    return Standing(Stage.LINKED)


def adopt(
    link: Link | None, *, project_id: str, user_id: str, tokens: Tokens, digest: bytes, now: Instant
) -> Link | None:
    """Take a grant of the file over; None when it has been taken over before, whatever became of the link since."""
    if link is not None and link.grant_digest == digest:
        return None
    taken = granted(
        link, project_id=project_id, user_id=user_id, tokens=tokens, origin=BY_FILE, now=now
    )
    return replace(taken, grant_digest=digest)


def granted(
    link: Link | None, *, project_id: str, user_id: str, tokens: Tokens, origin: str, now: Instant
) -> Link:
    """A grant has come.

    A link whose agent user is not known, or that has ended, needs a first SYNC: it comes back as ``linking``. Any other
    is ``linked`` from now on, because the new grant mends what was broken; its devices and their placement stay.
    """
    if link is None:
        link = Link(project_id, user_id, LinkState.UNLINKED, tokens, created_at=now)
    if link.state is LinkState.UNLINKED:
        link = replace(link, agent_user_id="", created_at=now)
    return replace(
        link,
        state=mended(link, LinkEvent.GRANTED),
        tokens=tokens,
        origin=origin,
        problem="",
        changed_at=now,
        refresh=RefreshState(),
    )


def mended(link: Link, event: LinkEvent) -> LinkState:
    """The state after an event that brought tokens."""
    is_unknown = link.state is LinkState.BROKEN and not link.agent_user_id
    return MOVES[LinkState.LINKING if is_unknown else link.state, event]


def bind(link: Link, agent_user_id: str, now: Instant) -> Link:
    """Its first SYNC succeeded and told whose devices they are. What broke it since, in the QUERY, is a problem still."""
    state = MOVES[link.state, LinkEvent.FIRST_SYNC_DONE]
    problem = link.problem if state is LinkState.BROKEN else ""
    return replace(link, state=state, agent_user_id=agent_user_id, problem=problem, changed_at=now)


def rekey(link: Link, agent_user_id: str, now: Instant) -> Link:
    """A later SYNC named another agent user."""
    return replace(link, agent_user_id=agent_user_id, changed_at=now)


def end(link: Link, now: Instant, problem: str = "") -> Link:
    """Unlink it. The grant's digest stays, so that the same grant is not taken over again."""
    return replace(
        link,
        state=MOVES[link.state, LinkEvent.UNLINKED],
        tokens=NO_TOKENS,
        problem=problem,
        changed_at=now,
        refresh=RefreshState(),
    )
