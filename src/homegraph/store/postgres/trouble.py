"""What can be wrong with a server somewhere else, said in a sentence and with what to do about it.

Nothing of an address is ever repeated but its host and port, which drivers put into their messages; a password never is.
"""

from __future__ import annotations

import ssl
from typing import Final

import asyncpg

from homegraph.errors import StoreUnavailable

_AWAY: Final = "Check that PostgreSQL runs and that this machine reaches it. A server that was ready before tries again by itself."

FULL: Final = (
    "Allow more connections (max_connections, the user's CONNECTION LIMIT, the pooler's pool), "
    "or let each process ask for fewer by database_connections, so that all get their share."
)

HINTS: Final = {
    "08": _AWAY,
    "25": "It takes no writes: name the primary, or several hosts in the URL, of which the one that can be written to is used; or look for default_transaction_read_only.",
    "28": "Check user and password of the URL, and pg_hba.conf.",
    "3D": "Create the database that the URL names.",
    "3F": "The user needs a schema: grant CREATE and USAGE on it.",
    "42501": "The user must own the schema, or have all rights on its tables.",
    "53": "PostgreSQL has no room: free some of its disk or memory.",
    "55": "Somebody holds a lock for long: look into pg_stat_activity.",
    "57": _AWAY,
    "57014": "It took longer than statement_timeout allows, or somebody ended it: raise it for this user, or look what slows PostgreSQL.",
    "58": "Its disk fails: look into PostgreSQL's log.",
    "XX": "PostgreSQL reports damage: look into its log.",
}
"""By SQLSTATE, or its class (PostgreSQL's manual, appendix A): trouble of the database. Other errors would be mistakes of ours."""

_AGAIN: Final = (
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.UniqueViolationError,  # somebody was faster; the next attempt sees what he wrote
    asyncpg.InvalidCachedStatementError,
)


DRIVERS: Final = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)
"""What the driver raises."""


class ChangedMeanwhileError(Exception):
    """What a transaction set out from is not so any more; it must be made again."""


def is_worth_repeating(exc: Exception) -> bool:
    """Whether the same transaction may succeed at once."""
    return isinstance(exc, (*_AGAIN, ChangedMeanwhileError))


def grants_no_more(exc: Exception) -> bool:
    """Whether the server, or a pooler, refuses a connection because there are too many already."""
    if isinstance(exc, asyncpg.ProtocolViolationError):
        return "no more connections" in str(exc)  # pgbouncer has no code of its own for it
    return isinstance(exc, asyncpg.TooManyConnectionsError)


def translated(exc: Exception) -> Exception:
    """What is told to the caller: the database's trouble as StoreUnavailable, anything else as it is."""
    unavailable = _unavailable(exc)
    if unavailable is None:
        return exc
    unavailable.__cause__ = exc
    return unavailable


def _unavailable(exc: Exception) -> StoreUnavailable | None:
    if isinstance(exc, asyncpg.PostgresError):
        state = exc.sqlstate or ""
        hint = FULL if grants_no_more(exc) else HINTS.get(state) or HINTS.get(state[:2])
        if hint is None:
            return None
        said = str(exc.args[0] if exc.args else exc).partition("\n")[0]
        return StoreUnavailable(f"PostgreSQL says: {said}.", hint=hint)
    if isinstance(exc, asyncpg.TargetServerAttributeNotMatched):
        return StoreUnavailable(
            "No host of the database's URL can be written to.", hint=HINTS["25"]
        )
    if isinstance(exc, ssl.SSLError) or (isinstance(exc, ConnectionError) and "SSL" in str(exc)):
        said = getattr(exc, "reason", "") or "the server has none"
        return StoreUnavailable(
            f"There is no TLS connection to PostgreSQL: {said}.",
            hint="Check sslmode and sslrootcert of the URL, and ssl of the server.",
        )
    if isinstance(exc, TimeoutError):
        return StoreUnavailable("PostgreSQL does not answer.", hint=_AWAY)
    if isinstance(exc, OSError):
        said = exc.strerror or str(exc)
        return StoreUnavailable(f"PostgreSQL cannot be reached: {said}.", hint=_AWAY)
    # The driver's own: a connection that broke while it was in use, or a server that speaks otherwise.
    if isinstance(exc, (asyncpg.InterfaceError, asyncpg.InternalClientError)):
        return StoreUnavailable("The connection to PostgreSQL broke.", hint=_AWAY)
    return None
