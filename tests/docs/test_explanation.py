"""The explanations say what the code does."""

from pathlib import Path

from homegraph.graph import linking
from homegraph.graph.diagram import mermaid
from homegraph.graph.model import LinkState
from homegraph.graph.syncing import MOVES, State

DOCS = Path(__file__).parents[2] / "docs"


def test_the_picture_of_syncing_is_the_table():
    """The diagram in the page is the one that the table draws."""
    page = (DOCS / "explanation" / "syncing.md").read_text()

    assert f"```mermaid\n{mermaid(MOVES, State.IDLE)}```" in page


def test_the_picture_of_links_is_the_table():
    """As for syncing."""
    page = (DOCS / "explanation" / "linking.md").read_text()

    assert f"```mermaid\n{mermaid(linking.MOVES, LinkState.UNLINKED)}```" in page
