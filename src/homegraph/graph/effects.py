"""What a run does to what is kept, as values: decided in ``graph.concluding``, carried out by the store.

Effects are carried out in order, in the one transaction of ``Store.settle``, and only while the run's lease is the newest.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from homegraph.graph.applying import Stored
from homegraph.graph.model import HeldDevice
from homegraph.graph.reporting import TraitState


class WriteDevices(msgspec.Struct, frozen=True):
    """Write the devices of the lease's agent user: insert those with a placement, renew the others, drop ``removed``.

    States go with their device. A device that is renewed keeps those of ``reporting.kept``, so that nothing is told of a trait
    that it has not any more.
    """

    stored: tuple[Stored, ...]
    removed: tuple[str, ...]


class WriteHeld(msgspec.Struct, frozen=True):
    """Keep these as the held devices of the lease's agent user, in place of those that were kept before. They go with it."""

    held: tuple[HeldDevice, ...]


class BindLink(msgspec.Struct, frozen=True):
    """A first SYNC succeeded: the link belongs to ``agent_user_id`` from now on, is linked and has no problem.

    When that agent user is not linked here yet it is created with ``stored`` as its devices, ``held`` as its held ones and ``states`` (of
    those devices: what the first QUERY answered) as their states. Otherwise (a second person of a household) its list is left alone,
    states and all, and a sync is requested for it, cause ``link``: a run of its own may be under way.
    A request that came during the first SYNC becomes one of the agent user; the link's own work is gone.
    """

    user_id: str
    agent_user_id: str
    stored: tuple[Stored, ...]
    states: tuple[TraitState, ...] = ()
    held: tuple[HeldDevice, ...] = ()


class RekeyLink(msgspec.Struct, frozen=True):
    """A later SYNC named another agent user: the link moves there, and a sync is requested for it, cause ``link``.

    When it was the old one's last link, its devices go along with their placement and states (unless the new one has devices already:
    then it keeps those), pending requests are forgotten with it, and the old agent user is unlinked. A new agent user
    begins with an empty list.
    """

    user_id: str
    agent_user_id: str


class NoteProblem(msgspec.Struct, frozen=True):
    """What is wrong with the link: the code of its problem, "" for nothing. Its state stays.

    A link that broke during the run keeps the problem that broke it.
    """

    user_id: str
    problem: str = ""


class Unlink(msgspec.Struct, frozen=True):
    """The link ends: its tokens are dropped. With the last link go the agent user's devices, and requests are refused.

    ``problem`` is the code of what ended it, when nobody wanted it to. Then it does not end if another sync was asked for
    during the run: a newer grant may have come with that.
    """

    user_id: str
    problem: str = ""


Effect: TypeAlias = WriteDevices | WriteHeld | BindLink | RekeyLink | NoteProblem | Unlink
