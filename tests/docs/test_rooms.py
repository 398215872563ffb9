"""The maps at the top of rooms: whoever looks for a module finds it there."""

import ast
import re
from pathlib import Path

import pytest

import homegraph

SRC = Path(homegraph.__file__).parent
MAPPED = [
    "demo", "demo/cloud", "graph", "http", "rpc", "service", "service/http", "settings", "store", "store/sqlite", "web",
]  # fmt: skip


def modules(room):
    """The names of a room's modules and of the rooms in it; not those of data."""
    inside = {path.stem for path in room.glob("*.py")} | {
        path.parent.name for path in room.glob("*/__init__.py")
    }
    return {name for name in inside if not name.startswith("__")}


@pytest.mark.parametrize("room", MAPPED)
def test_every_module_is_on_the_map(room):
    """By its name: in the room's essay as code, or in its table."""
    essay = ast.get_docstring(ast.parse((SRC / room / "__init__.py").read_text()))
    named = " ".join(re.findall(r"``.+?``|^    .+$", essay, re.MULTILINE))

    assert modules(SRC / room) - set(re.findall(r"\w+", named)) == set()
