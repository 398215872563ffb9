"""Many requests for one agent user: all accepted at once, few SYNCs, and none of them too early."""

from __future__ import annotations

import asyncio
import itertools
import threading
from typing import Final

from homegraph.testing.fulfillment import Answer, lamp
from support.homes import KEY, Setup
from support.wire import Answered, Caller

REQUESTS: Final = 200
CONNECTIONS: Final = 20
SYNC_SECONDS: Final = 1.0
"""How long the fulfillment takes for each SYNC."""


async def storm(port: int, requests: int) -> list[Answered]:
    """Send requests for one user over several connections at once."""
    callers = [Caller(port, KEY) for _ in range(CONNECTIONS)]

    async def some(caller: Caller) -> list[Answered]:
        return [await caller.request_sync("user-1") for _ in range(requests // CONNECTIONS)]

    try:
        return [one for part in await asyncio.gather(*map(some, callers)) for one in part]
    finally:
        for caller in callers:
            await caller.close()


def test_two_hundred_requests_while_the_fulfillment_takes_a_second(setup: Setup) -> None:
    """All are answered 200 {} at once; two or three SYNCs follow, the last one after the last request."""
    slow = [Answer(hold=threading.Event(), hold_seconds=SYNC_SECONDS) for _ in range(REQUESTS)]
    setup.cloud.answer_next(*slow)
    before = len(setup.cloud.intents())

    answers = asyncio.run(storm(setup.server.port, REQUESTS))
    setup.cloud.home.devices.append(lamp("last"))
    setup.server.wait_until_idle()

    assert len(answers) == REQUESTS
    assert {(one.status, one.body) for one in answers} == {(200, b"{}\n")}
    assert max(one.answered_at - one.sent_at for one in answers) < SYNC_SECONDS
    syncs = setup.cloud.intents()[before:]
    assert 2 <= len(syncs) <= 3
    assert syncs[-1].at > max(one.sent_at for one in answers)
    # One at a time: each began when the one before had been answered.
    assert all(
        later.at - earlier.at >= SYNC_SECONDS for earlier, later in itertools.pairwise(syncs)
    )
    assert "last" in setup.server.device_ids("user-1")
    runs = setup.server.admin("runs", project="acme", agent_user="user-1")["runs"]
    assert sum(run["merged"] for run in runs if run["cause"] == "request") == REQUESTS
    assert {run["outcome"] for run in runs} == {"done"}


def test_requests_during_a_run_are_followed_by_exactly_one_more(setup: Setup) -> None:
    """The run may have read the old list already; what arrives while it is under way gets one run of its own."""
    hold = threading.Event()
    setup.cloud.answer_next(Answer(hold=hold))
    before = len(setup.cloud.intents())
    assert setup.request_sync(is_async=True).status == 200
    setup.cloud.wait_for(before + 1)

    answers = asyncio.run(storm(setup.server.port, CONNECTIONS))
    under_way = len(setup.cloud.intents())
    setup.cloud.home.devices.append(lamp("during"))
    hold.set()
    setup.cloud.wait_for(before + 2)
    setup.server.wait_until_idle()

    assert under_way == before + 1
    syncs = setup.cloud.intents()[before:]
    assert len(syncs) == 2
    assert syncs[1].at > max(one.answered_at for one in answers)
    assert "during" in setup.server.device_ids("user-1")
    first, second = reversed(setup.server.admin("runs", limit="2")["runs"])
    assert (first["merged"], second["merged"]) == (1, CONNECTIONS)


def test_a_single_request_during_a_run(setup: Setup) -> None:
    """One is enough: it is not taken for answered by the run that was under way."""
    hold = threading.Event()
    setup.cloud.answer_next(Answer(hold=hold))
    before = len(setup.cloud.intents())
    setup.request_sync(is_async=True)
    setup.cloud.wait_for(before + 1)

    late = setup.request_sync(is_async=True)
    hold.set()
    setup.server.wait_until_idle()

    assert late.status == 200
    assert len(setup.cloud.intents()) == before + 2


def test_requests_while_nothing_runs_do_not_pile_up(setup: Setup) -> None:
    """Requests one after the other, each run over before the next comes: one SYNC each, none lost, none added."""
    before = len(setup.cloud.intents())

    for _ in range(10):
        assert setup.request_sync(is_async=True).status == 200
        setup.server.wait_until_idle()

    assert len(setup.cloud.intents()) == before + 10
