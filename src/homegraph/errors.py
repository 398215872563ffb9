"""The one family of errors.

Every error that homegraph raises on purpose carries four things: ``code`` (a stable word for programs),
a message (for the developer who reads it), ``hint`` (what to do about it) and ``retryable`` (whether the
same call may succeed later without anybody changing anything).

This module owns the family and nothing else. It knows no HTTP status, no gRPC name and no exit code: those
are in one table, ``wire.status``, which maps codes to them. Exceptions of libraries are wrapped where they
cross into homegraph, with ``raise … from exc``; an error that is not of this family is a bug in homegraph and
is shown to outsiders as an internal error with a request id, never with its own text.

::

    HomegraphError
    ├── WireError                bytes that cannot be read as what they should be
    ├── CallRefused              a call of the public API is answered with an error
    ├── TokenRequestRefused      a service account gets no access token from us
    ├── LinkingRefused           an account is not linked; ``code`` says why
    ├── FulfillmentError         an intent that did not bring a usable answer
    │   ├── AddressRefused       the address may not be called
    │   ├── FulfillmentUnreachable
    │   ├── FulfillmentUntrusted its certificate
    │   ├── FulfillmentTimeout
    │   ├── FulfillmentFailed    HTTP 5xx
    │   ├── FulfillmentRefused   HTTP 4xx other than 401, or a redirect
    │   ├── TokenRejected        HTTP 401 although the token was refreshed
    │   ├── ReplyUnusable        not JSON, or not the shape of an answer
    │   ├── ReplyGarbled         not HTTP
    │   ├── ReplyTooLarge
    │   └── ReplyErrorPayload    payload.errorCode in a well-formed answer
    ├── TokenError               the fulfillment's token endpoint
    │   ├── TokenRefused         invalid_grant: only a new linking helps
    │   │   └── LinkBroken       it was refused earlier on
    │   └── TokenEndpointFailed  may pass
    ├── StoreError
    │   ├── DatabaseInUse
    │   ├── SchemaTooNew
    │   ├── LeaseLost
    │   └── StoreUnavailable
    ├── SettingsError            a setting or homegraph.toml is wrong; names file, line and key
    │   ├── KeyMismatch          the encryption key is not the one of the database
    │   └── ExportUnusable       a file that is to be imported is wrong; names file and line
    ├── NotFound                 something that was named on the admin side does not exist
    ├── AdminRefused             the admin API refuses: no token, wrong value
    └── ApiError                 what a caller of Client sees when a Home Graph answers with an error
        └── ServerUnreachable    no answer at all
"""

from __future__ import annotations

from typing import Any, ClassVar

__all__ = [
    "AddressRefused",
    "AdminRefused",
    "ApiError",
    "CallRefused",
    "DatabaseInUse",
    "ExportUnusable",
    "FulfillmentError",
    "FulfillmentFailed",
    "FulfillmentRefused",
    "FulfillmentTimeout",
    "FulfillmentUnreachable",
    "FulfillmentUntrusted",
    "HomegraphError",
    "KeyMismatch",
    "LeaseLost",
    "LinkBroken",
    "LinkingRefused",
    "NotFound",
    "ReplyErrorPayload",
    "ReplyGarbled",
    "ReplyTooLarge",
    "ReplyUnusable",
    "SchemaTooNew",
    "ServerUnreachable",
    "SettingsError",
    "StoreError",
    "StoreUnavailable",
    "TokenEndpointFailed",
    "TokenError",
    "TokenRefused",
    "TokenRejected",
    "TokenRequestRefused",
    "WireError",
]


class HomegraphError(Exception):
    """Something went wrong that homegraph can explain."""

    code: str = "INTERNAL"
    hint: str = "This is a bug in homegraph. Please report it with the request id."
    retryable: bool = False
    retry_at: float = 0.0
    """Seconds since 1970: before then another attempt has no chance, if somebody has said so. Set by whoever raises it."""

    def __init__(self, message: str | None = None, *, hint: str | None = None) -> None:
        # A class without a message of its own speaks with the first line of its docstring.
        self.message = message or (type(self).__doc__ or "").partition("\n")[0]
        if hint is not None:
            self.hint = hint
        super().__init__(self.message)


class WireError(HomegraphError):
    """These bytes cannot be read."""

    code = "WIRE"
    hint = "Compare what was sent with the reference of the message."


