"""Options that several commands share, and how their values are read.

Each option is one annotated type, so that it has the same name, variable and help everywhere. Values become what commands
work with at this door: seconds, RFC 3339 times; a value that cannot be read is wrong usage (exit code 2).
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any, Final, TypeVar

import typer

from homegraph.cli import output
from homegraph.cli.help_option import Command, Group

__all__ = [
    "KEEP_LINES",
    "AgentUser",
    "DataDir",
    "Json",
    "Project",
    "Server",
    "Yes",
    "agreed",
    "command",
    "commands",
    "expiry",
    "seconds",
    "several",
]

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]
Server = Annotated[
    str | None,
    typer.Option(
        "--server",
        metavar="URL",
        envvar="HOMEGRAPH_SERVER",
        show_envvar=True,
        help="The server's address; without it, what ./homegraph.toml says, else port 4663 here.",
    ),
]
DataDir = Annotated[
    str | None,
    typer.Option(
        "--data-dir",
        metavar="DIR",
        envvar="HOMEGRAPH_DATA_DIR",
        show_envvar=True,
        help="The server's data folder, which holds the admin token.",
    ),
]
Project = Annotated[
    str | None,
    typer.Option("--project", metavar="ID", help="May be left out where there is only one."),
]
AgentUser = Annotated[
    str, typer.Option("--agent-user", metavar="ID", help="The agentUserId, as SYNC names it.")
]

Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]

Function = TypeVar("Function", bound=Callable[..., Any])

KEEP_LINES: Final = "\b"
"""A paragraph of a help text that begins with this line keeps its lines."""

_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)?", re.ASCII)


def command(app: typer.Typer, name: str, *examples: str) -> Callable[[Function], Function]:
    """Make a function a command. Its help is the docstring, with the examples after the first sentence."""

    def register(function: Function) -> Function:
        summary, _, more = inspect.cleandoc(function.__doc__ or "").partition("\n\n")
        shown = "\n".join((KEEP_LINES, *(f"  {example}" for example in examples)))
        told = f"{summary}\n\n{shown}\n\n{more}".strip()
        app.command(name, cls=Command, help=told)(function)
        return function

    return register


def commands(summary: str) -> typer.Typer:
    """An empty group of commands (or a single command) in our manner."""
    return typer.Typer(
        cls=Group,
        help=summary,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )


def agreed(question: str, *, yes: bool) -> bool:
    """Whether what cannot be undone may be done: ``--yes`` says so, or who is asked on a terminal.

    Whoever says no is told that nothing was changed.

    Raises:
        typer.BadParameter: there is nobody to ask, so ``--yes`` has to say it.
    """
    if yes:
        return True
    if not sys.stdin.isatty():
        raise typer.BadParameter("say it where nobody can be asked", param_hint="--yes")
    if typer.confirm(output.visible(question), err=True):
        return True
    output.note("Nothing was changed.")
    return False


def seconds(text: str) -> float:
    """A duration like ``30s``, ``500ms``, ``2m``, ``1h``; a bare number is seconds.

    Raises:
        typer.BadParameter: it is none.
    """
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise typer.BadParameter(f"{text!r} is no duration; write 30s, 500ms or 2m")
    return float(match[1]) * _UNITS[match[2] or "s"]


def expiry(text: str) -> str:
    """A point in time as RFC 3339 in UTC. A date is its first instant; without a zone the reader's own is meant.

    Raises:
        typer.BadParameter: it is none.
    """
    try:
        moment = datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError) as exc:
        raise typer.BadParameter(
            f"{text!r} is no time; write 2027-01-31 or 2027-01-31T12:00:00Z"
        ) from exc
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def several(values: list[str] | None) -> list[str]:
    """Values of an option that may be repeated, or hold several separated by commas."""
    return [part for value in values or () for part in map(str.strip, value.split(",")) if part]
