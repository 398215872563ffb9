"""How PostgreSQL reads: no statement that serves anybody depends on how much else is stored."""

import asyncio
import json
import re
from pathlib import Path

import asyncpg
import pytest

from homegraph.store import postgres as adapter
from homegraph.store import rings
from homegraph.store.statements import load

WHOLE_TABLES = {
    # What is asked for is the whole of a table that is small, or a sum over it.
    "count_agent_users": {"agent_user"},
    "count_links": {"link"},
    "count_projects": {"project"},
    "delete_instances": {"instance"},
    "list_instances": {"instance"},
    "list_migrations": {"migration"},
    "list_projects": {"project"},
    "list_unlinkings": {"unlinking"},  # those under way at this moment
    "find_sealing": {"sealing"},  # of one row
    "replace_sealing": {"sealing"},
    "forget_grants": {"link"},  # by hand, when a key was lost
    "probe": {"probe"},
}
OF_CATALOGS = {"count_tables"}
"""Statements that ask PostgreSQL about itself."""

STATEMENTS = {
    name: sql
    for name, sql in load("postgres").items()
    if sql.split()[0] in {"SELECT", "WITH", "INSERT", "UPDATE", "DELETE"}
    and name not in OF_CATALOGS
}

FILL = """
INSERT INTO project SELECT 'p' || n, '', '', true, false, '{}', '', '', '', '', '[]', 'body', false, ''
  FROM generate_series(1, 1000) AS n;
INSERT INTO agent_user SELECT 'p' || n % 1000 + 1, 'u' || n, n % 7 > 0, 0, NULL, 1, 1, 0 FROM generate_series(1, 5000) AS n;
INSERT INTO link SELECT 'p' || n % 1000 + 1, 'm' || n, 'linked', '', '', NULL, 0, 'u' || n, '', 'file', '', 0
  FROM generate_series(1, 5000) AS n;
INSERT INTO linking SELECT 'p' || n % 1000 + 1, 'l' || n, 'm', '', 0, n, '', CASE WHEN n % 100 = 0 THEN n END, ''
  FROM generate_series(1, 5000) AS n;
INSERT INTO unlinking SELECT 'p' || n % 1000 + 1, 'm' || n, n FROM generate_series(1, 5000) AS n;
INSERT INTO sync_work SELECT 'p' || n % 1000 + 1, 'u' || n, '', 1, 1, 0, 0, 0, 0, 0, '', 0, 0, 0, 'request', 0, 'request', 'async',
  0, 0, CASE WHEN n % 20 = 0 THEN n END FROM generate_series(1, 5000) AS n;
INSERT INTO device SELECT 'p' || n % 1000 + 1, 'u' || n, 'd', '', false, '[]', '', 0, NULL, 0, 0, '', '', '[]', '[]'
  FROM generate_series(1, 5000) AS n;
INSERT INTO definition SELECT 'p' || n % 1000 + 1, 'u' || n, 'd', repeat('x', 500)::bytea FROM generate_series(1, 5000) AS n;
INSERT INTO api_key SELECT 'p' || n % 1000 + 1, 'k' || n, n::text::bytea, '', 0, 'admin', NULL, NULL, '[]', '[]'
  FROM generate_series(1, 5000) AS n;
INSERT INTO service_key SELECT 'p' || n % 1000 + 1, 'k' || n, 'e' || n, '', 0, 'admin', NULL FROM generate_series(1, 5000) AS n;
INSERT INTO access_token SELECT n::text::bytea, 'p' || n % 1000 + 1, '', 'k' || n, '[]', 0, n FROM generate_series(1, 5000) AS n;
INSERT INTO run (run_id, project_id, agent_user_id, user_id, cause, mode, outcome, requested_at, started_at, finished_at, merged,
  attempt, reason, message, changes, results, findings)
  SELECT 'r' || n, 'p' || n % 1000 + 1, 'u' || n % 5000, '', 'request', 'async', 'done', 0, 0, n, 1, 1, '', '', '{}', '[]', '[]'
  FROM generate_series(1, 5000) AS n;
INSERT INTO exchange (project_id, owner_id, intent, user_id, url, started_at, took, request_headers, request_body, status,
  response_headers, response_body, response_size, error)
  SELECT 'p' || n % 1000 + 1, 'r' || n, '', '', '', n, 0, '{}', '', 200, '{}', '', 0, '' FROM generate_series(1, 5000) AS n;
INSERT INTO errand (errand_id, project_id, agent_user_id, user_id, intent, command, params, started_at, devices, findings)
  SELECT 'e' || n, 'p' || n % 1000 + 1, 'u' || n % 5000, '', '', '', '{}', n, '[]', '[]' FROM generate_series(1, 5000) AS n;
INSERT INTO follow_up SELECT 'p' || n % 1000 + 1, 'u' || n, 't', 'e' || n, 'd', 0 FROM generate_series(1, 5000) AS n;
INSERT INTO notification (notification_id, project_id, agent_user_id, device_id, trait, event_id, received_at, body)
  SELECT 'n' || n, 'p' || n % 1000 + 1, 'u' || n % 5000, 'd', '', '', n, '' FROM generate_series(1, 5000) AS n;
INSERT INTO instance SELECT 'i' || n, '', '', n, '', 0, n, 0 FROM generate_series(1, 5000) AS n;
ANALYZE;
"""
"""Five thousand of everything: with a few rows, reading all of them would be the best plan."""


