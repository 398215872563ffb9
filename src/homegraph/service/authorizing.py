"""Linking an account, the use-case: a user is sent to the developer's login page and comes back with a code.

``begin`` makes the address of the login page, ``finish`` takes what the browser brought: the state is checked and used up,
the code exchanged, the tokens stored, and the first SYNC awaited, as Google does it (protocol.md 6). What is on disk at
each moment: the linking before anybody is sent away; that it is used before the code is exchanged; tokens, link and the request for
the first SYNC in one transaction. So a process that dies leaves either a whole link, whose first SYNC is made up
for, or a linking that says LINKING_INTERRUPTED, never a half of one.

The rule that is easily broken: whatever is refused is announced, and nothing that came with the callback is quoted in it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from homegraph.errors import (
    FulfillmentError,
    HomegraphError,
    LinkingRefused,
    NotFound,
    TokenEndpointFailed,
    TokenRefused,
)
from homegraph.graph.linking import Linking
from homegraph.graph.model import Link, OAuthClient, Project, Target, Tokens
from homegraph.graph.syncing import SYNC_CALL_SECONDS
from homegraph.service.events import LinkChanged, LinkingEnded, LinkingStarted
from homegraph.service.house import House
from homegraph.service.refreshing import TOKEN_REPLY_MAX_BYTES, TOKEN_SECONDS
from homegraph.wire.authorization import (
    LOCALE,
    STATE_SECONDS,
    Callback,
    State,
    authorization_url,
    browser_proof,
    check_browser,
    read_callback,
    read_state,
    write_state,
)
from homegraph.wire.oauth import TokenReply, code_request, read_token_reply
from homegraph.wire.status import REASONS

STATE: Final = "linking state"
VERIFIER: Final = "verifier"
BROWSER: Final = "linking browser"

COOKIE_ID_CHARACTERS: Final = 8
"""Of a linking's id in the name of its cookie: enough to tell the linkings of one browser apart."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A linking, and where the browser has to go. ``proof`` is for the browser that it is bound to, empty without one."""

    linking: Linking
    authorization_url: str
    proof: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Linked:
    """A link that came into being, or was mended; ``failure`` is what its SYNC ran into, None when all went well."""

    link: Link
    failure: HomegraphError | None = None


async def begin(
    house: House,
    project_id: str,
    user_id: str,
    *,
    site_url: str,
    locale: str = LOCALE,
    bound: bool = False,
) -> Begun:
    """Keep a linking and make the address of the login page; ``bound`` to the browser that will keep the proof.

    Raises:
        NotFound: there is no such project.
        LinkingRefused: LINKING_NOT_CONFIGURED.
        AdminRefused: too many linkings of the project are under way.
    """
    oauth = (await linkable(house, project_id)).oauth
    now = house.clock.now()
    linking_id = house.ids.secret()
    verifier = house.ids.secret() if oauth.pkce else ""
    linking = Linking(
        linking_id,
        project_id,
        user_id,
        redirect_uri(oauth, project_id, site_url),
        created_at=now,
        expires_at=now + STATE_SECONDS,
        sealed_verifier=house.vault.seal(verifier, project_id, linking_id, VERIFIER),
    )
    await house.store.start_linking(linking, now)
    house.events.announce(LinkingStarted(project_id, user_id))
    state = State(linking_id, project_id, user_id, linking.expires_at, bound)
    url = authorization_url(
        oauth.authorization_url,
        client_id=oauth.client_id,
        redirect_uri=linking.redirect_uri,
        state=write_state(state, house.vault.signing_key(STATE)),
        scopes=oauth.scopes,
        verifier=verifier,
        locale=locale,
    )
    proof = browser_proof(linking_id, house.vault.signing_key(BROWSER)) if bound else ""
    return Begun(linking, url, proof)


async def linkable(house: House, project_id: str) -> Project:
    """The project, when its users can be sent to a login page.

    Raises:
        NotFound: there is no such project.
        LinkingRefused: LINKING_NOT_CONFIGURED.
    """
    project = await _project(house, project_id)
    oauth = project.oauth
    if not (oauth.authorization_url and oauth.token_url and oauth.client_id):
        raise LinkingRefused("LINKING_NOT_CONFIGURED", _title("LINKING_NOT_CONFIGURED"))
    return project


def redirect_uri(oauth: OAuthClient, project_id: str, site_url: str) -> str:
    """Where the login page sends the browser back to."""
    return oauth.redirect_uri or f"{site_url}/r/{project_id}"


