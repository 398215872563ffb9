"""The words of the house."""

import pytest

from homegraph.graph.model import Notification


@pytest.mark.parametrize(("device_id", "needs"), [("lamp", True), ("", False)])
def test_what_came_without_a_device_needs_no_declaration(device_id, needs):
    """Home traits name their devices inside; a notification's device must have declared that it notifies."""
    notification = Notification("1", "acme", "user-1", device_id, "homeTraits", "", 0.0, b"{}")

    assert notification.needs_declaration is needs
