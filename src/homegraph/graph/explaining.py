"""Why a call was refused: the causes that share one public answer, told apart and ranked by what is known.

Google answers a dozen different causes with one and the same 404 (36 of 207 user threads ask what it means). We
answer with the same 404, and say which cause it was. The first reason is what we know or hold most likely; the others are
worth a look. The texts of the reasons are in ``wire.reasons``.
"""

from __future__ import annotations

from homegraph.graph.model import Knowledge


def unknown_agent_user(knowledge: Knowledge) -> tuple[str, ...]:
    """Reasons why Request Sync finds no agent user, most likely first.

    What is certain comes first: an unlinked agent user was known here once. A name that another project knows is nearly
    always a key of the wrong project. A first SYNC that fails or is still under way explains an agent user that is
    only about to be known. Never linked is what is left.
    """
    reasons: list[str] = []
    if knowledge.known and not knowledge.linked:
        reasons.append("AGENT_USER_UNLINKED")
    if knowledge.elsewhere:
        reasons.append("AGENT_USER_OF_OTHER_PROJECT")
    if any(link.problem for link in knowledge.first_syncs):
        reasons.append("FIRST_SYNC_FAILED")
    elif knowledge.first_syncs:
        reasons.append("FIRST_SYNC_PENDING")
    if not knowledge.known:
        reasons.append("AGENT_USER_NEVER_LINKED")
    return tuple(reasons)
