"""What users have agreed to: codes that become grants, and the access and refresh tokens of a grant.

A code is good once, for ten minutes, for the client and the redirect URI that it was issued for, and for whoever knows the verifier
of its challenge (PKCE). A code that comes a second time ends the grant that its first time brought, for one of both was a thief
(RFC 6749, 4.1.2).

Every refresh brings another refresh token (rotation). The former one stays good until the new pair has been used: whoever was
interrupted between hearing of it and storing it is not locked out. A refresh token from before that ends the grant (RFC 9700, 4.14.2):
either it was stolen, or the new ones were.

Of secrets only digests are kept, so that nobody who reads them here can use them. The rule that is easily broken: whoever asks has
been checked before he comes here (``tokens``), and a wrong one must not cost a code its only use.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

CODE_SECONDS: Final = 600.0
"""RFC 6749 recommends ten minutes at most. It takes a Home Graph a second."""

CODES_MAX: Final = 1_000
"""Codes at a time; the oldest goes. Only somebody who has signed in gets one."""

GRANTS_PER_HOME_MAX: Final = 20
"""Linked Home Graphs of one user; the oldest goes. Most have one."""

ACCESS_TOKENS_MAX: Final = 10
"""Access tokens of one grant at a time; the oldest goes. A client needs two: one in use, one just fetched."""


class OAuthRefused(Exception):
    """A refusal in the words of RFC 6749: ``error`` is for programs, ``description`` for the developer who reads it."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.error = error
        self.description = description


@dataclass(slots=True, eq=False)
class Grant:
    """A user has agreed that a client sees and controls his devices. It is over when ``Grants`` has it no more.

    ``access``: from the digest of each access token to when it ends and which refresh token came with it.
    """

    id: str
    agent_user_id: str
    refresh: bytes = b""
    former: bytes = b""
    access: dict[bytes, tuple[float, bytes]] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class _Code:
    agent_user_id: str
    redirect_uri: str
    challenge: str
    ends: float
    is_used: bool = False
    grant_id: str = ""


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a client gets."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)
    expires_in: int


class Grants:
    """All grants of the cloud."""

    def __init__(
        self, secret: Callable[[], str], now: Callable[[], float], *, token_seconds: int
    ) -> None:
        """``secret`` makes a fresh one with every call; ``now`` is a clock in seconds that never goes back."""
        self._secret = secret
        self._now = now
        self._token_seconds = token_seconds
        self._codes: dict[bytes, _Code] = {}
        self._grants: dict[str, Grant] = {}

    # --- codes -----------------------------------------------------------------------------------------------

    def issue_code(self, agent_user_id: str, redirect_uri: str, challenge: str) -> str:
        """A code for a user who has agreed; ``challenge`` is empty for a client without PKCE."""
        now = self._now()
        kept = [(digest, code) for digest, code in self._codes.items() if code.ends > now]
        self._codes = dict(kept[-CODES_MAX + 1 :])
        code = self._secret()
        self._codes[_digest(code)] = _Code(
            agent_user_id, redirect_uri, challenge, now + CODE_SECONDS
        )
        return code

    def redeem(self, code: str, redirect_uri: str, verifier: str) -> Tokens:
        """Tokens for a code.

        Raises:
            OAuthRefused: invalid_grant.
        """
        issued = self._codes.get(_digest(code))
        if issued is None or issued.ends <= self._now():
            raise OAuthRefused("invalid_grant", "There is no such code, or it has ended.")
        if issued.is_used:
            self._end(issued.grant_id)
            raise OAuthRefused("invalid_grant", "The code was used before.")
        issued.is_used = True
        if redirect_uri != issued.redirect_uri:
            raise OAuthRefused("invalid_grant", "The redirect_uri is not that of the request.")
        if not _proves(verifier, issued.challenge):
            raise OAuthRefused("invalid_grant", "The code_verifier does not fit the request.")
        grant = self._open(issued.agent_user_id)
        issued.grant_id = grant.id
        return self._pair(grant)

    # --- tokens ----------------------------------------------------------------------------------------------

    def refresh(self, refresh_token: str) -> Tokens:
        """Another pair of tokens.

        Raises:
            OAuthRefused: invalid_grant.
        """
        grant = self._grants.get(_grant_id(refresh_token))
        if grant is None:
            raise OAuthRefused(
                "invalid_grant", "There is no such refresh token, or it was revoked."
            )
        given = _digest(refresh_token)
        if given == grant.refresh:
            grant.former = given
        elif given != grant.former:
            self._end(grant.id)
            raise OAuthRefused("invalid_grant", "The refresh token was replaced long ago.")
        return self._pair(grant)

    def find(self, access_token: str) -> Grant | None:
        """The grant that an access token is good for; None when it is not, or not any more."""
        grant = self._grants.get(_grant_id(access_token))
        if grant is None:
            return None
        ends, refresh = grant.access.get(_digest(access_token), (0.0, b""))
        if ends <= self._now():
            return None
        if refresh == grant.refresh:
            grant.former = b""  # the newest pair has arrived where it was meant to
        return grant

    def revoke(self, token: str) -> None:
        """End the grant of a token of either kind (RFC 7009). A token that is not known is none any more: just as well."""
        grant = self._grants.get(_grant_id(token))
        if grant is not None and _digest(token) in {grant.refresh, grant.former, *grant.access}:
            self._end(grant.id)

    def end(self, grant: Grant) -> None:
        """The user has unlinked: nothing that was issued for it is good any more."""
        self._end(grant.id)

    def is_linked(self, agent_user_id: str) -> bool:
        """Whether any Home Graph may see this user's devices."""
        return any(grant.agent_user_id == agent_user_id for grant in self._grants.values())

    def expire_access_tokens(self) -> None:
        """Every access token ends now; the refresh tokens are good for others."""
        for grant in self._grants.values():
            grant.access.clear()

    # --- inside ----------------------------------------------------------------------------------------------

    def _open(self, agent_user_id: str) -> Grant:
        own = [one.id for one in self._grants.values() if one.agent_user_id == agent_user_id]
        if len(own) >= GRANTS_PER_HOME_MAX:
            self._end(own[0])
        grant = Grant(self._secret(), agent_user_id)
        self._grants[grant.id] = grant
        return grant

    def _pair(self, grant: Grant) -> Tokens:
        now = self._now()
        access, refresh = (f"{grant.id}.{self._secret()}" for _ in range(2))
        grant.refresh = _digest(refresh)
        good = [(key, (ends, pair)) for key, (ends, pair) in grant.access.items() if ends > now]
        grant.access = dict(good[-ACCESS_TOKENS_MAX + 1 :])
        grant.access[_digest(access)] = (now + self._token_seconds, grant.refresh)
        return Tokens(access, refresh, self._token_seconds)

    def _end(self, grant_id: str) -> None:
        self._grants.pop(grant_id, None)


def _grant_id(token: str) -> str:
    """A token begins with its grant, so that one that was good long ago is still recognized."""
    return token.partition(".")[0]


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode(errors="replace")).digest()


def _proves(verifier: str, challenge: str) -> bool:
    """Whether the verifier fits (RFC 7636, S256). None fits a request without challenge: somebody has taken that away."""
    if not challenge or not verifier:
        return not challenge and not verifier
    hashed = base64.urlsafe_b64encode(_digest(verifier)).rstrip(b"=")
    return hmac.compare_digest(hashed, challenge.encode(errors="replace"))
