"""The reference of HTTP: its examples of the public API are calls that work, and their answers are those that come."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final

from homegraph.wire.api_v1 import METHODS
from support.curl import shell
from support.google import access_token, key_file
from support.homes import KEY, Setup

PAGE: Final = (Path(__file__).parents[2] / "docs/reference/http.md").read_text()
PUBLIC: Final = PAGE.split("\n## The public API\n")[1].split("\n## ")[0]
EXAMPLES: Final = re.findall(r"```console\n(.*?)```\n\n```json\n(.*?)```", PUBLIC, re.DOTALL)


def test_the_examples(setup: Setup) -> None:
    """Every method has one, and in the order of the page each does what the page says."""
    token = access_token(key_file(setup.server))
    answers: list[Any] = []
    for line, _ in EXAMPLES:
        ready = (
            line.replace("http://127.0.0.1:4663", setup.server.url)
            .replace("API_KEY", KEY)
            .replace("$TOKEN", token)
            .replace("curl ", "curl -i -s ", 1)
        )
        reply = shell(ready)
        assert reply.status == 200, reply.text
        answers.append(reply.json)
        setup.server.wait_until_idle()

    assert answers == [json.loads(answer) for _, answer in EXAMPLES]
    called = [re.search(r"/v1/[a-zA-Z:]+/?", line) for line, _ in EXAMPLES]
    assert [found.group() for found in called if found] == list(METHODS)
