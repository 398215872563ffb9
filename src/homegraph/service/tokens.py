"""Access tokens for service accounts: what the token endpoint does, once it has read a request.

A service account shows something it has signed and gets a token, which is opaque and random: it says nothing, and of it we keep
the hash, whose it is, what it is good for, and when it ends. It ends with the key that it was issued to, too.

Whom the assertion must be signed for is asked before its signature is looked at: that is cheap, and the endpoint is open to
strangers. An address counts as ours when it names us by a name that we know to be our own, or by the very socket that the
call came in by. The Host header does not count: whoever holds an assertion that was signed for another server could write there
what he needs.

The rule that is easily broken: the token is durable before it is handed out, and nothing but its hash is kept.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final
from urllib.parse import urlsplit

from homegraph.errors import NotFound, TokenRequestRefused
from homegraph.graph.model import AccessToken
from homegraph.graph.signing import account_unknown, find_signer
from homegraph.service.events import TokenDenied, TokenIssued
from homegraph.service.house import House
from homegraph.service.vault import digest
from homegraph.settings.server import Settings
from homegraph.wire.assertions import GOOGLE_AUDIENCES, Claims, check, read_unverified
from homegraph.wire.token_endpoint import EXPIRES_IN_SECONDS, TOKEN_PATHS

TOKEN_PREFIX: Final = "ya29."  # noqa: S105  # what Google's access tokens begin with
ACCOUNT_CHARS_MAX: Final = 100
"""Characters of an account's name that are told to listeners; a name that is not proven may be anything."""


def own_addresses(settings: Settings, url: str) -> frozenset[str]:
    """Every address, without a slash at its end, that is this server's by its names. ``url`` is where it listens, maybe ""."""
    port = urlsplit(url).port
    names = [f"[{name}]" if ":" in name else name for name in settings.hosts]
    ports = ("", f":{port}") if port else ("",)
    named = {
        f"{scheme}://{name}{at}" for scheme in ("http", "https") for name in names for at in ports
    }
    return frozenset(named | {url, settings.base_url} - {""})


def token_audiences(addresses: Collection[str]) -> frozenset[str]:
    """Whom an assertion may be signed for: each of the endpoint's paths at each of our addresses, and Google's endpoints."""
    ours = {address + path for address in addresses for path in TOKEN_PATHS}
    return GOOGLE_AUDIENCES | ours


async def issue_token(house: House, assertion: str, *, audiences: Collection[str]) -> str:
    """Issue a token to the service account that has signed ``assertion``, for an hour.

    Raises:
        TokenRequestRefused: the assertion is not good, or the project has asked for too many tokens.
        StoreUnavailable: the account cannot be looked up, or the token not be kept.
    """
    claims: Claims | None = None
    try:
        claims = read_unverified(assertion)
        return await _issue(house, assertion, claims, audiences)
    except TokenRequestRefused as exc:
        account = claims.iss[:ACCOUNT_CHARS_MAX] if claims is not None else ""
        house.events.announce(TokenDenied(account, exc.code))
        raise


async def _issue(house: House, assertion: str, claims: Claims, audiences: Collection[str]) -> str:
    now = house.clock.now()
    scopes = check(claims, audiences=audiences, now=now)
    key = find_signer(assertion, claims, await house.store.find_service_keys(claims.iss))
    house.budgets.spend_token(key.project_id, now)
    text = TOKEN_PREFIX + house.ids.secret()
    token = AccessToken(
        digest=digest(text),
        project_id=key.project_id,
        email=key.email,
        key_id=key.id,
        scopes=scopes,
        issued_at=now,
        expires_at=now + EXPIRES_IN_SECONDS,
    )
    try:
        await house.store.add_token(token)
    except NotFound as exc:
        raise account_unknown() from exc  # the key was revoked in this very moment
    house.events.announce(TokenIssued(key.project_id, key.email, key.id))
    return text
