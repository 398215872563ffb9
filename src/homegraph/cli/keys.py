"""``homegraph keys``: the API keys of a project. A key is shown once, when it is made; the server keeps only its hash."""

from __future__ import annotations

from typing import Annotated

import typer

from homegraph.cli import documents, output
from homegraph.cli.admin import connect
from homegraph.cli.options import (
    DataDir,
    Json,
    Project,
    Server,
    command,
    commands,
    expiry,
    several,
)

app = commands("The API keys of a project.")


@command(
    app,
    "create",
    "homegraph keys create --project acme",
    "KEY=$(homegraph keys create --expires 2027-01-31 --addresses 10.0.0.0/8)",
)
def create(
    project: Project = None,
    expires: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="When it ends: 2027-01-31, or 2027-01-31T12:00:00Z."),
    ] = None,
    methods: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help="Only for these: devices.requestSync (repeat, or commas)."
        ),
    ] = None,
    addresses: Annotated[
        list[str] | None,
        typer.Option(metavar="CIDR", help="Only for callers from here (repeat, or commas)."),
    ] = None,
    server: Server = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> int:
    """Make an API key. It is printed once and cannot be had again."""
    ends = expiry(expires) if expires else None
    with connect(server, data_dir) as admin:
        body = admin.post(
            "keys",
            {
                "project": admin.project(project),
                "expires_at": ends,
                "methods": several(methods) or None,
                "addresses": several(addresses) or None,
            },
        )
    if json:
        output.document(body)
        return 0
    made = documents.read(body, documents.Key)
    output.data(output.visible(made.key))
    output.note(
        output.visible(
            f"Key {made.id} of project {made.project_id}. Keep it now: it is not shown again."
        )
    )
    if made.state == "expired":
        output.note("Its end is over by the server's clock: calls with it are refused.")
    return 0


@command(app, "list", "homegraph keys list --project acme", "homegraph keys list --json")
def list_(
    project: Project = None, server: Server = None, data_dir: DataDir = None, json: Json = False
) -> int:
    """List the keys of a project, revoked ones too. Of each key only its beginning is known."""
    with connect(server, data_dir) as admin:
        body = admin.get("keys", project=admin.project(project))
    if json:
        output.document(body)
        return 0
    output.table(
        ("KEY", "BEGINS", "STATE", "MADE BY", "MADE", "EXPIRES", "ONLY"),
        [
            (
                key.id,
                key.hint,
                key.state,
                key.origin,
                output.local(key.created_at),
                output.local(key.expires_at),
                ", ".join((*key.methods, *key.addresses)) or "-",
            )
            for key in documents.read(body, documents.Keys).keys
        ],
        empty="No keys. `homegraph keys create` makes one.",
    )
    return 0


@command(
    app,
    "revoke",
    "homegraph keys revoke --project acme 3f9a01bc",
    "homegraph keys revoke 3f9a01bc --json",
)
def revoke(
    key_id: Annotated[
        str, typer.Argument(metavar="KEY_ID", help="As `homegraph keys list` has it.")
    ],
    project: Project = None,
    server: Server = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> int:
    """Revoke a key: calls with it are refused from now on, for ever."""
    with connect(server, data_dir) as admin:
        body = admin.post("keys/revoke", {"project": admin.project(project), "id": key_id})
    if json:
        output.document(body)
        return 0
    key = documents.read(body, documents.Key)
    output.data(output.visible(f"Key {key.id} of project {key.project_id} is {key.state}."))
    return 0
