"""A text that is never shown by accident.

Whatever prints a value (a log line, a traceback with its locals, a ``repr`` of the settings, an f-string) gets the mask;
only ``reveal`` gives the text, so a search for that word finds every place that handles it in the clear.

It is a plain class on purpose: as a dataclass it would be taken apart by ``dataclasses.asdict``, mask and all.
"""

from __future__ import annotations

import hmac
from typing import Final

MASK: Final = "Secret('…')"


class Secret:
    """A secret text; false when it is empty."""

    __slots__ = ("_text",)

    def __init__(self, text: str = "") -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself. For the one call that needs it, never for a message."""
        return self._text

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        # In constant time: equality must not tell a caller how much of a guess was right.
        return hmac.compare_digest(_bytes(self._text), _bytes(other._text))

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __repr__(self) -> str:
        return MASK if self._text else "Secret('')"

    __str__ = __repr__


def _bytes(text: str) -> bytes:
    """Text of the environment may hold bytes that are not UTF-8; comparing it may not fail."""
    return text.encode("utf-8", "surrogatepass")
