"""The admin API as the commands use it: a path and some members in, a document out.

It speaks through the same transport as the public client, with the admin token as bearer. Refusals come back as errors
of our family, so that ``failure`` can show them; documents come back as bytes, so that ``--json`` can hand them through.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlencode

import msgspec
import typer

from homegraph.cli import documents
from homegraph.cli.place import Place, find, token
from homegraph.client.address import is_loopback
from homegraph.client.calls import Request
from homegraph.client.transport import ANSWER_MAX_BYTES, BlockingTransport, SyncTransport
from homegraph.errors import ApiError
from homegraph.wire.rows import status_of_http

__all__ = ["Admin", "connect", "local_place", "transport_to", "transport_to_url"]

TIMEOUT_SECONDS: Final = 30.0
"""The server answers these calls from its database, at once; doctor tries fulfillments for up to 20 s."""

ERRAND_SECONDS: Final = 300.0
"""An EXECUTE or QUERY of two groups, each with a refreshed token, at the longest timeouts that can be set."""

OK: Final = 200


class Admin:
    """A server's admin API."""

    def __init__(self, place: Place, bearer: str, transport: SyncTransport) -> None:
        self.place = place
        self._bearer = bearer
        self._transport = transport

    def get(self, path: str, **parameters: str | int | None) -> bytes:
        """Read something. Parameters that are None are left out.

        Raises:
            ApiError: the server says no.
            ServerUnreachable: the server says nothing.
        """
        given = {name: value for name, value in parameters.items() if value is not None}
        query = f"?{urlencode(given)}" if given else ""
        return self._send("GET", path + query, b"")

    def post(
        self, path: str, members: Mapping[str, object], *, seconds: float = TIMEOUT_SECONDS
    ) -> bytes:
        """Change something; errors as ``get``. Members that are None are left out. ``seconds`` is how long it may take."""
        given = {name: value for name, value in members.items() if value is not None}
        return self._send("POST", path, msgspec.json.encode(given), seconds)

    def project(self, named: str | None) -> str:
        """The project that is meant: the one that is named, or the only one there is.

        Raises:
            typer.BadParameter: none is named and there are several, or none at all.
        """
        if named:
            return named
        known = [
            one.id for one in documents.read(self.get("projects"), documents.Projects).projects
        ]
        if len(known) == 1:
            return known[0]
        if not known:
            raise typer.BadParameter("the server has no project", param_hint="--project")
        raise typer.BadParameter(
            f"name one of {', '.join(known[:10])}{', …' if len(known) > 10 else ''}",  # noqa: PLR2004
            param_hint="--project",
        )

    def _send(self, method: str, path: str, body: bytes, seconds: float = TIMEOUT_SECONDS) -> bytes:
        headers = (
            ("authorization", f"Bearer {self._bearer}"),
            *([("content-type", "application/json")] if body else []),
        )
        url = f"{self.place.server}/-/api/{path}"
        answer = self._transport.send(Request(method, url, headers, body, seconds))
        if answer.status == OK:
            return answer.body
        raise _refusal(answer.status, answer.body, self.place)


def segment(name: str) -> str:
    """A name as one segment of a path."""
    return quote(name, safe="")


def local_place(server: str | None, data_dir: str | None) -> Place:
    """Find the server by the options, this process's environment and folder."""
    return find(server, data_dir, environment=os.environ, folder=Path.cwd())


@contextmanager
def transport_to_url(url: str, answer_max_bytes: int = ANSWER_MAX_BYTES) -> Iterator[SyncTransport]:
    """Open connections to an address; closed at the end."""
    transport = BlockingTransport(proxies=not is_loopback(url), answer_max_bytes=answer_max_bytes)
    try:
        yield transport
    finally:
        transport.close()


@contextmanager
def transport_to(place: Place) -> Iterator[SyncTransport]:
    """Open connections to the server; closed at the end."""
    with transport_to_url(place.server) as transport:
        yield transport


@contextmanager
def connect(
    server: str | None, data_dir: str | None, *, answer_max_bytes: int = ANSWER_MAX_BYTES
) -> Iterator[Admin]:
    """The admin API of the server that the options mean.

    Raises:
        SettingsError: the server's address cannot be used.
        AdminRefused: there is no admin token.
    """
    place = local_place(server, data_dir)
    bearer = token(place, os.environ).value
    with transport_to_url(place.server, answer_max_bytes) as transport:
        yield Admin(place, bearer, transport)


def _refusal(http: int, body: bytes, place: Place) -> ApiError:
    """The error that a refusal stands for."""
    try:
        told = msgspec.json.decode(body, type=documents.Refused).error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ApiError(
            f"{place.server} answered {http}, and not as the admin API of homegraph does.",
            http_status=http,
            status=status_of_http(http),
            reason="NOT_A_HOME_GRAPH",
            hint="Check --server: something else listens there.",
        )
    return ApiError(
        told.message,
        http_status=http,
        status=told.status or status_of_http(http),
        reason=told.reason,
        hint=told.hint,
    )
