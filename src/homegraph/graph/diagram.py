"""Draws a table of moves, so that the picture in the documentation cannot drift from the rule."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


def mermaid(moves: Mapping[tuple[StrEnum, StrEnum], StrEnum], start: StrEnum) -> str:
    """A Mermaid state diagram with one arrow per move, in the order of the table."""
    arrows = [f"    {before} --> {after}: {event}" for (before, event), after in moves.items()]
    return "\n".join(["stateDiagram-v2", f"    [*] --> {start}", *arrows, ""])
