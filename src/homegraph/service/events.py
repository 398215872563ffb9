"""Events: what happened, told to whoever listens.

Use-cases announce after their transaction is durable; the store announces nothing. Listeners (log lines, whoever waits for news, a demo)
are plain callables, called in the order they came, and must not block. A listener that raises is a bug in the listener and never harms the
use-case: it is dropped, and its error is told to the loop's exception handler.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeAlias

import msgspec

from homegraph.graph.model import Cause, Link, LinkState, Mode, Run, Target


class SyncRequested(msgspec.Struct, frozen=True):
    """A request was accepted. ``merged`` tells whether it joined a run that was waiting already."""

    target: Target
    mode: Mode
    cause: Cause
    merged: bool


@dataclass(frozen=True, slots=True)
class Refused:
    """A call of the API was refused with ``code``. ``method`` is its short name; ``project_id`` is empty for a stranger."""

    method: str
    project_id: str
    code: str


class SyncStarted(msgspec.Struct, frozen=True):
    """A run was claimed."""

    target: Target
    attempt: int
    merged: int


class SyncFinished(msgspec.Struct, frozen=True):
    """A run is stored; ``run`` says how it ended."""

    run: Run


@dataclass(frozen=True, slots=True)
class LinkChanged:
    """A link is in another state."""

    project_id: str
    user_id: str
    state: LinkState
    problem: str

    @classmethod
    def of(cls, link: Link) -> LinkChanged:
        """As the link is now."""
        return cls(link.project_id, link.user_id, link.state, link.problem)


@dataclass(frozen=True, slots=True)
class TokenRefreshed:
    """A token endpoint gave another access token: good for ``expires_in`` seconds, 0 when it did not say.

    ``rotated`` tells that the refresh token is another one, too, and ``same`` that the access token is not.
    """

    project_id: str
    user_id: str
    expires_in: float
    rotated: bool
    same: bool


@dataclass(frozen=True, slots=True)
class TokenLost:
    """A token endpoint gave no token. ``code`` says whether it has refused for good."""

    project_id: str
    user_id: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class LinkingStarted:
    """A user is on his way to the login page."""

    project_id: str
    user_id: str


@dataclass(frozen=True, slots=True)
class LinkingEnded:
    """A browser came back and was refused with ``code``. ``user_id`` is empty when it is not known whose it was."""

    project_id: str
    user_id: str
    code: str


class StatesReported(msgspec.Struct, frozen=True):
    """A report was stored. ``notifications`` counts those that came with it."""

    project_id: str
    agent_user_id: str
    device_ids: tuple[str, ...]
    notifications: int


@dataclass(frozen=True, slots=True)
class Executed:
    """A command was sent. ``failed`` are the devices on which it was not carried out."""

    project_id: str
    agent_user_id: str
    command: str
    device_ids: tuple[str, ...]
    failed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Queried:
    """A live QUERY was sent. ``failed`` are the devices that did not answer, ``differing`` those that answered otherwise than stored."""

    project_id: str
    agent_user_id: str
    device_ids: tuple[str, ...]
    failed: tuple[str, ...]
    differing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Disconnected:
    """A fulfillment was told that a user has unlinked his account, or could not be told: then ``code`` says why."""

    project_id: str
    user_id: str
    code: str = ""


@dataclass(frozen=True, slots=True)
class TokenIssued:
    """A service account got an access token."""

    project_id: str
    email: str
    key_id: str


@dataclass(frozen=True, slots=True)
class TokenDenied:
    """A request for an access token was refused with ``code``. ``email`` is whom it claimed to come from, unproven."""

    email: str
    code: str


@dataclass(frozen=True, slots=True)
class KeyStaysRevoked:
    """The file has an API key or a key of a service account that was revoked once, be it by having left the file. It is refused."""

    project_id: str
    key_id: str


@dataclass(frozen=True, slots=True)
class DatabaseShort:
    """The database grants less than this process would use; calls wait for each other."""

    shortage: str


@dataclass(frozen=True, slots=True)
class DutyFailed:
    """A background duty (the loop, the heartbeat, pruning) failed once; it goes on."""

    duty: str
    error: str


Event: TypeAlias = (
    SyncRequested
    | Refused
    | SyncStarted
    | SyncFinished
    | LinkChanged
    | TokenRefreshed
    | TokenLost
    | LinkingStarted
    | LinkingEnded
    | StatesReported
    | Executed
    | Queried
    | Disconnected
    | TokenIssued
    | TokenDenied
    | KeyStaysRevoked
    | DatabaseShort
    | DutyFailed
)
Listener: TypeAlias = Callable[[Event], None]


@dataclass(slots=True)
class Events:
    """Whom to tell."""

    # Another one at each change: whoever is being told goes on with his own.
    _listeners: tuple[Listener, ...] = ()

    def subscribe(self, listener: Listener) -> None:
        """Call ``listener`` with every event from now on."""
        self._listeners = (*self._listeners, listener)

    @contextmanager
    def listening(self, listener: Listener) -> Iterator[None]:
        """Call ``listener`` with every event within the context."""
        self.subscribe(listener)
        try:
            yield
        finally:
            self._drop(listener)  # unless it has raised, and was dropped

    def announce(self, event: Event) -> None:
        """Tell everybody."""
        for listener in self._listeners:
            try:
                listener(event)
            except Exception as exc:  # noqa: BLE001  # a listener's bug is not the use-case's
                self._drop(listener)
                tell_of_bug("an event listener failed and was dropped", exc)

    def _drop(self, listener: Listener) -> None:
        self._listeners = tuple([one for one in self._listeners if one is not listener])


def tell_of_bug(message: str, exc: BaseException) -> None:
    """Write a bug of ours into the log, where nobody is left to be told of it. By the event loop that runs."""
    asyncio.get_running_loop().call_exception_handler({"message": message, "exception": exc})
