"""``homegraph lint`` as a person uses it: a process, a real fulfillment, and replies that other people's code has made."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from homegraph.testing.fulfillment import Answer, ScriptedFulfillment, lamp
from support.certificates import a_certificate
from support.http_stub import closed_port

COMMAND = [sys.executable, "-m", "homegraph", "lint"]
TOKEN = "token-1"


def lint(*arguments: str, given: bytes = b"", token: str | None = None) -> tuple[int, str, str]:
    """Run the command; its exit code, stdout and stderr."""
    variables = {
        name: text for name, text in os.environ.items() if not name.startswith("HOMEGRAPH_")
    }
    if token is not None:
        variables["HOMEGRAPH_FULFILLMENT_TOKEN"] = token
    done = subprocess.run(
        [*COMMAND, *arguments],
        input=given,
        env=variables,
        capture_output=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def test_a_running_fulfillment_is_asked_and_judged() -> None:
    """SYNC first, then QUERY for what it lists; the token comes from the environment."""
    with ScriptedFulfillment() as cloud:
        cloud.homes[TOKEN].devices = [
            lamp("lamp"),
            lamp("plug", attributes={"commandOnlyOnOff": "no"}),
        ]
        cloud.homes[TOKEN].states = {"lamp": {"online": True, "on": "yes"}}
        code, out, _ = lint("--url", cloud.url, "--json", token=TOKEN)
        asked = [call.intent for call in cloud.calls]

    found = {(one["rule"], one["path"]) for one in json.loads(out)["findings"]}
    assert asked == ["action.devices.SYNC", "action.devices.QUERY"]
    assert code == 1
    assert ("attribute-type", "/payload/devices/1/attributes/commandOnlyOnOff") in found
    assert ("state-type", "/payload/devices/lamp/on") in found


def test_a_fulfillment_that_refuses_the_token_is_no_finding() -> None:
    """The command failed, not the answer; it says what to give, and not what was given."""
    with ScriptedFulfillment() as cloud:
        cloud.answer_next(Answer(401, b"<h1>wrong-token</h1>\n is not known"))
        code, out, told = lint("--url", cloud.url, token="wrong-token")

    assert (code, out) == (1, "")
    assert "401" in told
    assert "HOMEGRAPH_FULFILLMENT_TOKEN" in told
    assert "It says: <h1>***</h1> is not known" in told
    assert "wrong-token" not in told


def test_a_fulfillment_that_is_not_there_is_no_finding() -> None:
    """An exit code of its own, and nobody is sent to look for a Home Graph."""
    code, out, told = lint("--url", f"http://127.0.0.1:{closed_port()}/smarthome")
    assert code not in {0, 1}
    assert out == ""
    assert "Is the fulfillment running" in told
    assert "homegraph doctor" not in told


def test_an_address_without_a_scheme_is_wrong_usage() -> None:
    """Nothing is asked, and what is missing is said."""
    code, out, told = lint("--url", "localhost:3000/smarthome")

    assert (code, out) == (2, "")
    assert "begins with http:// or https://" in told


def test_a_fulfillment_that_nobody_vouches_for(tmp_path: Path) -> None:
    """Told in words, with the two ways that there are; and so is an address that should begin with http."""
    context = a_certificate("localhost").context(tmp_path)
    with ScriptedFulfillment() as cloud:
        plain = lint("--url", cloud.url.replace("http://", "https://"))[2]

    def shake_hands() -> None:
        with listening.accept()[0] as caller, suppress(OSError):
            context.wrap_socket(caller, server_side=True)

    with socket.create_server(("127.0.0.1", 0)) as listening, ThreadPoolExecutor(1) as beside:
        beside.submit(shake_hands)
        signed = lint("--url", f"https://localhost:{listening.getsockname()[1]}/smarthome")[2]

    assert "does not speak TLS, so its address begins with http" in plain
    assert "certificate" in signed
    assert "SSL_CERT_FILE" in signed
    assert "Is the fulfillment running" not in signed


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (302, ("HTTP 302.", "Redirects are not followed.", "the address that answers POST itself")),
        (500, ("HTTP 500.", "Its own code failed", "the fulfillment's own log")),
        (429, ("HTTP 429.", "lets no more calls through", "the fulfillment's own log")),
        (403, ("HTTP 403.", "something before the fulfillment wants a login")),
    ],
)
def test_what_is_said_fits_the_status(status: int, told: tuple[str, ...]) -> None:
    """An address that is wrong is not the log's business, and a crash is not the address's."""
    with ScriptedFulfillment() as cloud:
        cloud.answer_next(Answer(status, b""))
        code, out, said = lint("--url", cloud.url, token=TOKEN)

    assert (code, out) == (1, "")
    assert [one for one in told if one not in said] == []
    assert ("fulfillment_url" in said) is (status in {302, 403})


def test_a_pipe(tmp_path: Path) -> None:
    """From one program to the next, and into a file that a code host reads."""
    answer: dict[str, Any] = {
        "requestId": "1",
        "payload": {"agentUserId": "u", "devices": [lamp("x")]},
    }
    code, out, _ = lint("-", given=json.dumps(answer).encode())
    assert (code, out) == (0, "stdin: nothing to complain about.\n")
    file = tmp_path / "answer.json"
    file.write_bytes(b'{"requestId": "\xe9"}')
    code, out, _ = lint(str(file), "--format", "sarif")
    assert code == 1
    assert json.loads(out)["runs"][0]["results"][0]["ruleId"] == "answer-not-utf8"
