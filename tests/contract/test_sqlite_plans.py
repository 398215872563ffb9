"""How SQLite reads: no statement that serves anybody depends on how much else is stored."""

import contextlib
import re
from pathlib import Path

import apsw
import pytest

from homegraph.store import rings, sqlite
from homegraph.store.sqlite.opening import open_database
from homegraph.store.statements import load

WHOLE_TABLES = {
    # What is asked for is the whole of a table that is small, or a sum over it.
    "check_definitions": {"d"},  # the whole file is looked at, by hand
    "check_references": {"pragma_foreign_key_check"},  # the same
    "check_totals": {"u"},  # the same
    "count_agent_users": {"agent_user"},
    "count_links": {"link"},
    "count_projects": {"project"},
    "count_work": {"sync_work"},  # of its partial index: idle work is not in it
    "interrupt_linkings": {"linking"},  # of its partial index; once, when a file is opened
    "list_left_behind": {"sync_work"},  # the same; once, when a file is opened
    "list_from_later": {"sync_work"},  # the same
    "list_migrations": {"migration"},
    "list_projects": {"project"},
    "list_unlinkings": {"unlinking"},  # of those under way at this moment
    "list_service_keys": {"service_key"},  # a few of each project; read when the server starts
    "count_tables": {"sqlite_schema"},
    "find_sealing": {"sealing"},  # of one row
    "forget_grants": {"link"},  # by hand, when a key was lost
    "probe": {"probe"},
}
OF_A_PROJECT = {
    "count_agent_users_of_project",  # a sum, for a person who asks
    "count_linkings",
    "count_links_of_project",  # the same, of indexes alone
    "find_project",
    "list_first_syncs",
    "list_keys",
    "list_service_keys_of_project",
}
"""Statements whose answer is all there is of one project: itself, or a few rows that people made (linkings: a thousand at most).

``list_first_syncs`` reads a partial index in which there is nothing else, in its order, up to a bound.
"""

SORTED = {"list_projects_ready"}
"""Statements that may sort: a few rows at most."""

STATEMENTS = {
    name: sql
    for name, sql in load("sqlite").items()
    if sql.split()[0] in {"SELECT", "WITH", "INSERT", "UPDATE", "DELETE"}
}
OF_PRAGMAS = {"check_references"}
"""A pragma plans statements of its own."""


@pytest.fixture(scope="module")
def database():
    """A database with the schema."""
    opened = open_database(None, str, 900.0)
    yield opened.writer
    opened.close()


def plan(database, sql):
    """The lines of a statement's query plan."""
    values = ("[]",) * placeholders(sql)
    return [row[3] for row in database.connection.execute(f"EXPLAIN QUERY PLAN {sql}", values)]


def placeholders(sql):
    """How many values a statement takes."""
    numbered = [int(number) for number in re.findall(r"\?(\d+)", sql)]
    return max(numbered, default=sql.count("?"))


@pytest.mark.parametrize("name", STATEMENTS)
def test_nothing_is_scanned(database, name):
    """Every statement finds its rows by an index; those that sum a table up are listed here."""
    lines = plan(database, STATEMENTS[name])
    scanned = {
        matched[1] for line in lines if (matched := re.match(r"SCAN (\w+)(?!.*VALUES)", line))
    }
    # "busy" is the recursion's own table; the oldest of a journal are a window that its LIMIT bounds.
    scanned -= {"CONSTANT", "busy", "json_each"}
    if name.endswith("_young"):
        assert "LIMIT" in STATEMENTS[name]
        scanned.clear()

    assert scanned == WHOLE_TABLES.get(name, set()), lines
    assert (name in SORTED) is any("TEMP B-TREE" in line for line in lines), lines


@pytest.mark.parametrize("name", STATEMENTS)
def test_rows_are_found_by_their_whole_key(database, name):
    """A project is no key: what belongs to one agent user or user is not sought through a whole project."""
    for line in plan(database, STATEMENTS[name]):
        if re.search(r"\(project_id=\?\)$", line):
            assert name in OF_A_PROJECT, line


@pytest.mark.parametrize("name", [name for name in STATEMENTS if name not in OF_PRAGMAS])
def test_a_plan_holds_for_all_values(database, name):
    """A statement is planned once, whatever is bound to it: to plan takes ten times as long as to find a row."""
    connection, sql = database.connection, STATEMENTS[name]
    planned = []  # SQLite asks for leave when it plans, and only then

    def execute(value):
        planned.clear()
        with contextlib.suppress(apsw.ConstraintError, apsw.MismatchError):  # no row of ours
            connection.execute(sql, (value,) * placeholders(sql)).fetchall()
        return len(planned)

    connection.execute("BEGIN")
    connection.authorizer = lambda *what: planned.append(what) or apsw.SQLITE_OK
    try:
        counts = [execute("1"), execute("2")]
    finally:
        connection.authorizer = None
        connection.execute("ROLLBACK")

    assert counts[0] > 0
    assert counts[1] == 0


def test_every_statement_is_used():
    """A statement that nobody runs is deleted."""
    files = (*Path(sqlite.__file__).parent.glob("*.py"), Path(rings.__file__))
    code = "\n".join(file.read_text() for file in files)
    assert [name for name in load("sqlite") if f'"{name}"' not in code] == []
