"""Who calls: the credential of a client, and the headers that it puts on each call.

A ``Credential`` hands out ``Grant``s. An API key is one grant for ever. Everything else is google-auth's: key files of service
accounts, Application Default Credentials, and any credentials object of a caller's own; it signs, asks for access tokens and
knows when they end, while our transport carries what it sends. That library is imported when such a credential is made, and
not before (``google_credentials``).

``ready`` is what most calls need and never waits. ``renew`` may talk to a token endpoint, and however many callers want
a token at once, one of them gets it for all: threads behind a lock, tasks by sharing a thread (``driving``).

The rule that is easily broken: what a grant holds is secret, and so is everything around it. No ``repr`` shows it, no error
repeats a credential that cannot be used, and what google-auth raises is not chained: its errors hold whole answers.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, TypeAlias

import msgspec

from homegraph.client.calls import Request, Response
from homegraph.errors import SettingsError

if TYPE_CHECKING:
    from google.auth.credentials import Credentials

__all__ = [
    "ADC",
    "ApiKey",
    "Credential",
    "CredentialSource",
    "Grant",
    "Sender",
    "credential_from",
]


class _Adc(Enum):
    """The type of ``ADC``."""

    ADC = "Application Default Credentials"


ADC: Final = _Adc.ADC
"""Application Default Credentials: what the environment has, found as Google's own libraries find it."""

CredentialSource: TypeAlias = (
    "str | os.PathLike[str] | Mapping[str, Any] | Credentials | Literal[_Adc.ADC] | None"
)
"""What may be given as ``credentials``: a key file's path or its content, ``ADC``, or an object of google-auth."""

Sender = Callable[[Request], Response]
"""Sends a request and blocks until there is an answer; raises ServerUnreachable without one."""


class Grant(msgspec.Struct, frozen=True):
    """Headers that say who calls. ``renewable``: others can be had when these are refused."""

    headers: tuple[tuple[str, str], ...]
    renewable: bool = True

    def __repr__(self) -> str:
        return f"Grant(renewable={self.renewable!r})"


class Credential(Protocol):
    """Hands out grants; threads may share it."""

    def ready(self) -> Grant | None:
        """The grant to use now; None when one has to be asked for. Never waits."""

    def renew(self, refused: Grant | None, send: Sender) -> Grant:
        """A grant that is not ``refused``, asked for unless somebody else has got it meanwhile. Blocks.

        Raises:
            ApiError: there is none to be had: the token endpoint refuses, or does not answer (ServerUnreachable).
            SettingsError: the environment has no credentials.
        """


class ApiKey:
    """An API key: always the same, and good for Request Sync only."""

    def __init__(self, key: str) -> None:
        """Check the key.

        Raises:
            SettingsError: it cannot be sent as a header; the key itself is not in the message.
        """
        if not key or not key.isascii() or not key.isprintable() or " " in key:
            raise SettingsError(
                "The API key is empty, or has characters that no API key has.",
                place="api_key",
                hint="Was a variable empty, or copied with a line break? A key is ASCII without blanks.",
            )
        self._grant = Grant((("x-goog-api-key", key),), renewable=False)

    def ready(self) -> Grant:
        return self._grant

    def renew(self, refused: Grant | None, send: Sender) -> Grant:  # noqa: ARG002  # there is no other
        return self._grant


def credential_from(api_key: str | None, credentials: CredentialSource) -> Credential:
    """The credential of a client: one of the two.

    Raises:
        SettingsError: both are given, or none, or it cannot be used. Nothing of it is in the message.
    """
    if (api_key is None) == (credentials is None):
        raise SettingsError(
            "One credential is needed: an API key, or credentials.",
            place="api_key, credentials",
            hint="Give api_key=… for Request Sync alone; else credentials=, which is a service account's key file, "
            "homegraph.client.ADC, or an object of google-auth.",
        )
    if api_key is not None:
        return ApiKey(api_key)
    # google-auth takes ten times as long to import as this package.
    from homegraph.client import google_credentials  # noqa: PLC0415

    return google_credentials.credential_from(credentials)
