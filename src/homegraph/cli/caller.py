"""How the commands that call the public API find the Home Graph, and say who calls.

Other commands speak to the admin API of a server; these are clients, of our server or of Google's, and use the package's own
``Client`` with a transport that remembers the answer, so that ``--json`` can hand it through.

The address is ``--base-url``, else what ``--target`` says, else HOMEGRAPH_BASE_URL or HOMEGRAPH_EMULATOR_HOST, else the server that
is here. The credential is ``--credentials`` or ``--api-key-file``, else HOMEGRAPH_API_KEY where a key is good enough, else what
GOOGLE_APPLICATION_CREDENTIALS names.

The rule that is easily broken: the rest of Application Default Credentials (what ``gcloud`` has) is looked for only when Google is
called. Nobody's Google account belongs on another server because a variable was not set.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from homegraph.cli.admin import local_place
from homegraph.client import ADC, Client, Request, Response
from homegraph.client.address import (
    BASE_URL_VARIABLES,
    GOOGLE_BASE_URL,
    base_url_from,
    checked_base_url,
    is_loopback,
)
from homegraph.client.transport import BlockingTransport, SyncTransport
from homegraph.errors import SettingsError

__all__ = [
    "AgentUserId",
    "ApiKeyFile",
    "BaseUrl",
    "Caller",
    "CredentialsFile",
    "Remembering",
    "Target",
    "To",
    "address",
    "api_key_from_environment",
    "calling",
    "credentials_variable",
    "key_in",
]

KEY_VARIABLE: Final = "HOMEGRAPH_API_KEY"
KEY_FILE_VARIABLE: Final = "HOMEGRAPH_API_KEY_FILE"
KEY_MAX_CHARACTERS: Final = 4096
"""Of a file or stdin. A key has 39; whatever is longer is something else."""

CREDENTIALS_VARIABLE: Final = "GOOGLE_APPLICATION_CREDENTIALS"
SERVER_VARIABLE: Final = "HOMEGRAPH_SERVER"


class To(StrEnum):
    """Whose Home Graph is called."""

    LOCAL = "local"
    GOOGLE = "google"


AgentUserId = Annotated[
    str, typer.Argument(metavar="AGENT_USER_ID", help="The agentUserId, as SYNC names it.")
]
Target = Annotated[
    To | None,
    typer.Option(
        "--target",
        metavar="WHERE",
        help="local: the server that is here; google: homegraph.googleapis.com.",
    ),
]
BaseUrl = Annotated[
    str | None,
    typer.Option(
        "--base-url",
        metavar="URL",
        help="The Home Graph to call, in place of --target; without both HOMEGRAPH_BASE_URL, else the server that is here.",
    ),
]
CredentialsFile = Annotated[
    Path | None,
    typer.Option(
        "--credentials",
        metavar="FILE",
        help="A service account's key file; without it, what GOOGLE_APPLICATION_CREDENTIALS names.",
    ),
]
ApiKeyFile = Annotated[
    Path | None,
    typer.Option("--api-key-file", metavar="FILE", help="A file with the project's API key."),
]


class Remembering:
    """A transport that keeps the last answer."""

    def __init__(self, inner: SyncTransport) -> None:
        self._inner = inner
        self.answer: Response | None = None

    def send(self, request: Request) -> Response:
        self.answer = self._inner.send(request)
        return self.answer


@dataclass(frozen=True, slots=True)
class Caller:
    """A client, and what it has heard last."""

    client: Client
    heard: Remembering

    @property
    def body(self) -> bytes:
        """The body of the last answer."""
        return b"{}" if self.heard.answer is None else self.heard.answer.body


def address(target: To | None, base_url: str | None, server: str | None = None) -> str:
    """The Home Graph to call. ``server`` is the --server of commands that ask the admin API besides.

    Raises:
        SettingsError: it is no address.
        typer.BadParameter: the two say different things.
    """
    if base_url:
        if target is not None:
            raise typer.BadParameter("say one of both", param_hint="--target or --base-url")
        return checked_base_url(base_url, "--base-url")
    if target is To.GOOGLE:
        return GOOGLE_BASE_URL
    if target is None and any(os.environ.get(name) for name in BASE_URL_VARIABLES):
        return base_url_from(None, os.environ)
    return local_place(server or os.environ.get(SERVER_VARIABLE), None).server


@contextmanager
def calling(
    to: str,
    *,
    credentials: Path | None,
    api_key_file: Path | None = None,
    with_api_key: bool = False,
    timeout: float | None = None,
) -> Iterator[Caller]:
    """A client of the Home Graph at ``to``; closed at the end.

    ``with_api_key``: an API key will do. ``timeout`` is in seconds, None for each call's own.

    Raises:
        SettingsError: there is no credential, or it cannot be used.
        typer.BadParameter: there are two.
    """
    if credentials is not None and api_key_file is not None:
        raise typer.BadParameter("say one of both", param_hint="--credentials or --api-key-file")
    options = _credential(to, credentials, api_key_file, with_api_key=with_api_key)
    http = BlockingTransport(proxies=not is_loopback(to))
    try:
        heard = Remembering(http)
        yield Caller(Client(**options, base_url=to, timeout=timeout, transport=heard), heard)
    finally:
        http.close()


def key_in(path: Path, place: str) -> str:
    """The API key in a file.

    Raises:
        SettingsError: it cannot be read; names the place, and nothing that is in the file.
    """
    try:
        with path.open(encoding="ascii") as file:
            return file.read(KEY_MAX_CHARACTERS).strip()
    except (OSError, UnicodeDecodeError) as exc:
        raise SettingsError(
            f"The file with the API key cannot be read: {path}.",
            place=place,
            hint="Name a text file that holds the key and nothing else.",
        ) from exc


def api_key_from_environment() -> str:
    """The API key that the variables give; "" for none. Raises SettingsError when its file cannot be read."""
    if key := os.environ.get(KEY_VARIABLE, "").strip():
        return key
    path = os.environ.get(KEY_FILE_VARIABLE)
    return key_in(Path(path), KEY_FILE_VARIABLE) if path else ""


def credentials_variable() -> Path | None:
    """What GOOGLE_APPLICATION_CREDENTIALS names."""
    named = os.environ.get(CREDENTIALS_VARIABLE)
    return Path(named) if named else None


def _credential(
    to: str, credentials: Path | None, api_key_file: Path | None, *, with_api_key: bool
) -> dict[str, Any]:
    """The argument of ``Client`` that says who calls."""
    if credentials is not None:
        return {"credentials": credentials}
    if api_key_file is not None:
        return {"api_key": key_in(api_key_file, "--api-key-file")}
    if with_api_key and (key := api_key_from_environment()):
        return {"api_key": key}
    if to == GOOGLE_BASE_URL or credentials_variable() is not None:
        return {"credentials": ADC}
    keys = f", or --api-key-file, or {KEY_VARIABLE}" if with_api_key else ""
    raise SettingsError(
        "Nothing says who calls.",
        place="--credentials",
        hint=f"Give a service account's key file (`homegraph service-accounts create` makes one), or name it in "
        f"{CREDENTIALS_VARIABLE}{keys}.",
    )
