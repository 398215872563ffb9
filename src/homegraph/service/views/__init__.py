"""What the admin side shows: the documented shapes, and pure functions that make them from the values of the model.

A view is a struct whose fields are the members of the JSON document, in their order. Times are RFC 3339 in UTC, null where
there is none. Commands and programs read these shapes, so they are public: members may be added, none renamed or removed.

The rule that is easily broken: a view holds nothing secret. Keys are shown by their hint, tokens and client secrets not at
all, and an address only without what may be a secret in it (``shown_url``). Exchanges come masked from the store already.
"""

from __future__ import annotations

import msgspec

from homegraph.wire.status import REASONS


class View(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a document."""


class Explanation(View, frozen=True, kw_only=True):
    """A reason in words."""

    title: str
    why: str
    fix: str


def explanation(code: str) -> Explanation | None:
    """A reason in words; None when there is none, or none that we know."""
    reason = REASONS.get(code)
    if reason is None:
        return None
    return Explanation(title=reason.title, why=reason.why, fix=reason.fix)