class CallRefused(HomegraphError):
    """A call of the public API is answered with an error.

    ``code`` is a reason of ``wire.status.REASONS``, which knows the row (HTTP status, Google's message) it is shown as.
    ``facts`` fill the row's message and details; what may be in them is the row's business. What to do is the reason's to say.
    """

    hint = ""

    def __init__(self, code: str, message: str | None = None, /, **facts: Any) -> None:
        super().__init__(message or code)
        self.code = code
        self.facts: dict[str, Any] = facts


class TokenRequestRefused(HomegraphError):
    """A request to our token endpoint is refused, or a token that a caller has signed himself.

    ``code`` is a reason of ``wire.status.REASONS``. ``error`` is the word that OAuth has for it (RFC 6749, 5.2), and the
    message is the ``error_description`` beside it. Neither holds anything of the token.
    """

    def __init__(self, code: str, error: str, description: str, /) -> None:
        super().__init__(description)
        self.code = code
        self.error = error


class LinkingRefused(HomegraphError):
    """An account could not be linked.

    ``code`` is a reason of ``wire.status.REASONS``. The message never holds anything of the state, the code or a token; ``words`` is
    the one that was given, "" for none: then the reason's title says it.
    """

    def __init__(self, code: str, message: str | None = None, /) -> None:
        super().__init__(message)
        self.code = code
        self.words = message or ""
        self.hint = ""


class FulfillmentError(HomegraphError):
    """The fulfillment did not bring a usable answer."""

    code = "FULFILLMENT_FAILED"


class AddressRefused(FulfillmentError):
    """This address may not be called."""

    code = "ADDRESS_REFUSED"
    hint = (
        "Use https, or name the network in outbound_networks if fulfillments may be there; "
        "see the explanation of outbound calls."
    )


class FulfillmentUnreachable(FulfillmentError):
    """No connection to the fulfillment could be made."""

    code, retryable = "FULFILLMENT_UNREACHABLE", True
    hint = "Start the fulfillment, or correct fulfillment_url; `homegraph doctor` tries the connection."


class FulfillmentUntrusted(FulfillmentError):
    """The certificate of the other side is not trusted."""

    code, retryable = "FULFILLMENT_UNTRUSTED", True
    hint = "Name the authority that has signed it with ca_file in the project's table of homegraph.toml."


class FulfillmentTimeout(FulfillmentError):
    """The fulfillment did not answer within the allowed time."""

    code, retryable = "FULFILLMENT_TIMEOUT", True
    hint = "Answer from what you know (SYNC within 5 s, QUERY and EXECUTE within 2 s), and tell the rest later."


class FulfillmentFailed(FulfillmentError):
    """The fulfillment answered with an HTTP status that says it cannot now: 5xx, 408, 425 or 429."""

    code, retryable = "FULFILLMENT_FAILED", True
    hint = "Look into the fulfillment's own log; the run's exchange shows what it answered."


class FulfillmentRefused(FulfillmentError):
    """The fulfillment answered with an HTTP status that no intent is answered with."""

    code = "FULFILLMENT_REFUSED"
    hint = "Check that fulfillment_url is the exact address; redirects are not followed."


class TokenRejected(FulfillmentError):
    """The fulfillment answered 401 to a token that had just been refreshed."""

    code = "TOKEN_REJECTED"
    hint = (
        "The fulfillment and the token endpoint disagree about the token; link the account again."
    )


class ReplyUnusable(FulfillmentError):
    """The fulfillment's reply is not an answer to the intent."""

    code = "REPLY_UNUSABLE"
    hint = "Answer with one JSON object: requestId, and payload with what the intent asks for."


class ReplyGarbled(FulfillmentError):
    """What the other side sent is not HTTP."""

    code = "REPLY_GARBLED"
    hint = "Look at what answers at this address and port, with `curl -v`; it may speak another protocol."


class ReplyTooLarge(FulfillmentError):
    """The fulfillment's reply is larger than allowed."""

    code = "REPLY_TOO_LARGE"
    hint = "Answer with at most 8 MiB, before and after decompression."


class ReplyErrorPayload(FulfillmentError):
    """The fulfillment answered that it cannot handle the intent (payload.errorCode)."""

    code = "REPLY_ERROR_PAYLOAD"
    hint = "The fulfillment itself reported this error; its debugString is in the run's exchange."


class TokenError(HomegraphError):
    """The link's token could not be refreshed."""

    code = "TOKEN_FAILED"


class TokenRefused(TokenError):
    """The token endpoint refused the refresh token; the link is broken."""

    code = "TOKEN_REFUSED"
    hint = "Link the account again. The device list stays as it is until then."


class LinkBroken(TokenRefused):
    """The link is broken: its refresh token was refused earlier on, and nobody is asked again."""

    code = "LINK_BROKEN"


