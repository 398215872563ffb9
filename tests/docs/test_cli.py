"""The reference of commands: every command, argument, option and exit code is on the page."""

import re
import shlex
from pathlib import Path

import pytest

from homegraph.cli.app import COMMANDS, root
from homegraph.cli.reference import every_command, render_reference
from homegraph.wire.status import Exit

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "reference/cli.md").read_text()
ALL = dict(every_command())


def test_the_page_is_what_the_commands_say():
    """When this fails, make the page anew: its first line says how."""
    assert render_reference() == PAGE


def test_every_command_is_walked():
    """Nothing in the tree is left out: the walk by the groups' own lists finds the same commands."""
    tree = root()
    found = set()
    for name in tree.list_commands(None):
        command = tree.get_command(None, name)
        subcommands = list(getattr(command, "commands", {}))
        found |= {f"homegraph {name} {sub}" for sub in subcommands} or {f"homegraph {name}"}

    assert found == set(ALL)
    assert {path.split()[1] for path in ALL} == set(COMMANDS)


@pytest.mark.parametrize("path", ALL)
def test_every_argument_and_option_is_in_the_commands_section(path):
    """Under the command's heading stand all names that it takes, with a meaning and the variable."""
    section = PAGE.partition(f"\n## `{path}`\n")[2].partition("\n## ")[0]

    for parameter in ALL[path].params:
        names = parameter.opts if parameter.param_type_name == "option" else [parameter.metavar]
        assert all(re.search(rf"`[^`]*{re.escape(name)}\b[^`]*` \| \w", section) for name in names)
        assert parameter.envvar is None or f"`{parameter.envvar}`" in section


@pytest.mark.parametrize("code", [0, *Exit, 130], ids=lambda code: f"exit {int(code)}")
def test_every_exit_code_is_there(code):
    """The table has each code once."""
    assert len(re.findall(rf"^\| {int(code)} \| \w", PAGE, re.MULTILINE)) == 1


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(line, id=line)
        for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
        for line in block.splitlines()
    ],
)
def test_examples_can_be_parsed(line):
    """What an example shows is a call that the command accepts."""
    words = shlex.split(re.sub(r"^\w+=\$\((.*)\)$", r"\1", line))
    words = words[words.index("homegraph") + 1 :]
    tree = root()
    command = tree.get_command(None, words.pop(0))
    if hasattr(command, "commands"):
        command = command.commands[words.pop(0)]

    command.make_context("example", words)


def test_variables_of_the_commands_are_known_to_the_settings():
    """The server takes an unknown HOMEGRAPH_ variable for a mistake, so it has to know those of the commands."""
    from homegraph.settings.rows import CLIENT_VARIABLES
    from homegraph.settings.server import SETTINGS

    source = "".join(
        path.read_text()
        for room in ("cli", "client")
        for path in (DOCS.parent / "src/homegraph" / room).glob("*.py")
    )
    used = set(re.findall(r'"(HOMEGRAPH_[A-Z_]+)"', source))

    assert used
    assert used <= {*CLIENT_VARIABLES, *(setting.variable for setting in SETTINGS)}
