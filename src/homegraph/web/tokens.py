"""The token endpoint: ``POST /token``, and the two older paths that clients have built in.

It is a door of its own, not one of the API: it speaks OAuth, asks for no credential (what is posted is the credential), and
knows no system parameters. The Authorization header is not looked at: Home Assistant sends one.

The rule that is easily broken: whatever happens, the answer is JSON with ``error`` that a client of OAuth understands, and none
of it, nor any log line, holds what was posted.
"""

from __future__ import annotations

import logging
from typing import Final

from starlette.types import Receive, Scope, Send

from homegraph.errors import CallRefused, StoreUnavailable, TokenRequestRefused
from homegraph.service.explaining import note_bug
from homegraph.service.tokens import issue_token, own_addresses, token_audiences
from homegraph.web.exchange import CallerGone, answer, answer_and_close, read_body
from homegraph.web.refusing import answer_unknown
from homegraph.web.site import Site
from homegraph.wire.parameters import QUERY_BYTES_MAX
from homegraph.wire.status import Rendered
from homegraph.wire.token_endpoint import (
    read_token_request,
    render_token,
    render_token_refusal,
    unreadable,
)

_log: Final = logging.getLogger("homegraph.web")


class TokenDoor:
    """The token endpoint at any of its paths."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._house = site.house
        self._addresses = own_addresses(site.house.settings, site.url)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "POST":
            await answer_unknown(self._site, scope, send, "METHOD_NOT_ALLOWED_HERE")
            return
        try:
            body = await read_body(receive, _header(scope, b"content-length"), QUERY_BYTES_MAX)
        except CallerGone:
            return
        except CallRefused as exc:
            # Too large, or too slow: the caller may be sending still.
            await answer_and_close(receive, send, self._refusal(unreadable(exc.message)))
            return
        rendered = await self._answer(scope, body)
        await answer(send, rendered.http, rendered.headers, rendered.body)

    async def _answer(self, scope: Scope, body: bytes) -> Rendered:
        try:
            kind = _header(scope, b"content-type")
            asked = read_token_request(body, None if kind is None else kind.decode("latin-1"))
            token = await issue_token(
                self._house, asked.assertion, audiences=self._audiences(scope)
            )
        except TokenRequestRefused as exc:
            return self._refusal(exc)
        except StoreUnavailable as exc:
            # The words are those that Google's libraries try again for.
            return self._render(exc.code, "temporarily_unavailable", "The service is unavailable.")
        except Exception as exc:  # noqa: BLE001  # the boundary: a bug is answered, and told in the log only
            request_id = note_bug(self._house, _log, exc)
            return self._render("INTERNAL", "internal_failure", f"Request {request_id}")
        return render_token(token)

    def _audiences(self, scope: Scope) -> frozenset[str]:
        """Whom an assertion may be signed for. The socket's own address is ours, and our names are with its port, too."""
        host, port = scope.get("server") or ("", None)
        if not host or port is None:
            return token_audiences(self._addresses)
        at = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        here = own_addresses(self._house.settings, f"http://{at}")
        return token_audiences({*self._addresses, *here, f"https://{at}"})

    def _refusal(self, error: TokenRequestRefused) -> Rendered:
        return self._render(error.code, error.error, error.message)

    def _render(self, reason: str, error: str, description: str) -> Rendered:
        explain = self._house.settings.explain
        help_base = self._site.help_base if explain else ""
        return render_token_refusal(reason, error, description, help_base=help_base)


def _header(scope: Scope, wanted: bytes) -> bytes | None:
    return next((value for name, value in scope["headers"] if name == wanted), None)
