"""What follows from the answers of a run."""

import pytest
from msgspec.structs import replace

from homegraph.errors import (
    FulfillmentFailed,
    FulfillmentRefused,
    FulfillmentTimeout,
    ReplyUnusable,
    TokenEndpointFailed,
    TokenRefused,
)
from homegraph.graph.applying import Applied, Stored
from homegraph.graph.checks.replies import links_disagree
from homegraph.graph.concluding import Answer, conclude
from homegraph.graph.effects import (
    BindLink,
    NoteProblem,
    RekeyLink,
    Unlink,
    WriteDevices,
    WriteHeld,
)
from homegraph.graph.model import (
    Changes,
    Finding,
    HeldDevice,
    Link,
    LinkState,
    Placement,
    Target,
    Tokens,
)
from homegraph.graph.policy import Policy

AGENT_USER = Target("acme", "u-1")
FIRST = Target.of_first_sync("acme", "ann")
KEEP, UNLINK = Policy(), Policy(empty_sync="unlink")
LAMP = Stored("lamp", b"f", b"{}", Placement())
ADDED = Applied(Changes(added=("lamp",)), (LAMP,), ())
NOTHING = Applied(Changes(), (), ())
WIPED = Applied(Changes(removed=("lamp",)), (), ("lamp",))


def link(user="ann", state=LinkState.LINKED, problem="", origin="file"):
    """A link of the project."""
    return Link("acme", user, state, Tokens(b"t"), 0.0, problem=problem, origin=origin)


def answered(applied=ADDED, user="ann", agent_user_id="u-1", *, is_empty=False, **of_link):
    """A good reply for a user's link."""
    return Answer(
        link(user, **of_link), agent_user_id=agent_user_id, applied=applied, is_empty=is_empty
    )


def failed(error, user="ann", **of_link):
    """An error for a user's link."""
    return Answer(link(user, **of_link), error=error)


def at(time, error):
    """An error that knows when another attempt has a chance."""
    error.retry_at = time
    return error


def concluded(*answers, target=AGENT_USER, policy=KEEP):
    """The conclusion, by default for an agent user of a project that keeps devices over an empty list."""
    return conclude(target, answers, policy=policy)


def test_a_good_reply_is_written():
    """Devices go to the store, changes to the run, and nothing failed."""
    conclusion = concluded(answered())

    assert conclusion.effects == (WriteDevices((LAMP,), ()),)
    assert conclusion.changes.added == ("lamp",)
    assert conclusion.failure is None


def test_an_unchanged_list_writes_nothing():
    """No effect without a change."""
    assert concluded(answered(NOTHING)).effects == ()


def test_a_failing_link_does_not_keep_the_other_from_being_updated():
    """The good reply is written; the failure is told, and worth repeating."""
    conclusion = concluded(failed(FulfillmentTimeout()), answered(user="bob"))

    assert WriteDevices((LAMP,), ()) in conclusion.effects
    assert isinstance(conclusion.failure, FulfillmentTimeout)
    assert conclusion.retryable
    assert [result.error for result in conclusion.results] == ["FULFILLMENT_TIMEOUT", ""]


def test_the_first_failure_is_the_runs():
    """Several failures: the caller is told of the first, and any that may pass is worth repeating."""
    conclusion = concluded(failed(FulfillmentRefused()), failed(FulfillmentFailed(), "bob"))

    assert isinstance(conclusion.failure, FulfillmentRefused)
    assert conclusion.retryable


def test_a_refusal_is_not_worth_repeating():
    """An HTTP 4xx stays what it is."""
    assert not concluded(failed(FulfillmentRefused())).retryable


def test_a_refused_token_is_not_worth_repeating():
    """The link is broken by then: what broke it is noted already."""
    conclusion = concluded(failed(TokenRefused()))

    assert conclusion.effects == ()
    assert not conclusion.retryable


