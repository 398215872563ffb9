"""``homegraph serve``: read the flags and hand them to the server. Everything else about serving is in ``homegraph.server``.

The flags have no variables here: the server reads variables and file itself, because it must know (and can say, in
``homegraph status --settings``) where each setting came from.
"""

from __future__ import annotations

from typing import Annotated

import typer

from homegraph.cli.options import command, commands

app = commands("Run a Home Graph.")


@command(
    app, "serve", "homegraph serve", "homegraph serve --config home.toml --listen 127.0.0.1:8080"
)
def serve(  # noqa: PLR0913, PLR0917  # one for each flag
    config: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Settings and projects; without it ./homegraph.toml."),
    ] = None,
    listen: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Where to listen (127.0.0.1:4663).")
    ] = None,
    grpc_listen: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="Where to answer gRPC, too (nowhere)."),
    ] = None,
    db: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="The database: sqlite:FILE, sqlite::memory: or postgresql://…"
        ),
    ] = None,
    workers: Annotated[
        str | None,
        typer.Option(metavar="N", help="How many processes; more than 1 on PostgreSQL only (1)."),
    ] = None,
    data_dir: Annotated[
        str | None,
        typer.Option(metavar="DIR", help="Folder of database, encryption key and admin token."),
    ] = None,
    log_format: Annotated[
        str | None, typer.Option(metavar="FORMAT", help="How log lines look: auto, text or json.")
    ] = None,
    log_level: Annotated[
        str | None, typer.Option(metavar="LEVEL", help="debug, info, warning or error.")
    ] = None,
) -> int:
    """Run a Home Graph until it is stopped.

    Every flag has a variable HOMEGRAPH_… and a key in the file. A flag counts most, then the variable, the file, the
    default. Ctrl-C, SIGTERM or a terminal that closes (unless nohup keeps it) finishes what is under way; a second Ctrl-C
    or SIGTERM stops at once.
    """
    from homegraph.server import serve as run

    given = {  # by the names of the settings
        "config": config,
        "listen": listen,
        "grpc_listen": grpc_listen,
        "database": db,
        "workers": workers,
        "data_dir": data_dir,
        "log_format": log_format,
        "log_level": log_level,
    }
    flags: dict[str, object] = {name: value for name, value in given.items() if value is not None}
    return run(flags)
