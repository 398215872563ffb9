"""The credential of a client, made of what its caller gave: an API key, or ``credentials``.

An API key is one grant for ever. Everything else is google-auth's (``google_credentials``), which is imported when such a credential is
made, and not before.

The rule that is easily broken: no error repeats a credential that cannot be used.
"""

from __future__ import annotations

from homegraph.client.auth import Credential, CredentialSource, Grant, Sender
from homegraph.errors import SettingsError

__all__ = ["ApiKey", "credential_from"]


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
