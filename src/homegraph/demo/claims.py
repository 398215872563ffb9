"""What the story claims, and what becomes of it when a claim does not hold."""

from __future__ import annotations

from homegraph.errors import HomegraphError


class NotAsTold(HomegraphError):
    """The story tells something that is not so; the message says what is."""

    code = "NOT_AS_TOLD"
    hint = "This is a bug in homegraph. Please report it with the output of the demo."


def check(holds: bool, otherwise: str) -> None:  # noqa: FBT001  # it reads like assert
    """Make sure of a claim.

    Raises:
        NotAsTold: it does not hold; ``otherwise`` says what is the case.
    """
    if not holds:
        raise NotAsTold(otherwise)
