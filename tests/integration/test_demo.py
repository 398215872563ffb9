"""The demo in this process: the story as it is told, and what becomes of it when it is not true."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import signal
import socket
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from homegraph import AsyncClient
from homegraph.demo import stage as stages
from homegraph.demo import story
from homegraph.demo.cloud.app import DeviceCloud
from homegraph.demo.cloud.config import Config
from homegraph.demo.cloud.homes import Home
from homegraph.demo.narrator import Narrator
from homegraph.demo.steps import STORY
from homegraph.demo.story import ANY_PORT, NOT_REACHED, Told, staged, tell
from homegraph.errors import SettingsError

TITLES = [step.title for step in STORY]
LINK, FIRST_SYNC, MOVE, LIGHT, ADD, REQUEST, THREE, DURING, KEY, USER = range(10)


class Secrets:
    """Secrets that a test can know."""

    def __init__(self) -> None:
        self.made = 0

    def __call__(self) -> str:
        self.made += 1
        return f"secret-{self.made}"


class Sound(DeviceCloud):
    """The cloud as it is, with secrets that a test can know; another one hears of the intents first."""

    def __init__(self, config: Config) -> None:
        self.secrets = Secrets()
        super().__init__(config, secret=self.secrets, now=lambda: 0.0)
        self.home = self.homes["user-1"]
        self.app.router.routes.insert(0, Route("/smarthome", self.smarthome, methods=["POST"]))

    async def smarthome(self, request: Request) -> Response:
        return await self.fulfillment.smarthome(request)


class Broken(Sound):
    """A cloud that does something else with its nth SYNC."""

    nth = 1

    async def smarthome(self, request: Request) -> Response:
        is_sync = b"action.devices.SYNC" in await request.body()
        if is_sync and self.home.syncs + 1 == self.nth:
            self.home.syncs += 1
            return await self.go_wrong(request)
        return await super().smarthome(request)

    async def go_wrong(self, _request: Request) -> Response:
        return Response("out of order", 500)


class Forgetful(Broken):
    """Leaves the lamp out of its list."""

    async def go_wrong(self, request: Request) -> Response:
        lamp = self.home.devices.pop("lamp")
        answer = await Sound.smarthome(self, request)
        self.home.devices["lamp"] = lamp
        return answer


class Renamed(Broken):
    """Calls the user otherwise all of a sudden."""

    async def go_wrong(self, request: Request) -> Response:
        self.home.agent_user_id = "user-9"
        answer = await Sound.smarthome(self, request)
        self.home.agent_user_id = "user-1"
        return answer


class Stubborn(Home):
    """Devices that learn nothing."""

    def teach(self, device_id: str, trait: str) -> None:
        pass


class Tampered(Sound):
    """Takes back what the story does at the cloud."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.home = self.homes["user-1"] = Stubborn("user-1", self.home.devices)


class Silent(Sound):
    """Does what it is told, and does not report it."""

    def introduce(self, client: AsyncClient, *, reports_states: bool = True) -> None:
        super().introduce(client, reports_states=False)


class Locked(Sound):
    """Knows nobody."""

    def __init__(self, config: Config) -> None:
        super().__init__(replace(config, passwords={}))


Make = Callable[[Config], DeviceCloud]


def tell_with(make: Make | None = None) -> tuple[list[Told], str]:
    """How the steps went, and the text."""
    stream = io.StringIO()

    async def told() -> list[Told]:
        async with staged(Narrator(stream, coloured=False), listen=ANY_PORT, make=make) as stage:
            return await tell(stage)

    return asyncio.run(told()), stream.getvalue()


def test_every_step_is_as_told() -> None:
    """The story holds, told with real calls; what was seen is what its title promises; no token is told."""
    made: list[Sound] = []

    def make(config: Config) -> DeviceCloud:
        made.append(Sound(config))
        return made[0]

    told, text = tell_with(make)

    assert told == [
        Told(TITLES[LINK], True, "linked, as user-1"),
        Told(TITLES[FIRST_SYNC], True, "8 devices"),
        Told(TITLES[MOVE], True, "the lamp is in the Kitchen"),
        Told(TITLES[LIGHT], True, "the lamp is on, and known to be"),
        Told(TITLES[ADD], True, "9 devices there, 8 here"),
        Told(TITLES[REQUEST], True, "+1 added; link and room untouched"),
        Told(TITLES[THREE], True, "~2 changed, -1 removed"),
        Told(TITLES[DURING], True, "2 requests during a SYNC, 1 SYNC more"),
        Told(TITLES[KEY], True, "400 API_KEY_UNKNOWN"),
        Told(TITLES[USER], True, "404 AGENT_USER_NEVER_LINKED"),
    ]
    assert made[0].home.syncs == 5
    assert "NOT AS TOLD" not in text
    assert "+1 added   ~0 changed   -0 removed" in text
    assert "API key not valid. Please pass a valid API key." in text
    assert "Requested entity was not found." in text
    assert made[0].secrets.made > 0
    assert "secret-" not in text
    assert "Bearer" not in text


def broken(kind: type[Broken], nth: int) -> Make:
    """A cloud that goes wrong at its nth SYNC."""

    def make(config: Config) -> DeviceCloud:
        cloud = kind(config)
        cloud.nth = nth
        return cloud

    return make


