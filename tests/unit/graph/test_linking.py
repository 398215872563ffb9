"""What becomes of a link."""

import pytest
from msgspec.structs import replace

from homegraph.errors import LinkingRefused
from homegraph.graph import linking
from homegraph.graph.model import (
    Cause,
    Link,
    LinkState,
    Mode,
    Outcome,
    RefreshState,
    Run,
    Target,
    Tokens,
)

OLD, NEW = Tokens(b"old", b"old-refresh", 50.0), Tokens(b"new")
LINKED = Link(
    "acme",
    "user-1",
    LinkState.LINKED,
    OLD,
    created_at=1.0,
    agent_user_id="1836",
    grant_digest=b"first",
    problem="TIMEOUT",
    changed_at=2.0,
)


def adopt(link, digest=b"second"):
    """Take the grant ``digest`` over for user-1 at 9.0."""
    return linking.adopt(
        link, project_id="acme", user_id="user-1", tokens=NEW, digest=digest, now=9.0
    )


def test_a_user_who_is_new_starts_linking():
    """The agent user is not known before the first SYNC."""
    assert adopt(None) == Link(
        "acme",
        "user-1",
        LinkState.LINKING,
        NEW,
        created_at=9.0,
        grant_digest=b"second",
        changed_at=9.0,
    )


@pytest.mark.parametrize("state", LinkState)
def test_a_grant_is_taken_over_once(state):
    """The file is read at every start; tokens that were refreshed since, or an unlinking, are not undone by it."""
    assert adopt(replace(LINKED, state=state), b"first") is None


@pytest.mark.parametrize("state", [LinkState.LINKED, LinkState.BROKEN])
def test_a_new_grant_mends_a_link(state):
    """Whose devices they are is known, so the link is linked at once."""
    renewed = adopt(replace(LINKED, state=state))

    assert renewed == replace(
        LINKED, tokens=NEW, grant_digest=b"second", problem="", changed_at=9.0
    )


@pytest.mark.parametrize("state", [LinkState.LINKING, LinkState.BROKEN])
def test_a_new_grant_for_a_link_without_an_agent_user(state):
    """Its first SYNC is tried again."""
    renewed = adopt(replace(LINKED, state=state, agent_user_id=""))

    assert (renewed.state, renewed.agent_user_id, renewed.tokens) == (LinkState.LINKING, "", NEW)
    assert (renewed.created_at, renewed.problem) == (1.0, "")


def test_a_link_that_has_ended_starts_over():
    """A new grant may belong to another agent user; the link counts from now."""
    renewed = adopt(linking.end(LINKED, 5.0))

    assert (renewed.state, renewed.agent_user_id) == (LinkState.LINKING, "")
    assert (renewed.created_at, renewed.tokens) == (9.0, NEW)


def test_binding():
    """The first SYNC told the agent user: linked, and nothing is wrong any more."""
    waiting = replace(LINKED, state=LinkState.LINKING, agent_user_id="")

    assert linking.bind(waiting, "1836", 9.0) == replace(LINKED, problem="", changed_at=9.0)


def test_binding_a_link_that_broke_meanwhile():
    """Whose devices they are is known, but no intent can be sent."""
    broken = replace(LINKED, state=LinkState.BROKEN, agent_user_id="", problem="TOKEN_REFUSED")

    assert linking.bind(broken, "1836", 9.0) == replace(
        broken, agent_user_id="1836", changed_at=9.0
    )


def test_a_grant_forgets_how_the_last_refresh_went():
    """Its token endpoint is asked at once."""
    failing = replace(LINKED, refresh=RefreshState(failures=3, due_at=99.0, error="HTTP 503"))

    assert adopt(failing).refresh == linking.end(failing, 9.0).refresh == RefreshState()


def test_moving_to_another_agent_user():
    """Only the agent user changes."""
    assert linking.rekey(LINKED, "1837", 9.0) == replace(
        LINKED, agent_user_id="1837", changed_at=9.0
    )


def test_ending():
    """The tokens go; the agent user's name and the grant's digest stay."""
    ended = linking.end(LINKED, 9.0)

    assert (ended.state, ended.tokens, ended.problem) == (LinkState.UNLINKED, Tokens(b""), "")
    assert (ended.agent_user_id, ended.grant_digest, ended.changed_at) == ("1836", b"first", 9.0)


def test_a_link_that_broke_before_its_first_sync_starts_again():
    """Nobody knows yet whose devices these are, so a new grant does not make it linked."""
    broken = replace(LINKED, state=LinkState.BROKEN, agent_user_id="")
    link = linking.granted(
        broken, project_id="acme", user_id="user-1", tokens=NEW, origin=linking.BY_USER, now=9.0
    )

    assert (link.state, link.origin, link.tokens) == (LinkState.LINKING, "user", NEW)
    assert link.created_at == broken.created_at


def test_the_end_may_have_a_problem():
    """What ended a linking that nobody wanted to end stays to be read."""
    assert linking.end(LINKED, 9.0, "FULFILLMENT_FAILED").problem == "FULFILLMENT_FAILED"


