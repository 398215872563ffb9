"""The tree of commands, and the one boundary where an error becomes a message and an exit code.

Every command is a function that returns its exit code or raises an error; none of them prints an error or ends the
process. ``run`` does both, so that all commands fail alike.

Commands live in one module each, named in ``COMMANDS``, and a module is imported when its command is called or listed.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from homegraph import __version__
from homegraph.cli import failure, output
from homegraph.cli.help_option import Group

__all__ = ["COMMANDS", "root", "run"]

COMMANDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "serve": "serve",
        "demo": "demo",
        "request-sync": "request_sync",
        "sync": "sync",
        "report": "report",
        "query": "query",
        "execute": "execute",
        "projects": "projects",
        "keys": "keys",
        "service-accounts": "service_accounts",
        "link": "link",
        "links": "links",
        "agent-users": "agent_users",
        "devices": "devices",
        "runs": "runs",
        "status": "status",
        "lint": "lint",
        "doctor": "doctor",
        "db": "db",
        "export": "export",
        "import": "import_",
    }
)
"""Command or group, and its module in this package. The order is the order of the help."""

HELP: Final = """An open Home Graph with Request Sync at its heart. Not affiliated with Google.

\b
  homegraph demo --once                     see what it does, in a minute
  homegraph serve                           start a server (reads ./homegraph.toml)

Results go to stdout, everything else to stderr; the commands that answer know --json.
"""


class _LazyGroup(Group):
    """The root: imports a command's module when somebody asks for the command."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        self._load(cmd_name)
        return super().get_command(ctx, cmd_name)

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002  # Typer's signature
        for name in COMMANDS:
            self._load(name)
        return list(COMMANDS)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and args[0] not in COMMANDS:
            self.list_commands(ctx)  # "did you mean" compares with what is loaded
        return super().resolve_command(ctx, args)

    def _load(self, name: str) -> None:
        if name in COMMANDS and name not in self.commands:
            module = importlib.import_module(f"homegraph.cli.{COMMANDS[name]}")
            self.add_command(typer.main.get_command(module.app), name)


def _version(value: bool) -> None:
    if value:
        output.data(f"homegraph {__version__}")
        raise typer.Exit


def _root(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", "-V", callback=_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Hold the options of the root."""


def root() -> TyperGroup:
    """Make the tree of commands."""
    app = typer.Typer(
        cls=_LazyGroup,
        help=HELP,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    return typer.main.get_group(app)


def _check_text(arguments: Sequence[str]) -> None:
    """Refuse arguments that cannot be written: bytes that are no text in this locale arrive as half characters."""
    try:
        for argument in arguments:
            argument.encode()
    except UnicodeEncodeError as exc:
        raise TyperException("An argument is not text in this terminal's encoding.") from exc


def run(arguments: Sequence[str]) -> int:
    """Run a command; returns its exit code. What is wrong is said on stderr.

    ``--json`` is looked for in the arguments themselves, because a call that cannot be parsed must already be answered in
    the right form.
    """
    as_json = "--json" in arguments
    try:
        _check_text(arguments)
        result = root().main(list(arguments) or ["--help"], "homegraph", standalone_mode=False)
        output.flush()
    except Exception as exc:  # noqa: BLE001  # the boundary: whatever it is, it becomes a message and a code
        return failure.report(exc, as_json=as_json)
    return result if isinstance(result, int) else 0
