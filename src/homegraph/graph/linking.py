"""What becomes of a link: pure moves of one ``Link``. The store writes what they return.

A link starts with a grant and ends by being unlinked; in between it is linked or broken. Which agent user it belongs to is not
known before its first SYNC has succeeded, and may change with a later one. A link that has ended keeps the name of its
agent user, so that a refused call can be told about it, and starts over when a new grant comes.
"""

from __future__ import annotations

from dataclasses import replace

from homegraph.graph.model import Instant, Link, LinkState, Tokens

NO_TOKENS = Tokens(b"")
"""What a link that has ended holds."""


def adopt(
    link: Link | None, *, project_id: str, user_id: str, tokens: Tokens, digest: bytes, now: Instant
) -> Link | None:
    """Take a grant of the file over; None when it has been taken over before, whatever became of the link since.

    A link whose agent user is not known, or that has ended, needs a first SYNC: it comes back as ``linking``. Any other
    is ``linked`` from now on, because the new grant mends what was broken.
    """
    if link is None:
        link = Link(project_id, user_id, LinkState.UNLINKED, tokens, created_at=now)
    elif link.grant_digest == digest:
        return None
    renewed = replace(
        link, tokens=tokens, grant_digest=digest, origin="file", problem="", changed_at=now
    )
    if link.state is LinkState.UNLINKED:
        return replace(renewed, state=LinkState.LINKING, agent_user_id="", created_at=now)
    if not link.agent_user_id:
        return replace(renewed, state=LinkState.LINKING)
    return replace(renewed, state=LinkState.LINKED)


def bind(link: Link, agent_user_id: str, now: Instant) -> Link:
    """Its first SYNC succeeded and told whose devices they are."""
    return replace(
        link, state=LinkState.LINKED, agent_user_id=agent_user_id, problem="", changed_at=now
    )


def rekey(link: Link, agent_user_id: str, now: Instant) -> Link:
    """A later SYNC named another agent user."""
    return replace(link, agent_user_id=agent_user_id, changed_at=now)


def end(link: Link, now: Instant) -> Link:
    """Unlink it. The grant's digest stays, so that the same grant is not taken over again."""
    return replace(link, state=LinkState.UNLINKED, tokens=NO_TOKENS, problem="", changed_at=now)
