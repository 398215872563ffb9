"""The words of the house."""

import pytest

from homegraph.graph.model import Link, LinkState, Notification, Target, Tokens


@pytest.mark.parametrize(("device_id", "needs"), [("lamp", True), ("", False)])
def test_what_came_without_a_device_needs_no_declaration(device_id, needs):
    """Home traits name their devices inside; a notification's device must have declared that it notifies."""
    notification = Notification("1", "acme", "user-1", device_id, "homeTraits", "", 0.0, b"{}")

    assert notification.needs_declaration is needs


@pytest.mark.parametrize(
    ("agent_user_id", "target"),
    [("", Target("acme", "", "ann")), ("user-1", Target("acme", "user-1"))],
)
def test_for_whom_the_syncs_of_a_link_run(agent_user_id, target):
    """For its agent user; before its first SYNC nobody knows one, and they are the link's own."""
    link = Link("acme", "ann", LinkState.LINKING, Tokens(b""), 0.0, agent_user_id)

    assert link.target == target
