"""The house: everything a use-case needs, handed down as one value.

Use-cases are functions of a ``House`` and what they were asked; they hold no state of their own. ``server`` builds the
one house of a process, tests build theirs with a manual clock and a scripted fulfillment.
"""

from __future__ import annotations

from dataclasses import dataclass

from homegraph.service.budgets import Budgets
from homegraph.service.clock import Clock, Ids
from homegraph.service.credentials import Credentials
from homegraph.service.events import Events
from homegraph.service.loop import Loop
from homegraph.service.outbound import Outbound
from homegraph.service.runs import Runs
from homegraph.service.transport import Transport
from homegraph.service.vault import Vault
from homegraph.settings.server import Settings
from homegraph.store.port import Store


@dataclass(frozen=True, slots=True)
class House:
    """The parts of one running Home Graph."""

    settings: Settings
    store: Store
    clock: Clock
    ids: Ids
    vault: Vault
    transport: Transport
    outbound: Outbound
    events: Events
    credentials: Credentials
    budgets: Budgets
    runs: Runs
    loop: Loop
