"""A user who links an account, without a browser: from the address of the login page to the browser's return."""

import json
from contextlib import contextmanager
from urllib.parse import parse_qsl, urlencode, urlsplit

from homegraph.service.events import LinkingEnded
from homegraph.settings.projects import OAuthSettings
from homegraph.settings.secret import Secret
from homegraph.testing.fulfillment import Answer, Home, ScriptedFulfillment, lamp
from support.served import Served, an_integration, settings_in

ODD = "a/+=%&ü"
TOKENS = {"token_type": "bearer", "access_token": "token-2", "refresh_token": "r", "expires_in": 60}


@contextmanager
def a_cloud():
    """A device cloud in which token-2 opens the home of user-2."""
    with ScriptedFulfillment() as scripted:
        scripted.homes = {"token-2": Home("user-2", [lamp("lamp", "Kitchen lamp"), lamp("fan")])}
        yield scripted


@contextmanager
def served_with(folder, cloud, *, first_sync_failure="fail", links=(), server=None, **oauth):
    """A server whose project can send users to a login page; ``server`` are settings of its own."""
    settings = OAuthSettings(
        **{
            "client_id": "https://home.example/app",
            "client_secret": Secret(ODD),
            "authorization_url": "http://127.0.0.1:9/auth?tenant=1",
            "token_url": cloud.token_url,
            **oauth,
        }
    )
    project = an_integration(
        cloud, links=links, oauth=settings, first_sync_failure=first_sync_failure
    )
    with Served(settings_in(folder, project, **(server or {}))) as served:
        yield served


def tokens(cloud, **members):
    """The next answer of the token endpoint."""
    cloud.answer_token_next(Answer(200, json.dumps({**TOKENS, **members}).encode()))


def asked_of(authorization_url):
    """The parameters of the login page."""
    return dict(parse_qsl(urlsplit(authorization_url).query, strict_parsing=True))


def begin(served, user="bea", **members):
    """Start a linking; what the answer says, and the parameters of the login page."""
    started = served.admin("POST", "links/start", project="acme", user=user, **members)
    assert started.status == 200
    return started.json, asked_of(started.json["authorization_url"])


def come_back(served, project="acme", *, cookie="", **parameters):
    """The browser follows the redirect of the login page."""
    headers = {"Cookie": cookie} if cookie else {}
    return served.send("GET", f"/r/{project}?{urlencode(parameters)}", headers=headers)


def link_of(served, user="bea"):
    """The link, as the store has it."""
    return served.do(served.house.store.find_link("acme", user))


def heard_by(served, project="acme"):
    """The codes of the callbacks of a project that are refused from now on."""
    codes = []

    def hear(event):
        if isinstance(event, LinkingEnded) and event.project_id == project:
            codes.append(event.code)

    served.house.events.subscribe(hear)
    return codes
