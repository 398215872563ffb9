"""A live QUERY: the fulfillment is asked for states, and what it says is shown beside what is stored.

The rule that is easily broken: nothing of the answer is stored. What a Home Graph has after the first QUERY is what was reported;
an answer that were stored would hide just the missing report that somebody is looking for (docs/decisions/0025).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from homegraph.errors import NotFound
from homegraph.graph.checks.queries import check_query, disagreeing
from homegraph.graph.checks.reports import Promise, check_promises
from homegraph.graph.errands import QUERY, DeviceResult
from homegraph.graph.model import Finding
from homegraph.graph.naming import Named
from homegraph.graph.reporting import TraitState, last_stored
from homegraph.service.beside import looked_into
from homegraph.service.errands import Party, Whom, begun, carry_out, get_party
from homegraph.service.events import Queried
from homegraph.service.house import House
from homegraph.service.outbound import Heard, Said
from homegraph.service.states import flat
from homegraph.service.views.errands import ErrandAnswer, errand_answer
from homegraph.wire.query_intent import DeviceAnswer, read_query_reply

_ANSWERED: Final = frozenset({"SUCCESS", "EXCEPTIONS", "OFFLINE"})
"""That a device is offline is an answer."""


class QueryWanted(Whom, frozen=True, forbid_unknown_fields=True):
    """Which devices shall be asked about."""


async def query(house: House, asked: QueryWanted) -> ErrandAnswer:
    """Ask the fulfillment about devices.

    Raises:
        NotFound: no such project, agent user, device, or link that could be used.
        LinkBroken: there is a link, but it is broken.
        SettingsError: a name of several devices.
    """
    party = await get_party(house, asked)
    errand = begun(house.ids.run(), QUERY, asked, party, house.clock.now())
    ended = await carry_out(house, errand, party, _Querying(house, party, asked), ())
    house.events.announce(
        Queried(
            asked.project,
            asked.agent_user,
            device_ids=tuple(device.id for device in ended.devices),
            failed=tuple(device.id for device in ended.devices if not device.ok),
            differing=tuple(device.id for device in ended.devices if device.differs),
        )
    )
    return errand_answer(ended, ())


@dataclass(slots=True)
class _Querying:
    """The intent. What is stored is read when the answer is here: a report that came before it counts."""

    house: House
    party: Party
    asked: Whom
    _stored: dict[str, tuple[TraitState, ...]] = field(default_factory=dict)

    async def send(self, heard: Heard, group: Sequence[Named]) -> Said:
        listed = [device.asked for device in group]
        said = await self.house.outbound.query(self.party.project, heard, listed)
        ids = [device.id for device in group]
        try:
            self._stored = await self.house.store.states(
                self.asked.project, self.asked.agent_user, ids
            )
        except NotFound:  # unlinked while it was asked
            self._stored = {}
        return said

    async def check(self, said: Said, group: Sequence[Named]) -> Iterable[Finding]:
        findings = await looked_into(
            check_query,
            said.body,
            self.party.catalog,
            devices={device.id: device.bound for device in group},
            stored={device.id: self._flat(device.id) for device in group},
            request_id=said.request_id,
            took=said.took,
        )
        promises = [
            Promise(device.id, device.added_at, last_stored(self._stored.get(device.id, ())))
            for device in group
            if device.reports
        ]
        return (*findings, *check_promises(promises, self.house.clock.now()))

    async def read(self, said: Said, group: Sequence[Named]) -> Iterable[DeviceResult]:
        reply = await looked_into(read_query_reply, said.body)
        return [
            self._result(device.id, reply.devices.get(device.id) or _silent()) for device in group
        ]

    def states(self, _results: Sequence[DeviceResult]) -> Sequence[TraitState]:
        return ()

    def _result(self, device_id: str, answer: DeviceAnswer) -> DeviceResult:
        stored = self._flat(device_id)
        return DeviceResult(
            id=device_id,
            status=answer.status,
            ok=answer.status in _ANSWERED,
            error_code=answer.error_code,
            exception_code=answer.exception_code,
            debug=answer.debug,
            states=answer.states,
            stored=stored,
            differs=disagreeing(answer.states, stored),
        )

    def _flat(self, device_id: str) -> Mapping[str, Any]:
        found: dict[str, Any] = msgspec.json.decode(flat(self._stored.get(device_id, ())))
        return found


def _silent() -> DeviceAnswer:
    """A device that the answer passes over."""
    return DeviceAnswer("ERROR", "", {}, debug="The reply does not mention this device.")
