"""``homegraph links``: which users have linked their account, and how their links stand."""

from __future__ import annotations

import sys
from typing import Annotated, Final

import typer

from homegraph.cli import documents, output
from homegraph.cli.admin import connect
from homegraph.cli.options import DataDir, Json, Project, Server, command, commands

app = commands("Which users have linked their account.")

LIMIT_MAX: Final = 1000
"""Links in one answer; the server gives no more at once."""

User = Annotated[str, typer.Argument(metavar="USER", help="The user's name here.")]


@command(app, "list", "homegraph links list", "homegraph links list --project acme --json")
def list_(
    project: Annotated[
        str | None, typer.Option("--project", metavar="ID", help="Only this project's.")
    ] = None,
    after: Annotated[
        str | None,
        typer.Option(metavar="USER", help="Go on after this user; needs --project."),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, max=LIMIT_MAX, metavar="N", help="How many at most.")
    ] = None,
    server: Server = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> int:
    """List links, of all projects or of one."""
    with connect(server, data_dir) as admin:
        body = admin.get("links", project=project, after=after, limit=limit)
    if json:
        output.document(body)
        return 0
    found = documents.read(body, documents.Links)
    output.table(
        ("PROJECT", "USER", "STATE", "AGENT USER", "PROBLEM", "SINCE", "NEXT ATTEMPT"),
        [
            (
                link.project_id,
                link.user,
                link.state,
                link.agent_user_id or "-",
                link.problem or "-",
                output.local(link.changed_at),
                output.local(link.next_attempt_at),
            )
            for link in found.links
        ],
        empty="No links. Write [[projects.NAME.links]] into homegraph.toml to adopt a grant.",
    )
    if found.next_after:
        output.note(output.visible(f"There are more: --project ID --after {found.next_after}"))
    return 0


@command(
    app, "show", "homegraph links show --project acme anna", "homegraph links show anna --json"
)
def show(
    user: User,
    project: Project = None,
    server: Server = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> int:
    """Show one link, and what is wrong with it."""
    with connect(server, data_dir) as admin:
        body = admin.get("link", project=admin.project(project), user=user)
    if json:
        output.document(body)
        return 0
    link = documents.read(body, documents.Link)
    shown = [
        ("user", link.user),
        ("project", link.project_id),
        ("state", link.state),
        ("agent user", link.agent_user_id or "-"),
        ("linked", output.local(link.created_at)),
        ("changed", output.local(link.changed_at)),
    ]
    if link.attempts:
        shown.append(("attempts", str(link.attempts)))
    if link.next_attempt_at:
        shown.append(("next attempt", output.local(link.next_attempt_at)))
    if link.problem:
        shown.append(("problem", link.problem))
    if told := link.explanation:
        shown += [("what", told.title), ("why", told.why), ("fix", told.fix)]
    output.facts(shown)
    return 0


@command(
    app,
    "unlink",
    "homegraph links unlink --project acme anna",
    "homegraph links unlink anna --yes --json",
)
def unlink(
    user: User,
    project: Project = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    server: Server = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> int:
    """End a link. With an agent user's last link its devices and states go, too.

    Asks on a terminal, and needs --yes elsewhere.
    """
    with connect(server, data_dir) as admin:
        named = admin.project(project)
        if not yes and not _confirmed(user, named):
            output.note("Nothing was changed.")
            return 1
        body = admin.post("links/unlink", {"project": named, "user": user})
    if json:
        output.document(body)
        return 0
    link = documents.read(body, documents.Link)
    output.data(output.visible(f"The link of {link.user} to {link.project_id} is {link.state}."))
    return 0


def _confirmed(user: str, project: str) -> bool:
    """Ask.

    Raises:
        typer.BadParameter: there is nobody to ask.
    """
    if sys.stdin is None or not sys.stdin.isatty():
        raise typer.BadParameter("say it where nobody can be asked", param_hint="--yes")
    question = output.visible(f"End the link of {user} to {project}? Its devices may go with it.")
    return typer.confirm(question, err=True)
