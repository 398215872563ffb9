"""Errands: what EXECUTE and a live QUERY have in common, from the devices that somebody names to what came of it for each.

Owns the order of things: find project, link and devices; write the errand down; send it group by group; write down what came. A
group that fails takes nothing from the others: its devices have the error for a result. Only when the token is refused the rest is
not sent, since it would be refused alike.

The rule that is easily broken: nothing is locked and no transaction is open while an intent is out. A fulfillment may report states
or request a sync before it answers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Final, Protocol

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from homegraph.errors import FulfillmentError, HomegraphError, LinkBroken, NotFound, StoreError
from homegraph.graph.checks.syncs import cut
from homegraph.graph.errands import DeviceResult, Errand, FollowUp
from homegraph.graph.model import Exchange, Finding, Instant, Link, LinkState, Project
from homegraph.graph.naming import Named, chosen, groups, named
from homegraph.graph.reporting import TraitState
from homegraph.service.catalogs import catalog_of
from homegraph.service.events import Event, StatesReported
from homegraph.service.house import House
from homegraph.service.outbound import Heard, Said
from homegraph.service.questions import MaybeName, Name
from homegraph.service.reading import get_project, whose
from homegraph.service.transcript import MASK
from homegraph.service.views import errands as views
from homegraph.wire.catalog.book import Catalog
from homegraph.wire.execute_intent import SECRET_RESULTS

DEVICES_MAX: Final = 100

LOOK_AGAIN_SECONDS: Final = 2.0
"""While a follow-up is waited for: reports are heard of at once, but only those that this process took."""

Names = Annotated[tuple[Name, ...], Meta(min_length=1, max_length=DEVICES_MAX)]


WAIT_SECONDS_MAX: Final = 10.0
"""For follow-ups, in one call: whoever waits longer asks again, so that no call outlives a server that stops."""

ERRANDS_SHOWN_MAX: Final = 1_000


class WhichErrands(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Errands of a project or of one of its agent users, or all; those older than the errand ``before``."""

    project: MaybeName = ""
    agent_user: MaybeName = ""
    before: MaybeName = ""
    limit: Annotated[int, Meta(ge=1, le=ERRANDS_SHOWN_MAX)] = 100


