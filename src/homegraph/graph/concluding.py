"""What follows from the answers of a run: one SYNC per link went out, and each brought a reply or an error.

``conclude`` turns the answers into effects (what the store writes), changes and findings (what is told) and the failure, if
any, that a sync-mode caller is answered with and the retry is decided by. The rules:

* One broken link does not keep the others from being updated: every good reply counts, whatever the others did.
* The reply is the full list. When several links answered, the last good reply is the list.
* A refused reply, an error payload or an empty list never damages what is stored.
* A link whose refresh token was refused is broken by then (``graph.refreshing``); it is not asked again until it gets new tokens.
* In a first SYNC everything but a refused token is worth another attempt: the grant is there, the cloud will come.
  That holds for a grant of the file; a user who is linking an account waits for the answer, and a first SYNC that fails
  fails his linking, unless the project wants the link to be kept.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from homegraph.errors import (
    HomegraphError,
    LinkBroken,
    ReplyUnusable,
    TokenRefused,
)
from homegraph.graph.applying import NOTHING, Applied
from homegraph.graph.checks.differences import without_effect
from homegraph.graph.checks.replies import is_suspicious, links_disagree, shrunk
from homegraph.graph.effects import (
    BindLink,
    Effect,
    NoteProblem,
    RekeyLink,
    Unlink,
    WriteDevices,
    WriteHeld,
)
from homegraph.graph.linking import BY_USER
from homegraph.graph.model import Changes, Finding, HeldDevice, Instant, Link, LinkResult, Target
from homegraph.graph.policy import Policy


class Answer(msgspec.Struct, frozen=True):
    """What one link brought: an error, or a reply (``agent_user_id`` as it names itself, and what its list changes).

    ``known`` is how many devices there were before. ``held`` are its held devices that are kept, None when they are those that are
    kept already. ``digest`` is what the reply is known by when it comes again; empty when there is something to say about it that
    would have to be said again.
    """

    link: Link
    error: HomegraphError | None = None
    agent_user_id: str = ""
    applied: Applied | None = None
    is_empty: bool = False
    findings: tuple[Finding, ...] = ()
    known: int = 0
    held: tuple[HeldDevice, ...] | None = None
    digest: bytes = b""


class Conclusion(msgspec.Struct, frozen=True):
    """What a run leaves behind, and the failure it is counted by.

    ``held``: the list stays as it was, and ``changes`` are what would have become of it. Before ``retry_from`` another attempt would run
    into the same. ``reply`` is the digest of the reply whose list is the one that is stored now, if there is one.
    """

    effects: tuple[Effect, ...]
    changes: Changes
    results: tuple[LinkResult, ...]
    findings: tuple[Finding, ...]
    failure: HomegraphError | None
    retryable: bool
    held: bool = False
    retry_from: Instant = 0.0
    reply: bytes = b""


def conclude(
    target: Target,
    answers: Sequence[Answer],
    *,
    policy: Policy,
    accepted: frozenset[str] = frozenset(),
    by_grant: bool = False,
) -> Conclusion:
    """Say what a run's answers mean. ``answers`` come in the order of the links; broken links were not asked.

    ``accepted`` are the devices that an operator has let go. ``by_grant``: the run follows a new grant.
    """
    failures = [answer.error for answer in answers if answer.error is not None]
    shrinking: tuple[int, int] | None = None
    held = False
    if target.is_first_sync:
        effects, changes = _first_sync(answers, policy)
        if not effects and not failures:
            failures = [_no_agent_user_id()]
    else:
        effects, written, known = _sync(target, answers, policy)
        changes = written.changes
        shrinking = _shrinking(known, written.removed, accepted, by_grant=by_grant)
        held = policy.shrink_guard and shrinking is not None
        if held:
            effects = [one for one in effects if not isinstance(one, WriteDevices | WriteHeld)]
    if not answers:
        failures = [LinkBroken("Every link of this agent user is broken; none could be asked.")]
    failure = failures[0] if failures else None
    fails = failure is not None and target.is_first_sync and _fails_linking(answers, policy)
    if fails and failure is not None:
        effects = [Unlink(answer.link.user_id, failure.code) for answer in answers]
    return Conclusion(
        # Problems first: BindLink, RekeyLink and Unlink have the last word on a link.
        effects=(*_problems(target, answers, failure), *effects),
        changes=changes,
        results=tuple(map(_result, answers)),
        findings=(
            *_findings(answers),
            *without_effect(changes),
            *((shrunk(*shrinking, held=held),) if shrinking else ()),
        ),
        failure=failure,
        retryable=bool(failures) and not fails and _worth_repeating(target, failures),
        held=held,
        retry_from=_retry_from(failures) if failures else 0.0,
        reply=_listed_reply(target, answers, effects, held=held),
    )


def _first_sync(answers: Sequence[Answer], policy: Policy) -> tuple[list[Effect], Changes]:
    for answer in answers:
        if answer.applied is None or not answer.agent_user_id:
            continue
        if answer.is_empty and policy.empty_sync == "unlink":
            return [Unlink(answer.link.user_id)], Changes()
        bound = BindLink(
            answer.link.user_id,
            answer.agent_user_id,
            answer.applied.stored,
            held=answer.held or (),
        )
        return [bound], answer.applied.changes
    return [], Changes()


def _fails_linking(answers: Sequence[Answer], policy: Policy) -> bool:
    """Whether a user is linking just now, and is told that it did not work rather than kept waiting."""
    return policy.first_sync_failure == "fail" and any(
        answer.link.origin == BY_USER for answer in answers
    )


def _sync(
    target: Target, answers: Sequence[Answer], policy: Policy
) -> tuple[list[Effect], Applied, int]:
    """What is written; what the list that counts changes, and how many devices there were before it."""
    written, known = NOTHING, 0
    held: tuple[HeldDevice, ...] | None = None
    effects: list[Effect] = []
    for answer in answers:
        if answer.applied is None:
            continue
        if answer.agent_user_id not in ("", target.agent_user_id):
            effects.append(RekeyLink(answer.link.user_id, answer.agent_user_id))
        elif not answer.is_empty:
            written, known, held = answer.applied, answer.known, answer.held
        elif policy.empty_sync == "unlink":
            effects.append(Unlink(answer.link.user_id))
    if written.stored or written.removed:
        effects.insert(0, WriteDevices(written.stored, written.removed))
    if held is not None:
        effects.insert(0, WriteHeld(held))
    return effects, written, known


def _listed_reply(
    target: Target, answers: Sequence[Answer], effects: Sequence[Effect], *, held: bool
) -> bytes:
    """The digest of the one reply, if all that came of it is its list; that of a first SYNC belongs to another target's work."""
    if len(answers) != 1 or held or target.is_first_sync:
        return b""
    for effect in effects:
        if not isinstance(effect, WriteDevices):
            return b""
    return answers[0].digest


