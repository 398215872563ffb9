"""Unlinking an account at its user's wish: the fulfillment is told (DISCONNECT) while its token is still good, then everything goes.

What is on disk at each moment: that the user wants it, before anything is sent; then, in one transaction, that the link has ended and
its tokens, and with an agent user's last link its devices, are gone. A process that dies in between leaves the note, and the next one
tells the fulfillment once more and ends the link (docs/decisions/0023). A grant that comes meanwhile takes the note away.

The rule that is easily broken: a fulfillment that cannot be told keeps no link alive. It has its time, and the link ends.
"""

from __future__ import annotations

import asyncio
import math
from typing import Final

from msgspec.structs import replace

from homegraph.errors import FulfillmentTimeout, HomegraphError, StoreError
from homegraph.graph.errands import DISCONNECT, DeviceResult, Errand
from homegraph.graph.model import Link, LinkState, Target
from homegraph.service.events import Disconnected, DutyFailed, LinkChanged
from homegraph.service.explaining import dismiss
from homegraph.service.house import House
from homegraph.service.outbound import Heard
from homegraph.service.questions import WhichLink
from homegraph.service.reading import get_project
from homegraph.service.views.homes import LinkView, link_view

GOODBYE_SECONDS: Final = 20.0
"""For telling the fulfillment, with a refresh of the token before it if it must be."""

LEFT_SECONDS: Final = 30.0
"""An unlinking that is under way for so long was left behind by a process that died: it had ``GOODBYE_SECONDS``."""


async def unlink(house: House, asked: WhichLink) -> LinkView:
    """Tell the fulfillment, and end the link. Raises NotFound."""
    link = await house.store.begin_unlink(asked.project, asked.user, house.clock.now())
    return link_view(await _leave(house, link), {})


async def _leave(house: House, link: Link) -> Link:
    """End a link whose unlinking has begun. Returns it as it is then; as it was, if a grant has come meanwhile."""
    if link.state is LinkState.UNLINKED:
        return link
    if link.state is not LinkState.BROKEN:  # it has no token that anybody would believe
        await _disconnect(house, link)
    now = house.clock.now()
    ended = await house.store.unlink(link.project_id, link.user_id, now, begun=True)
    if ended.state is LinkState.UNLINKED:
        house.events.announce(LinkChanged.of(ended))
        await dismiss(house, Target(link.project_id, link.agent_user_id))
    return ended


async def _disconnect(house: House, link: Link) -> None:
    """Tell the fulfillment, within its time, and keep what was said. Nothing that goes wrong with it is raised."""
    heard = Heard("", link)
    errand = Errand(
        id=house.ids.run(),
        project_id=link.project_id,
        agent_user_id=link.agent_user_id,
        user_id=link.user_id,
        intent=DISCONNECT,
        started_at=house.clock.now(),
        devices=(),
    )
    await house.store.start_errand(errand)
    failed: tuple[DeviceResult, ...] = ()
    try:
        project = await get_project(house.store, link.project_id)
        async with asyncio.timeout(GOODBYE_SECONDS):
            await house.outbound.disconnect(project, heard)
    except TimeoutError:
        failed = (_failed(FulfillmentTimeout()),)
    except HomegraphError as exc:
        failed = (_failed(heard.transcript.masked_error(exc)),)
    code = failed[0].reason if failed else ""
    house.events.announce(Disconnected(link.project_id, link.user_id, code))
    now = house.clock.now()
    await house.store.finish_errand(
        replace(
            errand,
            finished_at=now,
            devices=failed,
            findings=heard.transcript.masked_findings(heard.findings),
        ),
        exchanges=heard.transcript.exchanges(house.settings.journal_body_bytes),
    )


def _failed(error: HomegraphError) -> DeviceResult:
    """The result of an errand that is about no device in particular."""
    return DeviceResult(id="", reason=error.code, message=error.message)


async def see_off(house: House) -> None:
    """End unlinkings whose process died: at the start whatever is there, and then what another process has left. Never returns."""
    never = asyncio.Event()
    asked_before = math.inf  # also those of a time to come: the clock may have been set back
    while True:
        try:
            for project_id, user_id in await house.store.unlinkings(asked_before):
                link = await house.store.find_link(project_id, user_id)
                if link is not None:
                    await _leave(house, link)
        except StoreError as exc:
            house.events.announce(DutyFailed("unlinking", exc.message))
        await house.clock.wait(never, house.clock.now() + LEFT_SECONDS)
        asked_before = house.clock.now() - LEFT_SECONDS
