"""``homegraph query``: the states that a Home Graph has, as a caller of its public API gets them.

The devices are not asked, and neither is their cloud: it is what was reported, or what the first QUERY said. ``devices`` is the
admin view, and needs no credential of the project.

With ``--live`` it is the other way round: the fulfillment is asked, by the server that is here, and what it says is shown beside what
is stored.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer

from homegraph.cli import documents, output
from homegraph.cli.admin import ERRAND_SECONDS, connect
from homegraph.cli.caller import (
    AgentUserId,
    BaseUrl,
    CredentialsFile,
    Target,
    address,
    calling,
)
from homegraph.cli.failure import FAILED
from homegraph.cli.options import DataDir, Json, Project, Server, command, commands
from homegraph.cli.time_lines import WHERE_MORE_IS, detail, explanation_lines, finding_lines

app = commands("The states that a Home Graph has.")


@command(
    app,
    "query",
    "homegraph query user-1 lamp-1 lamp-2 --credentials key.json",
    "homegraph query user-1 lamp-1 --target google --json",
    'homegraph query user-1 "kitchen lamp" --live',
)
def query(  # noqa: PLR0913  # one argument per option
    *,
    agent_user_id: AgentUserId,
    device_ids: Annotated[
        list[str],
        typer.Argument(
            metavar="DEVICE",
            help="Ids of devices, as SYNC has them; with --live names, too (kitchen lamp).",
        ),
    ],
    live: Annotated[
        bool,
        typer.Option("--live", help="Ask the fulfillment, and compare with what is stored."),
    ] = False,
    user: Annotated[
        str, typer.Option(metavar="USER", help="With --live: whose link's token is used.")
    ] = "",
    project: Project = None,
    server: Server = None,
    data_dir: DataDir = None,
    credentials: CredentialsFile = None,
    target: Target = None,
    base_url: BaseUrl = None,
    json: Json = False,
) -> int:
    """Show the states that a Home Graph has of devices.

    A service account is needed: --credentials, or what GOOGLE_APPLICATION_CREDENTIALS names.

    With --live the fulfillment is asked, through the server that is here (--server); nothing of its answer is stored. The exit code is
    1 when a device was not answered.
    """
    if live:
        if credentials or target or base_url:
            raise typer.BadParameter(
                "goes through --server, not through a caller's API", param_hint="--live"
            )
        with connect(server, data_dir) as admin:
            asked = {
                "project": admin.project(project),
                "agent_user": agent_user_id,
                "devices": device_ids,
                "user": user,
            }
            return _shown_live(admin.post("query", asked, seconds=ERRAND_SECONDS), as_json=json)
    if project or user:
        raise typer.BadParameter("are for --live", param_hint="--project and --user")
    with calling(address(target, base_url), credentials=credentials) as caller:
        found = caller.client.query(agent_user_id, device_ids)
        body = caller.body
    if json:
        output.document(body)
        return 0
    output.table(
        ("DEVICE", "STATE", "VALUE"),
        [
            (device_id, name, output.value(value))
            for device_id, states in found.items()
            for name, value in (states or {"-": None}).items()
        ],
        empty="No states.",
    )
    return 0


def _shown_live(body: bytes, *, as_json: bool) -> int:
    errand = documents.read(body, documents.Errand)
    exit_code = 0 if errand.ok else FAILED
    if as_json:
        output.document(body)
        return exit_code
    output.table(
        ("DEVICE", "STATE", "ANSWERED", "STORED", ""),
        [row for device in errand.devices for row in _rows(device)],
        empty="No devices.",
    )
    for line in (*explanation_lines(errand.explanation), *finding_lines(errand.findings)):
        output.note(output.visible(line))
    if not errand.ok:
        output.note(WHERE_MORE_IS.format(errand.id))
    return exit_code


def _rows(device: documents.DeviceResult) -> Iterator[tuple[str, ...]]:
    """A line for each state, and one for what is wrong or notable."""
    if not device.ok or device.error_code or device.exception_code:
        yield (device.id, "-", device.status or "-", "-", detail(device))
    for name in sorted({*device.states, *device.stored}):
        yield (
            device.id,
            name,
            output.value(device.states.get(name)),
            output.value(device.stored.get(name)),
            "differs" if name in device.differs else "",
        )
