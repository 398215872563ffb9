"""The command line: ``homegraph`` and ``python -m homegraph``.

``main`` is the entry point. It answers ``--version`` by itself, because shells, package managers and bug reports ask for it
all the time, and Typer alone takes longer to import than the answer; everything else begins in ``app``.

Rooms: ``app`` has the table of commands and the boundary where errors become exit codes; one module per group of commands;
``options`` what they share; ``place`` where the server is; ``admin`` how it is spoken to; ``documents`` what it answers;
``output`` and ``failure`` how results and errors are shown.

The rule that is easily broken: commands are imported when they are called, and import heavy things when they run.
A new import at the top of this module or of ``app`` is paid by every call; a test holds --version under its bound.
"""

from __future__ import annotations

import sys
from typing import Final

from homegraph import __version__

__all__ = ["main"]

INTERRUPTED: Final = 130
"""128 + SIGINT, the shells' convention."""


def main() -> None:
    """Run the command that the process was called with, and end the process with its exit code."""
    arguments = sys.argv[1:]
    if arguments in (["--version"], ["-V"]):
        sys.stdout.write(f"homegraph {__version__}\n")
        return
    try:
        from homegraph.cli.app import run

        code = run(arguments)
    except KeyboardInterrupt:
        code = INTERRUPTED
    sys.exit(code)
