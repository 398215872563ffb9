"""Who may sign in at this cloud, and how often somebody may guess.

Passwords are kept as hashes that take a while to compute. A name that nobody has costs the same time as a wrong password, is answered
the same and is locked the same, so that nobody learns here who has an account.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

FAILURES_MAX: Final = 5
"""Wrong guesses within ``FORGET_SECONDS``. People need two or three."""

FORGET_SECONDS: Final = 60.0
"""After which the wrong guesses are forgotten: long for a machine, short for a person."""

STRANGERS_MAX: Final = 5_000
"""Names that nobody has and whose guesses are counted; the oldest goes. More cannot be tried before they are forgotten."""

TYPED_CHARACTERS_MAX: Final = 100
"""Of a name or a password."""

SCRYPT_COST: Final = 2**13
"""Some 20 ms for every try."""


@dataclass(slots=True)
class Tries:
    """Counts wrong guesses, and says whether another one may be made."""

    failures: int = 0
    since: float = 0.0

    def may(self, now: float) -> bool:
        """Whether another guess may be made at this time."""
        if now - self.since > FORGET_SECONDS:
            self.failures = 0
        return self.failures < FAILURES_MAX

    def failed(self, now: float) -> None:
        """A guess was wrong."""
        self.failures += 1
        self.since = now


class SignInRefused(Exception):
    """Nobody is signed in; the text is for the page."""


@dataclass(slots=True)
class Account:
    """One user of the cloud. ``agent_user_id`` is what Home Graphs call him."""

    agent_user_id: str
    password_hash: bytes = field(repr=False)
    tries: Tries = field(default_factory=Tries)


class Accounts:
    """The accounts by name."""

    def __init__(self, passwords: Mapping[str, tuple[str, str]]) -> None:
        """``passwords``: from the name to the password and the agent user id."""
        self._accounts = {
            name: Account(agent_user_id, _hashed(name, password))
            for name, (password, agent_user_id) in passwords.items()
        }
        self._strangers: dict[str, Tries] = {}

    def sign_in(self, name: str, password: str, now: float) -> Account:
        """The account of this name and password.

        Raises:
            SignInRefused: there is none, or somebody has guessed too often.
        """
        name, password = name[:TYPED_CHARACTERS_MAX], password[:TYPED_CHARACTERS_MAX]
        account = self._accounts.get(name)
        tries = self._tries_of_stranger(name) if account is None else account.tries
        if not tries.may(now):
            raise SignInRefused("Too many wrong passwords. Try again in a minute.")
        given = _hashed(name, password)
        if account is None or not hmac.compare_digest(given, account.password_hash):
            tries.failed(now)
            raise SignInRefused("Name or password is wrong.")
        return account

    def _tries_of_stranger(self, name: str) -> Tries:
        if name not in self._strangers and len(self._strangers) >= STRANGERS_MAX:
            del self._strangers[next(iter(self._strangers))]
        return self._strangers.setdefault(name, Tries())


def _hashed(name: str, password: str) -> bytes:
    """A hash that is another one for every account. A real cloud has a random salt beside each."""
    return hashlib.scrypt(password.encode(), salt=name.encode(), n=SCRYPT_COST, r=8, p=1)
