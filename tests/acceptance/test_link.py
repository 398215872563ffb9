"""``homegraph link`` as a process: it prints an address, waits for the browser, and tells what arrived or why nothing did."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from homegraph.testing.fulfillment import Answer, Home, ScriptedFulfillment, lamp
from support.homes import configuration
from support.server import COMMAND, Done, Reply, Server, ask, environment

TOKENS = (
    b'{"token_type": "bearer", "access_token": "token-2", "refresh_token": "r", "expires_in": 60}'
)


@pytest.fixture(scope="module")
def server(shared_cloud: ScriptedFulfillment, shared_start: Any) -> Server:
    """A server whose users can be sent to a login page."""
    shared_cloud.homes = {"token-2": Home("user-2", [lamp("lamp", "Kitchen lamp"), lamp("fan")])}
    oauth = {
        "client_id": "homegraph",
        "client_secret": "s3cret",
        "authorization_url": "http://127.0.0.1:9/auth",
        "token_url": shared_cloud.token_url,
    }
    started: Server = shared_start(configuration(shared_cloud, links={}, project={"oauth": oauth}))
    return started


class Waiting:
    """A command that waits: the address it has printed, and what it says at the end."""

    def __init__(self, server: Server, *options: str) -> None:
        where = {"HOMEGRAPH_SERVER": server.url, "HOMEGRAPH_DATA_DIR": str(server.data_dir)}
        self._server = server
        self.process = subprocess.Popen(
            [str(COMMAND), "link", "acme", *options],
            env=environment(where),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def address(self, stream: Any) -> str:
        """The address, as soon as it is printed."""
        return next(line.strip() for line in stream if line.strip().startswith("http"))

    def end(self) -> Done:
        """Wait for the end of the command."""
        out, err = self.process.communicate(timeout=30)
        return Done(self.process.returncode, out, err)


@contextmanager
def waiting(server: Server, *options: str) -> Iterator[Waiting]:
    """The command, which does not outlive the test."""
    command = Waiting(server, *options)
    try:
        yield command
    finally:
        command.process.kill()
        command.process.communicate()


def come_back(server: Server, address: str, **parameters: str) -> Reply:
    """What the login page has the browser do."""
    (state,) = parse_qs(urlsplit(address).query)["state"]
    target = f"/r/acme?{urlencode({'state': state, **parameters})}"
    return ask(server.port, "GET", target, b"", {})


def begin(server: Server, *options: str) -> Any:
    """Start a linking for a script."""
    return server.cli("link", "acme", "--no-wait", "--json", *options)


def test_a_user_links_an_account(server: Server, shared_cloud: ScriptedFulfillment) -> None:
    """The address at once, and the devices when they have arrived."""
    shared_cloud.answer_token_next(Answer(body=TOKENS))
    with waiting(server, "--user", "bea") as command:
        address = command.address(command.process.stdout)
        assert come_back(server, address, code="c").status == 200
        done = command.end()

    assert done.code == 0
    assert done.out.splitlines()[-3:] == [
        "bea is linked to acme: agent user user-2, 2 devices",
        "  fan (fan)",
        "  Kitchen lamp (lamp)",
    ]
    assert "Waiting until" in done.err


def test_what_is_wrong_is_told_with_its_device(
    server: Server, shared_cloud: ScriptedFulfillment
) -> None:
    """Which one it is and what to do: a home has many, and the sentence is the same for all of them."""
    traits = ["action.devices.traits.OnOff", "action.devices.traits.ColorSpectrum"]
    shared_cloud.homes["token-3"] = Home("user-3", [lamp("lamp"), lamp("old", traits=traits)])
    shared_cloud.answer_token_next(Answer(body=TOKENS.replace(b"token-2", b"token-3")))
    with waiting(server, "--user", "olga") as command:
        address = command.address(command.process.stdout)
        come_back(server, address, code="c")
        done = command.end()

    assert "  advice device-trait-legacy old /payload/devices/1/traits/1: " in done.out
    assert "Use ColorSetting in its place." in done.out


def test_a_program_waits(server: Server, shared_cloud: ScriptedFulfillment) -> None:
    """One document on stdout, the address on stderr."""
    shared_cloud.answer_token_next(Answer(body=TOKENS))
    with waiting(server, "--user", "carl", "--json") as command:
        address = command.address(command.process.stderr)
        come_back(server, address, code="c")
        done = command.end()

    assert (done.code, done.json["stage"], done.json["link"]["state"]) == (0, "linked", "linked")
    assert [device["name"] for device in done.json["devices"]] == ["fan", "Kitchen lamp"]


def test_a_user_who_says_no(server: Server) -> None:
    """Exit code 1, and the reason in words."""
    with waiting(server, "--user", "dora") as command:
        address = command.address(command.process.stdout)
        come_back(server, address, error="access_denied")
        done = command.end()

    assert done.code == 1
    assert done.err.splitlines()[-3:-2] == [
        "error: The login page answered with an error: access_denied."
    ]
    assert "fix:" in done.err


def test_why_it_failed_is_traced(server: Server, shared_cloud: ScriptedFulfillment) -> None:
    """Step by step, with the answer and what to do; a user who has never tried has no linkings."""
    shared_cloud.answer_token_next(Answer(400, b'{"error":"invalid_grant"}'))
    begun = begin(server, "--user", "hal").json
    come_back(server, begun["authorization_url"], code="c-o-d-e")
    shown = server.cli("links", "trace", "hal")
    told = server.show("links", "trace", "hal", "--limit", "1")
    nobody = server.cli("links", "trace", "nobody")

    lines = shown.out.splitlines()
    assert lines[0].startswith(f"linking {begun['linking'][:8]}   acme / hal   ")
    assert lines[0].endswith("failed: CODE_REFUSED")
    assert [line.split()[1] for line in lines if ":" in line[:3]] == [
        *("authorize", "callback", "exchange")
    ]
    assert "          <-- 400   25 bytes" in shown.out
    assert '{"error":"invalid_grant"}' in shown.out
    assert "CODE_REFUSED: The token endpoint refused the code: invalid_grant." in shown.out
    assert "fix: Compare redirect_uri" in shown.out
    assert "c-o-d-e" not in shown.out
    assert told["linkings"][0]["linking"] == begun["linking"]
    assert (nobody.code, nobody.out) == (0, "")


def test_nobody_comes_back(server: Server) -> None:
    """Whoever waits as long as he wanted is told with 7."""
    done = server.cli("link", "acme", "--user", "emil", "--timeout", "0s")

    assert done.code == 7
    assert "Nobody has come back" in done.err


def test_an_address_is_carried_here(server: Server, shared_cloud: ScriptedFulfillment) -> None:
    """On stdin or as an argument; the code is in no argument of the first kind."""
    for options, text in ((("--paste", "-"), True), (("--paste",), False)):
        shared_cloud.answer_token_next(Answer(body=TOKENS))
        begun = begin(server, "--user", "fay").json
        (state,) = parse_qs(urlsplit(begun["authorization_url"]).query)["state"]
        url = f"https://elsewhere.example/r/acme?{urlencode({'code': 'c', 'state': state})}"
        arguments = options if text else (*options, url)
        done = server.cli("link", "acme", *arguments, text=f"{url}\n" if text else None)

        assert done.code == 0
        assert done.out.splitlines()[0] == "fay is linked to acme: agent user user-2, 2 devices"


def test_a_script_gets_the_address_at_once(server: Server) -> None:
    """The link as it was before, and where to go; in text the address alone is on stdout."""
    shown = begin(server, "--user", "gus", "--locale", "de-DE").json
    text = server.cli("link", "acme", "--user", "gus", "--no-wait")

    assert shown["link"] is None
    assert "user_locale=de-DE" in shown["authorization_url"]
    assert len(text.out.splitlines()) == 1
    assert text.out.startswith("http://127.0.0.1:9/auth?")
    assert server.url not in text.out


@pytest.mark.parametrize(
    ("arguments", "text", "code"),
    [
        (["link", "acme"], None, 2),
        (["link", "acme", "--user", "x", "--timeout", "soon"], None, 2),
        (["link", "other", "--user", "x", "--no-wait"], None, 5),
        (["link", "acme", "--paste", "-"], "", 2),
        (["link", "acme", "--paste", "https://x/?code=c"], None, 1),
    ],
)
def test_what_cannot_be_linked(server: Server, arguments: list[str], text: str, code: int) -> None:
    """Wrong usage, an unknown project, and an address that is none of ours."""
    done = server.cli(*arguments, "--json", text=text)

    assert (done.code, done.out) == (code, "")
    assert json.loads(done.err.splitlines()[-1])["error"]["exit"] == code
