"""What is remembered has a bound, and the bound a name: nothing that a caller sends can fill the memory."""

import ast
from pathlib import Path

import homegraph

SRC = Path(homegraph.__file__).parent

KEPT_WHOLE = {
    "builtin": "one catalog",
    "load": "two dialects",
    "migrations": "two dialects",
    "parse": "paths in catalogs, which no caller writes",
    "some_databases": "made up once, by the contract suite",
    "_rows_of": "the classes of settings",
}
"""Functions whose results are all remembered, by ``functools.cache``, and why those are few."""


def remembered():
    """Every use of ``lru_cache``, as its call, and the functions that have ``cache``."""
    sizes, whole = [], set()
    for path in SRC.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("lru_cache"):
                sizes += [
                    ast.unparse(one) for one in (*node.args, *(k.value for k in node.keywords))
                ]
            if isinstance(node, ast.FunctionDef):
                names = [ast.unparse(one).split(".")[-1] for one in node.decorator_list]
                assert "lru_cache" not in names, f"{node.name}: say how much"
                whole |= {node.name} if "cache" in names else set()
    return sizes, whole


def test_what_is_remembered_is_bounded():
    """By a constant with a name, or because there is little of it."""
    sizes, whole = remembered()

    assert len(sizes) > 5
    assert [one for one in sizes if not one.endswith("_MAX")] == []
    assert whole == set(KEPT_WHOLE)
