"""The part of the port that keeps linkings: from the state that goes out with a browser to the grant that comes in.

The rules are those of ``store.port``, and ``Store`` is both. A linking is read for a week and then forgotten; the link that it brings, or
mends, is kept in ``Store`` as any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from homegraph.graph.linking import Linking, LinkingStep
from homegraph.graph.model import Instant, Link, Tokens


class LinkingStore(Protocol):
    """Accounts that users are about to link."""

    async def start_linking(self, linking: Linking, now: Instant) -> None:
        """Keep a linking that begins, under an id that is new. Those whose state ended a week ago are forgotten.

        When too many of the project are kept, the one whose state ended first makes place. Raises NotFound when there is no
        such project, AdminRefused when there is no place because no state has ended by now.
        """

    async def find_linking(self, project_id: str, linking_id: str) -> Linking | None:
        """One linking."""

    async def linkings(self, project_id: str, user_id: str, *, limit: int = 20) -> list[Linking]:
        """Linkings of one user, newest first, whatever became of them."""

    async def note_linking(self, project_id: str, linking_id: str, step: LinkingStep) -> None:
        """Add a step to a linking, as ``linking.noted`` says; nothing if it is not kept."""

    async def use_linking(
        self,
        project_id: str,
        linking_id: str,
        now: Instant,
        steps: Sequence[LinkingStep] = (),
    ) -> Linking:
        """The browser came back: from now on the linking is used, and has these steps as well. Returns it.

        Raises LinkingRefused (LINKING_USED) when it was used before, or is not kept any more.
        """

    async def end_linking(self, project_id: str, linking_id: str, outcome: str) -> None:
        """Note what a linking led to, unless that is known already; its verifier is forgotten."""

    async def grant(
        self,
        linking: Linking,
        tokens: Tokens,
        now: Instant,
        steps: Sequence[LinkingStep] = (),
    ) -> tuple[Link, int]:
        """A linking brought tokens: its link is as ``linking.granted`` says, and a sync is requested, or its first SYNC.

        Returns the link and the generation of that request (cause ``link``). The linking ends as ``granted``, with these steps as well.

        A linking that was used when the process died, and brought nothing yet, is ended as LINKING_INTERRUPTED: at the next opening,
        or where other processes may be alive, when none can have its code in hand any more.
        """
