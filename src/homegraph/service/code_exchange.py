"""Exchanging a code for tokens at a project's token endpoint, with a record of it for the linking's trace.

Whatever comes of it, there is a record: request and answer with every secret masked, and what is wrong with the answer by the
rules that Google publishes. Of an answer that nobody can read, every value is masked whose name does not say that it is harmless.

What the tokens are for, and what becomes of the linking, is not known here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from homegraph.errors import (
    FulfillmentError,
    HomegraphError,
    LinkingRefused,
    TokenEndpointFailed,
    TokenRefused,
)
from homegraph.graph.checks.tokens import check_tokens
from homegraph.graph.linking import Linking, LinkingStep, StepKind
from homegraph.graph.model import Finding, Project
from homegraph.service.house import House
from homegraph.service.recording import Post, recorded
from homegraph.service.refreshing import TOKEN_REPLY_MAX_BYTES, TOKEN_SECONDS
from homegraph.service.transcript import Transcript
from homegraph.wire.oauth import TokenReply, code_request, read_token_members, read_token_reply

VERIFIER: Final = "verifier"

INTENT: Final = "code exchange"

BODY_BYTES_MAX: Final = 16 * 1024
"""Of each body in a trace; a token answer has a few hundred."""


@dataclass(frozen=True, slots=True)
class Exchanged:
    """What an exchange brought: tokens or an error; and the step that tells of it."""

    step: LinkingStep
    tokens: TokenReply | None = None
    error: HomegraphError | None = None


async def exchange_code(house: House, project: Project, linking: Linking, code: str) -> Exchanged:
    """Exchange a code. The redirect URI is that of the request, even if the setting has changed since."""
    oauth = project.oauth
    verifier = house.vault.open(linking.sealed_verifier, project.id, linking.id, VERIFIER)
    secret = house.vault.open(oauth.sealed_secret, project.id, "client_secret")
    headers, body = code_request(
        code,
        redirect_uri=linking.redirect_uri,
        verifier=verifier,
        client_id=oauth.client_id,
        client_secret=secret,
        client_auth=oauth.client_auth,
    )
    post = Post(
        INTENT,
        project,
        linking.user_id,
        oauth.token_url,
        headers,
        body,
        TOKEN_SECONDS,
        TOKEN_REPLY_MAX_BYTES,
    )
    transcript = Transcript()
    transcript.hide(code, verifier, secret)
    transcript.hide_credentials(headers)
    tokens: TokenReply | None = None
    error: HomegraphError | None = None
    findings: tuple[Finding, ...] = ()
    try:
        reply, _ = await recorded(house.transport, house.clock, transcript, post)
        transcript.hide(*read_token_members(reply.body).secrets)
        tokens = read_token_reply(reply.status, reply.body, grant="code")
        findings = check_tokens(reply.body)
    except FulfillmentError as exc:
        error = TokenEndpointFailed(f"The token endpoint gave no answer. {exc.message}")
    except TokenEndpointFailed as exc:
        error = TokenEndpointFailed(transcript.masked(exc.message))
    except TokenRefused as exc:
        error = LinkingRefused("CODE_REFUSED", transcript.masked(exc.message))
    (shown,) = transcript.exchanges(BODY_BYTES_MAX)
    step = LinkingStep(
        StepKind.EXCHANGE,
        shown.started_at,
        request=f"POST {shown.url}",
        took=shown.took,
        code=error.code if error is not None else "",
        message=error.message if error is not None else "",
        exchange=shown,
        findings=findings,
    )
    return Exchanged(step, tokens, error)