@pytest.fixture(scope="module")
def plans(postgres):
    """Every statement's plan as it is for any values."""

    async def explained():
        connection = await asyncpg.connect(await postgres.set_up())
        await connection.execute(FILL)
        await connection.execute("SET plan_cache_mode = force_generic_plan")
        found = {}
        for name, sql in STATEMENTS.items():
            await connection.execute(f"PREPARE {name} AS {sql}")
            count = len(set(re.findall(r"\$\d+", sql)))
            values = f"({', '.join(['NULL'] * count)})" if count else ""
            told = await connection.fetchval(f"EXPLAIN (FORMAT JSON) EXECUTE {name}{values}")
            found[name] = json.loads(told)[0]["Plan"]
        await connection.close()
        return found

    return asyncio.run(explained())


def nodes(plan):
    """A plan's nodes, itself first."""
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


@pytest.mark.parametrize("name", STATEMENTS)
def test_nothing_is_scanned(plans, name):
    """Every statement finds its rows by an index; those that sum a table up are listed here."""
    scanned = {
        node["Relation Name"] for node in nodes(plans[name]) if node["Node Type"] == "Seq Scan"
    }

    assert scanned <= WHOLE_TABLES.get(name, set()), json.dumps(plans[name], indent=1)


def test_an_export_reads_on_where_it_was(plans):
    """A page of links without an agent user is read in its order: no page sorts all those that follow."""
    types = [node["Node Type"] for node in nodes(plans["list_homeless_links"])]
    assert types == ["Limit", "Index Only Scan"]


@pytest.mark.parametrize("name", STATEMENTS)
def test_rows_are_found_by_their_whole_key(plans, name):
    """A project is no key: what belongs to one agent user or user is not sought through a whole project."""
    of_a_project = {
        "count_agent_users_of_project",  # a sum, for a person who asks
        "count_linkings",
        "count_links_of_project",  # the same
        "find_project",
        "list_busy",
        "list_keys",
        "lock_project",
        "list_service_keys_of_project",
        "list_first_syncs",
    }
    for node in nodes(plans[name]):
        sought = node.get("Index Cond", "")
        if re.fullmatch(
            r"\(+\w*\.?project_id\)?(::text)? = [^()]+\)*", sought
        ) and "ready_at" not in json.dumps(node):
            assert name in of_a_project, (sought, node)


def test_every_statement_is_used():
    """A statement that nobody runs is deleted."""
    places = (*Path(adapter.__file__).parent.glob("*.py"), Path(rings.__file__))
    code = "\n".join(file.read_text() for file in places)
    assert [name for name in load("postgres") if f'"{name}"' not in code] == []