async def finish(
    house: House,
    project_id: str,
    query: str,
    *,
    user_id: str = "",
    cookies: Mapping[str, str] | None = None,
) -> Linked:
    """Take what the browser brought to ``/r/{project_id}``, and wait for the SYNC that follows.

    ``cookies`` are the browser's; None when an operator has carried the answer here, who may finish what any browser began.
    ``user_id``, if he has named one, is whose linking it must be.

    Raises:
        LinkingRefused: the callback is refused, or the login page said no, or the code was refused.
        TokenEndpointFailed: the token endpoint brought no tokens.
    """
    whose = ""
    try:
        callback = read_callback(query)
        state = read_state(
            callback.state,
            house.vault.signing_key(STATE),
            project_id=project_id,
            now=house.clock.now(),
        )
        whose = state.user_id
        if user_id not in ("", whose):
            raise LinkingRefused("LINKING_OTHER_USER")  # noqa: TRY301  # one of the ways in which it is refused
        if cookies is not None:
            shown = cookies.get(cookie_name(state.linking_id), "")
            check_browser(state, shown, house.vault.signing_key(BROWSER))
        linking = await house.store.use_linking(project_id, state.linking_id, house.clock.now())
    except LinkingRefused as exc:
        house.events.announce(LinkingEnded(project_id, whose, exc.code))
        raise LinkingRefused(exc.code, _title(exc.code)) from exc
    try:
        tokens = await _tokens(house, await _project(house, project_id), linking, callback)
    except HomegraphError as exc:
        await house.store.end_linking(project_id, linking.id, exc.code)
        house.events.announce(LinkingEnded(project_id, whose, exc.code))
        raise
    return await _grant(house, linking, tokens)


def cookie_name(linking_id: str) -> str:
    """The cookie that holds the proof. Each linking has its own, so that two of them in one browser do not disturb each other."""
    return f"homegraph-link-{linking_id[:COOKIE_ID_CHARACTERS]}"


async def _grant(house: House, linking: Linking, tokens: Tokens) -> Linked:
    """Store the tokens and wait for the SYNC. It goes on whatever becomes of the browser."""
    old = await house.store.find_link(linking.project_id, linking.user_id)
    targets = [Target(linking.project_id, "", linking.user_id)]
    if old is not None and old.agent_user_id:
        targets.append(Target(linking.project_id, old.agent_user_id))
    with house.runs.listen(targets[0]) as first, house.runs.listen(targets[-1]) as again:
        link, generation = await house.store.grant(linking, tokens, house.clock.now())
        house.events.announce(LinkChanged(link.project_id, link.user_id, link.state, link.problem))
        house.runs.changed.set()
        listening = again if link.agent_user_id else first
        try:
            async with asyncio.timeout(SYNC_CALL_SECONDS):
                failure = await listening.outcome_of(generation)
        except TimeoutError:
            failure = LinkingRefused("SYNC_DEADLINE", _title("SYNC_DEADLINE"))
    now = await house.store.find_link(linking.project_id, linking.user_id)
    return Linked(now or link, failure)


async def _tokens(house: House, project: Project, linking: Linking, callback: Callback) -> Tokens:
    """Exchange the code. The redirect URI is that of the request, even if the setting has changed since."""
    if callback.error:
        said = (
            f"{callback.error} ({callback.description})" if callback.description else callback.error
        )
        raise LinkingRefused("LINKING_DENIED", f"The login page answered with an error: {said}.")
    oauth = project.oauth
    headers, body = code_request(
        callback.code,
        redirect_uri=linking.redirect_uri,
        verifier=house.vault.open(linking.sealed_verifier, project.id, linking.id, VERIFIER),
        client_id=oauth.client_id,
        client_secret=house.vault.open(oauth.sealed_secret, project.id, "client_secret"),
        client_auth=oauth.client_auth,
    )
    try:
        reply = await house.transport.post(
            project,
            oauth.token_url,
            headers,
            body,
            seconds_max=TOKEN_SECONDS,
            reply_max_bytes=TOKEN_REPLY_MAX_BYTES,
        )
        answer = read_token_reply(reply.status, reply.body, grant="code")
    except FulfillmentError as exc:
        raise TokenEndpointFailed(f"The token endpoint gave no answer. {exc.message}") from exc
    except TokenRefused as exc:
        raise LinkingRefused("CODE_REFUSED", exc.message) from exc
    return _sealed(house, linking, answer)


def _sealed(house: House, linking: Linking, answer: TokenReply) -> Tokens:
    place = (linking.project_id, linking.user_id)
    now = house.clock.now()
    return Tokens(
        house.vault.seal(answer.access_token, *place, "access"),
        house.vault.seal(answer.refresh_token, *place, "refresh"),
        expires_at=now + answer.expires_in if answer.expires_in else None,
        issued_at=now,
    )


async def _project(house: House, project_id: str) -> Project:
    for project in await house.store.projects():
        if project.id == project_id:
            return project
    raise NotFound(f"There is no project {project_id!r}.")


def _title(code: str) -> str:
    return REASONS[code].title
