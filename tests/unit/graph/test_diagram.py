"""The picture of the rule."""

from homegraph.graph.diagram import mermaid
from homegraph.graph.syncing import MOVES, State


def test_every_move_is_an_arrow():
    """One arrow per move, and the start."""
    picture = mermaid(MOVES, State.IDLE)

    assert picture.splitlines()[:2] == ["stateDiagram-v2", "    [*] --> Idle"]
    assert "    Running --> RunningAgain: Requested" in picture
    assert picture.count("-->") == len(MOVES) + 1
