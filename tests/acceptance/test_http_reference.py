"""Pages about the public API: their examples are calls that work, and the answers are those that come."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final

from homegraph.wire.api_v1 import METHODS
from support.curl import shell
from support.google import access_token, key_file
from support.homes import KEY, Setup

DOCS: Final = Path(__file__).parents[2] / "docs"
PAGE: Final = (DOCS / "reference/http.md").read_text()
HOW_TO_REPORT: Final = (DOCS / "howto/report-state.md").read_text()
PUBLIC: Final = PAGE.split("\n## The public API\n")[1].split("\n## ")[0]
EXAMPLES: Final = re.findall(r"```console\n(.*?)```\n\n```json\n(.*?)```", PUBLIC, re.DOTALL)


def ready(line: str, setup: Setup, token: str) -> str:
    """A line of curl with this server's address, key and token, that shows the answer's head."""
    return (
        line.replace("http://127.0.0.1:4663", setup.server.url)
        .replace("API_KEY", KEY)
        .replace("$TOKEN", token)
        .replace("curl ", "curl -i -s ", 1)
    )


def test_the_examples_of_the_reference(setup: Setup) -> None:
    """Every method has one, and in the order of the page each does what the page says."""
    token = access_token(key_file(setup.server))
    answers: list[Any] = []
    for line, _ in EXAMPLES:
        reply = shell(ready(line, setup, token))
        assert reply.status == 200, reply.text
        answers.append(reply.json)
        setup.server.wait_until_idle()

    assert answers == [json.loads(answer) for _, answer in EXAMPLES]
    called = [re.search(r"/v1/[a-zA-Z:]+/?", line) for line, _ in EXAMPLES]
    assert [found.group() for found in called if found] == list(METHODS)


def test_how_to_report(setup: Setup) -> None:
    """By the command and by curl, and what was reported is there."""
    path = key_file(setup.server)
    where = ("--base-url", setup.server.url)
    report, query = re.findall(r"^\$ homegraph (.*)$", HOW_TO_REPORT, re.MULTILINE)
    (line,) = re.findall(r"```sh\n(.*?)```", HOW_TO_REPORT, re.DOTALL)

    for call in (report, query):
        words = [str(path) if word == "key.json" else word for word in call.split()]
        done = setup.server.cli(*words, *where, "--json")
        assert done.code == 0, done.err

    assert done.json["payload"]["devices"] == {"lamp": {"on": True, "online": True}}
    assert shell(ready(line, setup, access_token(path))).status == 200
