"""The authorization endpoint: a user comes from the Home Graph, signs in, agrees, and goes back with a code.

Whether the client and its redirect URI are known is looked at first. If not, the user is told so and sent nowhere; everything else
that is wrong goes back to the client as an error, together with the ``state`` that it has sent (RFC 6749, 4.1.2.1).

Signing in and agreeing are one form. So there is no cookie, nothing of an earlier visit could be abused by another site, and who
presses the button has just read what he agrees to. The request stands in the address of the form and is read anew when it comes back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from urllib.parse import urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from homegraph.demo.cloud.accounts import Accounts, SignInRefused
from homegraph.demo.cloud.config import Config
from homegraph.demo.cloud.forms import body_of, fields_of
from homegraph.demo.cloud.grants import Grants, OAuthRefused
from homegraph.demo.cloud.pages import sign_in_page, stop_page

CHALLENGE_CHARACTERS: Final = 43
"""Of a SHA-256 in base64url."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """An authorization request that may be shown to the user."""

    redirect_uri: str
    state: str
    challenge: str

    def back(self, **answer: str) -> Response:
        """Send the browser back. 303: the password must not be posted on (RFC 9700, 4.12)."""
        if self.state:
            answer["state"] = self.state
        joint = "&" if urlsplit(self.redirect_uri).query else "?"
        return RedirectResponse(
            f"{self.redirect_uri}{joint}{urlencode(answer)}",
            HTTPStatus.SEE_OTHER,
            {"cache-control": "no-store", "referrer-policy": "no-referrer"},
        )


class _Untrusted(Exception):
    """Nobody may be sent anywhere."""


class Login:
    """``/authorize``."""

    def __init__(
        self, config: Config, accounts: Accounts, grants: Grants, now: Callable[[], float]
    ) -> None:
        self._config = config
        self._accounts = accounts
        self._grants = grants
        self._now = now

    async def authorize(self, request: Request) -> Response:
        """GET shows the form, POST takes it."""
        try:
            fields = fields_of(request.url.query)
            redirect_uri = self._trusted(fields)
        except (_Untrusted, OAuthRefused) as exc:
            return stop_page(str(exc))
        asked = _Asked(redirect_uri, fields.get("state", ""), fields.get("code_challenge", ""))
        try:
            _check(fields)
        except OAuthRefused as exc:
            return asked.back(error=exc.error, error_description=exc.description)
        if request.method == "GET":
            return self._form(request, asked)
        return await self._answered(request, asked)

    def _trusted(self, fields: dict[str, str]) -> str:
        """The redirect URI, if it is one of this client's. Raises _Untrusted."""
        if fields.get("client_id") != self._config.client_id:
            raise _Untrusted("No application is known here by the client_id of this link.")
        redirect_uri = fields.get("redirect_uri", "")
        if redirect_uri not in self._config.redirect_uris:
            raise _Untrusted("The redirect_uri of this link is none of the application's.")
        return redirect_uri

    async def _answered(self, request: Request, asked: _Asked) -> Response:
        try:
            form = fields_of((await body_of(request)).decode(errors="replace"))
        except OAuthRefused as exc:
            return self._form(request, asked, str(exc))
        if form.get("decision") != "allow":
            return asked.back(error="access_denied")
        name = form.get("name", "")
        try:
            account = self._accounts.sign_in(name, form.get("password", ""), self._now())
        except SignInRefused as exc:
            return self._form(request, asked, str(exc), name)
        code = self._grants.issue_code(account.agent_user_id, asked.redirect_uri, asked.challenge)
        return asked.back(code=code)

    def _form(self, request: Request, asked: _Asked, problem: str = "", name: str = "") -> Response:
        return sign_in_page(
            action=f"?{request.url.query}",
            client=self._config.client_id,
            destination=urlsplit(asked.redirect_uri).netloc,
            problem=problem,
            name=name,
        )


def _check(fields: dict[str, str]) -> None:
    """What a client may ask for. Raises OAuthRefused."""
    if fields.get("response_type") != "code":
        raise OAuthRefused("unsupported_response_type", "Only response_type=code is offered.")
    challenge = fields.get("code_challenge", "")
    if (challenge or "code_challenge_method" in fields) and (
        fields.get("code_challenge_method") != "S256" or len(challenge) != CHALLENGE_CHARACTERS
    ):
        raise OAuthRefused("invalid_request", "PKCE is offered with code_challenge_method=S256.")
