"""The credentials of an HTTP call: where they may stand, and how they are spelled.

An access token stands in the Authorization header or, for callers that cannot send headers, in the URL as ``access_token`` or
``oauth_token``; the header goes before the URL (RFC 6750 wants only one of them). An API key stands in the URL as ``key`` or in
X-Goog-Api-Key; the URL goes before the header, because what a developer pasted there is what he looks at.
"""

from __future__ import annotations

from starlette.types import Scope

from homegraph.graph.model import Project
from homegraph.service.identity import Presented, identify, token_in
from homegraph.web.site import Site
from homegraph.wire.api_v1 import Method
from homegraph.wire.parameters import SystemParameters


async def identify_caller(
    site: Site,
    method: Method,
    parameters: SystemParameters,
    scope: Scope,
    *,
    authorization: bytes | None,
    api_key: bytes | None,
) -> Project:
    """The project that calls ``method``; the headers are those of the same name, None where there is none.

    Raises:
        CallRefused: whatever ``service.identity`` refuses.
    """
    token = token_in(authorization.decode("latin-1")) if authorization else ""
    client = scope.get("client")
    presented = Presented(
        key=parameters.key or (api_key or b"").decode("latin-1").strip(),
        token=token or parameters.access_token,
        address=client[0] if client else "",
    )
    return await identify(
        site.house,
        presented,
        rpc=method.rpc,
        key_method=method.id if method.accepts_api_key else "",
    )
