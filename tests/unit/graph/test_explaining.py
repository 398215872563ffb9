"""Why a call named an agent user that is not linked here."""

import pytest

from homegraph.graph.explaining import unknown_agent_user
from homegraph.graph.model import Knowledge, Link, LinkState, Tokens


def knowing(**known):
    """Knowledge of an agent user that nobody ever heard of, but for ``known``."""
    nothing = {
        "known": False,
        "linked": False,
        "unlinked_at": None,
        "links": (),
        "elsewhere": False,
        "first_syncs": (),
    }
    return Knowledge(**{**nothing, **known})


def linking(problem=""):
    """A link that waits for its first SYNC."""
    return Link("acme", "user-1", LinkState.LINKING, Tokens(b"x"), 0.0, problem=problem)


@pytest.mark.parametrize(
    ("knowledge", "reasons"),
    [
        (knowing(), ("AGENT_USER_NEVER_LINKED",)),
        (knowing(known=True), ("AGENT_USER_UNLINKED",)),
        (knowing(elsewhere=True), ("AGENT_USER_OF_OTHER_PROJECT", "AGENT_USER_NEVER_LINKED")),
        (
            knowing(first_syncs=(linking(), linking("FULFILLMENT_TIMEOUT"))),
            ("FIRST_SYNC_FAILED", "AGENT_USER_NEVER_LINKED"),
        ),
        (knowing(first_syncs=(linking(),)), ("FIRST_SYNC_PENDING", "AGENT_USER_NEVER_LINKED")),
        (
            knowing(known=True, elsewhere=True, first_syncs=(linking("REPLY_UNUSABLE"),)),
            ("AGENT_USER_UNLINKED", "AGENT_USER_OF_OTHER_PROJECT", "FIRST_SYNC_FAILED"),
        ),
    ],
)
def test_reasons_are_ranked_by_what_is_known(knowledge, reasons):
    """What is certain comes before what is likely, and never linked is what is left."""
    assert unknown_agent_user(knowledge) == reasons
