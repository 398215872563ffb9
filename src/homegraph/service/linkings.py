"""Linkings, the operator's side: begin one, carry its answer here, and wait for what becomes of it.

What a linking does is in ``authorizing``. How it stands is not stored but read off what is (``linking.standing``): so it is
true after a restart, too, and wherever the browser came back to.

The rule that is easily broken: a wait listens before it looks, and looks again now and then anyway, because the browser
may come back to another process on the same database, and the SYNC that a grant asks for may join one that waits already.
"""

from __future__ import annotations

import asyncio
from typing import Annotated, Final
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from homegraph.errors import NotFound, SettingsError
from homegraph.graph.checks.queries import FIRST_QUERY_FAILED
from homegraph.graph.linking import GRANTED, Linking, Stage, Standing, standing, sync_after
from homegraph.graph.model import Cause, Device, Link, LinkState, Run
from homegraph.service import authorizing
from homegraph.service.administration import work_of_link
from homegraph.service.events import Event, LinkChanged, LinkingEnded, SyncFinished
from homegraph.service.house import House
from homegraph.service.questions import Name
from homegraph.service.reading import get_project
from homegraph.service.views.homes import LinkDetail, link_detail
from homegraph.service.views.linkings import (
    LinkingDetail,
    LinkingView,
    Traces,
    linking_detail,
    linking_trace,
    linking_view,
)
from homegraph.wire.authorization import LOCALE

CALLBACK_CHARS_MAX: Final = 16_384
"""Characters of the address that a login page redirects to; codes of a few thousand occur."""

ANSWER_HINT: Final = "Copy the whole address that the browser has ended at."
USER_CHARS_MAX: Final = 256
"""Characters of a user's name, as in homegraph.toml."""

WAIT_SECONDS_MAX: Final = 20.0
"""The longest that one call waits for a linking: below what proxies and the commands give a call."""

LOOK_AGAIN_SECONDS: Final = 1.0
"""Between two looks at a linking about which nothing is heard: it may end in another process, or by its time."""

RUNS_READ_MAX: Final = 1_000
"""Runs that are looked through for the SYNC that followed a grant. It is among the newest."""

TRACES_SHOWN_MAX: Final = 20
"""Linkings of one user in one answer. Who has tried more often looks at the last ones."""

UserName = Annotated[str, Meta(min_length=1, max_length=USER_CHARS_MAX)]


class LinkingWanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A user who wants to link his account, and the language for the login page."""

    project: Name
    user: UserName
    locale: Annotated[str, Meta(pattern=r"^[A-Za-z0-9-]{1,35}\Z")] = LOCALE


class LinkingAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the login page has sent the browser, when the browser could not get there; and whose linking it has to be."""

    project: Name
    url: Annotated[str, Meta(min_length=1, max_length=CALLBACK_CHARS_MAX)]
    user: Annotated[str, Meta(max_length=USER_CHARS_MAX)] = ""


