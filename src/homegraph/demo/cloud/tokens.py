"""The token endpoint and the revocation endpoint: the Home Graph's server talks to this cloud's server.

Who asks is looked at before what for. The client shows its secret in the form or by HTTP Basic, but not both (RFC 6749, 2.3). Answers
hold tokens, so that nobody may keep them; ``expires_in`` is a number.

The rule that is easily broken: only a grant that is really gone is ``invalid_grant``. A Home Graph takes it for the end of the link.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable
from http import HTTPStatus
from typing import Final
from urllib.parse import unquote_plus

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from homegraph.demo.cloud.config import Config
from homegraph.demo.cloud.forms import body_of, fields_of
from homegraph.demo.cloud.grants import Grants, OAuthRefused, Tokens

HEADERS: Final = {"cache-control": "no-store", "pragma": "no-cache"}


class TokenEndpoint:
    """``/token`` and ``/revoke``."""

    def __init__(self, config: Config, grants: Grants) -> None:
        self._config = config
        self._grants = grants

    async def token(self, request: Request) -> Response:
        """Tokens for a code, or for a refresh token."""
        return await self._answer(request, self._tokens)

    async def revoke(self, request: Request) -> Response:
        """A token is not needed any more. What is not known is answered alike (RFC 7009, 2.2)."""
        return await self._answer(request, self._revoked)

    async def _answer(
        self, request: Request, answer: Callable[[dict[str, str]], Response]
    ) -> Response:
        header = request.headers.get("authorization", "")
        try:
            form = fields_of((await body_of(request)).decode(errors="replace"))
            self._admit(header, form)
            return answer(form)
        except OAuthRefused as exc:
            status, headers = HTTPStatus.BAD_REQUEST, dict(HEADERS)
            if exc.error == "invalid_client":
                status = HTTPStatus.UNAUTHORIZED
                headers["www-authenticate"] = 'Basic realm="device cloud"'
            said = {"error": exc.error, "error_description": exc.description}
            return JSONResponse(said, status, headers)

    def _admit(self, header: str, form: dict[str, str]) -> None:
        """Make sure that it is the client. Raises OAuthRefused."""
        client_id, secret = form.get("client_id", ""), form.get("client_secret", "")
        if header:
            if secret:
                raise OAuthRefused(
                    "invalid_request", "Show the secret once: in the form or in Basic."
                )
            client_id, secret = _basic(header)
        known = (self._config.client_id, self._config.client_secret)
        given = (client_id, secret)
        same = [
            hmac.compare_digest(one.encode(), other.encode())
            for one, other in zip(given, known, strict=True)
        ]
        if not all(same):
            raise OAuthRefused("invalid_client", "client_id or client_secret is wrong.")

    def _tokens(self, form: dict[str, str]) -> Response:
        match form.get("grant_type"):
            case "authorization_code":
                tokens = self._grants.redeem(
                    form.get("code", ""),
                    form.get("redirect_uri", ""),
                    form.get("code_verifier", ""),
                )
            case "refresh_token":
                tokens = self._grants.refresh(form.get("refresh_token", ""))
            case _:
                raise OAuthRefused(
                    "unsupported_grant_type", "Offered: authorization_code and refresh_token."
                )
        return JSONResponse(_document(tokens), headers=HEADERS)

    def _revoked(self, form: dict[str, str]) -> Response:
        if not form.get("token"):
            raise OAuthRefused("invalid_request", "There is no token.")
        self._grants.revoke(form["token"])
        return Response(headers=HEADERS)


def _document(tokens: Tokens) -> dict[str, str | int]:
    return {
        "token_type": "Bearer",
        "access_token": tokens.access,
        "refresh_token": tokens.refresh,
        "expires_in": tokens.expires_in,
    }


def _basic(header: str) -> tuple[str, str]:
    """Id and secret of a Basic header; both are form-encoded in it (RFC 6749, 2.3.1). Raises OAuthRefused."""
    kind, _, encoded = header.partition(" ")
    try:
        text = base64.b64decode(encoded, validate=True).decode() if kind.lower() == "basic" else ""
    except ValueError:  # no base64, or no text in it
        text = ""
    client_id, colon, secret = text.partition(":")
    if not colon:
        raise OAuthRefused(
            "invalid_client", "The Authorization header is not of the form of Basic."
        )
    return unquote_plus(client_id), unquote_plus(secret)
