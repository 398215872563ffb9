"""EXECUTE: somebody here has devices do something.

Owns what is EXECUTE's own: find the command, ask the catalog, send a token along where a device may tell the result later, and
say for each device what came of it. What was decided is ``graph.executing``'s; what it shares with QUERY is in ``errands``.

The rule that is easily broken: what a device says of its states after the command is not stored, unless the project says so. States
change when the fulfillment reports them (as Google has it since 2020), which it may do before it answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from homegraph.errors import SettingsError
from homegraph.graph.checks.executes import check_execute
from homegraph.graph.errands import EXECUTE, DeviceResult, FollowUp
from homegraph.graph.executing import (
    follows_up,
    outermost,
    read_command,
    read_params,
    refusals,
    told,
)
from homegraph.graph.model import Finding
from homegraph.graph.naming import Named
from homegraph.graph.reporting import TraitState, queried
from homegraph.service.beside import looked_into
from homegraph.service.errands import (
    Party,
    Whom,
    begun,
    carry_out,
    get_errand,
    get_party,
)
from homegraph.service.events import Executed
from homegraph.service.house import House
from homegraph.service.outbound import Heard, Said
from homegraph.service.questions import ID_CHARS_MAX, MaybeName
from homegraph.service.views.errands import ErrandAnswer, errand_answer
from homegraph.wire.execute_intent import PENDING, ExecuteResult, read_execute_reply, silent

PARAMS_MAX: Final = 100
PIN_CHARS_MAX: Final = 64

Pair = Annotated[str, Meta(max_length=4 * ID_CHARS_MAX)]
"""A parameter may be four times as long as a name."""


class Challenge(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What the user answers to a challenge: that it shall be, or a PIN. Never shown."""

    ack: bool = False
    pin: Annotated[str, Meta(max_length=PIN_CHARS_MAX)] = ""

    def __repr__(self) -> str:
        return "Challenge(…)"


class Wanted(Whom, frozen=True, forbid_unknown_fields=True):
    """What shall be done, by which devices."""

    params: Annotated[tuple[Pair, ...], Meta(max_length=PARAMS_MAX)] = ()
    command: MaybeName = ""
    challenge: Challenge | None = None
    unchecked: bool = False


async def execute(house: House, asked: Wanted) -> ErrandAnswer:
    """Send a command to devices.

    Raises:
        NotFound: no such project, agent user, device, or link that could be used.
        LinkBroken: there is a link, but it is broken.
        SettingsError: a name of several devices, no such command, parameters that the catalog refuses.
    """
    party = await get_party(house, asked)
    devices = party.devices
    command = read_command(asked.command, outermost(asked.params), devices[0], party.catalog)
    known = devices[0].bound.command(command)
    params = read_params(asked.params, known and known[1])
    wrong = () if asked.unchecked else refusals(devices, command, params)
    if wrong:
        raise SettingsError(
            " ".join(wrong),
            place="params",
            hint="Correct it, or send it as it is: --unchecked, or unchecked in a call.",
        )
    now = house.clock.now()
    follow_ups = [
        FollowUp(token=house.ids.secret(), device_id=device.id, sent_at=now)
        for device in devices
        if follows_up(device, command, params)
    ]
    errand = replace(
        begun(house.ids.run(), EXECUTE, asked, party, now), command=command, params=params
    )
    tokens = {one.device_id: one.token for one in follow_ups}
    intent = _Executing(house, party, command, params, asked.challenge, tokens)
    ended = await carry_out(house, errand, party, intent, follow_ups)
    failed = tuple(device.id for device in ended.devices if not device.ok)
    ids = tuple(device.id for device in devices)
    house.events.announce(Executed(asked.project, asked.agent_user, command, ids, failed))
    # A fast device has told the result by now.
    follow_ups = list((await get_errand(house, ended.id)).follow_ups) if follow_ups else []
    return errand_answer(ended, follow_ups)


@dataclass(frozen=True, slots=True)
class _Executing:
    """The intent."""

    house: House
    party: Party
    command: str
    params: Mapping[str, Any]
    challenge: Challenge | None
    tokens: Mapping[str, str]

    async def send(self, heard: Heard, group: Sequence[Named]) -> Said:
        challenge = None if self.challenge is None else msgspec.to_builtins(self.challenge)
        groups = told(group, self.params, self.tokens)
        return await self.house.outbound.execute(
            self.party.project, heard, groups, self.command, challenge
        )

    async def check(self, said: Said, group: Sequence[Named]) -> Iterable[Finding]:
        return await looked_into(
            check_execute,
            said.body,
            self.party.catalog,
            devices={device.id: device.bound for device in group},
            asked=frozenset(device.id for device in group),
            command=self.command,
            params=self.params,
            request_id=said.request_id,
            took=said.took,
        )

    async def read(self, said: Said, group: Sequence[Named]) -> Iterable[DeviceResult]:
        reply = await looked_into(read_execute_reply, said.body)
        return [_result(device.id, reply.devices.get(device.id) or silent()) for device in group]

    def states(self, results: Sequence[DeviceResult]) -> Sequence[TraitState]:
        """States of devices that did it, where the project wants them; of a command that is pending nobody knows them."""
        if not self.party.project.policy.execute_updates_states:
            return ()
        return queried(
            {device.id: device.traits for device in self.party.devices},
            {one.id: one.states for one in results if one.ok and one.status != PENDING},
            state_keys=self.party.catalog.state_keys,
            now=self.house.clock.now(),
        )


def _result(device_id: str, result: ExecuteResult) -> DeviceResult:
    return DeviceResult(
        id=device_id,
        status=result.status,
        ok=result.is_well,
        error_code=result.error_code,
        exception_code=result.exception_code,
        debug=result.debug,
        challenge=result.challenge,
        states=result.states,
    )
