"""The two dialects beside each other: the same statements, but for those that only one database needs."""

import re
from importlib.resources import files

from homegraph.store.statements import load, split

SQLITE_FILES = {
    "connection.sql": "how a connection is set up, and transactions, which the driver for PostgreSQL has itself",
    "care.sql": "a file is copied and checked by us, a server by its own tools",
}
SQLITE_ALONE = {
    "settle_work": "the writer is alone, and needs no lock to write what it has not read; elsewhere the row read is the lock",
    "list_left_behind": "one process owns a file, so at its start every lease is void; elsewhere leases end by themselves",
    "list_from_later": "every server would do it, to what others are about to claim; a database server's clock is seldom set by hand",
    "end_refreshes": "the same, of turns to refresh a token",
    "insert_reported": "a device has a row for the list that it is in and one for the rest, and elsewhere one for both",
    "renew_reported": "the same",
    "delete_reported": "the same",
    "find_two_reported_devices": "most reports and queries are about two; elsewhere a statement takes any number as an array",
    "find_states_of_two": "the same",
}
POSTGRES_ALONE = {
    "find_backend": "whether a pooler is in between",
    "find_durability": "whether a commit is on the disk when it returns, which SQLite's connection says itself",
    "find_encoding": "whether it keeps texts as UTF-8, as SQLite always does",
    "find_size": "a file is measured where it lies",
    "has_instances": "see save_instance",
    "find_time": "a server has a clock of its own",
    "save_instance": "who owns a file is its only instance, and is asked itself",
    "list_instances": "the same",
    "delete_instance": "the same",
    "delete_instances": "the same",
    "tell": "hints go to other processes, of which SQLite has none",
    "import_device": "a device is one row there, so it is written by one statement",
    "lock_schema": "servers that start together; a file has one process",
    "bound_waiting": "the same: nobody reads it meanwhile who would be in the way",
    "lock_agent_users": "locks, where SQLite has one writer at a time",
    "lock_devices": "the same",
    "lock_links": "the same",
    "lock_project": "the same",
    "lock_linking": "the same",
    "lock_credentials": "the same",
    "bind_link": "what a first SYNC changes of links, for many at once",
    "reserve_links": "a row that is not there cannot be locked",
    "look_at_work": "a way to the server costs more than the statement: async requests do without a transaction",
    "join_work": "the same",
    "grow_state_counts": "a recount would not see what others are about to add",
}


def names(dialect, *but):
    """The names of a dialect's statements, those of some files left out."""
    folder = files("homegraph.store").joinpath("sql", dialect)
    found = [file for file in folder.iterdir() if file.name.endswith(".sql")]
    return {
        name
        for file in found
        if file.name not in but
        for name, _ in split(file.read_text(), file.name)
    }


def test_the_dialects_have_the_same_statements():
    """A statement that is missing in one is here with its reason, and nothing else is."""
    sqlite, postgres = names("sqlite", *SQLITE_FILES), names("postgres")
    shared = names("sqlite", "care.sql") & postgres

    assert sqlite - postgres == SQLITE_ALONE.keys()
    assert postgres - sqlite - shared == POSTGRES_ALONE.keys()


def test_statements_on_postgresql_name_what_they_are_given():
    """Parameters are numbered from 1 without a gap: one that is left out would be somebody else's value."""
    for name, sql in load("postgres").items():
        numbers = {int(number) for number in re.findall(r"\$(\d+)", sql)}
        assert numbers == set(range(1, len(numbers) + 1)), name


def test_postgresql_before_16_can_read_the_statements():
    """A subquery in FROM has a name: servers of distributions that are in use refuse one without."""
    for name, sql in load("postgres").items():
        for found in re.finditer(r"\b(?:FROM|JOIN)\s*\((?=\s*SELECT\b)", sql):
            behind = sql[closing(sql, found.end()) :].split(maxsplit=2)
            assert behind[:1] == ["AS"], name


def closing(text, start):
    """Where the bracket is closed that was opened before ``start``."""
    depth = 1
    for place in range(start, len(text)):
        depth += (text[place] == "(") - (text[place] == ")")
        if depth == 0:
            return place + 1
    return len(text)
