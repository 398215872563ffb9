"""What comes in: bodies with a bound, and forms in which nothing stands twice."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import Request

from homegraph.demo.cloud.grants import OAuthRefused

BODY_MAX_BYTES: Final = 1024 * 1024
"""An EXECUTE for every device of a large home has some 100 KB."""

FIELDS_MAX: Final = 50
"""OAuth has a dozen."""


async def body_of(request: Request) -> bytes:
    """The whole body. Raises HTTPException when it is too large."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_MAX_BYTES:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    return bytes(body)


def fields_of(text: str) -> dict[str, str]:
    """The parameters of a query or a form.

    Raises:
        OAuthRefused: invalid_request; there are too many, or one stands twice (RFC 6749, 3.1 and 3.2).
    """
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=FIELDS_MAX)
    except ValueError:
        raise OAuthRefused("invalid_request", "There are too many parameters.") from None
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise OAuthRefused("invalid_request", "A parameter stands there twice.")
    return fields
