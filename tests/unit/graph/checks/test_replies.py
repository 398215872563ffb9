"""Findings about a SYNC reply as a whole."""

import msgspec
import pytest

from homegraph.graph.checks.replies import SLOW_SECONDS, check_reply, links_disagree
from homegraph.wire.intents import SyncReply

EMPTY = msgspec.Raw(b"{}")


def rules(*, reply=None, agent_user_id="u-1", device_ids=("a",), took=0.1):
    """Rules that a reply to the request "7" for agent user u-1 breaks."""
    reply = reply or SyncReply("7", "u-1", (EMPTY,))
    findings = check_reply(
        reply, request_id="7", agent_user_id=agent_user_id, device_ids=device_ids, took=took
    )
    return [finding.rule for finding in findings]


def test_a_good_reply_has_no_findings():
    """Nothing remarkable, nothing said."""
    assert rules() == []


@pytest.mark.parametrize(
    ("reply", "rule"),
    [
        (SyncReply("8", "u-1", (EMPTY,)), "request-id-not-echoed"),
        (SyncReply("", "u-1", (EMPTY,)), "request-id-not-echoed"),
        (SyncReply("7", "", (EMPTY,)), "agent-user-id-missing"),
        (SyncReply("7", "u-2", (EMPTY,)), "agent-user-id-changed"),
    ],
)
def test_what_is_wrong_with_the_envelope_is_named(reply, rule):
    """Each fault of the envelope has a rule of its own."""
    assert rules(reply=reply) == [rule]


def test_an_empty_list_is_named():
    """It is legal JSON, and has unlinked accounts."""
    assert rules(device_ids=()) == ["devices-empty"]


def test_a_first_sync_may_bring_any_agent_user():
    """Before the first SYNC nobody knows the agent user, so it cannot have changed."""
    assert rules(agent_user_id="", reply=SyncReply("7", "new", (EMPTY,))) == []


def test_a_duplicate_names_the_second_device():
    """The finding points at the device that was left out."""
    (finding,) = check_reply(
        SyncReply("7", "u-1", (EMPTY,) * 3),
        request_id="7",
        agent_user_id="u-1",
        device_ids=("a", "b", "a"),
        took=0.0,
    )

    assert (finding.rule, finding.device_id, finding.path) == (
        "device-id-duplicate",
        "a",
        "/payload/devices/2/id",
    )


def test_slow_is_slower_than_the_guidance():
    """Exactly the guidance is not slow."""
    assert rules(took=SLOW_SECONDS) == []
    assert rules(took=SLOW_SECONDS + 0.1) == ["reply-slow"]


def test_all_faults_are_named_at_once():
    """The first fault does not hide the others."""
    assert rules(reply=SyncReply("8", "u-2", ()), device_ids=("a", "a"), took=9.0) == [
        "request-id-not-echoed",
        "agent-user-id-changed",
        "device-id-duplicate",
        "reply-slow",
    ]


def test_links_that_disagree_are_named():
    """The finding says whose lists differ."""
    assert "ann, bob" in links_disagree(["ann", "bob"]).what
