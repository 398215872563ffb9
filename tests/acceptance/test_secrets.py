"""The secrets of a linking, from the login page to the end of the link: what a server says, shows and stores has none of them.

A server as a process, at its most talkative. The cloud repeats secrets wherever it can: what comes back is no better than what was sent.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, quote, quote_plus

from homegraph.testing.fulfillment import (
    DISCONNECT,
    EXECUTE,
    Answer,
    Home,
    ScriptedFulfillment,
    lamp,
)
from support.homes import KEY
from support.server import Server
from support.users import begin, come_back, linking_configuration

CLIENT_SECRET: Final = "client/+=%&secret"
CODE: Final = "4/0code+/=%&"
FIRST: Final = {"access_token": "access-one/+=", "refresh_token": "refresh-one/+="}
SECOND: Final = {"access_token": "access-two", "refresh_token": "refresh-two"}
PIN: Final = "739182"
WRONG_PIN: Final = "739183"
DEVICE: Final = ("--agent-user", "user-2")


def tokens(given: dict[str, str]) -> Answer:
    """What a token endpoint gives, the client's secret beside it."""
    echo = {"expires_in": 3600, "token_type": "bearer", "you_sent": CLIENT_SECRET}
    return Answer(body=json.dumps({**given, **echo}).encode())


def challenged(kind: str) -> Answer:
    """A lock that wants a PIN, and repeats one that is wrong."""
    entry: dict[str, Any] = {"ids": ["lamp"], "status": "ERROR", "errorCode": "challengeNeeded"}
    entry["challengeNeeded"] = {"type": kind}
    if kind == "challengeFailedPinNeeded":
        entry["debugString"] = f"not {WRONG_PIN}"
    return Answer(body=json.dumps({"payload": {"commands": [entry]}}).encode())


def forms(secret: str) -> Iterator[str]:
    """A secret as it may be written."""
    yield from {secret, quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1]}
    yield base64.b64encode(secret.encode()).decode().rstrip("=")


def written(folder: Path) -> Iterator[tuple[str, str]]:
    """Every file, the database and its log among them."""
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            yield str(file.relative_to(folder)), file.read_bytes().decode("latin-1")


def for_programs(server: Server) -> tuple[str, str]:
    """Everything that shows what happened."""
    traced = server.admin("links/trace", project="acme", user="bea", limit="5")
    errands = server.admin("errands")["errands"]
    runs = server.admin("runs", limit="100")["runs"]
    kept = [server.admin("errand", id=one["id"]) for one in errands]
    kept += [server.admin("run", id=one["id"]) for one in runs]
    return "the admin API", json.dumps([traced, *kept], ensure_ascii=False)


def for_people(server: Server) -> Iterator[tuple[str, str]]:
    """One page of each kind."""
    errands, runs = server.admin("errands")["errands"], server.admin("runs")["runs"]
    for words in (
        ("links", "trace", "bea", "--limit", "5"),
        ("links", "show", "bea"),
        *(("runs", "show", newest[0]["id"]) for newest in (errands, runs)),
    ):
        done = server.cli(*words)
        assert done.code == 0, done.err
        yield " ".join(words[:2]), done.out + done.err


