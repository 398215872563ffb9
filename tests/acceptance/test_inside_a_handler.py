"""A fulfillment that calls the Home Graph before it answers it: nothing waits for the other in a circle."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final

import pytest

from acceptance.conftest import Start
from homegraph.testing.fulfillment import EXECUTE, QUERY, SYNC, Answer, ScriptedFulfillment
from support.google import access_token_for
from support.homes import Setup
from support.server import Reply

REPORT: Final = "/v1/devices:reportStateAndNotification"

COMMANDS: Final = {
    EXECUTE: ("execute", "lamp", "on=true", "--agent-user", "user-1"),
    QUERY: ("query", "user-1", "lamp", "--live"),
}

DONE: Final = {
    EXECUTE: {"commands": [{"ids": ["lamp"], "status": "SUCCESS", "states": {"on": True}}]},
    QUERY: {"devices": {"lamp": {"online": True, "status": "SUCCESS", "on": True}}},
}


@pytest.fixture(scope="module")
def home(shared_cloud: ScriptedFulfillment, shared_start: Start) -> Setup:
    """A cloud and a server with little patience for SYNC."""
    return Setup.up(shared_cloud, shared_start, server={"sync_timeout_seconds": 1})


@pytest.fixture(scope="module")
def token(home: Setup) -> str:
    """What a report needs."""
    made = home.server.admin_post("service-accounts", project="acme")
    return access_token_for(made["key_file"])


def report(home: Setup, token: str, *, on: bool) -> Reply:
    """Report the lamp's state."""
    states = {"lamp": {"on": on, "online": True}}
    body = {"agentUserId": "user-1", "payload": {"devices": {"states": states}}}
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    return home.server.call(json.dumps(body), path=REPORT, headers=headers)


@contextmanager
def held(home: Setup, intent: str, answer: Answer) -> Iterator[threading.Event]:
    """Within the context the next handler of an intent does not answer, until the event is set."""
    release = threading.Event()
    scripts = {
        SYNC: home.cloud.answer_next,
        QUERY: home.cloud.answer_query_next,
        EXECUTE: home.cloud.answer_execute_next,
    }
    scripts[intent](Answer(body=answer.body, hold=release))
    try:
        yield release
    finally:
        release.set()


@pytest.mark.parametrize("intent", [EXECUTE, QUERY], ids=["EXECUTE", "QUERY"])
def test_calls_from_a_handler_are_answered_before_it_answers(
    home: Setup, token: str, intent: str
) -> None:
    """A report, a Request Sync of either kind; the SYNC that it waits for is done while the handler is still at work."""
    before = len(home.cloud.intents(intent))
    reply = Answer(body=json.dumps({"payload": DONE[intent]}).encode())
    with ThreadPoolExecutor(1) as pool, held(home, intent, reply) as release:
        asked = pool.submit(home.server.cli, *COMMANDS[intent])
        home.cloud.wait_for(before + 1, intent)
        inside = [
            report(home, token, on=True),
            home.request_sync(is_async=True),
            home.request_sync(),
        ]
        is_held = not asked.done()
        release.set()

    assert is_held
    assert [one.status for one in inside] == [200, 200, 200]
    assert asked.result().code == 0, asked.result().err


def test_calls_from_the_handler_of_a_sync(home: Setup, token: str) -> None:
    """A report is taken, a Request Sync is answered at once and followed by one more SYNC; one that would wait is refused."""
    home.server.wait_until_idle()
    before = len(home.cloud.intents(SYNC))
    with ThreadPoolExecutor(1) as pool, held(home, SYNC, Answer()) as release:
        asked = pool.submit(home.request_sync)
        home.cloud.wait_for(before + 1)
        inside = [
            report(home, token, on=False),
            home.request_sync(is_async=True),
            home.request_sync(),
        ]
        release.set()
    home.server.wait_until_idle()

    assert [one.status for one in inside] == [200, 200, 429]
    assert asked.result().status == 200
    assert len(home.cloud.intents(SYNC)) == before + 2


def test_a_handler_that_waits_for_the_next_sync(home: Setup) -> None:
    """It cannot have it before it answers: its own SYNC times out, and then it has the next one. Nobody waits for ever."""
    home.server.wait_until_idle()
    before = len(home.cloud.intents(SYNC))
    with held(home, SYNC, Answer()) as release:
        assert home.request_sync(is_async=True).status == 200
        home.cloud.wait_for(before + 1)
        inside = home.request_sync()
        is_held = not release.is_set()
    home.server.wait_until_idle()

    assert is_held
    assert inside.status == 200
    newest, oldest = home.server.admin("runs", limit="2")["runs"]
    assert (oldest["reason"], newest["outcome"]) == ("FULFILLMENT_TIMEOUT", "done")
