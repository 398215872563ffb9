"""Named SQL statements, read from the ``.sql`` files of a dialect.

Every statement stands under a header with its name and a line that says what it is for::

    -- find_link --
    -- One link.
    SELECT …

The text that is handed out is the text in the file: nothing is ever put into it but bound parameters. Both dialects have
the same names, so that an adapter reads like the other one and a missing statement is seen at once; those that only one of the
databases needs are listed, with the reason, in the test that compares them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final

_HEADER: Final = re.compile(r"^-- ([a-z_]+) --$", re.MULTILINE)


@cache
def load(dialect: str) -> Mapping[str, str]:
    """All statements of a dialect by name.

    Raises ValueError for a file that breaks the form: text before the first header, a name that occurs twice, a
    statement without a purpose line.
    """
    statements: dict[str, str] = {}
    folder = files("homegraph.store").joinpath("sql", dialect)
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        if not file.name.endswith(".sql"):
            continue
        for name, text in split(file.read_text(encoding="utf-8"), file.name):
            if name in statements:
                raise ValueError(f"{file.name}: the statement {name} is there twice")
            statements[name] = text
    return MappingProxyType(statements)


def split(text: str, place: str) -> Iterator[tuple[str, str]]:
    """Take a file apart into names and statements; ``place`` names the file in errors."""
    before, *parts = _HEADER.split(text)
    if before.strip():
        raise ValueError(f"{place}: there is text before the first header")
    for name, part in zip(parts[::2], parts[1::2], strict=True):
        lines = part.strip().splitlines()
        statement = [line for line in lines if not line.startswith("--")]
        if len(statement) == len(lines):
            raise ValueError(f"{place}: {name} has no line that says what it is for")
        yield name, "\n".join(statement)
