"""Reports, SYNCs and unlinkings in any order, beside a model of plain dictionaries.

The model keeps for every agent user its devices, for every device what it declared and what was reported of it. After every
step the store must tell the same states, with the same times, and as many of them.
"""
# ruff: noqa: S101  # a test suite that lives in the package

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import msgspec
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from homegraph.errors import NotFound
from homegraph.graph.effects import RekeyLink, WriteDevices
from homegraph.graph.model import Instant
from homegraph.store.port import Store
from homegraph.testing.store_contract.scene import STATE_KEYS, Scene, notification, stored, target
from homegraph.wire.catalog.book import ONLINE

T = TypeVar("T")

AGENT_USER_IDS: Final = ("1836", "1837")
TRAITS: Final = tuple(sorted(STATE_KEYS))
KEYS: Final = {key: trait for trait in TRAITS for key in STATE_KEYS[trait]} | {ONLINE: ONLINE}

one_agent_user = st.sampled_from(AGENT_USER_IDS)
device_lists = st.dictionaries(st.sampled_from("abc"), st.sets(st.sampled_from(TRAITS)))
reports = st.dictionaries(
    st.sampled_from("abc"), st.dictionaries(st.sampled_from(sorted(KEYS)), st.integers(0, 9))
)


@dataclass
class Known:
    """A device of the model: what it declares, and by trait what was reported and when."""

    traits: set[str]
    states: dict[str, tuple[dict[str, Any], Instant]] = field(default_factory=dict)


class StatesMachine(RuleBasedStateMachine):
    """Make a subclass that opens a store, and run its ``TestCase``."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.scene = Scene(self.run(self.open_store()))
        self.homes: dict[str, dict[str, Known]] = {}
        self.written = 0
        self.grants = 0

    @abstractmethod
    async def open_store(self) -> Store:
        """Open an empty store."""

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run something on this machine's loop."""
        return self.runner.run(coroutine)

    def teardown(self) -> None:
        self.run(self.scene.store.close())
        self.runner.close()

    # --- what may happen -------------------------------------------------------------------------------------

    @rule(agent_user_id=one_agent_user, devices=device_lists)
    def sync(self, agent_user_id: str, devices: dict[str, set[str]]) -> None:
        """A full list arrives: the first one links, a later one replaces what is there."""
        home = self.homes.get(agent_user_id)
        self.written += 1
        written = tuple(
            stored(
                device_id,
                str(self.written),
                room=None if home and device_id in home else "Hall",
                traits=sorted(traits),
                notifies=True,
            )
            for device_id, traits in devices.items()
        )
        if home is None:
            self.link(agent_user_id, *written)
            self.homes[agent_user_id] = {one: Known(traits) for one, traits in devices.items()}
            return
        removed = tuple(home.keys() - devices.keys())
        claim = self.run(self.scene.start(target(agent_user_id)))
        self.run(self.scene.settle(claim, WriteDevices(written, removed)))
        self.homes[agent_user_id] = {
            one: Known(traits, _kept(home.get(one), traits)) for one, traits in devices.items()
        }

    @rule(agent_user_id=one_agent_user, states=reports)
    def report(self, agent_user_id: str, states: dict[str, dict[str, int]]) -> None:
        """All of a report counts, or nothing."""
        self.scene.now += 1.0
        verdict = self.run(self.scene.report(states, target=target(agent_user_id)))
        home = self.homes.get(agent_user_id)
        assert verdict.unlinked is (home is None)
        if home is None:
            return
        unknown = states.keys() - home.keys()
        assert set(verdict.unknown) == unknown
        undeclared = [
            key
            for device_id in states.keys() & home.keys()
            for key in states[device_id]
            if KEYS[key] not in {*home[device_id].traits, ONLINE}
        ]
        assert len(verdict.violations) == (0 if unknown else len(undeclared))
        if unknown or undeclared:
            return
        for device_id, state in states.items():
            fresh: dict[str, dict[str, Any]] = {}
            for key, value in state.items():
                fresh.setdefault(KEYS[key], {})[key] = value
            home[device_id].states |= {
                trait: (values, self.scene.now) for trait, values in fresh.items()
            }

    @rule(agent_user_id=one_agent_user, by_developer=st.booleans())
    def unlink(self, agent_user_id: str, *, by_developer: bool) -> None:
        """It ends, by its user or its developer."""
        home = self.homes.pop(agent_user_id, None)
        store, now = self.scene.store, self.scene.now
        try:
            if by_developer:
                self.run(store.delete_agent_user("acme", agent_user_id, now))
            elif home is not None:
                for link in self.run(store.links("acme")):
                    if link.agent_user_id == agent_user_id:
                        self.run(store.unlink("acme", link.user_id, now))
        except NotFound:
            assert home is None

    @rule(old=one_agent_user)
    def rekey(self, old: str) -> None:
        """A SYNC names another agent user: the list goes along, unless that one has devices."""
        new = AGENT_USER_IDS[1 - AGENT_USER_IDS.index(old)]
        if old not in self.homes:
            return
        home = self.homes.pop(old)
        claim = self.run(self.scene.start(target(old)))
        self.run(self.scene.settle(claim, *(RekeyLink(link.user_id, new) for link in claim.links)))
        for follows in self.run(self.scene.claims()):
            self.run(self.scene.settle(follows))
        self.homes[new] = self.homes.get(new) or home

    @rule(agent_user_id=one_agent_user, device_id=st.sampled_from("abc"))
    def notify(self, agent_user_id: str, device_id: str) -> None:
        """A notification changes no states."""
        self.written += 1
        told = notification(f"n-{self.written}", device_id, agent_user_id)
        verdict = self.run(self.scene.report({}, told, target=target(agent_user_id)))
        assert verdict.is_accepted is (device_id in self.homes.get(agent_user_id, {}))

    # --- what must hold --------------------------------------------------------------------------------------

    @invariant()
    def the_same_states_are_told(self) -> None:
        for agent_user_id in AGENT_USER_IDS:
            home = self.homes.get(agent_user_id)
            try:
                told = self.run(self.scene.store.states("acme", agent_user_id))
            except NotFound:
                assert home is None
                continue
            assert home is not None
            assert {
                device_id: {
                    row.trait: (msgspec.json.decode(row.state), row.committed_at) for row in rows
                }
                for device_id, rows in told.items()
            } == {device_id: known.states for device_id, known in home.items()}

    @invariant()
    def as_many_are_counted(self) -> None:
        counts = self.run(self.scene.store.counts())
        homes = self.homes.values()
        assert counts.devices == sum(map(len, homes))
        assert counts.states == sum(len(one.states) for home in homes for one in home.values())

    # --- how it is done --------------------------------------------------------------------------------------

    def link(self, agent_user_id: str, *devices: Any) -> None:
        """Link a user that nobody has been before."""
        self.grants += 1
        self.run(self.scene.link(f"user-{self.grants}", agent_user_id, *devices))


def _kept(known: Known | None, traits: set[str]) -> dict[str, tuple[dict[str, Any], Instant]]:
    """What is left of a device's states when it declares ``traits`` from now on."""
    if known is None:
        return {}
    return {trait: kept for trait, kept in known.states.items() if trait in {*traits, ONLINE}}
