"""A PostgreSQL that grants fewer connections than a server asks for: calls wait for those that are there, and people are told once."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from support.many_homes import ManyHomes
from support.postgres import Postgres
from support.storms import Storm, assert_all_is_well, many, started

HOMES: Final = 60
CALLS: Final = 300


def test_a_role_that_may_have_few(postgres: Postgres, start: Any) -> None:
    """With three connections for its calls a server refuses nothing in a storm; doctor and log say what it is short of."""
    with ManyHomes(HOMES, takes_seconds=0.01) as cloud:
        (server,) = started(start, many(cloud, asyncio.run(postgres.of_few(4))), 1)
        with Storm([server], [home.agent_user_id for home in cloud.homes.values()]) as storm:
            storm.wait_for(CALLS)
        assert storm.refused == []
        (told,) = [
            check
            for check in server.admin("doctor")["checks"]
            if check["name"] == "database connections"
        ]
        assert told["ok"]
        assert "gets no more. PostgreSQL says: too many connections" in told["detail"]
        assert "database_connections" in told["fix"]
        server.wait_for_line("database.short")
        assert_all_is_well(storm, cloud, server)
        assert server.stop() == 0
        assert server.errors.count("database.short") == 1


def test_a_share_for_each_worker(postgres: Postgres, start: Any) -> None:
    """Workers that ask for no more than their share are refused no connection, whatever comes."""
    with ManyHomes(HOMES, takes_seconds=0.01) as cloud:
        url = asyncio.run(postgres.of_few(6))
        file = many(cloud, url)
        file["server"] |= {"workers": 3, "database_connections": 2}
        (server,) = started(start, file, 1)
        with Storm([server], [home.agent_user_id for home in cloud.homes.values()]) as storm:
            storm.wait_for(CALLS)
        assert storm.refused == []
        assert_all_is_well(storm, cloud, server)
        assert server.stop() == 0
        role = url.partition("//")[2].partition("@")[0]
        assert f'too many connections for role "{role}"' not in postgres.log()
