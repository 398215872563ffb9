"""What of a diff has no effect in Google."""

from homegraph.graph.checks.differences import TOLD_MAX, without_effect
from homegraph.graph.model import Changed, Changes


def test_names_and_rooms_count_at_first_sight_only():
    """Each is told with its device; what Google takes over is not."""
    changes = Changes(
        added=("new",),
        changed=(Changed("lamp", ("name", "roomHint", "traits")), Changed("fan", ("attributes",))),
    )
    found = without_effect(changes)
    assert [(one.rule, one.severity, one.device_id) for one in found] == [
        ("change-without-effect", "ignored", "lamp")
    ] * 2
    assert [one.what.split()[0] for one in found] == ["name", "roomHint"]


def test_a_release_that_renames_everything_is_told_once_and_again_but_not_for_ever():
    """The number of findings is bounded."""
    changed = tuple(Changed(f"d{n}", ("name",)) for n in range(TOLD_MAX + 5))
    assert len(without_effect(Changes(changed=changed))) == TOLD_MAX
