"""The reasons: our explanation of every error, in words.

Google answers a dozen different mistakes with one and the same sentence. A reason is one of those mistakes: a stable
``code`` that programs can compare (it travels as ``google.rpc.ErrorInfo`` of domain "homegraph"), the row that it is shown
as, and three texts for the developer who is stuck: what happened (``title``), ``why`` that leads to this answer, and what
to do (``fix``). The pages behind the Help links are made from the same entries, so there is one place to improve a sentence.

``retryable`` means that the very same call may succeed later although nobody changes anything. It is never a promise.

What is not decided here: *which* reasons apply to a caller, and in which order. Whoever knows the user ranks them and hands
the list to ``status.render`` as an ``Explanation``.

The rule that is easily broken: codes are public. One may be added; renaming or removing one breaks the programs that
compare it. And no text may quote a secret: these are fixed sentences, the particulars belong in the metadata.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from homegraph.wire.reasons import callers, calls, fulfillments, servers, users
from homegraph.wire.reasons.reason import Reason

__all__ = ["DOMAIN", "REASONS", "Reason"]

DOMAIN: Final = "homegraph"
"""The ``domain`` of our ErrorInfo. Google's is "googleapis.com"."""

REASONS: Final[Mapping[str, Reason]] = MappingProxyType(
    {
        reason.code: reason
        for group in (
            calls.BODIES,
            calls.REPORTS,
            calls.SYSTEM_PARAMETERS,
            callers.CREDENTIALS,
            callers.TOKEN_REQUESTS,
            callers.PROJECTS,
            users.AGENT_USERS,
            users.LINKS,
            users.LINKINGS,
            fulfillments.FULFILLMENTS,
            servers.SERVERS,
            servers.ADMIN,
        )
        for reason in group
    }
)
"""Every reason by its code. Of those that share a row the most common comes first."""