def test_a_token_endpoint_that_fails_is_waited_for():
    """Until the first of the links has a chance: the run comes back when its endpoint is asked again."""
    ann = failed(at(30.0, TokenEndpointFailed("HTTP 503")))
    ben = failed(at(20.0, TokenEndpointFailed("HTTP 503")), "ben")

    busy = failed(at(10.0, FulfillmentFailed("HTTP 429")), "dan")

    assert concluded(ann, ben).retry_from == 20.0
    assert concluded(ann, ben, busy).retry_from == 10.0
    assert concluded(ann, ben, failed(FulfillmentTimeout(), "carl")).retry_from == 0.0
    assert concluded(answered(NOTHING)).retry_from == 0.0
    assert concluded(ann).retryable


def test_without_a_link_to_ask_the_run_fails():
    """All links broken: nobody was asked, and the caller is told why."""
    conclusion = concluded()

    assert conclusion.failure is not None
    assert conclusion.failure.code == "LINK_BROKEN"
    assert not conclusion.retryable


def test_a_problem_is_kept_with_the_link_and_goes_when_it_is_over():
    """The link's state does not change over a failure that may pass; what it says about it does."""
    timeout = concluded(failed(FulfillmentTimeout()))
    cured = concluded(answered(NOTHING, problem="FULFILLMENT_TIMEOUT"))
    again = concluded(failed(FulfillmentTimeout(), problem="FULFILLMENT_TIMEOUT"))

    assert timeout.effects == (NoteProblem("ann", "FULFILLMENT_TIMEOUT"),)
    assert cured.effects == (NoteProblem("ann", ""),)
    assert again.effects == ()


def test_an_empty_list_removes_nothing():
    """By default nothing happens to the devices."""
    assert concluded(answered(WIPED, is_empty=True)).effects == ()


def test_an_empty_list_unlinks_when_the_project_says_so():
    """The other setting: the link ends, as was seen at Google."""
    conclusion = concluded(answered(WIPED, is_empty=True), policy=UNLINK)

    assert conclusion.effects == (Unlink("ann"),)


def test_another_agent_user_moves_the_link():
    """The list is not applied to the old agent user; the link moves and a sync follows there."""
    conclusion = concluded(answered(agent_user_id="u-2"))

    assert conclusion.effects == (RekeyLink("ann", "u-2"),)
    assert not conclusion.changes


def test_a_missing_agent_user_is_the_one_we_know():
    """A later SYNC without agentUserId is applied."""
    assert concluded(answered(agent_user_id="")).effects == (WriteDevices((LAMP,), ()),)


def test_the_last_of_several_lists_counts():
    """Links that disagree: the last good reply is the list, and a finding says so."""
    conclusion = concluded(answered(WIPED), answered(ADDED, "bob"))

    assert conclusion.effects == (WriteDevices((LAMP,), ()),)
    assert conclusion.findings == (links_disagree(["ann", "bob"]),)


def test_links_that_agree_are_no_finding():
    """A household whose links list the same devices is the normal case."""
    assert concluded(answered(), answered(user="bob")).findings == ()


def test_findings_of_all_replies_are_kept():
    """What was remarkable about a reply is told with the run."""
    finding = Finding("rule", "advice", "what", "why", "fix")
    answer = Answer(link(), agent_user_id="u-1", applied=NOTHING, findings=(finding,))

    assert concluded(answer).findings == (finding,)


def test_a_first_sync_binds_the_link():
    """The reply tells whose devices these are."""
    conclusion = concluded(answered(state=LinkState.LINKING), target=FIRST)

    assert conclusion.effects == (BindLink("ann", "u-1", (LAMP,)),)
    assert conclusion.changes.added == ("lamp",)


def test_a_first_sync_without_agent_user_fails_and_is_tried_again():
    """It is not known whose devices these are; the link says why it is not linked."""
    conclusion = concluded(answered(agent_user_id="", state=LinkState.LINKING), target=FIRST)

    assert isinstance(conclusion.failure, ReplyUnusable)
    assert conclusion.retryable
    assert conclusion.effects == (NoteProblem("ann", "REPLY_UNUSABLE"),)