class TokenEndpointFailed(TokenError):
    """The token endpoint did not answer as a token endpoint."""

    code, retryable = "TOKEN_ENDPOINT_FAILED", True
    hint = "Check token_url, and that the endpoint answers with JSON."


class StoreError(HomegraphError):
    """The database cannot be used."""

    code = "STORE"


class DatabaseInUse(StoreError):
    """Another homegraph process owns this database file."""

    code = "DATABASE_IN_USE"
    hint = "Stop the other server, or give this one another --db. One process owns one SQLite file."


class SchemaTooNew(StoreError):
    """The database was written by a newer homegraph."""

    code = "SCHEMA_TOO_NEW"
    hint = "Run the newer version, or restore a backup made before the upgrade."


class LeaseLost(StoreError):
    """Somebody else took this run over; what it found may not be stored."""

    code = "LEASE_LOST"
    hint = "Nothing to do: the run is executed again by whoever holds the lease."


class StoreUnavailable(StoreError):
    """The database does not answer."""

    code, retryable = "STORE_UNAVAILABLE", True
    hint = "Check the disk's free space and the permissions of the file and its folder."


class SettingsError(HomegraphError):
    """A setting is wrong.

    ``place`` names it, and ``sentence`` says what is wrong; the message is both.
    """

    code = "SETTINGS"
    hint = "See the reference of settings."

    def __init__(self, message: str, *, place: str = "", hint: str | None = None) -> None:
        self.place, self.sentence = place, message
        super().__init__(f"{place}: {message}" if place else message, hint=hint)


class KeyMismatch(SettingsError):
    """The encryption key is not the one that the database was written with."""

    code = "KEY_MISMATCH"
    hint = (
        "Put the key file of this database back into the data folder, or link the accounts again."
    )


class ExportUnusable(SettingsError):
    """The file is no export that can be taken."""

    code = "EXPORT_UNUSABLE"
    hint = "Export again; a file that was edited or damaged is not imported further."


class NotFound(HomegraphError):
    """There is no such thing here."""

    code = "NOT_FOUND"
    hint = "List what there is; names are case-sensitive."


class AdminRefused(HomegraphError):
    """The admin API refuses this call."""

    code = "NOT_ALLOWED"
    hint = "The commands find the token in the server's data folder; or set HOMEGRAPH_ADMIN_TOKEN."


class ApiError(HomegraphError):
    """A Home Graph answered a call with an error.

    ``http_status`` is the answer's status, ``status`` the name of the google.rpc.Code ("NOT_FOUND"), ``details`` the list of
    google.rpc messages as they came, ``reason`` the most specific reason found in them ("" when there is none).
    """

    code = "API"
    hint = ""
    NO_ANSWER: ClassVar[int] = 0
    FIELDS_TOLD: ClassVar[int] = 5
    """Wrong fields that the error's text names; ``wrong_fields`` has all of them."""

    def __init__(  # noqa: PLR0913
        self,
        message: str,
        *,
        http_status: int,
        status: str,
        reason: str = "",
        details: tuple[dict[str, Any], ...] = (),
        hint: str = "",
        retryable: bool = False,
        body: str = "",
    ) -> None:
        super().__init__(message, hint=hint)
        self.code = reason or status
        self.http_status = http_status
        self.status = status
        self.reason = reason
        self.details = details
        self.retryable = retryable
        self.body = body

    @property
    def wrong_fields(self) -> tuple[tuple[str, str], ...]:
        """Path and description of each field that the answer calls wrong (google.rpc.BadRequest).

        Violations without a field repeat the message, and are none.
        """
        found: list[tuple[str, str]] = []
        for detail in self.details:
            violations = detail.get("fieldViolations")
            found += (
                (one["field"], str(one.get("description", "")))
                for one in (violations if isinstance(violations, list) else ())
                if isinstance(one, dict) and isinstance(one.get("field"), str)
            )
        return tuple(found)

    def __str__(self) -> str:
        """The message, and what Google's sentences leave out: the reason and the fields, without their values."""
        fields = ", ".join(field for field, _ in self.wrong_fields[: self.FIELDS_TOLD])
        more = ": ".join(part for part in (self.reason, fields) if part)
        return f"{self.message} [{more}]" if more and self.http_status else self.message


class ServerUnreachable(ApiError):
    """The Home Graph could not be reached, or did not answer in time."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(
            message,
            http_status=self.NO_ANSWER,
            status="UNAVAILABLE",
            reason="SERVER_UNREACHABLE",
            hint=hint
            or "Is the server running? `homegraph status` tells; --base-url names another one.",
            retryable=True,
        )