class Tale:
    """From the login page to the end of the link; ``said`` is what whoever took part was told."""

    def __init__(self, server: Server, cloud: ScriptedFulfillment, folder: Path) -> None:
        self._server, self._cloud, self._folder = server, cloud, folder
        self.said: list[tuple[str, str]] = []
        self.codes: list[int] = []
        self.state = ""

    def link(self) -> None:
        """A login page that says no; then one that says yes, whose answer comes twice."""
        self._page(state=begin(self._server, "bea")["state"], error="x", error_description="no")
        self.state = begin(self._server, "bea")["state"]
        self._cloud.answer_token_next(tokens(FIRST))
        self._page(state=self.state, code=CODE)
        self._page(state=self.state, code=CODE)

    def use(self) -> None:
        """A QUERY whose answer repeats the token, and a lock that repeats the wrong PIN and takes the right one."""
        said = {"status": "SUCCESS", "online": True, "debugString": FIRST["access_token"]}
        reply = json.dumps({"payload": {"devices": {"lamp": said}}}).encode()
        self._cloud.answer_query_next(Answer(body=reply))
        self._command("query", "user-2", "lamp", "--live")
        self._cloud.answer_execute_next(
            challenged("pinNeeded"),
            challenged("challengeFailedPinNeeded"),
            challenged("pinNeeded"),
        )
        for pin in (WRONG_PIN, PIN):
            (self._folder / "pin").write_text(pin)
            file = ("--pin-file", str(self._folder / "pin"))
            self._command("execute", "lamp", "on=true", "--agent-user", "user-2", *file)

    def refresh(self) -> None:
        """A refresh that works, one that is refused, and two SYNCs that fail: all quote what they were sent."""
        self._cloud.answer_token_next(tokens(SECOND))
        self._asked("links/refresh")
        quoted = f"who is {SECOND['refresh_token']} of {CLIENT_SECRET}?"
        refused = json.dumps({"error": "invalid_request", "error_description": quoted})
        self._cloud.answer_token_next(Answer(400, refused.encode()))
        self._command("links", "refresh", "bea")
        quoted = f"no home for {SECOND['access_token']}"
        error = {"errorCode": "authFailure", "debugString": quoted}
        for answer in (
            Answer(500, quoted.encode()),
            Answer(body=json.dumps({"payload": error}).encode()),
        ):
            self._cloud.answer_next(answer)
            reply = self._server.call('{"agentUserId": "user-2"}', key=KEY)
            self.codes.append(reply.status)
            self.said.append(("Request Sync", reply.text))

    def unlink(self) -> None:
        """The fulfillment is told, and repeats the token once more."""
        self._cloud.answer_disconnect_next(Answer(body=SECOND["access_token"].encode()))
        self._asked("links/unlink")

    def _page(self, **parameters: str) -> None:
        reply = come_back(self._server, **parameters)
        self.codes.append(reply.status)
        self.said.append(("a page", reply.text))

    def _asked(self, path: str) -> None:
        answer = self._server.admin_post(path, project="acme", user="bea")
        self.said.append((path, json.dumps(answer, ensure_ascii=False)))

    def _command(self, *words: str) -> None:
        done = self._server.cli(*words)
        self.codes.append(done.code)
        self.said.append((" ".join(words[:2]), done.out + done.err))


def test_no_secret_is_told_or_kept(cloud: ScriptedFulfillment, start: Any, tmp_path: Path) -> None:
    """Everything that was said, shown, logged and stored is read, before the link's end and after it."""
    home = Home("user-2", [lamp("lamp")])
    cloud.homes = {FIRST["access_token"]: home, SECOND["access_token"]: home}
    oauth = {"pkce": True, "client_auth": "basic", "client_secret": CLIENT_SECRET}
    server: Server = start(linking_configuration(cloud, **oauth))
    tale = Tale(server, cloud, tmp_path)
    tale.link()
    tale.use()
    tale.refresh()
    looked_at = [for_programs(server), *for_people(server), *written(server.data_dir)]
    tale.unlink()
    looked_at += [for_programs(server), *written(server.data_dir)]
    assert server.stop() == 0
    looked_at += [*written(server.data_dir), ("the log", server.story()), *tale.said]

    asked = [parse_qs(call.raw.decode()) for call in cloud.calls if call.path == "/token"]
    basic = base64.b64encode(f"homegraph:{quote_plus(CLIENT_SECRET)}".encode()).decode()
    secrets = [CLIENT_SECRET, basic, CODE, tale.state, asked[0]["code_verifier"][0], PIN, WRONG_PIN]
    secrets += [*FIRST.values(), *SECOND.values()]
    assert tale.codes == [400, 200, 400, 0, 1, 0, 1, 500, 500]
    assert (len(asked), len(cloud.intents(EXECUTE)), len(cloud.intents(DISCONNECT))) == (3, 4, 1)
    assert [
        (secret, place)
        for secret in secrets
        for place, text in looked_at
        if any(form in text for form in forms(secret))
    ] == []
