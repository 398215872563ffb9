"""What a project may use up: calls, and access tokens.

Calls are counted as Google counts them (``graph.quota``), in this process alone: a second process has a budget of its own.
Request Sync is counted once its body was read, because only the body says whether the caller waits, and a call that waits
is not counted; every other method is counted as soon as the project is known.

Tokens are counted because each that we issue is kept for an hour, and whoever holds a key could ask for them without end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

from homegraph.errors import CallRefused, TokenRequestRefused
from homegraph.graph.model import Instant, Project
from homegraph.graph.quota import Quota

TOKENS_PER_MINUTE_MAX: Final = 600
"""Access tokens issued to a project within a minute. One an hour is enough for a caller that keeps it."""


@dataclass(frozen=True, slots=True)
class Budgets:
    """The budgets of all projects in this process."""

    calls: Quota
    tokens: Quota

    @classmethod
    def of(cls, quota_per_minute: int) -> Self:
        """Fresh budgets; ``quota_per_minute`` is the setting of this name."""
        return cls(Quota(quota_per_minute), Quota(TOKENS_PER_MINUTE_MAX))

    def spend_call(self, project: Project, now: Instant) -> None:
        """Count a call of the project. Raises CallRefused: QUOTA_EXHAUSTED."""
        if not self.calls.admit(project.id, now):
            raise CallRefused(
                "QUOTA_EXHAUSTED",
                project_number=project.number,
                metadata={"project": project.id},
            )

    def spend_token(self, project_id: str, now: Instant) -> None:
        """Count a token that is about to be issued. Raises TokenRequestRefused: TOKEN_REQUESTS_TOO_MANY."""
        if not self.tokens.admit(project_id, now):
            raise TokenRequestRefused(
                "TOKEN_REQUESTS_TOO_MANY",
                "rate_limit_exceeded",
                "Too many access tokens were asked for within a minute.",
            )
