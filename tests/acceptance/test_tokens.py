"""Tokens with real processes: kill -9 around a rotation, and the commands that try what an integration makes of it."""

from __future__ import annotations

import threading
from typing import Any, Final

import pytest

from homegraph.testing.fulfillment import Answer, Home, ScriptedFulfillment
from support.homes import Setup
from support.server import until
from support.users import link_of

CHAIN: Final = [f"token-2{'-next' * number}" for number in range(20)]
"""Access tokens in the order in which a rotating server hands them out."""

KILLS: Final = 5


@pytest.fixture
def rotating(cloud: ScriptedFulfillment, start: Any) -> Setup:
    """A link whose refresh token is good for one refresh."""
    cloud.rotating = True
    cloud.refresh_tokens["refresh-1"] = CHAIN[0]
    link = {"user": "me", "access_token": "token-1", "refresh_token": "refresh-1"}
    return Setup.up(cloud, start, project={"links": [link]})


def end_token(cloud: ScriptedFulfillment) -> None:
    """The access token in use is good for nothing any more; those that follow it are."""
    used = max((CHAIN.index(c.token) for c in cloud.intents() if c.token in CHAIN), default=-1)
    cloud.homes = {token: Home() for token in CHAIN[used + 1 :]}


def refreshes(cloud: ScriptedFulfillment) -> int:
    """How often the token endpoint was called."""
    return sum(call.path == "/token" for call in cloud.calls)


def killed_in_the_middle(setup: Setup) -> None:
    """The token endpoint rotates, and nobody is there any more when it answers."""
    release = threading.Event()
    setup.cloud.answer_token_next(Answer(hold=release))
    end_token(setup.cloud)
    setup.request_sync(is_async=True)
    until(lambda: refreshes(setup.cloud) == 1, "a refresh")
    setup.server.kill()
    release.set()
    until(lambda: "refresh-1-next" in setup.cloud.refresh_tokens, "the rotation")
    setup.server.restart()


def test_a_strict_server_and_a_kill_before_the_answer_is_stored(rotating: Setup) -> None:
    """The spent refresh token is refused: the link is broken, says so, and names the way out; nothing else is lost."""
    killed_in_the_middle(rotating)

    server = rotating.server
    until(lambda: link_of(server, "me")["state"] == "broken", "the link is broken")
    link = link_of(server, "me")
    assert link["problem"] == "TOKEN_REFUSED"
    assert link["explanation"]["fix"].startswith("Link the account again.")
    assert server.device_ids("user-1") == ["lamp"]
    assert rotating.request_sync().status == 403
    server.wait_for_line("token.refused")
    server.wait_for_line("link.broken")
    assert "refresh-1" not in server.story() + server.cli("links", "show", "me").out


def test_a_forgiving_server_and_a_kill_before_the_answer_is_stored(rotating: Setup) -> None:
    """It accepts the former refresh token, and the link is whole: the run that was interrupted is made again."""
    rotating.cloud.forgiving = True
    killed_in_the_middle(rotating)

    rotating.server.wait_until_idle()
    assert link_of(rotating.server, "me")["state"] == "linked"
    assert rotating.cloud.intents()[-1].token == CHAIN[0]
    assert rotating.request_sync().status == 200
    assert refreshes(rotating.cloud) == 2


def test_kills_while_a_token_is_rotated(rotating: Setup) -> None:
    """At whatever instant it dies, the link is whole afterwards: the new tokens were stored, or the former ones are good."""
    rotating.cloud.forgiving = True
    for number in range(KILLS):
        end_token(rotating.cloud)
        rotating.request_sync(is_async=True)
        until(lambda wanted=number: refreshes(rotating.cloud) > wanted, "a refresh")
        rotating.server.kill()
        rotating.server.restart()
        rotating.server.wait_until_idle()

        assert link_of(rotating.server, "me")["state"] == "linked"
        assert rotating.request_sync().status == 200


def test_the_commands_for_trying(rotating: Setup) -> None:
    """Refresh tells what came, expire and revoke what they have done, and show how the link stands."""
    server, cloud = rotating.server, rotating.cloud
    cloud.homes = {token: Home() for token in CHAIN}

    came = server.cli("links", "refresh", "me")
    assert came.out.startswith("The token of me was refreshed: it ends 20")
    assert came.out.endswith("with another refresh token. The link is linked.\n")
    assert "token ends" in server.cli("links", "show", "me").out
    expired = server.cli("links", "expire", "me")
    assert expired.out == "The access token of me counts as expired. The link is linked.\n"
    assert refreshes(cloud) == 1
    assert rotating.request_sync().status == 200
    assert (refreshes(cloud), cloud.intents()[-1].token) == (2, CHAIN[1])

    revoked = server.cli("links", "revoke", "me")
    assert revoked.out == "The access token of me is forgotten. The link is broken.\n"
    assert rotating.request_sync().status == 403
    assert server.show("links", "refresh", "me")["state"] == "linked"
    cloud.refresh_tokens.clear()
    refused = server.cli("links", "refresh", "me")
    assert (refused.code, refused.out) == (4, "")
    assert "invalid_grant" in refused.err
    assert link_of(server, "me")["problem"] == "TOKEN_REFUSED"
    cloud.answer_token_next(Answer(503, b""))
    assert "HTTP 503" in server.cli("links", "refresh", "me").err
    shown = server.cli("links", "show", "me").out
    assert "refresh failed  1 in a row: The token endpoint answered HTTP 503." in shown
