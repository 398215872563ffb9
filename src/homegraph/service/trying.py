"""Trying how an integration reacts to what happens to tokens: refresh now, count as expired, count as refused.

Only the refresh sends anything. The others change what is kept here, as if time had passed or the developer's server had spoken, and
nobody out there learns of it.

The rule that is easily broken: the refresh token stays, also when the grant counts as refused, so that a refresh can undo it.
"""

from __future__ import annotations

from homegraph.errors import AdminRefused, NotFound
from homegraph.graph.model import Link, LinkState, Project
from homegraph.graph.refreshing import Expired, Revoked
from homegraph.service.administration import work_of_link
from homegraph.service.events import LinkChanged
from homegraph.service.house import House
from homegraph.service.questions import WhichLink
from homegraph.service.reading import get_project
from homegraph.service.views.homes import LinkDetail, RefreshView, link_detail, refresh_view


async def refresh(house: House, asked: WhichLink) -> RefreshView:
    """Ask the token endpoint now, whatever it said before and however the link stands, and tell what came.

    Raises:
        NotFound: there is no such link, or it has ended.
        AdminRefused: there is nothing to ask with.
        TokenError: no token came.
    """
    link, project = await _refreshable(house, asked)
    landing = await house.outbound.refreshing.insisted(project, link)
    if landing.error is not None:
        raise landing.error
    house.runs.changed.set()  # a link that is mended is owed a SYNC
    return refresh_view(
        landing.link,
        await work_of_link(house, landing.link),
        news=landing.news,
        findings=landing.findings,
    )


async def expire(house: House, asked: WhichLink) -> LinkDetail:
    """Have the access token count as expired: the next intent refreshes first. Raises as ``refresh``, but for TokenError."""
    link, _ = await _refreshable(house, asked)
    after = await house.store.follow_tokens(
        link.project_id, link.user_id, Expired(), house.clock.now()
    )
    return link_detail(after, await work_of_link(house, after))


async def revoke(house: House, asked: WhichLink) -> LinkDetail:
    """Have the grant count as refused: the access token is forgotten, the link broken. Raises NotFound."""
    link = await _link(house, asked)
    after = await house.store.follow_tokens(
        link.project_id, link.user_id, Revoked(), house.clock.now()
    )
    if link.state is not LinkState.BROKEN:
        house.events.announce(LinkChanged.of(after))
    return link_detail(after, await work_of_link(house, after))


async def _link(house: House, asked: WhichLink) -> Link:
    link = await house.store.find_link(asked.project, asked.user)
    if link is None or link.state is LinkState.UNLINKED:
        raise NotFound(f"{asked.user!r} has no link to project {asked.project!r}.")
    return link


async def _refreshable(house: House, asked: WhichLink) -> tuple[Link, Project]:
    """A link whose token can be refreshed, and its project. Raises as ``refresh``."""
    link = await _link(house, asked)
    project = await get_project(house.store, asked.project)
    if not link.tokens.sealed_refresh or not project.oauth.token_url:
        missing = "refresh token" if project.oauth.token_url else "oauth.token_url"
        raise AdminRefused(
            f"There is no {missing}, so the access token of {asked.user!r} cannot be refreshed.",
            hint="It is used until the fulfillment answers 401. Give the link a refresh_token and the project a token_url.",
        )
    return link, project
