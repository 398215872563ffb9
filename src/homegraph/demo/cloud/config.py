"""What this cloud is told about itself and its one client, the Home Graph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

TOKEN_SECONDS: Final = 900
"""How long an access token is good. Short enough that a refresh is seen while somebody tries it out."""

SLOW_SECONDS: Final = 3.0
"""How long a blind takes from one end to the other."""

SAMPLE_PASSWORDS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {"ada": ("analytical", "user-1"), "bob": ("builder", "user-2")}
)
"""From a name to the password and the agent user id. They are no secrets: they stand in the README."""


@dataclass(frozen=True, slots=True)
class Config:
    """The settings of a cloud.

    ``redirect_uris`` are where a code may be sent; they are compared to the character. Anything looser sends codes to strangers.
    """

    client_id: str
    client_secret: str = field(repr=False)
    redirect_uris: frozenset[str]
    passwords: Mapping[str, tuple[str, str]] = field(
        default_factory=lambda: SAMPLE_PASSWORDS, repr=False
    )
    token_seconds: int = TOKEN_SECONDS
    slow_seconds: float = SLOW_SECONDS
