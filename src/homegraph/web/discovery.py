"""The documents that describe the API to programs: Google's discovery format, and OpenAPI.

Both are made from the tables that requests are read by, with the address as the caller sees it: ``base_url`` when it is set
(a proxy in front), else the Host that was asked.
"""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from homegraph.web.site import Site
from homegraph.wire.discovery import discovery_document
from homegraph.wire.openapi import openapi_document

REVISION: Final = "20261122"
"""Of our document; clients compare it, nobody computes with it."""

VERSION: Final = "v1"


def discovery_routes(site: Site) -> list[Route]:
    """``/$discovery/rest?version=v1``, the older path of the discovery service, and ``/openapi.json``."""

    def root_url(request: Request) -> str:
        base = site.house.settings.base_url or str(request.base_url)
        return base.rstrip("/") + "/"

    async def discovery(request: Request) -> Response:
        version = request.path_params.get("version") or request.query_params.get("version")
        if version != VERSION:
            return JSONResponse(
                {"error": {"code": 404, "message": "Not found: discovery document"}}, 404
            )
        return JSONResponse(discovery_document(root_url(request), REVISION))

    async def openapi(request: Request) -> Response:
        return JSONResponse(openapi_document(root_url(request)))

    return [
        Route("/$discovery/rest", discovery),
        Route("/discovery/v1/apis/homegraph/{version}/rest", discovery),
        Route("/openapi.json", openapi),
    ]
