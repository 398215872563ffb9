"""``homegraph runs``: what each SYNC did. A run is drawn as a time line: ``-->`` what the Home Graph sent, ``<--`` what came."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Final

import typer

from homegraph.cli import documents, output
from homegraph.cli.admin import connect
from homegraph.cli.options import DataDir, Json, Server, command, commands

app = commands("What each SYNC did.")

LIMIT_DEFAULT: Final = 20
"""A screen full."""

LIMIT_MAX: Final = 1000
"""Runs in one answer."""

NAMES_MAX: Final = 5
"""Device ids that are named in a line; the others are counted."""

INDENT: Final = " " * 10
"""The width of the time column with its gap."""


@command(
    app, "list", "homegraph runs list", "homegraph runs list --agent-user user-1 --limit 5 --json"
)
def list_(
    project: Annotated[
        str | None, typer.Option("--project", metavar="ID", help="Only this project's.")
    ] = None,
    agent_user: Annotated[
        str | None, typer.Option("--agent-user", metavar="ID", help="Only this agent user's.")
    ] = None,
    before: Annotated[
        str | None, typer.Option(metavar="RUN", help="Only runs that are older than this one.")
    ] = None,
    limit: Annotated[
        int, typer.Option(min=1, max=LIMIT_MAX, metavar="N", help="How many.")
    ] = LIMIT_DEFAULT,
    server: Server = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> int:
    """List runs, newest first."""
    with connect(server, data_dir) as admin:
        body = admin.get("runs", project=project, agent_user=agent_user, before=before, limit=limit)
    if json:
        output.document(body)
        return 0
    output.table(
        ("RUN", "STARTED", "AGENT USER", "CAUSE", "OUTCOME", "MERGED", "DEVICES", "REASON"),
        [
            (
                run.id,
                output.local(run.started_at),
                run.agent_user_id or f"({run.user_id})",
                f"{run.cause}, {run.mode}",
                run.outcome,
                str(run.merged),
                f"+{run.added} ~{run.changed} -{run.removed}",
                run.reason or "-",
            )
            for run in documents.read(body, documents.Runs).runs
        ],
        empty="No runs yet. `homegraph request-sync API_KEY AGENT_USER_ID` causes one.",
    )
    return 0


@command(
    app,
    "show",
    "homegraph runs show 0633f2a9c41d7a21b0c3",
    "homegraph runs show 0633f2a9c41d7a21b0c3 --json",
)
def show(
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="The run's id, as `homegraph runs list` has it.")
    ],
    server: Server = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> int:
    """Show one run as a time line: what was sent, what came back, what it changed, what is wrong."""
    with connect(server, data_dir) as admin:
        body = admin.get("run", id=run)
    if json:
        output.document(body)
        return 0
    for line in time_line(documents.read(body, documents.Run)):
        output.data(output.visible(line).rstrip())
    return 0


@command(app, "accept", "homegraph runs accept 0633f2a9c41d7a21b0c3")
def accept(
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="A held run's id, as `homegraph runs list` has it.")
    ],
    server: Server = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> int:
    """Let through what the shrink guard has held.

    SYNC is sent again; exactly the devices that the held run would have removed may go. If the list has changed since, it is held again.
    """
    with connect(server, data_dir) as admin:
        body = admin.post("runs/accept", {"id": run})
    if json:
        output.document(body)
        return 0
    held = documents.read(body, documents.Run)
    output.data(
        output.visible(f"A sync of {held.agent_user_id} follows; {held.removed} devices may go.")
    )
    return 0


def time_line(run: documents.Run) -> Iterator[str]:
    """A run as lines of text."""
    whom = run.agent_user_id or f"{run.user_id} (first SYNC)"
    yield f"run {run.id}   {run.project_id} / {whom}   {output.local(run.requested_at)}"
    merged = f", {run.merged} requests merged" if run.merged > 1 else ""
    attempt = f", attempt {run.attempt}" if run.attempt > 1 else ""
    yield f"{output.clock_time(run.requested_at)}  asked  {run.cause}, {run.mode}{merged}{attempt}"
    for exchange in run.exchanges:
        yield from _exchange(exchange)
    yield f"{output.clock_time(run.finished_at)}  {run.outcome}   {_changes(run)}"
    for change in run.changes.changed:
        yield f"{INDENT}~ {change.device_id}: {', '.join(change.fields)}"
    if run.changes.held:
        yield f"{INDENT}held back:{_named(run.changes.held)}"
    yield from _problems(run)


def _exchange(exchange: documents.Exchange) -> Iterator[str]:
    # "action.devices.SYNC" is known as SYNC to everybody.
    intent = exchange.intent.rpartition(".")[2]
    at = output.clock_time(exchange.started_at)
    yield f"{at}  --> {intent:<6} {exchange.user_id}   {exchange.url}"
    took = f"{exchange.took * 1000:.0f} ms"
    if not exchange.status:
        yield f"{INDENT}<-- no answer after {took}   {exchange.error}"
        return
    answer = exchange.response
    size = "" if answer is None else f"{answer.size:,} bytes, "
    cut = "" if answer is None or not answer.truncated else ", kept in part"
    yield f"{INDENT}<-- {exchange.status:<6} {size}{took}{cut}   {exchange.error}"


def _changes(run: documents.Run) -> str:
    changes = run.changes
    return (
        f"+{run.added} added{_named(changes.added)}  ~{run.changed} changed  "
        f"-{run.removed} removed{_named(changes.removed)}"
    )


def _named(ids: tuple[str, ...]) -> str:
    if not ids:
        return ""
    more = f", and {len(ids) - NAMES_MAX} more" if len(ids) > NAMES_MAX else ""
    return f" ({', '.join(ids[:NAMES_MAX])}{more})"


def _problems(run: documents.Run) -> Iterator[str]:
    if run.reason or run.message:
        yield f"{INDENT}{run.reason}: {run.message}"
    if run.explanation is not None:
        yield f"{INDENT}why: {run.explanation.title} {run.explanation.why}"
        yield f"{INDENT}fix: {run.explanation.fix}"
    if run.next_at:
        yield f"{INDENT}next attempt {output.local(run.next_at)}"
    for result in run.results:
        if result.error and len(run.results) > 1:  # of a single link the run's own message tells
            yield f"{INDENT}link of {result.user_id}: {result.error}: {result.message}"
    for finding in run.findings:
        place = " ".join(part for part in (finding.device_id, finding.path) if part)
        yield f"{INDENT}{finding.severity} {finding.rule} {place}: {finding.what}"
        yield f"{INDENT}  {finding.why} {finding.fix}"
