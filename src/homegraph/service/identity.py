"""Which credential a method takes, and what is said when it is not there.

Request Sync takes an API key or an access token, every other method a token only. When there are both, the token decides; a key
of another project beside it is refused, as Google does, while a key that nobody has is left alone: the oldest sample of Google
sent one of its own beside everything.

Without a credential Request Sync is answered 403 (observed at Google), the others 401; an API key alone, where it is not taken,
is answered 401 with a sentence of its own. Both doors, HTTP and gRPC, ask here.

In an Authorization header, or in gRPC's metadata of this name, the scheme may be in any letter case, and blanks may be more than
one: Google's own library for Node writes two after the colon. Whatever else stands there counts as a token that nobody has
issued, for a caller who sends one believes in it.
"""

from __future__ import annotations

from typing import Final

import msgspec

from homegraph.errors import CallRefused
from homegraph.graph.model import Instant, Project
from homegraph.service.house import House
from homegraph.service.vault import digest

BEARER: Final = "bearer"


class Presented(msgspec.Struct, gc=False):
    """What a caller has shown: texts as they came, "" for none; and the IP address that the call came from."""

    key: str = ""
    token: str = ""
    address: str = ""
    _digest: bytes = b""

    def digest(self) -> bytes:
        """The digest of what decides, the token or else the key. Made once: who stays on a connection shows the same with each call."""
        if not self._digest:
            self._digest = digest(self.token or self.key)
        return self._digest

    def __repr__(self) -> str:
        """Show no credential."""
        return f"Presented(address={self.address!r})"


def token_in(authorization: str) -> str:
    """The token in an Authorization header; "" when there is nothing in it. Another scheme is a token that nobody issued."""
    text = authorization.strip()
    scheme, _, token = text.partition(" ")
    return token.strip() or text if scheme.lower() == BEARER else text


def recall(house: House, presented: Presented, now: Instant, key_method: str) -> Project | None:
    """The project that calls, when there is one credential, it is remembered, and nothing speaks against it; else ask ``identify``."""
    credentials = house.credentials
    if presented.token:
        return None if presented.key else credentials.recall_token(presented.digest(), now)
    if presented.key and key_method and house.settings.accept_api_keys:
        return credentials.recall_key(presented.digest(), now, key_method, presented.address)
    return None


async def identify(
    house: House, presented: Presented, *, rpc: str, key_method: str = ""
) -> Project:
    """The project that calls.

    ``rpc`` is the full name of the method. ``key_method`` is its short name in the restrictions of API keys, empty for a method
    that takes none.

    Raises:
        CallRefused: CREDENTIAL_MISSING, ACCESS_TOKEN_MISSING, API_KEY_NOT_ACCEPTED, CREDENTIALS_DISAGREE, or what
            ``Credentials`` refuses.
        StoreUnavailable: the credential cannot be looked up.
    """
    if presented.token:
        project = await house.credentials.identify_token(presented.token, rpc=rpc)
        if presented.key:
            await _agree(house, presented.key, project)
        return project
    if not presented.key:
        raise CallRefused(
            "CREDENTIAL_MISSING" if key_method else "ACCESS_TOKEN_MISSING", method=rpc
        )
    if not key_method or not house.settings.accept_api_keys:
        raise CallRefused("API_KEY_NOT_ACCEPTED", method=rpc)
    return await house.credentials.identify_key(
        presented.key, method=key_method, address=presented.address
    )


async def _agree(house: House, key: str, project: Project) -> None:
    """Refuse a key of another project beside a token."""
    of_key = await house.credentials.find_project_of_key(key)
    if of_key not in (None, project.id):
        raise CallRefused("CREDENTIALS_DISAGREE", metadata={"project": project.id})
