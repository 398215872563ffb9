"""Checks of what a fulfillment answers to QUERY."""

from __future__ import annotations

from typing import Final

from homegraph.graph.checks.rule import Rule
from homegraph.graph.model import Finding


def first_query_failed(message: str) -> Finding:
    """The QUERY after a first SYNC brought nothing; ``message`` says what came instead."""
    return FIRST_QUERY_FAILED.found(
        f"The QUERY after the first SYNC brought no states. {message}", path="/payload/devices"
    )


FIRST_QUERY_FAILED: Final = Rule(
    id="first-query-failed",
    severity="advice",
    subject="QUERY",
    title="The QUERY after the first SYNC brought no states",
    why="The Home Graph asks once for the states of new devices; afterwards it relies on Report State.",
    fix="Answer QUERY for every device that SYNC lists, or report their states.",
    source="Google's Report State documentation since August 2020",
)

RULES: Final = (FIRST_QUERY_FAILED,)
