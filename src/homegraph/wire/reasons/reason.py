"""What a reason consists of."""

from __future__ import annotations

from dataclasses import dataclass

from homegraph.wire.rows import Exit


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One cause of an error, explained.

    ``row`` is the id of the row it is answered with. ``exit`` is the exit code of a command that ends with it, where that is
    not the row's. ``google_log`` are the words that Google's own logs have for it, as far as developers have published them.
    """

    code: str
    row: str
    title: str
    why: str
    fix: str
    retryable: bool = False
    exit: Exit | None = None
    google_log: tuple[str, ...] = ()