def test_the_table_of_moves_is_whole():
    """A link that has not ended can be unlinked and granted anew from everywhere; nothing leads nowhere."""
    for state in LinkState:
        assert (state, linking.LinkEvent.GRANTED) in linking.MOVES
        ends = (state, linking.LinkEvent.UNLINKED) in linking.MOVES
        assert ends is (state is not LinkState.UNLINKED)
    assert {state for state, _ in linking.MOVES} == set(LinkState) == set(linking.MOVES.values())


BEGUN = linking.Linking("l-1", "acme", "ann", "https://x/r/acme", 10.0, 20.0)
GRANTED = replace(BEGUN, used_at=12.0, outcome=linking.GRANTED)


def run(run_id, started_at, outcome=Outcome.DONE, reason=""):
    """A run of the link."""
    target = Target.of_first_sync("acme", "ann")
    return Run(
        run_id,
        target,
        Cause.LINK,
        Mode.ASYNC,
        outcome,
        started_at,
        started_at,
        started_at + 1,
        merged=1,
        attempt=1,
        reason=reason,
        message=reason and "It said no.",
    )


@pytest.mark.parametrize(
    ("begun", "after", "stage", "reason"),
    [
        (BEGUN, None, "waiting", ""),
        (replace(BEGUN, expires_at=15.0), None, "failed", "LINKING_EXPIRED"),
        (replace(BEGUN, used_at=12.0), None, "syncing", ""),
        (replace(BEGUN, used_at=12.0, outcome="CODE_REFUSED"), None, "failed", "CODE_REFUSED"),
        (GRANTED, None, "syncing", ""),
        (GRANTED, run("2", 13.0), "linked", ""),
        (GRANTED, run("2", 13.0, Outcome.HELD), "linked", ""),
        (GRANTED, run("2", 13.0, Outcome.FAILED, "REPLY_UNUSABLE"), "failed", "REPLY_UNUSABLE"),
    ],
)
def test_how_a_linking_stands(begun, after, stage, reason):
    """Before the browser is back, after it, and by the SYNC that the grant was tried with."""
    found = linking.standing(begun, after, 15.0)

    assert (found.stage, found.reason) == (stage, reason)
    assert bool(found.message) is (after is not None and bool(reason))


def test_a_link_that_broke_at_once_is_a_failure():
    """Its SYNC went well, and the QUERY after it has broken it."""
    found = linking.standing(GRANTED, run("2", 13.0), 15.0, problem="TOKEN_REFUSED")

    assert found == linking.Standing(linking.Stage.FAILED, "TOKEN_REFUSED", linking.BROKEN_AT_ONCE)


def test_a_failure_is_told_in_the_words_of_its_step():
    """What the token endpoint has said, not what is known of such failures in general."""
    steps = (
        linking.LinkingStep(linking.StepKind.AUTHORIZE, 10.0),
        linking.LinkingStep(linking.StepKind.EXCHANGE, 12.0, code="CODE_REFUSED", message="No."),
    )
    failed = replace(BEGUN, used_at=12.0, outcome="CODE_REFUSED", steps=steps)

    assert linking.standing(failed, None, 15.0).message == "No."
    assert linking.standing(replace(failed, steps=steps[:1]), None, 15.0).message == ""


def test_steps_are_bounded():
    """The first ones are kept."""
    noted = BEGUN
    for number in range(linking.STEPS_MAX + 1):
        noted = linking.noted(noted, [linking.LinkingStep(linking.StepKind.CALLBACK, number)])

    assert [step.at for step in noted.steps] == list(range(linking.STEPS_MAX))


def test_a_browser_comes_back_once():
    """With the step that tells of it; whoever comes again is refused."""
    step = linking.LinkingStep(linking.StepKind.CALLBACK, 12.0)
    used = linking.used(BEGUN, 12.0, [step])

    assert used == replace(BEGUN, used_at=12.0, steps=(step,))
    with pytest.raises(LinkingRefused) as refused:
        linking.used(used, 13.0, [step])
    assert refused.value.code == "LINKING_USED"


def test_what_a_linking_led_to_first():
    """It stays, and the verifier is forgotten; the steps of what came later are kept all the same."""
    step = linking.LinkingStep(linking.StepKind.EXCHANGE, 12.0)
    ended = linking.ended(replace(BEGUN, sealed_verifier=b"sealed"), "CODE_REFUSED")

    assert ended == replace(BEGUN, outcome="CODE_REFUSED", sealed_verifier=b"")
    assert linking.ended(ended, linking.GRANTED, [step]) == replace(ended, steps=(step,))


def test_the_sync_that_tells_what_a_grant_is_worth():
    """The first one that started after it, unless it was interrupted; those of before say nothing about it."""
    before, died = run("1", 11.0), run("2", 12.5, Outcome.INTERRUPTED)
    first, later = run("3", 13.0), run("4", 14.0)

    assert linking.sync_after(GRANTED, [later, first, died, before]) == first
    assert linking.sync_after(GRANTED, [died, before]) is None
    assert linking.sync_after(BEGUN, [first]) == first
