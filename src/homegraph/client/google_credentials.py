"""Credentials of google-auth, over our transport.

google-auth knows the formats of credentials, signs, and reads the answers of token endpoints. Three things are ours: the
requests go through the client's own transport (``Door``), where a token endpoint is asked once and a second time is the flow's
to decide, one renewal serves all callers, and every error becomes one of our family.

The token endpoint is the one that the key file names (``token_uri``), so that a key file of a server of one's own leads to
that server. Nothing but the token endpoint is asked: google-auth's look-ups beside it (regional access boundaries), which go
to Google whatever the key file says, belong to its ``before_request``, and that is not used here.

The rule that is easily broken: google-auth's own loops wait by sleeping. They begin when they are answered with a status that
may pass; ``Door`` therefore ends the renewal with such an answer. And nothing that google-auth raises is chained or quoted
whole, because an answer of a token endpoint may hold a token.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

import google.auth
import google.auth.transport
from google.auth.credentials import Credentials, with_scopes_if_required
from google.auth.exceptions import DefaultCredentialsError, TransportError
from google.oauth2 import service_account

from homegraph.client.auth import ADC, Credential, CredentialSource, Grant, Sender
from homegraph.client.calls import Request, Response
from homegraph.client.token_refusals import refusal
from homegraph.errors import ApiError, ServerUnreachable, SettingsError
from homegraph.wire.details import SCOPE

__all__ = ["Door", "GoogleCredential", "credential_from", "read_key_file"]

TIMEOUT_SECONDS: Final = 10.0
"""For one request to a token endpoint, unless google-auth has a time of its own for it. They answer within a second."""

KEY_FILE_BYTES_MAX: Final = 65_536
"""A key file has under 3 KB."""

MAY_PASS: Final = frozenset((408, 429, 500, 502, 503, 504))
"""Statuses after which google-auth would ask again by itself, and those that mean the same."""

READY_SECONDS: Final = 1.0
"""A token that was good is so for this long, unless it was replaced: google-auth calls it expired minutes before its end."""

REQUIRED: Final = ("client_email", "private_key", "token_uri")
"""What a key file must have. The rest helps people."""

KEY_FILE_HINT: Final = (
    "Make another one: `homegraph service-accounts create`, or in Google's console."
)


def credential_from(credentials: CredentialSource) -> Credential:
    """The credential for what a caller gave.

    Raises:
        SettingsError: it cannot be used. Nothing of it is in the message.
    """
    if credentials is ADC:
        return GoogleCredential(_default)
    if isinstance(credentials, Credentials):
        return GoogleCredential(lambda _door: credentials)
    if isinstance(credentials, Mapping):
        account = _account(credentials)
    elif isinstance(credentials, str | os.PathLike):
        account = _account(read_key_file(Path(credentials)))
    else:
        raise SettingsError(
            f"A {type(credentials).__name__} is no credential.",
            place="credentials",
            hint="Give a key file (its path, or its content as a dictionary), homegraph.client.ADC, or an object "
            "of google-auth.",
        )
    return GoogleCredential(lambda _door: account)


class _Seen(NamedTuple):
    """The grant of a token, which google-auth takes longer to look at than a call takes to send; good until then."""

    token: object
    grant: Grant
    until: float


class GoogleCredential:
    """Grants of a google-auth credentials object. ``load`` finds that object when it is first needed.

    ``now`` is a clock that never goes back, in seconds from anywhere.
    """

    def __init__(
        self, load: Callable[[Door], Credentials], now: Callable[[], float] = time.monotonic
    ) -> None:
        self._load = load
        self._now = now
        self._credentials: Credentials | None = None
        self._renewing = threading.Lock()
        self._renewals = 0
        self._problem: ApiError | None = None
        self._seen: _Seen | None = None

    def ready(self) -> Grant | None:
        found = self._credentials
        if found is None:
            return None
        seen, now = self._seen, self._now()
        if seen is not None and seen.token is found.token and now < seen.until:
            return seen.grant
        if not found.valid:
            return None
        self._seen = _Seen(found.token, grant := _grant(found), now + READY_SECONDS)
        return grant

    def renew(self, refused: Grant | None, send: Sender) -> Grant:
        renewals = self._renewals
        with self._renewing:
            if self._credentials is None:
                self._credentials = _scoped(self._found(Door(send)))
            grant = self.ready()
            if grant is not None and grant != refused:
                return grant
            if self._renewals != renewals and self._problem is not None:
                # It was asked for while this caller waited. Asking again, one after the other, could take all of them minutes.
                raise self._problem.with_traceback(None)
            outcome = _asked(self._credentials, Door(send))
            self._renewals += 1
            self._problem = outcome if isinstance(outcome, ApiError) else None
            if isinstance(outcome, ApiError):
                raise outcome  # here, so that the error has no __context__
            return outcome

    def _found(self, door: Door) -> Credentials:
        try:
            return self._load(door)
        except DefaultCredentialsError as exc:
            told = str(exc).partition("\n")[0]
        raise SettingsError(
            told,
            place="Application Default Credentials",
            hint="Set GOOGLE_APPLICATION_CREDENTIALS to a key file. On Google's own machines google-auth needs the "
            "package `requests` besides.",
        )


@dataclass(slots=True)
class Answer:
    """An answer as google-auth wants it."""

    status: int
    headers: Mapping[str, str]
    data: bytes = field(repr=False)


class Door(google.auth.transport.Request):
    """google-auth's way to the network, for one renewal: it calls this object.

    ``last`` is the last answer, for whoever wants to know more than whether it was a token.
    """

    def __init__(self, send: Sender) -> None:
        self._send = send
        self._url = ""
        self._unreachable: ServerUnreachable | None = None
        self.last: Response | None = None

    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: bytes | str | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        **_: Any,
    ) -> Answer:
        """Send one request. Raises TransportError when there is no answer, or one that may pass."""
        content = body.encode() if isinstance(body, str) else body or b""
        self._url = url
        request = Request(
            method, url, tuple((headers or {}).items()), content, timeout or TIMEOUT_SECONDS
        )
        try:
            answer = self._send(request)
        except ServerUnreachable as exc:
            self._unreachable = exc
            raise TransportError(exc.message) from exc  # type: ignore[no-untyped-call]
        self.last = answer
        if answer.status in MAY_PASS:
            raise TransportError(f"HTTP {answer.status}")  # type: ignore[no-untyped-call]
        return Answer(answer.status, answer.headers, answer.body)

    def explained(self, error: Exception) -> ApiError:
        """The error of our family for a renewal that failed."""
        if self._unreachable is not None:
            told = self._unreachable
            return ServerUnreachable(f"No access token: {told.message}", hint=told.hint)
        return refusal(self._url, self.last, error)


def read_key_file(path: Path) -> dict[str, Any]:
    """The content of a key file.

    Raises:
        SettingsError: it cannot be read, or is no JSON object. The path is named only when it is one surely.
    """
    # People put the key itself, or the file's content, where its path belongs.
    shown = str(path) if path.suffix == ".json" and "{" not in str(path) else "the given path"
    try:
        with path.open("rb") as file:
            content = json.loads(file.read(KEY_FILE_BYTES_MAX))
    except OSError as exc:
        why = os.strerror(exc.errno) if exc.errno else "it is no path"
    except (ValueError, RecursionError):
        why = "it is not JSON"
    else:
        if isinstance(content, dict):
            return content
        why = "it is not a JSON object"
    raise SettingsError(
        f"The key file at {shown} cannot be read: {why}.", place="credentials", hint=KEY_FILE_HINT
    )


def _account(content: Mapping[str, Any]) -> Credentials:
    """The service account of a key file. Raises SettingsError."""
    kind = content.get("type", "service_account")
    if kind != "service_account":
        raise SettingsError(
            "This is no key file of a service account; its type is another one.",
            place="credentials",
            hint="For other credentials name the file in GOOGLE_APPLICATION_CREDENTIALS and give homegraph.client.ADC.",
        )
    missing = [name for name in REQUIRED if not isinstance(content.get(name), str)]
    if missing:
        raise SettingsError(
            f"The key file lacks {', '.join(missing)}.", place="credentials", hint=KEY_FILE_HINT
        )
    try:
        found: Credentials | None = service_account.Credentials.from_service_account_info(  # type: ignore[no-untyped-call]
            dict(content)
        )
    except Exception:  # noqa: BLE001  # from google-auth or from cryptography below it, and it may quote the key
        found = None
    if found is not None:
        return found
    raise SettingsError(
        "The private key in the key file cannot be used.", place="credentials", hint=KEY_FILE_HINT
    )


def _asked(credentials: Credentials, door: Door) -> Grant | ApiError:
    """A new grant, or why there is none."""
    try:
        credentials.refresh(door)  # type: ignore[no-untyped-call]
        # Not ready(): a token that ends soon is never used again, and this once it is.
        return _grant(credentials)
    except Exception as exc:  # noqa: BLE001  # google-auth raises its own errors, and others for strange answers
        return door.explained(exc)


def _grant(found: Credentials) -> Grant:
    headers: dict[str, str] = {}
    found.apply(headers)  # type: ignore[no-untyped-call]
    return Grant(tuple(headers.items()))


def _scoped(found: Credentials) -> Credentials:
    scoped: Credentials = with_scopes_if_required(found, [SCOPE])  # type: ignore[no-untyped-call]
    return scoped


def _default(door: Door) -> Credentials:
    found: Credentials
    found, _project = google.auth.default(scopes=[SCOPE], request=door)
    return found
