"""When tokens are renewed, whose turn it is, and what comes of it."""

import pytest
from msgspec.structs import replace

from homegraph.graph.model import Link, LinkState, RefreshState, Tokens
from homegraph.graph.refreshing import (
    BACK_OFF,
    EXPIRY_MARGIN_SECONDS,
    BackedOff,
    Broken,
    Busy,
    Expired,
    Failed,
    Need,
    Refreshed,
    Refused,
    Renewed,
    Revoked,
    Start,
    begin,
    follow,
    need,
)

OLD = Tokens(b"old", b"old-refresh", 4_600.0, 1_000.0)
NEW = Tokens(b"new", b"new-refresh", 8_200.0, 4_600.0)
LINKED = Link("acme", "ann", LinkState.LINKED, OLD, created_at=1.0, agent_user_id="u-1")
BROKEN = replace(LINKED, state=LinkState.BROKEN, problem="TOKEN_REFUSED")
FAILING = RefreshState(failures=2, due_at=2_004.0, error="HTTP 503")


def turn(link=LINKED, before=OLD, now=2_000.0, *, insist=False):
    """Whose turn it is; the link is as it was unless it is ours."""
    decided, after = begin(link, before, now, lease_seconds=15.0, insist=insist)
    if decided == Start():
        assert after == replace(link, refresh=replace(link.refresh, leased_until=now + 15.0))
    else:
        assert after is link
    return decided


@pytest.mark.parametrize(
    ("tokens", "now", "needed"),
    [
        (OLD, 4_539.9, Need.NONE),
        (OLD, 4_540.0, Need.SOON),
        (OLD, 4_599.9, Need.SOON),
        (OLD, 4_600.0, Need.NOW),
        (replace(OLD, issued_at=None), 4_600.0 - EXPIRY_MARGIN_SECONDS, Need.SOON),
        (replace(OLD, issued_at=4_580.0), 4_597.9, Need.NONE),  # it lives for twenty seconds
        (replace(OLD, issued_at=4_580.0), 4_598.0, Need.SOON),
        (replace(OLD, issued_at=9_999.0), 4_599.9, Need.NONE),  # a clock was put back
        (replace(OLD, expires_at=None), 9_999.0, Need.NONE),
        (replace(OLD, sealed_refresh=b""), 9_999.0, Need.NONE),
    ],
)
def test_tokens_are_renewed_before_they_expire(tokens, now, needed):
    """A minute before, or a tenth of their lifetime; without a refresh token or a known end, never."""
    assert need(tokens, now) is needed


def test_one_at_a_time():
    """Whoever comes during a refresh waits for its end; when the lease is over it is his turn."""
    busy = replace(LINKED, refresh=RefreshState(leased_until=2_015.0))

    assert turn() == Start()
    assert turn(busy) == turn(busy, insist=True) == Busy(2_015.0)
    assert turn(busy, now=2_015.0) == Start()


def test_newer_tokens_are_taken():
    """Nobody refreshes tokens that the link does not hold any more; that it was told to expire changes nothing."""
    assert turn(replace(LINKED, tokens=NEW)) == Renewed()
    assert turn(replace(LINKED, tokens=replace(OLD, sealed_refresh=b"r"))) == Renewed()
    assert turn(replace(LINKED, tokens=replace(OLD, expires_at=0.0))) == Start()


def test_a_back_off():
    """Until it is over everybody is told what is wrong, but for who insists."""
    failing = replace(LINKED, refresh=FAILING)

    assert turn(failing) == BackedOff(2_004.0, "HTTP 503")
    assert turn(failing, now=2_004.0) == turn(failing, insist=True) == Start()


def test_a_back_off_of_a_clock_that_was_set_back():
    """It lies further ahead than any, and is none."""
    failing = replace(LINKED, refresh=FAILING)

    assert turn(failing, now=2_004.0 - 599.0) == BackedOff(2_004.0, "HTTP 503")
    assert turn(failing, now=2_004.0 - 600.0) == Start()


def test_a_broken_link_is_left_alone():
    """Nobody asks for it, but for who insists."""
    assert turn(BROKEN) == turn(BROKEN, NEW) == Broken()
    assert turn(BROKEN, insist=True) == Start()


def test_refreshed_tokens():
    """They take the place of those that they were got for; a problem of another kind stays."""
    link = replace(LINKED, problem="FULFILLMENT_TIMEOUT", refresh=FAILING)

    assert follow(link, Refreshed(OLD, NEW), 9.0) == replace(
        link, tokens=NEW, changed_at=9.0, refresh=RefreshState()
    )


@pytest.mark.parametrize(
    ("agent_user_id", "state"), [("u-1", LinkState.LINKED), ("", LinkState.LINKING)]
)
def test_refreshed_tokens_mend_a_broken_link(agent_user_id, state):
    """The grant is good after all; without an agent user a first SYNC is needed."""
    mended = follow(replace(BROKEN, agent_user_id=agent_user_id), Refreshed(OLD, NEW), 9.0)

    assert (mended.state, mended.problem, mended.tokens) == (state, "", NEW)


@pytest.mark.parametrize("state", [LinkState.LINKING, LinkState.LINKED, LinkState.BROKEN])
def test_a_refusal(state):
    """The link is broken; its tokens stay."""
    link = replace(LINKED, state=state, refresh=replace(FAILING, leased_until=99.0))

    assert follow(link, Refused(OLD), 9.0) == replace(BROKEN, changed_at=9.0)


def test_failures_add_up():
    """Each waits longer, up to a bound; the turn is over."""
    link = replace(LINKED, refresh=RefreshState(leased_until=99.0))
    waits = []
    for _ in range(12):
        link = follow(link, Failed(OLD, "HTTP 503", 0.5), 9.0)
        waits.append(link.refresh.due_at - 9.0)

    assert waits[:4] == [1.0, 2.0, 4.0, 8.0]
    assert waits[-1] == BACK_OFF.longest
    assert link == replace(LINKED, refresh=RefreshState(0.0, 12, 309.0, "HTTP 503"))


@pytest.mark.parametrize("event", [Refreshed(OLD, NEW), Refused(OLD), Failed(OLD, "x", 0.5)])
def test_whoever_comes_too_late_changes_nothing(event):
    """What happened to tokens of before is no news of those that the link holds."""
    link = replace(LINKED, tokens=Tokens(b"other", b"other-refresh"))

    assert follow(link, event, 9.0) is link


def test_expiring_by_hand():
    """Only what is believed of the end changes."""
    assert follow(LINKED, Expired(), 9.0) == replace(
        LINKED, tokens=replace(OLD, expires_at=9.0), changed_at=9.0
    )


def test_revoking_by_hand():
    """As a refusal, and the access token is forgotten."""
    assert follow(LINKED, Revoked(), 9.0) == replace(
        BROKEN, tokens=replace(OLD, sealed_access=b""), changed_at=9.0
    )
