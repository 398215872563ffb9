"""Texts that PostgreSQL cannot keep as they are: a NUL ends a string in there.

Ids and names come from fulfillments and may be any valid Unicode. So a NUL is written as two characters, and the character that
begins such a pair as well; order by code point, and which texts are equal, stay what they were. Nearly no text has either, so what
this costs is one look at those that come from outside (the names of our own columns are known, and JSON has escapes of its own).

The rule that is easily broken: a text goes in and out through ``kept`` and ``revived`` or not at all. ``Database`` does that.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from homegraph.store.rows import Row

_NUL: Final = "\0"
_MARK: Final = "\1"
_PAIRS: Final = {_NUL: "\1\1", _MARK: "\1\2"}
_ORIGINALS: Final = {pair: text for text, pair in _PAIRS.items()}
_SPECIAL: Final = re.compile("[\0\1]")
_PAIR: Final = re.compile("\1[\1\2]")

OURS: Final = frozenset(
    {
        "cause", "changes", "chosen", "client_auth", "digest", "findings", "hint", "intent", "methods", "mode", "nicknames", "number",
        "origin", "outcome", "phase", "policy", "reason", "request_headers", "response_headers", "results", "run_cause", "run_id",
        "run_mode", "scopes", "state", "traits", "worker",
    }
)  # fmt: skip
"""Text columns that hold our own words, or JSON, which has escapes of its own."""


def kept(value: Any) -> Any:
    """A bound value, or a column of them, as it can be kept."""
    if isinstance(value, str):
        return _kept(value) if _NUL in value or _MARK in value else value
    if isinstance(value, (list, tuple)) and value and isinstance(value[0], str):
        together = "".join(value)
        if _NUL in together or _MARK in together:
            return [_kept(text) for text in value]
    return value


def revived(rows: Sequence[Row], places: Sequence[int]) -> Sequence[Row]:
    """Rows with the texts in some places as they were."""
    for row in rows:
        for place in places:
            text = row[place]
            if isinstance(text, str) and _MARK in text:
                return [_revived(each, places) for each in rows]
    return rows


def _kept(text: str) -> str:
    return _SPECIAL.sub(lambda found: _PAIRS[found[0]], text)


def _revived(row: Row, places: Sequence[int]) -> Row:
    values = list(row)
    for place in places:
        if isinstance(values[place], str):
            values[place] = _PAIR.sub(lambda found: _ORIGINALS[found[0]], values[place])
    return tuple(values)
