"""``homegraph sync``: ask a Home Graph, ours or Google's, to send a SYNC, and see what it brought.

``request-sync`` keeps the 2018 sample's arguments and sentences for scripts; this one is for people, and knows all credentials.

What a SYNC did is kept by our server and nobody else, and told by its admin API. Which run it was is not in the answer, whose
bytes are Google's: ``--wait`` takes the first new one that began no earlier than the second in which the request was answered.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Annotated, Final

import typer

from homegraph.cli import documents, output
from homegraph.cli.admin import Admin, connect
from homegraph.cli.caller import (
    AgentUserId,
    ApiKeyFile,
    BaseUrl,
    Caller,
    CredentialsFile,
    Target,
    To,
    address,
    calling,
)
from homegraph.cli.failure import FAILED
from homegraph.cli.options import DataDir, Json, Project, Server, command, commands, seconds
from homegraph.cli.time_lines import run_lines
from homegraph.errors import HomegraphError

app = commands("Ask a Home Graph to send a SYNC, and see what it brought.")

POLL_SECONDS: Final = 0.2
"""Between two looks. A SYNC takes some tenths of a second."""

RUNS_LOOKED_AT: Final = 50
"""Newest runs of the agent user that are looked through."""

DONE: Final = "done"
"""The outcome of a run that brought what it should."""


class NoRunInTime(HomegraphError):
    """No SYNC has ended in time."""

    code, retryable = "DEADLINE_EXCEEDED", True
    hint = "It will come: `homegraph runs list` shows it when it has."


@command(
    app,
    "sync",
    "homegraph sync user-1 --credentials key.json",
    "homegraph sync user-1 --async --wait",
)
def sync(  # noqa: PLR0913  # one argument per option
    *,
    agent_user_id: AgentUserId,
    async_: Annotated[
        bool, typer.Option("--async", help="Have it queued, and do not wait for the outcome.")
    ] = False,
    wait: Annotated[
        bool, typer.Option("--wait", help="Show what the SYNC did; with --async, wait for it.")
    ] = False,
    timeout: Annotated[
        str, typer.Option(metavar="DURATION", help="How long to wait: 70s, 500ms, 2m.")
    ] = "70s",
    credentials: CredentialsFile = None,
    api_key_file: ApiKeyFile = None,
    target: Target = None,
    base_url: BaseUrl = None,
    project: Project = None,
    server: Server = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> int:
    """Ask a Home Graph to send a SYNC for an agent user.

    Ends when the SYNC is done, and tells how it ended. With --async it is queued, merged with others, and repeated by
    cause. An API key will do: --api-key-file, or HOMEGRAPH_API_KEY.

    --wait asks the server's admin API, which --project and --data-dir are for. Then the exit code is 1 when the SYNC failed,
    and 7 when none ended in time.
    """
    allowed = seconds(timeout)
    if wait and target is To.GOOGLE:
        raise typer.BadParameter("Google tells nobody what a SYNC did", param_hint="--wait")
    with calling(
        address(target, base_url, server),
        credentials=credentials,
        api_key_file=api_key_file,
        with_api_key=True,
        timeout=allowed,
    ) as caller:
        if not wait:
            caller.client.request_sync(agent_user_id, async_=async_)
            if json:
                output.document(caller.body)
            else:
                output.data(output.visible(_told(agent_user_id, async_=async_)))
            return 0
        with connect(server, data_dir) as admin:
            watch = _Watch(admin, admin.project(project), agent_user_id)
            caller.client.request_sync(agent_user_id, async_=async_)
            found = watch.first(_is_ours(caller, async_=async_), allowed)
            body = admin.get("run", id=found.id)
    if json:
        output.document(body)
    else:
        for line in run_lines(documents.read(body, documents.Run)):
            output.data(output.visible(line).rstrip())
    return 0 if found.outcome == DONE else FAILED


def _told(agent_user_id: str, *, async_: bool) -> str:
    if async_:
        return f"A SYNC for {agent_user_id} will follow."
    return f"The SYNC for {agent_user_id} is done."


class _Watch:
    """Watches for runs of an agent user that end from now on."""

    def __init__(self, admin: Admin, project: str, agent_user_id: str) -> None:
        self._admin = admin
        self._project = project
        self._agent_user_id = agent_user_id
        self._known = {run.id for run in self._runs()}

    def first(
        self, is_ours: Callable[[documents.Run], bool], allowed_seconds: float
    ) -> documents.Run:
        """The first of the new runs that is meant.

        Raises:
            NoRunInTime: there was none within the allowed time.
        """
        end = time.monotonic() + allowed_seconds
        pause = threading.Event()
        while True:
            for run in reversed(self._runs()):
                if run.id not in self._known and is_ours(run):
                    return run
            if time.monotonic() + POLL_SECONDS >= end:
                raise NoRunInTime(
                    f"No SYNC for {self._agent_user_id} has ended within {allowed_seconds:g} s."
                )
            # The admin API tells what has happened and not that something does, so that looking again is all one can do.
            pause.wait(POLL_SECONDS)

    def _runs(self) -> tuple[documents.Run, ...]:
        """The newest runs that have ended, newest first."""
        body = self._admin.get(
            "runs", project=self._project, agent_user=self._agent_user_id, limit=RUNS_LOOKED_AT
        )
        return documents.read(body, documents.Runs).runs


def _is_ours(caller: Caller, *, async_: bool) -> Callable[[documents.Run], bool]:
    """Tells whether a run serves the request that the caller has just made.

    One that waited was served by a run of its mode. One that was queued is by the first that began no earlier than it was
    answered, of which the Date header tells the second.
    """
    if not async_:
        return lambda run: run.mode == "sync"
    date = "" if caller.heard.answer is None else caller.heard.answer.headers.get("date", "")
    try:
        moment = parsedate_to_datetime(date).replace(tzinfo=UTC)
    except ValueError:
        return lambda _run: True
    return lambda run: (
        run.started_at is not None and datetime.fromisoformat(run.started_at) >= moment
    )
