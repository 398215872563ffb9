"""``homegraph projects``: the integrations that this server serves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import typer

from homegraph.cli import documents, output
from homegraph.cli.admin import connect, segment
from homegraph.cli.options import DataDir, Json, Server, command, commands

app = commands("The integrations that this server serves.")


@command(app, "list", "homegraph projects list", "homegraph projects list --json")
def list_(server: Server = None, data_dir: DataDir = None, json: Json = False) -> int:
    """List all projects."""
    with connect(server, data_dir) as admin:
        body = admin.get("projects")
    if json:
        output.document(body)
        return 0
    output.table(
        ("PROJECT", "FULFILLMENT", "API", "KEYS", "LINKS", "USERS"),
        [
            (
                project.id,
                project.fulfillment_url,
                api_state(project),
                str(project.keys),
                counted(project.links),
                str(project.agent_users),
            )
            for project in documents.read(body, documents.Projects).projects
        ],
        empty="No projects. Write [projects.NAME] into homegraph.toml and start the server again.",
    )
    return 0


@command(app, "show", "homegraph projects show acme", "homegraph projects show acme --json")
def show(
    project: Annotated[str, typer.Argument(metavar="ID", help="The project's id.")],
    server: Server = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> int:
    """Show one project and its OAuth client; secrets are not shown."""
    with connect(server, data_dir) as admin:
        body = admin.get(f"projects/{segment(project)}")
    if json:
        output.document(body)
        return 0
    found = documents.read(body, documents.Project)
    oauth = found.oauth or {}
    output.facts(
        [
            ("project", found.id),
            ("number", found.number),
            ("fulfillment", found.fulfillment_url),
            ("API", api_state(found)),
            ("empty SYNC", found.empty_sync),
            ("keys", str(found.keys)),
            ("links", counted(found.links)),
            ("agent users", str(found.agent_users)),
            *((f"oauth.{name}", output.value(value)) for name, value in oauth.items()),
        ]
    )
    return 0


def api_state(project: documents.Project) -> str:
    """Whether the project may call."""
    if project.suspended:
        return "suspended"
    return "enabled" if project.api_enabled else "disabled"


def counted(states: Mapping[str, int]) -> str:
    """How many of each state: ``3 linked, 1 broken``."""
    return ", ".join(f"{number} {state}" for state, number in states.items() if number) or "0"
