"""The explanations say what the code does."""

from pathlib import Path

from homegraph.graph import linking
from homegraph.graph.destinations import WAYS, Way, Zone
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


CELLS = {
    (Way.LOCALLY, Way.LOCALLY): "http and https, unless `outbound_loopback = false`",
    (Way.LISTED, Way.LISTED): "only within `outbound_networks`",
    (Way.FREELY, Way.LISTED): "https; http only within `outbound_networks`",
    (Way.NEVER, Way.NEVER): "never",
}


def test_the_table_of_where_calls_go_is_the_tables():
    """Each zone's row says what the rules say, for its own names and for others."""
    page = (DOCS / "explanation" / "outbound.md").read_text()
    rows = [line.strip("|").split(" | ") for line in page.splitlines() if line.startswith("| ")]

    told = [tuple(cell.strip() for cell in row[1:]) for row in rows[1:]]

    assert told == [
        tuple(
            CELLS[WAYS[zone, exact, "https"], WAYS[zone, exact, "http"]] for exact in (True, False)
        )
        for zone in Zone
    ]
