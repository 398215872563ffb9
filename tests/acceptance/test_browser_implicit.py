"""A person with a browser whose login page hands out the token itself: the fragment is sent here by the page, and leaves no trace."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page

from homegraph.testing.fulfillment import Home, ScriptedFulfillment, lamp
from support.chromium import chromium, somebody
from support.server import Server
from support.users import begin, linking_configuration


@pytest.fixture
def server(cloud: ScriptedFulfillment, start: Any) -> Server:
    """A server with such a project."""
    cloud.homes = {"token/+=2": Home("user-2", [lamp("lamp", "Kitchen lamp")])}
    started: Server = start(linking_configuration(cloud, flow="implicit"))
    return started


@pytest.fixture
def page() -> Iterator[Page]:
    """A tab of a person."""
    with chromium() as browser, somebody(browser) as tab:
        yield tab


def test_the_token_in_the_fragment_is_sent_on(page: Page, server: Server) -> None:
    """To the character, and it stays neither in the address nor behind the back button."""
    begun = begin(server, "anna")
    fragment = urlencode(
        {"access_token": "token/+=2", "token_type": "bearer", "state": begun["state"]}
    )
    page.goto(f"{server.url}/r/acme#{fragment}")
    page.get_by_role("heading", name="Account linked").wait_for()

    assert page.get_by_role("listitem").all_inner_texts() == ["Kitchen lamp"]
    assert page.url == f"{server.url}/r/acme"
    page.go_back()
    assert "token" not in page.url
