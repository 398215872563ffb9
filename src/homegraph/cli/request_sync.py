"""``homegraph request-sync``: the 2018 sample's arguments and sentences, with an exit code that tells the truth.

The sample's output is a contract: ``Response: `` with the body as it came, then one of two sentences, on stdout. Scripts
look for them. What the sample could not do stands on stderr: why it failed, what to do, and that an API key on the
command line can be read by everybody on the machine. Where a variable has the key, the agent user may stand alone.

The command uses the package's own ``Client``, with a transport that remembers the answer so that it can be shown.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Annotated, Final

import msgspec
import typer

from homegraph.cli import failure, output
from homegraph.cli.caller import (
    KEY_FILE_VARIABLE,
    KEY_MAX_CHARACTERS,
    KEY_VARIABLE,
    Remembering,
    address,
    api_key_from_environment,
)
from homegraph.cli.options import Json, command, commands
from homegraph.client import Client, Response
from homegraph.client.address import is_loopback
from homegraph.client.transport import BlockingTransport
from homegraph.errors import ApiError, SettingsError

SUCCESS: Final = "Request Sync has been done successfully."
FAILURE: Final = "Request Sync failed. Please check the log above."

HIDDEN: Final = "-"
"""In the place of an API key: it is not on the command line."""

GOOGLES_KEYS: Final = "AIza"
"""How API keys of Google begin."""

KEY_IS_VISIBLE: Final = (
    "warning: an API key on the command line can be read by everybody on this machine, and the shell keeps it.\n"
    f"         Give - in its place and put the key into {KEY_VARIABLE} or stdin."
)

app = commands("Ask a Home Graph to send a SYNC.")


@command(
    app,
    "request-sync",
    "homegraph request-sync AIza… user-1",
    "HOMEGRAPH_API_KEY=AIza… homegraph request-sync user-1 --async",
    "homegraph request-sync - user-1",
)
def request_sync(
    api_key: Annotated[
        str | None,
        typer.Argument(
            metavar="API_KEY",
            help=f"The project's key; - takes {KEY_VARIABLE}, else stdin. May be left out where the variable is set.",
        ),
    ] = None,
    agent_user_id: Annotated[
        str | None,
        typer.Argument(metavar="AGENT_USER_ID", help="The agentUserId, as SYNC names it."),
    ] = None,
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
    key_given, agent_user = _who(api_key, agent_user_id)
    to = address(None, base_url)
    http = BlockingTransport(proxies=not is_loopback(to))
    seen = Remembering(http)
    problem: ApiError | None = None
    try:
        key = _key() if key_given == HIDDEN else key_given
        with Client(api_key=key, base_url=to, transport=seen) as client:
            client.request_sync(agent_user, async_=async_)
    except ApiError as exc:
        problem = exc
    finally:
        http.close()
    _show(seen.answer, problem, as_json=json)
    if key_given != HIDDEN:
        output.note(KEY_IS_VISIBLE)  # before an error, whose JSON object has to be the last line
    if problem is None:
        return 0
    told = replace(failure.explain(problem), exit=failure.FAILED)
    failure.show(told, as_json=json)
    return told.exit


def _who(first: str | None, second: str | None) -> tuple[str, str]:
    """The API key and the agent user of the arguments. One of them alone is the agent user, if a variable has the key.

    Raises:
        typer.BadParameter: the agent user is missing. What is there is not repeated: it may be a key.
    """
    if second is not None:
        return str(first), second
    hidden = api_key_from_environment()
    is_key = first in (None, HIDDEN, hidden) or str(first).startswith(GOOGLES_KEYS)
    if is_key or not hidden:
        raise typer.BadParameter(
            f"say whose devices; it may stand alone where {KEY_VARIABLE} has the key",
            param_hint="AGENT_USER_ID",
        )
    return HIDDEN, str(first)


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


def _key() -> str:
    """The API key from where nobody else can read it.

    Raises:
        SettingsError: it is nowhere.
    """
    key = api_key_from_environment()
    if not key:
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
