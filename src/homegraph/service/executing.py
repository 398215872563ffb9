"""EXECUTE: somebody here has devices do something.

Owns the order of things: find the devices by what they are called, find the command, ask the catalog, send, and say for each
device what came of it. What was decided is ``graph.executing``'s.

The rule that is easily broken: nothing is stored and nothing is locked. States change when the fulfillment reports them (as
Google has it since 2020), which it may do before it answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from homegraph.errors import NotFound, SettingsError
from homegraph.graph.executing import (
    Doable,
    chosen,
    doable,
    groups,
    outermost,
    read_command,
    read_params,
    refusals,
)
from homegraph.graph.model import Link, LinkState, Project
from homegraph.service.catalogs import catalog_of
from homegraph.service.events import Executed
from homegraph.service.house import House
from homegraph.service.outbound import Heard
from homegraph.service.views import View
from homegraph.wire.execute_intent import ExecuteResult, silent

DEVICES_MAX: Final = 100
PARAMS_MAX: Final = 100
TEXT_CHARS_MAX: Final = 1_024
"""Of a name, as long as an id may be; a parameter may be four times as long."""

PIN_CHARS_MAX: Final = 64

Text = Annotated[str, Meta(min_length=1, max_length=TEXT_CHARS_MAX)]
Pair = Annotated[str, Meta(max_length=4 * TEXT_CHARS_MAX)]


class Challenge(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What the user answers to a challenge: that it shall be, or a PIN. Never shown."""

    ack: bool = False
    pin: Annotated[str, Meta(max_length=PIN_CHARS_MAX)] = ""

    def __repr__(self) -> str:
        return "Challenge(…)"


class Wanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What shall be done, by which devices."""

    project: Text
    agent_user: Text
    devices: Annotated[tuple[Text, ...], Meta(min_length=1, max_length=DEVICES_MAX)]
    params: Annotated[tuple[Pair, ...], Meta(max_length=PARAMS_MAX)] = ()
    command: Annotated[str, Meta(max_length=TEXT_CHARS_MAX)] = ""
    user: Annotated[str, Meta(max_length=TEXT_CHARS_MAX)] = ""
    challenge: Challenge | None = None
    unchecked: bool = False


class DeviceResult(View, frozen=True, kw_only=True):
    """What came of it on one device. ``challenge`` is what must be answered first, "" for nothing."""

    id: str
    status: str
    ok: bool
    error_code: str
    exception_code: str
    debug: str
    challenge: str
    states: Mapping[str, Any]


class Execution(View, frozen=True, kw_only=True):
    """What was sent with whose token, and what came of it."""

    ok: bool
    user: str
    command: str
    params: Mapping[str, Any]
    devices: tuple[DeviceResult, ...]


async def execute(house: House, asked: Wanted) -> Execution:
    """Send a command to devices.

    Raises:
        NotFound: no such project, agent user, device, or link that could be used.
        SettingsError: a name of several devices, no such command, parameters that the catalog refuses.
        FulfillmentError, TokenError: no usable answer.
    """
    stored = await house.store.devices(asked.project, asked.agent_user)
    project = await _project(house, asked.project)
    catalog = catalog_of(project.policy)
    devices = chosen(asked.devices, [doable(device, catalog) for device in stored])
    given = outermost(asked.params)
    command = read_command(asked.command, given, devices[0], catalog)
    known = devices[0].bound.command(command)
    params = read_params(asked.params, known and known[1])
    wrong = () if asked.unchecked else refusals(devices, command, params)
    if wrong:
        raise SettingsError(
            " ".join(wrong),
            place="params",
            hint="Correct it, or send it as it is with unchecked.",
        )
    link = await _link(house, asked)
    results = await _sent(house, asked, project, link, devices, command, params)
    failed = tuple(one.id for one in results if not one.ok)
    ids = tuple(device.id for device in devices)
    house.events.announce(Executed(asked.project, asked.agent_user, command, ids, failed))
    return Execution(
        ok=not failed, user=link.user_id, command=command, params=params, devices=results
    )


async def _sent(  # an intent has these parts
    house: House,
    asked: Wanted,
    project: Project,
    link: Link,
    devices: tuple[Doable, ...],
    command: str,
    params: Mapping[str, Any],
) -> tuple[DeviceResult, ...]:
    """Send what was decided. A group after the first uses the token that the first may have had to refresh."""
    challenge = None if asked.challenge is None else msgspec.to_builtins(asked.challenge)
    heard = Heard("", link)
    results: list[DeviceResult] = []
    for group in groups(devices):
        listed = [device.asked for device in group]
        reply = await house.outbound.execute(project, heard, listed, command, params, challenge)
        results += (_view(one.id, reply.devices.get(one.id) or silent()) for one in group)
    return tuple(results)


async def _link(house: House, asked: Wanted) -> Link:
    """The link whose token is used: the user's that is named, else the oldest; broken ones are passed over."""
    known = await house.store.knowledge(asked.project, asked.agent_user)
    usable = [
        link
        for link in known.links
        if link.state is LinkState.LINKED and asked.user in {"", link.user_id}
    ]
    if not usable:
        whose = f"user {asked.user!r} has no link" if asked.user else "no user has a link"
        raise NotFound(
            f"{whose[0].upper()}{whose[1:]} to agent user {asked.agent_user!r} that could be used.",
            hint="`homegraph links list` has the links and their problems.",
        )
    return min(usable, key=lambda link: (link.created_at, link.user_id))


async def _project(house: House, project_id: str) -> Project:
    return next(one for one in await house.store.projects() if one.id == project_id)


def _view(device_id: str, result: ExecuteResult) -> DeviceResult:
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
