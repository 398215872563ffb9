"""The site: what the handlers of one running server are given."""

from __future__ import annotations

from dataclasses import dataclass, field

from homegraph.graph.model import Instant
from homegraph.service.house import House
from homegraph.settings.secret import Secret


@dataclass(frozen=True, slots=True)
class Site:
    """One running server as its handlers see it.

    ``url`` is where callers reach it, without a slash at the end; links to explanations start with it. ``started_at`` is
    when it was ready.
    """

    house: House
    url: str
    started_at: Instant
    admin_token: Secret = field(repr=False)

    @property
    def help_base(self) -> str:
        """What a reason's page has before its code."""
        return f"{self.url}/errors/"