def test_a_failing_first_sync_is_tried_again_whatever_failed():
    """But for a refused token: that needs a new grant."""
    refused = concluded(failed(FulfillmentRefused(), state=LinkState.LINKING), target=FIRST)
    broken = concluded(failed(TokenRefused(), state=LinkState.LINKING), target=FIRST)

    assert refused.retryable
    assert not broken.retryable
    assert broken.effects == ()


def test_a_first_sync_of_a_broken_link_is_not_tried_again():
    """Nobody was asked: it takes another grant."""
    conclusion = concluded(target=FIRST)

    assert conclusion.failure is not None
    assert conclusion.failure.code == "LINK_BROKEN"
    assert not conclusion.retryable


def test_an_empty_first_sync_links_unless_the_project_says_otherwise():
    """An account without devices is an account; with ``unlink`` it is none."""
    empty = answered(NOTHING, is_empty=True, state=LinkState.LINKING)

    assert concluded(empty, target=FIRST).effects == (BindLink("ann", "u-1", ()),)
    assert concluded(empty, target=FIRST, policy=UNLINK).effects == (Unlink("ann"),)


def listed(known, removed, user="ann", agent_user_id="u-1"):
    """A good reply that leaves so many of the known devices out."""
    gone = tuple(f"d{n}" for n in range(removed))
    applied = Applied(Changes(added=("new",), removed=gone), (LAMP,), gone)
    return Answer(link(user), agent_user_id=agent_user_id, applied=applied, known=known)


@pytest.mark.parametrize(
    ("known", "removed", "held"),
    [(1, 1, True), (5, 5, True), (9, 8, False), (10, 5, False), (10, 6, True), (0, 0, False)],
)
def test_a_list_that_shrinks_suspiciously_is_held(known, removed, held):
    """All devices, or more than half of ten or more; then nothing is written, and what would have been is told."""
    conclusion = concluded(listed(known, removed))

    assert conclusion.held is held
    assert any(isinstance(one, WriteDevices) for one in conclusion.effects) is not held
    assert ("devices-shrunk" in [one.rule for one in conclusion.findings]) is held
    assert len(conclusion.changes.removed) == removed


def test_what_was_accepted_goes():
    """Exactly that, and no other list."""
    accepted = frozenset({"d0", "d1"})
    assert not conclude(AGENT_USER, [listed(2, 2)], policy=KEEP, accepted=accepted).held
    assert conclude(AGENT_USER, [listed(3, 3)], policy=KEEP, accepted=accepted).held


def test_a_new_grant_may_be_of_another_account():
    """Then all devices are others; when some of the old ones are left, the same account has lost the rest."""
    others, fewer = listed(5, 5), listed(12, 9)

    assert not conclude(AGENT_USER, [others], policy=KEEP, by_grant=True).held
    assert conclude(AGENT_USER, [fewer], policy=KEEP, by_grant=True).held


def test_the_guard_can_be_off():
    """Then a list is a list; that so many are gone is told all the same."""
    conclusion = concluded(listed(5, 5), policy=Policy(shrink_guard=False))
    assert not conclusion.held
    assert any(isinstance(one, WriteDevices) for one in conclusion.effects)
    assert "devices-shrunk" in [one.rule for one in conclusion.findings]


def test_a_link_that_moves_is_not_held():
    """Its list belongs to another agent user."""
    assert not concluded(listed(5, 5, agent_user_id="u-2")).held


def test_the_last_list_counts():
    """Two links of one agent user: the one that came last is the list."""
    assert not concluded(listed(5, 5), listed(5, 0, "ben")).held
    assert concluded(listed(5, 0), listed(5, 5, "ben")).held


