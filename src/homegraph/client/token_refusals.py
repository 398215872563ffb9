"""What it means when a token endpoint gives no access token: one error, whoever's endpoint it is.

Endpoints answer as OAuth wants it (RFC 6749, 5.2): a word, perhaps a sentence, perhaps the address of a page. Ours names the
reason by that page; of Google's endpoint the sentences are known that name one. What stands before an endpoint answers with web pages, and
an address that is none with anything at all.

The error tells status UNAUTHENTICATED where the caller is at fault, because that is what it means for the call that was to be
made; ``http_status`` is what the token endpoint has answered.

The rule that is easily broken: a success without a token in it may hold another one. Such a body is not quoted.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

import msgspec

from homegraph.client.calls import Response
from homegraph.errors import ApiError
from homegraph.wire.status import REASONS, parse_error

__all__ = ["refusal"]

NO_TOKEN: Final = "NO_ACCESS_TOKEN"  # noqa: S105  # a reason's code
NO_ENDPOINT_HINT: Final = "Check token_uri in the key file, and that a token endpoint is there."

OK: Final = 200
REDIRECTS: Final = range(300, 400)
FAULTS_OF_CALLERS: Final = frozenset((400, 401, 403))
NOT_THERE: Final = frozenset((404, 405))

ERROR_CHARS_MAX: Final = 300
"""Characters that are shown of what google-auth says."""

_SENTENCES: Final = (
    ("Invalid JWT Signature", "ASSERTION_SIGNATURE"),
    ("must be a short-lived token", "ASSERTION_LIFETIME"),
    ("account not found", "SERVICE_ACCOUNT_UNKNOWN"),
    ("audience check", "ASSERTION_AUDIENCE"),
)
"""Words in the descriptions of Google's token endpoint, and the reason that they mean. Observed."""


class _Refused(msgspec.Struct):
    error: str = ""
    error_description: str = ""
    error_uri: str = ""


def refusal(url: str, answer: Response | None, error: Exception) -> ApiError:
    """The error for a renewal that failed.

    ``answer`` is the last one that came from ``url``, None when there was none; ``error`` is google-auth's own.
    """
    if answer is None or answer.status == OK:
        return _without_refusal(url, answer, error)
    if answer.status in REDIRECTS or answer.status in NOT_THERE:
        return ApiError(
            f"No access token: {_origin(url)} answers {answer.status}, and not as a token endpoint.",
            http_status=answer.status,
            status="UNAUTHENTICATED",
            reason=NO_TOKEN,
            hint=NO_ENDPOINT_HINT,
        )
    told = parse_error(answer.status, answer.body)
    at_fault = answer.status in FAULTS_OF_CALLERS
    reason = _reason(answer.body) or told.reason or NO_TOKEN
    known = REASONS.get(reason)
    return ApiError(
        f"No access token: {told.message}",
        http_status=answer.status,
        status="UNAUTHENTICATED" if at_fault else told.status,
        reason=reason,
        hint=known.fix if known is not None else told.hint or NO_ENDPOINT_HINT,
        retryable=told.retryable,
        body=told.body,
    )


def _without_refusal(url: str, answer: Response | None, error: Exception) -> ApiError:
    """Nobody refused, and there is no token: an endpoint that is none, or credentials that cannot be renewed."""
    if answer is not None:
        message = f"{_origin(url)} answers 200 without an access token in it."
        hint = NO_ENDPOINT_HINT
    else:
        first = error.args[0] if error.args else ""
        shown = " ".join(str(first).split())[:ERROR_CHARS_MAX]
        message = shown or "the credentials give none."
        hint = "These credentials cannot be renewed; take others."
    return ApiError(
        f"No access token: {message}",
        http_status=ApiError.NO_ANSWER if answer is None else answer.status,
        status="UNAUTHENTICATED",
        reason=NO_TOKEN,
        hint=hint,
    )


def _reason(body: bytes) -> str:
    """Our reason, by our page or by Google's sentence; "" for none."""
    try:
        told = msgspec.json.decode(body, type=_Refused)
    except (ValueError, RecursionError):
        return ""
    page = told.error_uri.rpartition("/")[2]
    if page in REASONS:
        return page
    return next((code for words, code in _SENTENCES if words in told.error_description), "")


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
