"""``--help`` of every command: told as results are told.

Typer prints it by itself, and a disk that is full would then be a bug of ours. The rule that is easily broken: a command or group that
is made without these classes has Typer's own ``--help``; ``options.command`` and ``options.commands`` make all of them.
"""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from homegraph.cli import output

__all__ = ["Command", "Group"]


class Command(TyperCommand):
    """A command that tells its help through ``output``."""

    def get_help_option(self, ctx: Any) -> Any:
        return _ours(super().get_help_option(ctx))


class Group(TyperGroup):
    """A group of commands that tells its help through ``output``."""

    def get_help_option(self, ctx: Any) -> Any:
        return _ours(super().get_help_option(ctx))


def _ours(option: Any) -> Any:
    """The option itself: Typer keeps it, and compares by identity."""
    if option is not None:
        option.callback = _show
    return option


def _show(ctx: Any, _option: Any, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        output.data(ctx.get_help())
        raise typer.Exit
