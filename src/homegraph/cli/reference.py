"""The reference page of the commands, made from the tree of commands.

``docs/reference/cli.md`` is what ``render_reference`` returns; a test compares them, so that no command or option can be
added without its place on the page. To write the page anew::

    python -m homegraph.cli.reference > docs/reference/cli.md

Prose that is not about a single command stands here as well. What is said about one belongs to its docstring and options.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any, Final

from homegraph.cli.app import root
from homegraph.cli.options import KEEP_LINES
from homegraph.wire.status import Exit

__all__ = ["every_command", "render_reference"]

_HEAD: Final = """\
<!-- Made by `python -m homegraph.cli.reference`; edit the commands in homegraph.cli, not this page. -->

# Commands

`homegraph COMMAND -h` shows the same as this page, `homegraph --version` the version.

## What goes where

* Results go to stdout; everything else (warnings, hints, errors) goes to stderr.
* With `--json` a command prints one JSON document, and that is what the server has answered, member for member. Members may be added,
  none is renamed or removed. The text output is for people and may change.
* Times are local in text and RFC 3339 in UTC in JSON.
* A terminal gets coloured tables, unless `NO_COLOR` is set; a file or pipe gets plain columns.
* An error says what happened, why, and what to do, then other possible reasons and links to pages about them. With `--json` it is
  an object on the last line of stderr: `{"error": {"code", "message", "why", "fix", "exit", "http_status", "status", "retryable",
  "other_reasons", "links"}}`. `code` is one of the [reasons](errors.md), or `USAGE` for a call that cannot be parsed.

## Which server

`request-sync`, `sync`, `report`, `query` and `agent-users` call the public API; see [which Home Graph](#which-home-graph). `serve` and `demo`
start a server; `db` opens the database itself, the one that `serve` would open with the same flags. All others ask a running server
through its admin API. Its address is `--server`, else `HOMEGRAPH_SERVER`, else what the server itself would be told by `HOMEGRAPH_LISTEN`, `homegraph.toml` (or the file that
`HOMEGRAPH_CONFIG` names) or `PORT`, else `http://127.0.0.1:4663`.

They show the admin token: `HOMEGRAPH_ADMIN_TOKEN`, else the file that `HOMEGRAPH_ADMIN_TOKEN_FILE` names, else `admin-token` in the
data folder, which is `--data-dir`, else `HOMEGRAPH_DATA_DIR`, else `data_dir` of `homegraph.toml`, else the platform's folder for
user data. The token in that last folder is not sent to a server on another machine.

No command takes a secret that has to stand on the command line, where everybody on the machine could read it.

## Which Home Graph

The commands that call the public API are callers like any other, of a server of one's own or of Google. Where they call is `--base-url`,
else `--target` (`local` or `google`), else `HOMEGRAPH_BASE_URL` or `HOMEGRAPH_EMULATOR_HOST`, else the server that is here, by the rule
above.

Who calls is `--credentials` (a service account's key file) or, for Request Sync, `--api-key-file`; else, for Request Sync,
`HOMEGRAPH_API_KEY` or the file that `HOMEGRAPH_API_KEY_FILE` names; else what `GOOGLE_APPLICATION_CREDENTIALS` names. What `gcloud` has besides
is used only when Google is called. Calls are repeated as [Client](python.md#client) does it: Request Sync and Report State never.

## Exit codes

| code | meaning |
|---|---|
"""

_EXITS: Final = {
    0: "done",
    Exit.FAILED: "it ran, and failed: a sync, a check, a story",
    Exit.USAGE: "wrong usage, or a setting or argument that the server refuses",
    Exit.UNREACHABLE: "the server, or a fulfillment, cannot be reached",
    Exit.NOT_ALLOWED: "not allowed: token or key is missing, wrong, or not good for this",
    Exit.NOT_FOUND: "there is no such thing",
    Exit.BUSY: "busy, limited, or in conflict with something else",
    Exit.TIMED_OUT: "the time to wait was over",
    Exit.BUG: "a bug in homegraph; please report it. `HOMEGRAPH_DEBUG=1` shows where it happened",
    130: "interrupted with Ctrl-C",
}

_BEYOND: Final = """
`request-sync` knows only 0 and 1 (and 2 for wrong usage): success or not, as the 2018 sample meant it.
"""


def render_reference() -> str:
    """The whole page, in Markdown."""
    exits = "".join(f"| {int(code)} | {meaning} |\n" for code, meaning in _EXITS.items())
    sections = (_section(path, command) for path, command in every_command())
    return f"{_HEAD}{exits}{_BEYOND}\n" + "\n".join(sections)


def every_command() -> Iterator[tuple[str, Any]]:
    """Every command with its whole name; groups themselves do nothing and are left out."""
    tree: Any = root()
    for name in tree.list_commands(None):
        found = tree.get_command(None, name)
        subcommands = getattr(found, "commands", None)
        if subcommands is None:
            yield f"homegraph {name}", found
        else:
            yield from ((f"homegraph {name} {sub}", one) for sub, one in subcommands.items())


def _section(path: str, command: Any) -> str:
    summary, _, rest = command.help.partition(f"\n\n{KEEP_LINES}\n")
    examples, _, more = rest.partition("\n\n")
    shown = "\n".join(line.strip() for line in examples.splitlines())
    more = f"{more.strip()}\n\n" if more.strip() else ""
    rows = "".join(_row(one) for one in command.params)
    table = f"\n| argument or option | meaning |\n|---|---|\n{rows}" if rows else ""
    return f"## `{path}`\n\n{summary}\n\n{more}```sh\n{shown}\n```\n{table}"


def _row(parameter: Any) -> str:
    is_option = parameter.param_type_name == "option"
    names = ", ".join(parameter.opts) if is_option else parameter.metavar
    value = f" {parameter.metavar}" if is_option and not parameter.is_flag else ""
    meaning = parameter.help.replace("|", "\\|")
    extra = [f"Variable `{parameter.envvar}`."] if parameter.envvar else []
    if is_option and parameter.required:
        extra.append("Required.")
    if is_option and parameter.default not in (None, False):
        extra.append(f"Default: `{parameter.default}`.")
    if getattr(parameter, "multiple", False):
        extra.append("May be repeated.")
    return f"| `{names}{value}` | {' '.join([meaning, *extra])} |\n"


if __name__ == "__main__":
    sys.stdout.write(render_reference())
