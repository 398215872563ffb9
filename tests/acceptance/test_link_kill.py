"""kill -9 while an account is linked or unlinked: the link is whole after the restart, or has visibly ended; never half."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from homegraph.testing.fulfillment import DISCONNECT, Answer, Home, ScriptedFulfillment, lamp
from support.homes import Setup
from support.server import Server, until
from support.users import (
    answer_tokens,
    begin,
    come_back,
    link_of,
    linking_configuration,
    linking_of,
)


@pytest.fixture
def server(cloud: ScriptedFulfillment, start: Any) -> Server:
    """A server whose users can link the home of ``token-2``."""
    cloud.homes = {"token-2": Home("user-2", [lamp("lamp"), lamp("fan")])}
    started: Server = start(linking_configuration(cloud))
    return started


def test_in_the_exchange_of_the_code(server: Server, cloud: ScriptedFulfillment) -> None:
    """Nobody knows what became of the code: the linking has ended, says so, and says what to do. There is no link."""
    begun = begin(server, "bea")
    hold = threading.Event()
    cloud.answer_token_next(Answer(hold=hold))
    with ThreadPoolExecutor(1) as pool:
        browser = pool.submit(come_back, server, begun["state"], code="c")
        until(lambda: [call for call in cloud.calls if call.path == "/token"], "the code is sent")
        server.kill()
        assert isinstance(browser.exception(), OSError)
    hold.set()
    server.restart()

    trace = linking_of(server, "bea")
    assert (trace["stage"], trace["reason"]) == ("failed", "LINKING_INTERRUPTED")
    assert trace["explanation"]["fix"] == "Start the linking again."
    assert [step["step"] for step in trace["steps"]] == ["authorize", "callback"]
    assert server.admin("links")["links"] == []
    assert b"LINKING_USED" in come_back(server, begun["state"], code="c").body
    answer_tokens(cloud)
    assert come_back(server, begin(server, "bea")["state"], code="c").status == 200


def test_between_the_exchange_and_the_first_sync(
    server: Server, cloud: ScriptedFulfillment
) -> None:
    """The tokens are here, so the first SYNC is made up for at the next start, and whoever asks about the linking is told."""
    begun = begin(server, "bea")
    hold = threading.Event()
    answer_tokens(cloud)
    cloud.answer_next(Answer(hold=hold))
    with ThreadPoolExecutor(1) as pool:
        browser = pool.submit(come_back, server, begun["state"], code="c")
        cloud.wait_for(1)
        server.kill()
        assert isinstance(browser.exception(), OSError)
    hold.set()
    server.restart()
    waited = server.admin("linking", project="acme", linking=begun["linking"], seconds="20")

    assert (waited["stage"], waited["link"]["state"]) == ("linked", "linked")
    assert [device["id"] for device in waited["devices"]] == ["fan", "lamp"]
    assert [call.token for call in cloud.intents()] == ["token-2", "token-2"]
    assert len([call for call in cloud.calls if call.path == "/token"]) == 1
    assert linking_of(server, "bea")["stage"] == "linked"


def test_while_the_fulfillment_is_told_of_an_unlinking(setup: Setup) -> None:
    """After the restart it is told once more, and the link ends: its user wanted it."""
    hold = threading.Event()
    setup.cloud.answer_disconnect_next(Answer(hold=hold))
    with ThreadPoolExecutor(1) as pool:
        command = pool.submit(setup.server.cli, "links", "unlink", "me", "--yes")
        setup.cloud.wait_for(1, DISCONNECT)
        assert link_of(setup.server, "me")["state"] == "linked"
        setup.server.kill()
        assert command.result().code == 3
    hold.set()
    setup.server.restart()
    setup.cloud.wait_for(2, DISCONNECT)
    until(lambda: link_of(setup.server, "me")["state"] == "unlinked", "the link has ended")

    assert setup.server.admin("status")["counts"]["devices"] == 0
    assert setup.request_sync().reasons[0] == "AGENT_USER_UNLINKED"
    setup.server.kill()
    setup.server.restart()
    setup.server.wait_until_idle()
    assert len(setup.cloud.intents(DISCONNECT)) == 2
