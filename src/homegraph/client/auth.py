"""Who calls: the credential of a client, and the headers that it puts on each call.

A ``Credential`` hands out ``Grant``s; which one a caller means is told by ``credentials``. It may be an API key. Everything else is
google-auth's: key files of service accounts, Application Default Credentials, and any credentials object of a caller's own; it signs,
asks for access tokens and knows when they end, while our transport carries what it sends.

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

if TYPE_CHECKING:
    from google.auth.credentials import Credentials

__all__ = [
    "ADC",
    "Credential",
    "CredentialSource",
    "Grant",
    "Sender",
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