def _shrinking(
    known: int, removed: Sequence[str], accepted: frozenset[str], *, by_grant: bool
) -> tuple[int, int] | None:
    """How many devices there were and how many the list that counts removes, if that is suspicious and nobody has accepted it.

    A new grant that brings other devices only is another account, into which the user has just signed in.
    """
    if not is_suspicious(known, len(removed)) or accepted == set(removed):
        return None
    if by_grant and len(removed) == known:
        return None
    return known, len(removed)


def _problems(
    target: Target, answers: Sequence[Answer], failure: HomegraphError | None
) -> list[Effect]:
    """Problems of links, only where something changed. A failed first SYNC stays ``linking`` and says why."""
    effects: list[Effect] = []
    for answer in answers:
        error = answer.error or (failure if target.is_first_sync else None)
        problem = error.code if error else ""
        if problem != answer.link.problem and not isinstance(error, TokenRefused):
            effects.append(NoteProblem(answer.link.user_id, problem))
    return effects


def _findings(answers: Sequence[Answer]) -> Sequence[Finding]:
    if len(answers) == 1:  # nearly always
        return answers[0].findings
    findings = [finding for answer in answers for finding in answer.findings]
    listed = [one for one in answers if one.applied is not None and not one.is_empty]
    lists = [(answer.applied.stored, answer.applied.removed) for answer in listed if answer.applied]
    if any(one != lists[0] for one in lists[1:]):
        findings.append(links_disagree([answer.link.user_id for answer in listed]))
    return findings


def _worth_repeating(target: Target, failures: Sequence[HomegraphError]) -> bool:
    if target.is_first_sync:
        return not any(isinstance(failure, TokenRefused) for failure in failures)
    return any(failure.retryable for failure in failures)


def _retry_from(failures: Sequence[HomegraphError]) -> Instant:
    """When the first of the links can be asked with a chance: at once, unless each waits for its token endpoint, or was told when."""
    return min(one.retry_at for one in failures)


def _no_agent_user_id() -> ReplyUnusable:
    return ReplyUnusable(
        "The first SYNC has no payload.agentUserId, so it is not known whose devices these are.",
        hint="Answer SYNC with payload.agentUserId, the id that Request Sync will be called with.",
    )


def _result(answer: Answer) -> LinkResult:
    if answer.error is None:
        return LinkResult(answer.link.user_id)
    return LinkResult(answer.link.user_id, answer.error.code, answer.error.message)