@pytest.mark.parametrize(
    ("make", "at", "words"),
    [
        (Locked, LINK, "signing in was answered 403"),
        (broken(Broken, 1), LINK, "Could not link the account"),
        (broken(Broken, 2), REQUEST, "failed: FULFILLMENT_FAILED"),
        (broken(Broken, 3), THREE, "retrying: FULFILLMENT_FAILED"),
        (broken(Forgetful, 1), FIRST_SYNC, "the Home Graph has air, blind, door"),
        (broken(Forgetful, 2), REQUEST, "lamp"),
        (broken(Forgetful, 3), THREE, "it removed ('blind', 'lamp')"),
        (broken(Renamed, 1), LINK, "your link belongs to 'user-9'"),
        (Tampered, THREE, "it changed"),
        (broken(Broken, 4), DURING, "retrying: FULFILLMENT_FAILED"),
        (broken(Broken, 5), DURING, "retrying: FULFILLMENT_FAILED"),
    ],
    ids=[
        *("nobody", "500-1", "500-2", "500-3", "forgets-1", "forgets-2", "forgets-3"),
        *("renames", "no-trait", "500-4", "500-5"),
    ],
)
def test_what_is_not_as_told_is_said_and_ends_the_story(make: Make, at: int, words: str) -> None:
    """The step and what is the case instead are named; what follows is listed as not reached."""
    told, text = tell_with(make)

    assert [one.ok for one in told] == [index < at for index in range(len(STORY))]
    assert words in told[at].detail
    assert {one.detail for one in told[at + 1 :]} <= {NOT_REACHED}
    assert "NOT AS TOLD: " in text
    assert f"The story ends at step {at + 1}: {TITLES[at]}." in text


def test_a_lamp_that_is_not_reported_is_not_known_to_be_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer to EXECUTE is no report, and the story does not wait for ever."""

    async def told() -> list[Told]:
        quiet = Narrator(io.StringIO(), coloured=False)
        async with staged(quiet, listen=ANY_PORT, make=Silent) as stage:
            first = await tell(stage, STORY[:LIGHT])
            monkeypatch.setattr(stages, "NEWS_SECONDS_MAX", 0.1)
            return [*first, *await tell(stage, STORY[LIGHT : LIGHT + 1])]

    assert [one.ok for one in asyncio.run(told())] == [True, True, True, False]


def test_a_refresh_keeps_the_link_alive() -> None:
    """When the cloud forgets its access tokens, the Home Graph gets a new one and the call succeeds."""

    async def played() -> tuple[bool, int, list[tuple[str, int]]]:
        async with staged(Narrator(io.StringIO(), coloured=False), listen=ANY_PORT) as stage:
            first, _ = await tell(stage, STORY[:2])
            stage.cloud.grants.expire_access_tokens()
            stage.finished.forget()
            answer = await stage.send(stage.request_sync('{agentUserId: "user-1"}'))
            run = await stage.next_run()
            return first.ok, answer.status, [(one.intent, one.status) for one in run.exchanges]

    assert asyncio.run(played()) == (
        True,
        200,
        [("SYNC", 401), ("token refresh", 200), ("SYNC", 200)],
    )


# --- the command's part -----------------------------------------------------------------------------------------------


def test_the_exit_code_and_the_document_say_how_it_went(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """1 for a story that does not hold; the document names the step; the text is on stderr."""
    monkeypatch.setattr(story, "cloud_of", broken(Broken, 2))
    code = story.run(once=True, listen=ANY_PORT, as_json=True)
    said = capsys.readouterr()
    document = json.loads(said.out)

    assert (code, document["ok"]) == (1, False)
    assert [step["title"] for step in document["steps"]] == TITLES
    assert [step["ok"] for step in document["steps"]] == [*[True] * 5, *[False] * 5]
    assert "The story ends at step 6: Request Sync." in said.err


def test_a_story_that_holds_ends_with_0(capsys: pytest.CaptureFixture[str]) -> None:
    """Without --json the story is on stdout, and nothing is on stderr."""
    code = story.run(once=True, listen=ANY_PORT)
    said = capsys.readouterr()

    assert (code, said.err) == (0, "")
    assert said.out.endswith("\nAll 10 steps went as told.\n")


def test_a_taken_default_port_is_said_and_another_is_used(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Somebody has a server running already: the demo does not disturb it."""
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):  # taken by somebody else: just as well
            stack.enter_context(socket.create_server(("127.0.0.1", 4663)))
        code = story.run(once=True)

    assert code == 0
    assert "Port 4663 is taken" in capsys.readouterr().out


@pytest.mark.parametrize("address", ["taken", "unix"])
def test_an_address_that_was_asked_for_is_used_or_refused(address: str, tmp_path: Path) -> None:
    """Whoever names a port means it; a socket file cannot be pasted into curl lines."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        if address == "unix":
            listen = f"unix:{tmp_path}/socket"
        with pytest.raises(SettingsError, match="listen"):
            story.run(once=True, listen=listen)


def test_nothing_is_left_behind(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The data folder is gone with the demo, also after a failure."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    tell_with()
    tell_with(broken(Broken, 1))

    assert list(tmp_path.iterdir()) == []


class Hanging(Broken):
    """Gets a Ctrl-C while it answers, and never answers."""

    async def go_wrong(self, _request: Request) -> Response:
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.Event().wait()
        return JSONResponse({})


def test_a_signal_ends_the_story_at_any_point(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also while a call is under way that is never answered; 130 is the shells' number for it."""
    monkeypatch.setattr(story, "cloud_of", broken(Hanging, 2))

    assert story.run(once=False, listen=ANY_PORT) == 130
    assert "Stopped before the end of the story." in capsys.readouterr().out
