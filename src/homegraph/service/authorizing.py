"""Linking an account, the use-case: a user is sent to the developer's login page and comes back with a code.

``begin`` makes the address of the login page, ``finish`` takes what the browser brought: the state is checked and used up,
the code exchanged, the tokens stored, and the first SYNC awaited, as Google does it (protocol.md 6). What is on disk at
each moment: the linking before anybody is sent away; that it is used before the code is exchanged; tokens, link and the request for
the first SYNC in one transaction. So a process that dies leaves either a whole link, whose first SYNC is made up
for, or a linking that says LINKING_INTERRUPTED, never a half of one.

The rule that is easily broken: whatever is refused is announced, and nothing that came with the callback is quoted in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from msgspec.structs import replace

from homegraph.errors import HomegraphError, LinkingRefused
from homegraph.graph.checks.tokens import check_tokens
from homegraph.graph.linking import BROKEN_AT_ONCE, Linking, LinkingStep, StepKind
from homegraph.graph.model import Link, LinkState, OAuthClient, Project, Target, Tokens
from homegraph.graph.syncing import SYNC_CALL_SECONDS
from homegraph.service import elsewhere
from homegraph.service.code_exchange import VERIFIER, exchange_code
from homegraph.service.events import LinkChanged, LinkingEnded, LinkingStarted
from homegraph.service.house import House
from homegraph.service.reading import get_project
from homegraph.service.transcript import shown_query
from homegraph.wire.authorization import (
    IMPLICIT_FLOW,
    LOCALE,
    STATE_SECONDS,
    Callback,
    State,
    authorization_url,
    browser_proof,
    check_browser,
    check_callback,
    check_state,
    open_state,
    read_callback,
    write_state,
)
from homegraph.wire.oauth import TokenReply
from homegraph.wire.status import REASONS

STATE: Final = "linking state"
BROWSER: Final = "linking browser"

COOKIE_ID_CHARACTERS: Final = 8
"""Of a linking's id in the name of its cookie: enough to tell the linkings of one browser apart."""

AUTHORIZE_SHOWN: Final = frozenset(
    {"redirect_uri", "client_id", "response_type", "user_locale", "scope", "code_challenge_method"}
)
CALLBACK_SHOWN: Final = frozenset(
    {"error", "error_description", "error_uri", "token_type", "expires_in", "scope"}
)
"""Parameters that a trace shows. The value of any other one may be a secret, of ours or of the other side."""


@dataclass(frozen=True, slots=True)
class Came:
    """What came from the login page: the query of the redirect, or in the implicit flow its fragment.

    ``cookies`` are the browser's; None when an operator has carried it here, who may finish what any browser began.
    ``user_id``, if he has named one, is whose linking it must be.
    """

    query: str = field(repr=False)
    cookies: Mapping[str, str] | None = field(default=None, repr=False)
    user_id: str = ""


@dataclass(frozen=True, slots=True)
class Begun:
    """A linking, and where the browser has to go. ``proof`` is for the browser that it is bound to, empty without one."""

    linking: Linking
    authorization_url: str
    proof: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Linked:
    """A link that came into being, or was mended, by a linking; ``failure`` is what its SYNC ran into, None when all went well."""

    link: Link
    linking_id: str
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
    project = await linkable(house, project_id)
    oauth = project.oauth
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
    state = State(linking_id, project_id, user_id, linking.expires_at, bound)
    url = authorization_url(
        oauth.authorization_url,
        client_id=oauth.client_id,
        redirect_uri=linking.redirect_uri,
        state=write_state(state, house.vault.signing_key(STATE)),
        scopes=oauth.scopes,
        verifier=verifier,
        locale=locale,
        flow=project.policy.oauth_flow,
    )
    base, _, parameters = url.partition("?")
    shown = f"GET {base}?{shown_query(parameters, AUTHORIZE_SHOWN)}"
    linking = replace(linking, steps=(LinkingStep(StepKind.AUTHORIZE, now, request=shown),))
    await house.store.start_linking(linking, now)
    house.events.announce(LinkingStarted(project_id, user_id))
    proof = browser_proof(linking_id, house.vault.signing_key(BROWSER)) if bound else ""
    return Begun(linking, url, proof)


async def linkable(house: House, project_id: str) -> Project:
    """The project, when its users can be sent to a login page.

    Raises:
        NotFound: there is no such project.
        LinkingRefused: LINKING_NOT_CONFIGURED.
    """
    project = await get_project(house.store, project_id)
    oauth = project.oauth
    has_token_url = oauth.token_url or project.policy.oauth_flow == IMPLICIT_FLOW
    if not (oauth.authorization_url and has_token_url and oauth.client_id):
        raise LinkingRefused("LINKING_NOT_CONFIGURED", _title("LINKING_NOT_CONFIGURED"))
    return project


def redirect_uri(oauth: OAuthClient, project_id: str, site_url: str) -> str:
    """Where the login page sends the browser back to."""
    return oauth.redirect_uri or f"{site_url}/r/{project_id}"


