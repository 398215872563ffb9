"""The credentials of an HTTP call: where they may stand, and how they are spelled.

An access token stands in the Authorization header or, for callers that cannot send headers, in the URL as ``access_token`` or
``oauth_token``; the header goes before the URL (RFC 6750 wants only one of them). An API key stands in the URL as ``key`` or in
X-Goog-Api-Key; the URL goes before the header, because what a developer pasted there is what he looks at.
"""

from __future__ import annotations

from homegraph.service.identity import Presented, token_in
from homegraph.web.head import Head
from homegraph.wire.parameters import SystemParameters


def presented_in(head: Head, parameters: SystemParameters) -> Presented:
    """What the caller has shown of credentials."""
    authorization, api_key = head.authorization, head.api_key
    token = token_in(authorization.decode("latin-1")) if authorization else ""
    key = parameters.key
    if api_key and not key:
        key = api_key.decode("latin-1").strip()
    return Presented(key, token or parameters.access_token, head.address)