class WhichLinking(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A linking, and how long to wait for its end before saying how it stands."""

    project: Name
    linking: Name
    seconds: Annotated[float, Meta(ge=0, le=WAIT_SECONDS_MAX)] = 0.0


class WhichTraces(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The newest linkings of a user."""

    project: Name
    user: UserName
    limit: Annotated[int, Meta(ge=1, le=TRACES_SHOWN_MAX)] = 5


async def start(house: House, asked: LinkingWanted, *, site_url: str) -> LinkingView:
    """Begin to link an account, in no browser in particular. Raises NotFound, LinkingRefused, AdminRefused."""
    begun = await authorizing.begin(
        house, asked.project, asked.user, site_url=site_url, locale=asked.locale
    )
    link = await house.store.find_link(asked.project, asked.user)
    return linking_view(begun.linking, begun.authorization_url, link)


async def finish(house: House, asked: LinkingAnswer) -> LinkDetail:
    """Take an answer that somebody carried here by hand.

    Raises:
        SettingsError: what was carried is no address. It is not repeated: there may be a code in it.
        HomegraphError: what the linking, or its first SYNC, failed with.
    """
    try:
        parts = urlsplit(asked.url)
    except ValueError:
        raise SettingsError("is not an address", place="url", hint=ANSWER_HINT) from None
    came = authorizing.Came(parts.query or parts.fragment, user_id=asked.user)
    linked = await authorizing.finish(house, asked.project, came)
    if linked.failure is not None:
        raise linked.failure
    return link_detail(linked.link, await work_of_link(house, linked.link))


async def show(house: House, asked: WhichLinking) -> LinkingDetail:
    """How a linking stands, as soon as it has ended or the time is over. Raises NotFound."""
    deadline = house.clock.now() + asked.seconds
    linking = await _get(house, asked)
    news = asyncio.Event()

    def hear(event: Event) -> None:
        if _may_end(linking, event):
            news.set()

    with house.events.listening(hear):
        while True:
            news.clear()
            linking = await _get(house, asked)
            found, run = await _stands(house, linking)
            now = house.clock.now()
            is_over = found.stage in (Stage.LINKED, Stage.FAILED)
            if is_over or now >= deadline or house.loop.stopping:
                return await _shown(house, linking, found, run)
            await house.clock.wait(news, min(deadline, now + LOOK_AGAIN_SECONDS))


async def trace(house: House, asked: WhichTraces) -> Traces:
    """What happened in the linkings of a user, newest first: also in those that have failed early. Raises NotFound."""
    await get_project(house.store, asked.project)
    shown = []
    for linking in await house.store.linkings(asked.project, asked.user, limit=asked.limit):
        found, run = await _stands(house, linking)
        kept = await house.store.find_run(run.id) if run is not None else None
        shown.append(linking_trace(linking, found, run, kept[1] if kept is not None else ()))
    return Traces(linkings=tuple(shown))


def _may_end(linking: Linking, event: Event) -> bool:
    """Whether an event may be the end of a linking. Most syncs are nothing that a grant has led to, and a project may have thousands a second."""
    if isinstance(event, SyncFinished):
        target, cause = event.run.target, event.run.cause
        is_near = target.user_id == linking.user_id or (cause is Cause.LINK and not target.user_id)
        return is_near and target.project_id == linking.project_id
    if isinstance(event, LinkChanged | LinkingEnded):
        is_near = event.user_id in ("", linking.user_id)
        return is_near and event.project_id == linking.project_id
    return False


async def _get(house: House, asked: WhichLinking) -> Linking:
    linking = await house.store.find_linking(asked.project, asked.linking)
    if linking is None:
        raise NotFound(f"Project {asked.project!r} has no linking {asked.linking!r}.")
    return linking


async def _stands(house: House, linking: Linking) -> tuple[Standing, Run | None]:
    """How it stands, and the SYNC that followed the grant."""
    if linking.outcome != GRANTED:
        return standing(linking, None, house.clock.now()), None
    link = await house.store.find_link(linking.project_id, linking.user_id)
    run = await _run(house, linking, link)
    return standing(linking, run, house.clock.now(), problem=_broken_in_query(link, run)), run


def _broken_in_query(link: Link | None, run: Run | None) -> str:
    """The problem of a link that has not outlived the QUERY after its first SYNC."""
    if link is None or link.state is not LinkState.BROKEN or run is None:
        return ""
    return link.problem if any(one.rule == FIRST_QUERY_FAILED.id for one in run.findings) else ""


async def _run(house: House, linking: Linking, link: Link | None) -> Run | None:
    """The SYNC that followed the grant: the link's first, or one of its agent user when that was known already."""
    agent_users = {"", link.agent_user_id if link is not None else ""}
    found = [
        run
        for agent_user_id in agent_users
        for run in await house.store.runs(linking.project_id, agent_user_id, limit=RUNS_READ_MAX)
        if run.target.user_id in ("", linking.user_id)
    ]
    return sync_after(linking, sorted(found, key=lambda run: run.id, reverse=True))


async def _shown(house: House, linking: Linking, found: Standing, run: Run | None) -> LinkingDetail:
    """With the link, if a grant came; with the devices, if it is worth something."""
    findings = tuple(finding for step in linking.steps for finding in step.findings)
    if linking.outcome != GRANTED:
        return linking_detail(linking, found, findings=findings)
    link = await house.store.find_link(linking.project_id, linking.user_id)
    devices: list[Device] = []
    findings += run.findings if run is not None else ()
    if found.stage is Stage.LINKED and link is not None:
        try:
            devices = await house.store.devices(link.project_id, link.agent_user_id)
        except NotFound:
            devices = []  # unlinked in this very moment
    return linking_detail(
        linking,
        found,
        link=link,
        works=await work_of_link(house, link) if link is not None else {},
        devices=devices,
        findings=findings,
    )
