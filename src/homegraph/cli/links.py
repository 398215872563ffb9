"""``homegraph links``: which users have linked their account, and how their links stand."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from homegraph.cli import documents, output
from homegraph.cli.admin import Admin, connect
from homegraph.cli.failure import FAILED
from homegraph.cli.link_trace import trace_lines
from homegraph.cli.options import DataDir, Json, Project, Server, Yes, agreed, command, commands

app = commands("Which users have linked their account.")

LIMIT_MAX: Final = 1000
"""Links in one answer; the server gives no more at once."""

RUNS_LOOKED_AT: Final = 100
"""For the one that tells of a link's problem; an attempt of a first SYNC is among the newest, unless many links fail at once."""

TRACES_MAX: Final = 20
"""Linkings in one answer."""

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
        empty="No more links."
        if after
        else "No links. Write [[projects.NAME.links]] into homegraph.toml to adopt a grant.",
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
        run = _run_of_problem(admin, link)
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
    shown += _token_facts(link)
    if link.problem:
        shown.append(("problem", link.problem))
    if told := link.explanation:
        shown += [("what", told.title), ("why", told.why), ("fix", told.fix)]
    if run is not None:
        shown += [("in words", run.message), ("see", f"homegraph runs show {run.id}")]
    output.facts(shown)
    return 0


def _run_of_problem(admin: Admin, link: documents.Link) -> documents.Run | None:
    """The newest run that ended with the link's problem; it has words for it, and what was answered."""
    if not link.problem:
        return None
    body = admin.get(
        "runs",
        project=link.project_id,
        agent_user=link.agent_user_id or None,
        limit=RUNS_LOOKED_AT,
    )
    for run in documents.read(body, documents.Runs).runs:
        # Before the first SYNC a run is of the user; afterwards of the agent user, who was asked for.
        if run.reason == link.problem and (link.agent_user_id or run.user_id == link.user):
            return run
    return None


def _token_facts(link: documents.Link) -> list[tuple[str, str]]:
    """What is known of the token, and of a refresh that could not be made."""
    token = link.token
    end = output.local(token.expires_at) if token.expires_at else "when the fulfillment says so"
    facts = [("token ends", end if token.has_refresh_token else f"{end}; no refresh token")]
    if token.failures:
        facts += [
            ("refresh failed", f"{token.failures} in a row: {token.error}"),
            ("tried again", output.local(token.retry_at)),
        ]
    return facts


@command(
    app,
    "refresh",
    "homegraph links refresh --project acme anna",
    "homegraph links refresh anna --json",
)
def refresh(
    user: User,
    project: Project = None,
    server: Server = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> int:
    """Ask the token endpoint for another access token now, and tell what came.

    It is asked whatever it said before, and also for a link that is broken: a token that comes mends it.
    """
    with connect(server, data_dir) as admin:
        body = admin.post("links/refresh", {"project": admin.project(project), "user": user})
    if json:
        output.document(body)
        return 0
    came = documents.read(body, documents.Refreshed)
    if not came.refreshed:
        output.data(output.visible(f"The token of {came.user} was refreshed a moment ago."))
        return 0
    ends = f"ends {output.local(came.token.expires_at)}" if came.expires_in else "has no known end"
    refresh_token = "another" if came.rotated else "the same"
    output.data(
        output.visible(
            f"The token of {came.user} was refreshed: it {ends}, with {refresh_token} refresh token. "
            f"The link is {came.state}."
        )
    )
    for finding in came.findings:
        output.data(output.visible(f"  {finding.severity} {finding.rule}: {finding.what}"))
        output.data(output.visible(f"    {finding.why} {finding.fix}"))
    return 0


@command(
    app,
    "expire",
    "homegraph links expire --project acme anna",
    "homegraph links expire anna --json",
)
def expire(
    user: User,
    project: Project = None,
    server: Server = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> int:
    """Have a link's access token count as expired, to see what a refresh does.

    Nothing is sent; the next intent refreshes the token first.
    """
    return _changed("expire", user, project, server, data_dir, json=json)


@command(
    app,
    "revoke",
    "homegraph links revoke --project acme anna",
    "homegraph links revoke anna --json",
)
def revoke(
    user: User,
    project: Project = None,
    server: Server = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> int:
    """Break a link as if its token endpoint had said invalid_grant, to see how the integration takes it.

    The access token is forgotten, and nothing is sent: the OAuth server knows nothing of it. `homegraph links refresh` undoes it.
    """
    return _changed("revoke", user, project, server, data_dir, json=json)


def _changed(  # the options of a command
    call: str,
    user: str,
    project: str | None,
    server: str | None,
    data_dir: str | None,
    *,
    json: bool,
) -> int:
    with connect(server, data_dir) as admin:
        body = admin.post(f"links/{call}", {"project": admin.project(project), "user": user})
    if json:
        output.document(body)
        return 0
    link = documents.read(body, documents.Link)
    what = "counts as expired" if call == "expire" else "is forgotten"
    output.data(
        output.visible(f"The access token of {link.user} {what}. The link is {link.state}.")
    )
    return 0


@command(
    app,
    "trace",
    "homegraph links trace anna",
    "homegraph links trace anna --project acme --limit 1 --json",
)
def trace(
    user: User,
    project: Project = None,
    limit: Annotated[
        int, typer.Option(min=1, max=TRACES_MAX, metavar="N", help="How many linkings.")
    ] = 1,
    server: Server = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> int:
    """Show how a user's account was linked, step by step, or why it was not.

    From the address of the login page to the first SYNC and the QUERY after it: what was sent, what came back, and what is wrong with
    it. Codes, tokens and secrets are masked. The newest linking first.
    """
    with connect(server, data_dir) as admin:
        body = admin.get("links/trace", project=admin.project(project), user=user, limit=limit)
    if json:
        output.document(body)
        return 0
    found = documents.read(body, documents.LinkingTraces).linkings
    if not found:
        output.note("No linkings. `homegraph link PROJECT --user USER` starts one.")
    for one in found:
        for line in trace_lines(one):
            output.data(output.visible(line).rstrip())
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
    yes: Yes = False,
    server: Server = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> int:
    """End a link as its user. With an agent user's last link its devices and states go, too.

    The fulfillment is told (DISCONNECT); when it cannot be, the link ends all the same. Asks on a terminal, and needs --yes elsewhere.
    """
    with connect(server, data_dir) as admin:
        named = admin.project(project)
        question = f"End the link of {user} to {named}? Its devices may go with it."
        if not agreed(question, yes=yes):
            return FAILED
        body = admin.post("links/unlink", {"project": named, "user": user})
    if json:
        output.document(body)
        return 0
    link = documents.read(body, documents.Link)
    output.data(output.visible(f"The link of {link.user} to {link.project_id} is {link.state}."))
    return 0
