"""Storms of calls on servers that may die, refuse and come back while they last.

In a storm of requests every caller goes from server to server. What was accepted is remembered with the time at which it was sent, so that it
can be asked afterwards whether a SYNC has followed; what was refused is kept, for whoever expects refusals of one kind only. In a storm of
reports one program reports the lamps of all homes in turn, and knows what may be stored of each.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import threading
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Final, Self

from support.accounts import REPORT
from support.homes import KEY, wait_for_links
from support.many_homes import ManyHomes
from support.server import Server, until
from support.wire import Answered, Caller

SEALED_WITH: Final = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
"""The key that tokens are sealed with, the same for all servers of a database."""

CALLERS: Final = 8
PAUSE_SECONDS: Final = 0.02
"""Between two calls of a caller, so that servers which start again get their share of the machine."""

REFUSED_PAUSE_SECONDS: Final = 0.05
"""After a report that was refused: the database is gone, and not back at once."""


class _Going:
    """What goes on in a thread of its own, from ``with`` to its end, or until ``calm``. ``answers`` counts what was accepted."""

    accepted_are: str

    def __init__(self) -> None:
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work)
        self.answers = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.calm()

    def calm(self) -> None:
        """End it; every call is answered by then."""
        self._over.set()
        self._thread.join()

    def wait_for(self, more: int) -> None:
        """Wait until so many more were accepted."""
        goal = self.answers + more
        until(lambda: self.answers >= goal, f"{more} more {self.accepted_are} are accepted", 60)

    def _work(self) -> None:
        raise NotImplementedError


class Storm(_Going):
    """Async requests for ``users`` on ``servers``."""

    accepted_are = "requests"

    def __init__(self, servers: Sequence[Server], users: Sequence[str]) -> None:
        super().__init__()
        self._servers = servers
        self._users = users
        self._chance = random.Random(4_663)
        self.accepted: dict[str, float] = {}
        self.refused: list[Answered] = []

    def lost(self, cloud: ManyHomes) -> list[str]:
        """Users with an accepted request after which no SYNC has come."""
        return [
            user
            for user, sent_at in self.accepted.items()
            if cloud.home_of(user).asked_at < sent_at
        ]

    def _work(self) -> None:
        asyncio.run(self._rage())

    async def _rage(self) -> None:
        await asyncio.gather(*(self._call(number) for number in range(CALLERS)))

    async def _call(self, number: int) -> None:
        caller: Caller | None = None
        never = asyncio.Event()
        while not self._over.is_set():
            if caller is None:
                number += 1
                caller = Caller(self._servers[number % len(self._servers)].port, KEY)
            try:
                answered = await caller.request_sync(self._chance.choice(self._users))
            except (OSError, asyncio.IncompleteReadError):
                answered = None
            if answered is not None and answered.status == 200:
                self.answers += 1
                user = answered.agent_user_id
                self.accepted[user] = max(self.accepted.get(user, 0.0), answered.sent_at)
            else:
                if answered is not None:
                    self.refused.append(answered)
                await caller.close()
                caller = None
            await _pause(never, PAUSE_SECONDS)
        if caller is not None:
            await caller.close()


class ReportStorm(_Going):
    """Reports of the lamps of ``users`` on one server, switched in turn.

    ``possible`` has for each user what may be stored: what was acknowledged last, and what was sent since without an answer.
    """

    accepted_are = "reports"

    def __init__(self, server: Server, token: str, users: Sequence[str]) -> None:
        super().__init__()
        self._server = server
        self._users = users
        self._headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
        self.possible: dict[str, set[bool | None]] = {}
        self.surprises: list[str] = []

    def differing(self, server: Server) -> list[str]:
        """Users of whom something else is stored than what may be."""
        devices = [{"payload": {"devices": [{"id": "lamp"}]}}]
        found = []
        for user, possible in self.possible.items():
            asked = json.dumps({"agentUserId": user, "inputs": devices})
            answer = server.call(asked, path="/v1/devices:query", headers=self._headers)
            if answer.json["payload"]["devices"]["lamp"].get("on") not in possible:
                found.append(user)
        return found

    def _work(self) -> None:
        for on, user in itertools.cycle(itertools.product((True, False), self._users)):
            if self._over.is_set():
                return
            body = {"agentUserId": user, "payload": {"devices": {"states": {"lamp": {"on": on}}}}}
            self.possible.setdefault(user, {None}).add(on)
            try:
                reply = self._server.call(json.dumps(body), path=REPORT, headers=self._headers)
            except OSError as exc:
                self.surprises.append(str(exc))
                return
            if reply.status == 200:
                self.answers += 1
                self.possible[user] = {on}
            elif reply.status == 503:
                self._over.wait(REFUSED_PAUSE_SECONDS)
            else:
                self.surprises.append(reply.text)


async def _pause(never: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await never.wait()
    except TimeoutError:
        return


def since(started_at: float) -> float:
    """Seconds since then."""
    return time.monotonic() - started_at


def many(cloud: ManyHomes, url: str) -> dict[str, Any]:
    """The file of a server for a cloud with many homes."""
    links = [
        {"user": home.agent_user_id, "access_token": token} for token, home in cloud.homes.items()
    ]
    return {
        "server": {
            "database": url,
            "encryption_key": SEALED_WITH,
            "lease_seconds": 3,
            "concurrency": 32,
            "project_concurrency": 32,
        },
        "projects": {"acme": {"fulfillment_url": cloud.url, "api_keys": [KEY], "links": links}},
    }


def started(start: Any, file: dict[str, Any], count: int) -> list[Server]:
    """Servers that start at the same time, all links linked."""
    servers = [start(file, name=f"server-{number}", ready=False) for number in range(count)]
    for server in servers:
        server.spawn()
    for server in servers:
        server.wait_for_banner()
    wait_for_links(servers[0], "linked")
    return servers


def assert_all_is_well(storm: Storm, cloud: ManyHomes, server: Server) -> None:
    """Everything accepted has had its SYNC, one at a time, and every stored list is its cloud's last answer."""
    server.wait_until_idle()
    assert storm.lost(cloud) == []
    assert cloud.overlaps == []
    differing = [
        home.agent_user_id
        for home in cloud.homes.values()
        if server.device_ids(home.agent_user_id) != sorted(one["id"] for one in home.devices)
    ]
    assert differing == []
