"""A folder of reference pages that are made from tables of the code, written as a whole. Owns no page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def write_pages(folder: Path, made: Mapping[str, str]) -> None:
    """Make the folder hold these pages by their file names, and no others: pages of what is gone go, too."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.md"):
        if old.name not in made:
            old.unlink()
    for name, text in made.items():
        (folder / name).write_text(text)