def test_a_first_sync_that_fails_fails_the_linking_of_a_user():
    """Whatever failed, also a refused token or a reply without an agent user; nothing is repeated."""
    for error in (FulfillmentTimeout(), TokenRefused()):
        answer = failed(error, state=LinkState.LINKING, origin="user")
        conclusion = concluded(answer, target=FIRST)

        assert conclusion.effects[-1] == Unlink("ann", error.code)
        assert not conclusion.retryable
    nameless = answered(agent_user_id="", state=LinkState.LINKING, origin="user")

    assert concluded(nameless, target=FIRST).effects[-1] == Unlink("ann", "REPLY_UNUSABLE")


def test_a_project_may_keep_the_link_of_a_failing_first_sync():
    """Then it is repeated as that of a grant of the file."""
    answer = failed(FulfillmentTimeout(), state=LinkState.LINKING, origin="user")
    conclusion = concluded(answer, target=FIRST, policy=Policy(first_sync_failure="keep"))

    assert conclusion.effects == (NoteProblem("ann", "FULFILLMENT_TIMEOUT"),)
    assert conclusion.retryable


def test_a_later_sync_does_not_unlink_a_user():
    """Only the first one decides about the linking."""
    assert concluded(failed(FulfillmentFailed(), origin="user")).retryable


HELD = (HeldDevice(b"f", "bad", "Bad", "v1", ()),)


@pytest.mark.parametrize("held", [HELD, ()])
def test_held_devices_are_kept_where_they_changed(held):
    """Those of the list that counts; without a change nothing is written."""
    answer = listed(10, 0)
    assert WriteHeld(held) in concluded(replace(answer, held=held)).effects
    assert not any(isinstance(one, WriteHeld) for one in concluded(answer).effects)


def test_a_list_that_is_held_as_a_whole_changes_no_held_device():
    """Nothing of it is taken."""
    conclusion = concluded(replace(listed(5, 5), held=HELD))
    assert conclusion.held
    assert conclusion.effects == ()


def test_a_first_list_brings_its_held_devices():
    """With the devices that are taken."""
    answer = Answer(link("ann"), agent_user_id="u-1", applied=Applied(Changes(), (), ()), held=HELD)
    (bound,) = concluded(answer, target=FIRST).effects
    assert bound.held == HELD


def test_a_reply_whose_list_is_stored_is_known_again():
    """One reply that was taken, whatever it changed and whatever problem its link had before."""
    for applied, problem in ((ADDED, ""), (NOTHING, ""), (WIPED, ""), (NOTHING, "TIMEOUT")):
        one = replace(answered(applied, problem=problem), digest=b"known")
        assert conclude(AGENT_USER, [one], policy=KEEP).reply == b"known"


@pytest.mark.parametrize(
    ("answers", "target"),
    [
        ([failed(FulfillmentFailed("no"))], AGENT_USER),
        (
            [replace(answered(), digest=b"known"), replace(answered(user="ben"), digest=b"known")],
            AGENT_USER,
        ),
        ([replace(answered(), digest=b"known")], FIRST),
        ([replace(answered(agent_user_id="u-2"), digest=b"known")], AGENT_USER),
        ([replace(answered(), digest=b"known", held=())], AGENT_USER),
        ([replace(answered(), digest=b"known", is_empty=True)], AGENT_USER),
        ([], AGENT_USER),
    ],
    ids=["failed", "two links", "first SYNC", "moved", "held devices", "empty", "none"],
)
def test_a_reply_that_is_not_the_stored_list_is_not_known_again(answers, target):
    """The next run looks at what comes, whatever it is."""
    assert conclude(target, answers, policy=UNLINK).reply == b""


def test_a_list_that_is_held_is_not_known_again():
    """It would be taken for the one that is stored."""
    gone = Applied(Changes(removed=("lamp",)), (), ("lamp",))
    one = replace(answered(gone), known=1, digest=b"known")

    assert conclude(AGENT_USER, [one], policy=KEEP).held
    assert conclude(AGENT_USER, [one], policy=KEEP).reply == b""