async def finish(house: House, project_id: str, came: Came) -> Linked:
    """Take what came to ``/r/{project_id}``, and wait for the SYNC that follows.

    Raises:
        LinkingRefused: the callback is refused, or the login page said no, or the code was refused.
        TokenEndpointFailed: the token endpoint brought no tokens.
    """
    whose = ""
    try:
        callback = read_callback(came.query)
        state = open_state(callback.state, house.vault.signing_key(STATE))
        whose = state.user_id
        project, linking, denial = await _used(house, project_id, callback, state, came)
    except LinkingRefused as exc:
        house.events.announce(LinkingEnded(project_id, whose, exc.code))
        raise LinkingRefused(exc.code, exc.words or _title(exc.code)) from exc
    try:
        if denial is not None:
            raise denial
        tokens, steps = await _tokens(house, project, linking, callback)
    except HomegraphError as exc:
        await house.store.end_linking(project_id, linking.id, exc.code)
        house.events.announce(LinkingEnded(project_id, whose, exc.code))
        raise
    return await _grant(house, linking, tokens, steps)


async def _used(
    house: House, project_id: str, callback: Callback, state: State, came: Came
) -> tuple[Project, Linking, LinkingRefused | None]:
    """Use the state up, and whether the login page said no.

    When something is wrong with the callback, that is noted in the linking that it names, which may still be used.
    """
    try:
        check_state(state, project_id=project_id, now=house.clock.now())
        project = await get_project(house.store, project_id)
        check_callback(callback, project.policy.oauth_flow)
        _check_user(state, came)
        if came.cookies is not None:
            shown = came.cookies.get(cookie_name(state.linking_id), "")
            check_browser(state, shown, house.vault.signing_key(BROWSER))
        denial = _denial(callback)
        step = _callback_step(house, callback, came, denial)
        linking = await house.store.use_linking(project_id, state.linking_id, step.at, [step])
    except LinkingRefused as exc:
        step = replace(_came(house, came), code=exc.code, message=exc.words or _title(exc.code))
        await house.store.note_linking(state.project_id, state.linking_id, step)
        raise
    return project, linking, denial


def _check_user(state: State, came: Came) -> None:
    if came.user_id not in ("", state.user_id):
        raise LinkingRefused("LINKING_OTHER_USER")


async def _tokens(
    house: House, project: Project, linking: Linking, callback: Callback
) -> tuple[Tokens, tuple[LinkingStep, ...]]:
    """What the callback brought, or what its code is exchanged for, and the step that tells of that. Raises what went wrong."""
    if callback.access_token:
        return _sealed(house, linking, TokenReply(callback.access_token)), ()
    exchanged = await exchange_code(house, project, linking, callback.code)
    if exchanged.tokens is None:
        await house.store.note_linking(project.id, linking.id, exchanged.step)
        raise exchanged.error or HomegraphError()
    return _sealed(house, linking, exchanged.tokens), (exchanged.step,)


def _came(house: House, came: Came) -> LinkingStep:
    """The step of a browser's return."""
    shown = shown_query(came.query, CALLBACK_SHOWN)
    return LinkingStep(StepKind.CALLBACK, house.clock.now(), request=shown)


def _callback_step(
    house: House, callback: Callback, came: Came, denial: LinkingRefused | None
) -> LinkingStep:
    """The same with what there is to say about it."""
    step = _came(house, came)
    if denial is not None:
        return replace(step, code=denial.code, message=denial.message)
    if callback.access_token:
        return replace(step, findings=check_tokens(came.query.encode(), is_implicit=True))
    return step


def _denial(callback: Callback) -> LinkingRefused | None:
    """The login page's own error, with its words."""
    if not callback.error:
        return None
    said = f" ({callback.description})" if callback.description else ""
    return LinkingRefused(
        "LINKING_DENIED", f"The login page answered with an error: {callback.error}{said}."
    )


def cookie_name(linking_id: str) -> str:
    """The cookie that holds the proof. Each linking has its own, so that two of them in one browser do not disturb each other."""
    return f"homegraph-link-{linking_id[:COOKIE_ID_CHARACTERS]}"


async def _grant(
    house: House, linking: Linking, tokens: Tokens, steps: Sequence[LinkingStep]
) -> Linked:
    """Store the tokens, with the steps that brought them, and wait for the SYNC. It goes on whatever becomes of the browser."""
    old = await house.store.find_link(linking.project_id, linking.user_id)
    targets = [Target.of_first_sync(linking.project_id, linking.user_id)]
    if old is not None and old.agent_user_id:
        targets.append(Target(linking.project_id, old.agent_user_id))
    listeners = house.runs.listeners
    with listeners.listen(targets[0]) as first, listeners.listen(targets[-1]) as again:
        asked_at = house.clock.now()
        link, generation = await house.store.grant(linking, tokens, asked_at, steps)
        house.events.announce(LinkChanged.of(link))
        house.runs.changed.set()
        listening, target = (again, targets[-1]) if link.agent_user_id else (first, targets[0])
        try:
            asked = elsewhere.Request(target, generation, asked_at)
            failure = await elsewhere.outcome(house, listening, asked, SYNC_CALL_SECONDS)
        except TimeoutError:
            failure = LinkingRefused("SYNC_DEADLINE", _title("SYNC_DEADLINE"))
    now = await house.store.find_link(linking.project_id, linking.user_id) or link
    if failure is None and now.state is LinkState.BROKEN:
        failure = LinkingRefused(now.problem, BROKEN_AT_ONCE)
    return Linked(now, linking.id, failure)


def _sealed(house: House, linking: Linking, answer: TokenReply) -> Tokens:
    place = (linking.project_id, linking.user_id)
    now = house.clock.now()
    return Tokens(
        house.vault.seal(answer.access_token, *place, "access"),
        house.vault.seal(answer.refresh_token, *place, "refresh"),
        expires_at=now + answer.expires_in if answer.expires_in else None,
        issued_at=now,
    )


def _title(code: str) -> str:
    return REASONS[code].title
