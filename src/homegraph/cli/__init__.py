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

import gc
import os
import sys
from typing import Final

from homegraph import __version__

__all__ = ["main"]

INTERRUPTED: Final = 130
"""128 + SIGINT, the shells' convention."""

COLLECT_AFTER: Final = 50_000
"""Allocations between two looks for rubbish. Modules leave none: by default these looks are a tenth of a command's start."""

_STREAMS: Final = ("stdin", "stdout", "stderr")


def main() -> None:
    """Run the command that the process was called with, and end the process with its exit code."""
    arguments = sys.argv[1:]
    _complete_streams()
    if arguments in (["--version"], ["-V"]) and _has_told_version():
        return
    gc.set_threshold(COLLECT_AFTER)
    try:
        from homegraph.cli.app import run

        code = run(arguments)
    except KeyboardInterrupt:
        code = INTERRUPTED
    sys.exit(code)


def _complete_streams() -> None:
    """Open what the process was started without (``>&-``) to nowhere: the first file or socket would take its number."""
    for number, name in enumerate(_STREAMS):
        if getattr(sys, name) is not None:
            continue
        nowhere = os.open(os.devnull, os.O_RDWR)
        if nowhere != number:
            os.dup2(nowhere, number)
            os.close(nowhere)
        setattr(sys, name, os.fdopen(number, "w" if number else "r", encoding="utf-8"))


def _has_told_version() -> bool:
    """False when it cannot be written: the command tells then what is wrong, as all of them do."""
    try:
        sys.stdout.write(f"homegraph {__version__}\n")
        sys.stdout.flush()
    except OSError:
        return False
    return True
