"""``homegraph runs``: what each SYNC did, and each EXECUTE and live QUERY. How one is drawn is ``time_lines``'s."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from homegraph.cli import documents, output
from homegraph.cli.admin import Admin, connect
from homegraph.cli.options import DataDir, Json, Server, command, commands
from homegraph.cli.time_lines import errand_lines, named, outcome, run_lines
from homegraph.errors import ApiError

app = commands("What each SYNC did.")

LIMIT_DEFAULT: Final = 20
"""A screen full."""

LIMIT_MAX: Final = 1000
"""Runs in one answer."""

OfProject = Annotated[
    str | None,
    typer.Option(
        "--project",
        metavar="ID",
        help="Only this project's; with --agent-user it may be left out where there is only one.",
    ),
]
OfAgentUser = Annotated[
    str | None, typer.Option("--agent-user", metavar="ID", help="Only this agent user's.")
]
Limit = Annotated[int, typer.Option(min=1, max=LIMIT_MAX, metavar="N", help="How many.")]


@command(
    app, "list", "homegraph runs list", "homegraph runs list --agent-user user-1 --limit 5 --json"
)
def list_(
    project: OfProject = None,
    agent_user: OfAgentUser = None,
    before: Annotated[
        str | None, typer.Option(metavar="RUN", help="Only runs that are older than this one.")
    ] = None,
    limit: Limit = LIMIT_DEFAULT,
    server: Server = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> int:
    """List runs, newest first."""
    with connect(server, data_dir) as admin:
        project = admin.project(project) if agent_user else project
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
        empty=_none_of("runs", agent_user, before)
        or "No runs yet. `homegraph request-sync API_KEY AGENT_USER_ID` causes one.",
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
        str,
        typer.Argument(
            metavar="ID",
            help="The id of a run, as `homegraph runs list` has it, or of an errand, as `homegraph runs errands` has it.",
        ),
    ],
    server: Server = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> int:
    """Show one run as a time line: what was sent, what came back, what it changed, what is wrong.

    An errand, that is an EXECUTE or a live QUERY, is shown alike.
    """
    with connect(server, data_dir) as admin:
        try:
            body, is_run = admin.get("run", id=run), True
        except ApiError as exc:
            if exc.reason != "NOT_FOUND":
                raise
            body, is_run = _errand(admin, run, instead=exc), False
    if json:
        output.document(body)
        return 0
    lines = (
        run_lines(documents.read(body, documents.Run))
        if is_run
        else errand_lines(documents.read(body, documents.Errand))
    )
    for line in lines:
        output.data(output.visible(line).rstrip())
    return 0


def _none_of(what: str, agent_user: str | None, before: str | None) -> str:
    """What is said at the end of the list, or where somebody has none; "" when nobody was named."""
    if before:
        return f"No older {what} are kept."
    if not agent_user:
        return ""
    named = output.visible(agent_user)
    return f"No {what} of agent user {named} are kept. `homegraph links list` has the names."


def _errand(admin: Admin, errand: str, *, instead: ApiError) -> bytes:
    """An errand. When there is none either, what was said of the run is raised: most ids that are asked for are a run's."""
    try:
        return admin.get("errand", id=errand)
    except ApiError as exc:
        raise (instead if exc.reason == "NOT_FOUND" else exc) from None


@command(
    app,
    "errands",
    "homegraph runs errands",
    "homegraph runs errands --agent-user user-1 --limit 5 --json",
)
def errands(
    project: OfProject = None,
    agent_user: OfAgentUser = None,
    before: Annotated[
        str | None, typer.Option(metavar="ID", help="Only errands that are older than this one.")
    ] = None,
    limit: Limit = LIMIT_DEFAULT,
    server: Server = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> int:
    """List errands, newest first: what `homegraph execute` and `homegraph query --live` have sent."""
    with connect(server, data_dir) as admin:
        project = admin.project(project) if agent_user else project
        body = admin.get(
            "errands", project=project, agent_user=agent_user, before=before, limit=limit
        )
    if json:
        output.document(body)
        return 0
    output.table(
        ("ERRAND", "STARTED", "AGENT USER", "INTENT", "DEVICES", "OUTCOME"),
        [
            (
                one.id,
                output.local(one.started_at),
                one.agent_user_id,
                f"{one.intent} {one.command.rpartition('.')[2]}".strip(),
                named(one.device_ids),
                outcome(one),
            )
            for one in documents.read(body, documents.Errands).errands
        ],
        empty=_none_of("errands", agent_user, before)
        or "No errands yet. `homegraph execute` and `homegraph query --live` are some.",
    )
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
