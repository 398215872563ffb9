"""``homegraph query``: the states that a Home Graph has, as a caller of its public API gets them.

The devices are not asked, and neither is their cloud: it is what was reported, or what the last QUERY said. ``devices`` is the
admin view, and needs no credential of the project.
"""

from __future__ import annotations

from typing import Annotated

import typer

from homegraph.cli import output
from homegraph.cli.caller import (
    AgentUserId,
    BaseUrl,
    CredentialsFile,
    Target,
    address,
    calling,
)
from homegraph.cli.options import Json, command, commands

app = commands("The states that a Home Graph has.")


@command(
    app,
    "query",
    "homegraph query user-1 lamp-1 lamp-2 --credentials key.json",
    "homegraph query user-1 lamp-1 --target google --json",
)
def query(
    *,
    agent_user_id: AgentUserId,
    device_ids: Annotated[
        list[str], typer.Argument(metavar="DEVICE", help="Ids of devices, as SYNC has them.")
    ],
    credentials: CredentialsFile = None,
    target: Target = None,
    base_url: BaseUrl = None,
    json: Json = False,
) -> int:
    """Show the states that a Home Graph has of devices.

    A service account is needed: --credentials, or what GOOGLE_APPLICATION_CREDENTIALS names.
    """
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
