"""What a service account signs: the assertion it shows to the token endpoint, and the JWT it sends as a bearer itself.

Both are JSON Web Tokens, three parts in base64url: header, claims, signature. Reading has three steps, because the key is
known only by what is inside: ``read_unverified`` takes the token apart and believes nothing of it; the caller finds the keys of
the account that it names; ``verify`` compares the signature with one of them; ``check`` looks at times, audience and scopes.

What is refused is refused in Google's words (``invalid_grant`` and its descriptions were observed on Google's token
endpoint). Our reason stands beside them, since Google has one sentence for many mistakes.

The rule that is easily broken: nothing in ``Claims`` is true before ``verify`` has returned. And the algorithm is ours to
choose, never the token's: RS256 is named to the library, so that neither ``none`` nor a MAC made with the public key as its
secret can pass.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Collection
from typing import Any, Final, NoReturn

import msgspec
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey
from joserfc.jws import JWSRegistry, deserialize_compact

from homegraph.errors import TokenRequestRefused
from homegraph.wire.details import SCOPE

__all__ = [
    "AHEAD_SECONDS_MAX",
    "GOOGLE_AUDIENCES",
    "JWT_CHARS_MAX",
    "LIFETIME_SECONDS_MAX",
    "Claims",
    "check",
    "looks_signed",
    "read_unverified",
    "verify",
]

JWT_CHARS_MAX: Final = 8_192
"""Characters of a whole token. Google's libraries make about 800; a dozen scopes add as much."""

LIFETIME_SECONDS_MAX: Final = 3_600
"""From iat to exp. Google's libraries ask for exactly this."""

AHEAD_SECONDS_MAX: Final = 60
"""How far the caller's clock may be ahead of ours. A clock that is behind costs him a part of his hour and nothing else."""

GOOGLE_AUDIENCES: Final = frozenset(
    {
        "https://oauth2.googleapis.com/token",
        "https://accounts.google.com/o/oauth2/token",
        "https://www.googleapis.com/oauth2/v4/token",
        "https://www.googleapis.com/oauth2/v3/token",
    }
)
"""Google's own token endpoints. Clients in the field have them built in and sign for them whatever address they post to."""

_ALGORITHM: Final = "RS256"
# Header members that nobody has registered are none of our business; the key was found by kid, or tried.
_REGISTRY: Final = JWSRegistry(algorithms=[_ALGORITHM], strict_check_header=False)
_BASE64URL: Final = re.compile(r"[A-Za-z0-9_-]*", re.ASCII)
_SCOPES_OF_GOOGLE: Final = re.compile(
    r"https://(?:[a-z0-9-]+\.)*(?:google|googleapis)\.com/[\w./-]*", re.ASCII
)
_OPENID_SCOPES: Final = frozenset({"openid", "email", "profile"})

_UNREADABLE: Final = "Bad Request"
_BAD_SIGNATURE: Final = "Invalid JWT Signature."
_BAD_AUDIENCE: Final = "Invalid JWT: Failed audience check."
_BAD_TIMES: Final = (
    "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. "
    "Check your iat and exp values in the JWT claim."
)
_NO_SCOPE: Final = "Empty or missing scope not allowed."
_BAD_SCOPE: Final = "Invalid OAuth scope or ID token audience provided."


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """What a token says of itself; unproven until ``verify``.

    ``kid`` names the key ("" when it does not), ``iss`` the account. Times are seconds since 1970, None where there are none.
    """

    iss: str
    kid: str = ""
    sub: str = ""
    audiences: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    iat: float | None = None
    exp: float | None = None
    nbf: float | None = None


class _Header(msgspec.Struct):
    alg: str
    kid: str | None = None
    crit: Any = None


class _Payload(msgspec.Struct):
    iss: str
    sub: str | None = None
    scope: str | None = None
    aud: str | list[str] | None = None
    iat: float | None = None
    exp: float | None = None
    nbf: float | None = None


_read_header: Final = msgspec.json.Decoder(_Header).decode
_read_payload: Final = msgspec.json.Decoder(_Payload).decode


def looks_signed(token: str) -> bool:
    """Whether a bearer may be a JWT. What we issue has one dot at most."""
    return token.count(".") == 2  # noqa: PLR2004  # header.claims.signature


