"""``homegraph request-sync``: the 2018 sample's arguments and sentences, with an exit code that tells the truth.

The sample's output is a contract: ``Response: `` with the body as it came, then one of two sentences, on stdout. Scripts
look for them. What the sample could not do stands on stderr: why it failed, what to do, and that an API key on the
command line can be read by everybody on the machine.

The command uses the package's own ``Client``, with a transport that remembers the answer so that it can be shown.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer

from homegraph.cli import failure, output
from homegraph.cli.admin import local_place
from homegraph.cli.options import Json, command, commands
from homegraph.client import Client, Request, Response
from homegraph.client.address import (
    BASE_URL_VARIABLES,
    base_url_from,
    checked_base_url,
    is_loopback,
)
from homegraph.client.transport import BlockingTransport
from homegraph.errors import ApiError, SettingsError

SUCCESS: Final = "Request Sync has been done successfully."
FAILURE: Final = "Request Sync failed. Please check the log above."

KEY_VARIABLE: Final = "HOMEGRAPH_API_KEY"
KEY_FILE_VARIABLE: Final = "HOMEGRAPH_API_KEY_FILE"
KEY_MAX_CHARACTERS: Final = 4096
"""Of a file or stdin. A key has 39; whatever is longer is something else."""

KEY_IS_VISIBLE: Final = (
    "warning: an API key on the command line can be read by everybody on this machine, and the shell keeps it.\n"
    f"         Give - in its place and put the key into {KEY_VARIABLE} or stdin."
)

app = commands("Ask a Home Graph to send a SYNC.")


class _Remembering:
    """A transport that keeps the last answer."""

    def __init__(self, inner: BlockingTransport) -> None:
        self._inner = inner
        self.answer: Response | None = None

    def send(self, request: Request) -> Response:
        self.answer = self._inner.send(request)
        return self.answer


@command(
    app,
    "request-sync",
    "homegraph request-sync AIza… user-1",
    "HOMEGRAPH_API_KEY=AIza… homegraph request-sync - user-1 --async",
)
def request_sync(
    api_key: Annotated[
        str,
        typer.Argument(
            metavar="API_KEY", help=f"The project's key; - takes {KEY_VARIABLE}, else stdin."
        ),
    ],
    agent_user_id: Annotated[
        str, typer.Argument(metavar="AGENT_USER_ID", help="The agentUserId, as SYNC names it.")
    ],
    base_url: Annotated[
        str | None,
        typer.Option(
            "--base-url",
            metavar="URL",
            help="The Home Graph to call; without it HOMEGRAPH_BASE_URL, else the server that is here.",
        ),
    ] = None,
    async_: Annotated[
        bool, typer.Option("--async", help="Have it queued, and do not wait for the outcome.")
    ] = False,
    json: Json = False,
) -> int:
    """Ask a Home Graph to send a SYNC for an agent user, as the 2018 sample did.

    Prints the answer, and whether that is success. Exit code 0 for success, 1 for every failure.
    """
    address = _address(base_url)
    http = BlockingTransport(proxies=not is_loopback(address))
    seen = _Remembering(http)
    problem: ApiError | None = None
    try:
        key = _key() if api_key == "-" else api_key
        with Client(api_key=key, base_url=address, transport=seen) as client:
            client.request_sync(agent_user_id, async_=async_)
    except ApiError as exc:
        problem = exc
    finally:
        http.close()
    _show(seen.answer, problem, as_json=json)
    if api_key != "-":
        output.note(KEY_IS_VISIBLE)  # before an error, whose JSON object has to be the last line
    if problem is None:
        return 0
    told = replace(failure.explain(problem), exit=failure.FAILED)
    failure.show(told, as_json=json)
    return told.exit


def _show(answer: Response | None, problem: ApiError | None, *, as_json: bool) -> None:
    body = "" if answer is None else answer.body.decode(errors="replace")
    if as_json:
        result = {
            "done": problem is None,
            "http_status": 0 if answer is None else answer.status,
            "response": body,
        }
        output.document(msgspec.json.encode(result))
        return
    shown = "(no answer)" if answer is None else "\n".join(map(output.visible, body.splitlines()))
    output.data(f"Response: {shown}")
    output.data(SUCCESS if problem is None else FAILURE)


def _address(base_url: str | None) -> str:
    """The Home Graph to call: as the client decides it, and where it has nothing to go by, as the other commands do."""
    if base_url:
        return checked_base_url(base_url, "--base-url")
    if any(os.environ.get(name) for name in BASE_URL_VARIABLES):
        return base_url_from(None, os.environ)
    return local_place(os.environ.get("HOMEGRAPH_SERVER"), None).server


def _key() -> str:
    """The API key from where nobody else can read it.

    Raises:
        SettingsError: it is nowhere.
    """
    key = os.environ.get(KEY_VARIABLE, "")
    if not key and (path := os.environ.get(KEY_FILE_VARIABLE)):
        try:
            with Path(path).open(encoding="ascii") as file:
                key = file.read(KEY_MAX_CHARACTERS)
        except (OSError, UnicodeDecodeError) as exc:
            raise SettingsError(
                f"The file with the API key cannot be read: {path}.",
                place=KEY_FILE_VARIABLE,
                hint="Name a text file that holds the key and nothing else.",
            ) from exc
    if not key and sys.stdin is not None:
        if sys.stdin.isatty():
            key = typer.prompt("API key", hide_input=True, err=True)
        else:
            key = sys.stdin.readline(KEY_MAX_CHARACTERS)
    if not key.strip():
        raise SettingsError(
            "No API key was given.",
            place="API_KEY",
            hint=f"Put it into {KEY_VARIABLE}, into a file named by {KEY_FILE_VARIABLE}, or into stdin.",
        )
    return key.strip()
