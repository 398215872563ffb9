"""``homegraph demo``: read the flags and let ``homegraph.demo.story`` tell its story."""

from __future__ import annotations

from typing import Annotated

import typer

from homegraph.cli.options import Json, command, commands

app = commands("See Request Sync work, with a device cloud of our own.")


@command(app, "demo", "homegraph demo --once", "homegraph demo --listen 127.0.0.1:8080")
def demo(
    once: Annotated[
        bool, typer.Option("--once", help="End after the story; exit code 1 if it went otherwise.")
    ] = False,
    listen: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Where the demo's Home Graph listens.")
    ] = None,
    json: Json = False,
) -> int:
    """Start a Home Graph and a device cloud, and show what Request Sync does.

    Each call is printed as a curl line that can be pasted. Nothing is kept, and nothing leaves this machine.
    With --json the story goes to stderr.
    """
    from homegraph.demo.story import run

    return run(once=once, listen=listen, as_json=json)