def read_unverified(token: str) -> Claims:
    """Take a token apart. Nothing in it is proven by that.

    Raises:
        TokenRequestRefused: ASSERTION_UNREADABLE, or ASSERTION_SIGNATURE for another algorithm than RS256. Nothing else, whatever
            the text is.
    """
    parts = token.split(".") if len(token) <= JWT_CHARS_MAX else []
    if len(parts) != 3:  # noqa: PLR2004  # header.claims.signature
        raise _unreadable()
    try:
        header = _read_header(_bytes(parts[0]))
        payload = _read_payload(_bytes(parts[1]))
        _bytes(parts[2])
    except (ValueError, RecursionError) as exc:
        raise _unreadable() from exc
    if header.alg != _ALGORITHM or header.crit is not None:
        raise _bad_signature()
    if not payload.iss:
        raise _unreadable()
    audiences = (payload.aud,) if isinstance(payload.aud, str) else tuple(payload.aud or ())
    return Claims(
        iss=payload.iss,
        kid=header.kid or "",
        sub=payload.sub or "",
        audiences=audiences,
        scopes=tuple((payload.scope or "").split()),
        iat=payload.iat,
        exp=payload.exp,
        nbf=payload.nbf,
    )


def _bytes(part: str) -> bytes:
    """One part of a token. Strictly: Python's own decoder would skip over what does not belong there."""
    if not _BASE64URL.fullmatch(part):
        raise ValueError("not base64url")
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def verify(token: str, public_pem: bytes) -> None:
    """Return when the token that ``read_unverified`` has read was signed by the other half of this RSA key.

    Raises:
        TokenRequestRefused: ASSERTION_SIGNATURE.
    """
    try:
        deserialize_compact(token, RSAKey.import_key(public_pem), registry=_REGISTRY)
    except JoseError as exc:
        raise _bad_signature() from exc


def check(
    claims: Claims, *, audiences: Collection[str], now: float, for_bearer: bool = False
) -> tuple[str, ...]:
    """Look at times, audience and scopes, in this order; returns the scopes that the token is good for.

    An assertion needs an audience out of ``audiences``, and scopes. A token that is a bearer itself (``for_bearer``) needs one of
    the two: an audience that is this API stands for its scope, and without any audience scopes are enough (AIP-4111 has both
    forms). An audience that is somebody else is refused in any case. ``now`` is in seconds since 1970.

    Raises:
        TokenRequestRefused: ASSERTION_LIFETIME, ASSERTION_AUDIENCE or ASSERTION_SCOPE.
    """
    _check_times(claims, now)
    is_for_us = any(audience in audiences for audience in claims.audiences)
    if for_bearer and is_for_us:
        return (SCOPE, *claims.scopes)
    needs_none = for_bearer and claims.scopes and not claims.audiences
    if not is_for_us and not needs_none:
        raise TokenRequestRefused("ASSERTION_AUDIENCE", "invalid_grant", _BAD_AUDIENCE)
    if not claims.scopes:
        raise TokenRequestRefused("ASSERTION_SCOPE", "invalid_scope", _NO_SCOPE)
    if not all(map(_is_scope, claims.scopes)):
        raise TokenRequestRefused("ASSERTION_SCOPE", "invalid_scope", _BAD_SCOPE)
    return claims.scopes


def _check_times(claims: Claims, now: float) -> None:
    issued, ends = claims.iat, claims.exp
    if issued is None or ends is None:
        _refuse_times()
    if issued > now + AHEAD_SECONDS_MAX or (claims.nbf or 0) > now + AHEAD_SECONDS_MAX:
        _refuse_times()
    if ends <= now or not 0 < ends - issued <= LIFETIME_SECONDS_MAX:
        _refuse_times()


def _refuse_times() -> NoReturn:
    raise TokenRequestRefused("ASSERTION_LIFETIME", "invalid_grant", _BAD_TIMES)


def _is_scope(scope: str) -> bool:
    """Whether it can be a scope of Google's, of which there are hundreds; ours is the only one that is good for anything."""
    return scope in _OPENID_SCOPES or _SCOPES_OF_GOOGLE.fullmatch(scope) is not None


def _unreadable() -> TokenRequestRefused:
    return TokenRequestRefused("ASSERTION_UNREADABLE", "invalid_grant", _UNREADABLE)


def _bad_signature() -> TokenRequestRefused:
    return TokenRequestRefused("ASSERTION_SIGNATURE", "invalid_grant", _BAD_SIGNATURE)
