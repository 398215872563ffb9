"""Which key of a service account has signed a token.

An account may have several keys, and a token names the one that signed it, or none: then each is tried. A key that was revoked
signs nothing any more, and an account is there as long as it has a key that was not. What the token claims is looked at by
``wire.assertions.check``; both must have agreed before anything is issued or answered.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from homegraph.errors import TokenRequestRefused
from homegraph.graph.model import ServiceKey
from homegraph.wire.assertions import Claims, verify

__all__ = ["account_unknown", "find_signer"]


def find_signer(token: str, claims: Claims, keys: Sequence[ServiceKey]) -> ServiceKey:
    """Return the key that has signed. ``keys`` are those of the account that ``claims`` (read from ``token``) name.

    Raises:
        TokenRequestRefused: SERVICE_ACCOUNT_UNKNOWN, when none of the keys is valid; ASSERTION_SIGNATURE.
    """
    valid = [key for key in keys if key.revoked_at is None]
    if not valid:
        raise account_unknown()
    for key in valid:
        if claims.kid in ("", key.id):
            with suppress(TokenRequestRefused):
                verify(token, key.public_pem)
                return key
    raise TokenRequestRefused("ASSERTION_SIGNATURE", "invalid_grant", "Invalid JWT Signature.")


def account_unknown() -> TokenRequestRefused:
    """The refusal, in Google's words, of an account that is not there (any more)."""
    return TokenRequestRefused(
        "SERVICE_ACCOUNT_UNKNOWN", "invalid_grant", "Invalid grant: account not found"
    )