class WhichErrand(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An errand, by its id; answered at once, or when its follow-ups are there, for which ``wait`` seconds are waited."""

    id: Name
    wait: Annotated[float, Meta(ge=0, le=WAIT_SECONDS_MAX)] = 0.0


class Whom(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Devices of an agent user, by id or as they are called; ``user`` is whose link's token is used, "" for the oldest."""

    project: Name
    agent_user: Name
    devices: Names
    user: MaybeName = ""


@dataclass(frozen=True, slots=True)
class Party:
    """Whom an errand is for, and with whose token it goes."""

    project: Project
    link: Link
    catalog: Catalog
    devices: tuple[Named, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """An errand as it is kept."""

    errand: Errand
    follow_ups: tuple[FollowUp, ...]
    exchanges: tuple[Exchange, ...]


class Intent(Protocol):
    """What kind of errand it is."""

    async def send(self, heard: Heard, group: Sequence[Named]) -> Said:
        """Send the intent for a group of devices. Raises FulfillmentError, TokenError."""

    async def check(self, said: Said, group: Sequence[Named]) -> Iterable[Finding]:
        """Everything that is wrong with the answer."""

    async def read(self, said: Said, group: Sequence[Named]) -> Iterable[DeviceResult]:
        """A result for each device of the group. Raises FulfillmentError."""

    def states(self, results: Sequence[DeviceResult]) -> Sequence[TraitState]:
        """What of the results is stored as states."""


async def list_errands(house: House, asked: WhichErrands) -> views.Errands:
    """Errands, newest first. Raises as ``whose``."""
    whom = await whose(house.store, asked.project, asked.agent_user)
    found = await house.store.errands(*whom, before=asked.before, limit=asked.limit)
    return views.Errands(errands=tuple(map(views.errand_view, found)))


async def show_errand(house: House, asked: WhichErrand) -> views.ErrandDetail:
    """One errand with everything that is kept of it. Raises NotFound."""
    found = await get_errand(house, asked.id, wait_seconds=asked.wait)
    return views.errand_detail(found.errand, found.follow_ups, found.exchanges)


async def get_party(house: House, asked: Whom) -> Party:
    """Find whom somebody means.

    Raises:
        NotFound: no such project, agent user, device, or link that could be used.
        LinkBroken: there is a link, but it is broken.
        SettingsError: a name of several devices.
    """
    stored = await house.store.devices(asked.project, asked.agent_user)
    project = await get_project(house.store, asked.project)
    catalog = catalog_of(project.policy)
    devices = chosen(asked.devices, [named(device, catalog) for device in stored])
    return Party(project, await _link(house, asked), catalog, devices)


async def carry_out(
    house: House, errand: Errand, party: Party, intent: Intent, follow_ups: Sequence[FollowUp]
) -> Errand:
    """Send an errand and keep what came of it, with its exchanges."""
    await house.store.start_errand(errand, follow_ups)
    heard = Heard("", party.link)
    results: list[DeviceResult] = []
    findings: list[Finding] = []
    refused: HomegraphError | None = None
    for group in groups(party.devices):
        try:
            if refused is not None:
                raise refused
            said = await intent.send(heard, group)
            findings += await intent.check(said, group)
            results += await intent.read(said, group)
        except StoreError:
            raise
        except HomegraphError as exc:  # the link may have ended meanwhile, too, or the server stop
            refused = refused if isinstance(exc, FulfillmentError) else exc
            heard.transcript.masked_error(exc)
            results += (_failed(device.id, exc) for device in group)
    now = house.clock.now()
    ended = replace(
        errand,
        finished_at=now,
        devices=tuple(_masked(one, heard) for one in results),
        findings=heard.transcript.masked_findings(cut([*heard.findings, *findings])),
    )
    await house.store.finish_errand(
        _without_secrets(ended, heard),
        states=intent.states(results),
        exchanges=heard.transcript.exchanges(house.settings.journal_body_bytes),
    )
    return ended


async def get_errand(house: House, errand_id: str, *, wait_seconds: float = 0.0) -> Found:
    """An errand; with ``wait_seconds`` as soon as all its follow-ups came, or when that time is over. Raises NotFound."""
    until = house.clock.now() + wait_seconds
    news = asyncio.Event()

    def hear(event: Event) -> None:
        if isinstance(event, StatesReported) and event.notifications:
            news.set()

    with house.events.listening(hear):
        while True:
            news.clear()
            found = await house.store.find_errand(errand_id)
            if found is None:
                raise NotFound(f"There is no errand {errand_id!r}; old ones are not kept.")
            now = house.clock.now()
            if now >= until or not _open(found[0], found[1]):
                return Found(*found)
            await house.clock.wait(news, min(until, now + LOOK_AGAIN_SECONDS))


def begun(errand_id: str, intent: str, asked: Whom, party: Party, now: Instant) -> Errand:
    """An errand before it is sent."""
    return Errand(
        id=errand_id,
        project_id=asked.project,
        agent_user_id=asked.agent_user,
        user_id=party.link.user_id,
        intent=intent,
        started_at=now,
        devices=tuple(DeviceResult(id=device.id) for device in party.devices),
    )


def _open(errand: Errand, follow_ups: Iterable[FollowUp]) -> bool:
    """Whether a follow-up may still come: a device that did not take the command has none to send."""
    refused = {one.id for one in errand.devices if errand.finished_at is not None and not one.ok}
    return any(one.answered_at is None and one.device_id not in refused for one in follow_ups)


def _masked(result: DeviceResult, heard: Heard) -> DeviceResult:
    """A result without what the fulfillment has repeated of the request: its token, or a PIN."""
    masked = heard.transcript.masked
    return replace(
        result,
        debug=masked(result.debug),
        error_code=masked(result.error_code),
        exception_code=masked(result.exception_code),
        states=heard.transcript.masked_value(result.states),
    )


def _without_secrets(errand: Errand, heard: Heard) -> Errand:
    """An errand as the journal has it: what somebody has asked for to see it once is not kept."""
    results: list[DeviceResult] = []
    for one in errand.devices:
        secret = one.states.keys() & SECRET_RESULTS
        heard.transcript.hide(*(str(one.states[name]) for name in secret))
        states = {**one.states, **dict.fromkeys(secret, MASK)}
        results.append(replace(one, states=states) if secret else one)
    return replace(errand, devices=tuple(results))


def _failed(device_id: str, error: HomegraphError) -> DeviceResult:
    """What is known of a device when there was no answer: nothing but why."""
    return DeviceResult(id=device_id, reason=error.code, message=error.message)


async def _link(house: House, asked: Whom) -> Link:
    """The link whose token is used: the user's that is named, else the oldest; broken ones are passed over."""
    known = await house.store.knowledge(asked.project, asked.agent_user)
    theirs = [link for link in known.links if asked.user in {"", link.user_id}]
    usable = [link for link in theirs if link.state is LinkState.LINKED]
    if not usable and any(link.state is LinkState.BROKEN for link in theirs):
        raise LinkBroken
    if not usable:
        whose = f"user {asked.user!r} has no link" if asked.user else "no user has a link"
        raise NotFound(
            f"{whose[0].upper()}{whose[1:]} to agent user {asked.agent_user!r} that could be used.",
            hint="`homegraph links list` has the links and their problems.",
        )
    return min(usable, key=lambda link: (link.created_at, link.user_id))
