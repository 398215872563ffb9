"""``homegraph service-accounts``: the accounts that programs call with, and their key files.

A key file is written once, when it is made, for its owner alone and never over a file that is there: what it would replace
could be the only copy of another key. The place is taken before the key is asked for, so that no key is made that cannot be kept.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, TextIO

import msgspec
import typer

from homegraph.cli import documents, output
from homegraph.cli.admin import connect
from homegraph.cli.options import DataDir, Json, Project, Server, command, commands
from homegraph.errors import SettingsError

app = commands("The service accounts of a project, and their key files.")


@command(
    app,
    "create",
    "homegraph service-accounts create --project acme --out key.json",
    "homegraph service-accounts create --out second.json --name reporter",
)
def create(
    out: Annotated[
        Path,
        typer.Option(metavar="FILE", help="Where the key file is written; it must not be there."),
    ],
    project: Project = None,
    name: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The account's name; without it, home-graph."),
    ] = None,
    email: Annotated[
        str | None,
        typer.Option(metavar="EMAIL", help="The account's whole name, in place of --name."),
    ] = None,
    server: Server = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> int:
    """Make a key for a service account, and the account with its first key.

    The file is in Google's format, so Google's libraries take it as it is; its token_uri is the server's.
    """
    if name and email:
        raise typer.BadParameter("say one of both", param_hint="--name or --email")
    with connect(server, data_dir) as admin, _new_file(out) as file:
        body = admin.post(
            "service-accounts", {"project": admin.project(project), "name": name, "email": email}
        )
        made = documents.read(body, documents.NewServiceKey)
        file.write(msgspec.json.format(made.key_file, indent=2).decode() + "\n")
    if json:
        shown = documents.read(body, dict[str, msgspec.Raw])
        shown.pop("key_file", None)  # it is in the file, and nowhere else
        output.document(msgspec.json.encode(shown))
        return 0
    output.data(output.visible(f"{made.email} has a new key, {made.id}; it is in {out}."))
    output.note("Keep the file: nobody can have its private key again.")
    return 0


@contextmanager
def _new_file(path: Path) -> Iterator[TextIO]:
    """A file of mode 0600 that was not there; it is gone again when the block fails. Raises SettingsError."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as exc:
        raise SettingsError(
            "is there already, and key files are never overwritten",
            place=str(path),
            hint="Choose another --out.",
        ) from exc
    except OSError as exc:
        raise SettingsError(f"cannot be written: {exc.strerror}", place=str(path)) from exc
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        path.unlink(missing_ok=True)
        raise


@command(
    app,
    "list",
    "homegraph service-accounts list --project acme",
    "homegraph service-accounts list --json",
)
def list_(
    project: Project = None, server: Server = None, data_dir: DataDir = None, json: Json = False
) -> int:
    """List the service accounts of a project by their keys, revoked ones too."""
    with connect(server, data_dir) as admin:
        body = admin.get("service-accounts", project=admin.project(project))
    if json:
        output.document(body)
        return 0
    output.table(
        ("ACCOUNT", "KEY", "STATE", "MADE BY", "MADE"),
        [
            (key.email, key.id, key.state, key.origin, output.local(key.created_at))
            for key in documents.read(body, documents.ServiceKeys).keys
        ],
        empty="No service accounts. `homegraph service-accounts create` makes one.",
    )
    return 0


@command(
    app,
    "revoke",
    "homegraph service-accounts revoke 0f3a9c51d2",
    "homegraph service-accounts revoke --project acme home-graph@acme.iam.gserviceaccount.com",
)
def revoke(
    which: Annotated[
        str,
        typer.Argument(
            metavar="KEY_OR_ACCOUNT",
            help="A key's id, or an account's whole name: then all its keys.",
        ),
    ],
    project: Project = None,
    server: Server = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> int:
    """Revoke a key or a whole account: it gets no token from now on, and the tokens it has end at once."""
    member = "email" if "@" in which else "id"
    with connect(server, data_dir) as admin:
        body = admin.post(
            "service-accounts/revoke", {"project": admin.project(project), member: which}
        )
    if json:
        output.document(body)
        return 0
    for key in documents.read(body, documents.ServiceKeys).keys:
        output.data(output.visible(f"Key {key.id} of {key.email} is {key.state}."))
    return 0
