"""The door of the demo: starts both servers, tells the story, says how it went, and stays up for whoever wants to try.

Everything is made for this run and gone after it: a database in memory, a folder that is removed, keys and tokens that nobody
has seen before. What the environment and the current folder say about settings is left aside, so that the story is the same
everywhere. The settings are written to a ``homegraph.toml`` and read from there, as anybody's would be.

A step that is not as told ends the story, because the following ones start from what it should have left. It is printed as
such, and the exit code is 1, also after staying up.
"""

from __future__ import annotations

import asyncio
import json
import shlex
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from secrets import token_urlsafe
from time import monotonic
from typing import Any, Final, TypeAlias, TypeVar

from homegraph import AsyncClient, __version__
from homegraph.demo.calls import Call
from homegraph.demo.cloud.app import DeviceCloud
from homegraph.demo.cloud.config import SAMPLE_PASSWORDS, Config
from homegraph.demo.narrator import Narrator, narrator_for
from homegraph.demo.serving import Curtain, address, opened, taken
from homegraph.demo.stage import ACCOUNT, PROJECT, Finished, Stage, calling
from homegraph.demo.steps import STORY, Step
from homegraph.errors import HomegraphError, SettingsError
from homegraph.server import Running, running
from homegraph.server.process import EXIT_INTERRUPTED, stopped_by_signals
from homegraph.service.clock import SystemClock, SystemIds
from homegraph.settings.loading import load
from homegraph.settings.server import DEFAULT_PORT, Settings

ANY_PORT: Final = "127.0.0.1:0"

GRACE_SECONDS: Final = 1
"""For calls that somebody else has under way when the demo ends. Nothing is kept that could be torn."""

CLIENT_ID: Final = "homegraph"
"""What the cloud knows the Home Graph as."""

NOT_REACHED: Final = "not reached"

EXIT_FAILED: Final = 1

T = TypeVar("T")

Make: TypeAlias = Callable[[Config], DeviceCloud]


@dataclass(frozen=True, slots=True)
class Told:
    """How a step went; ``detail`` is what was seen, or what was not as told."""

    title: str
    ok: bool
    detail: str


def run(*, once: bool, listen: str | None = None, as_json: bool = False) -> int:
    """Tell the story; returns the exit code.

    ``once``: end after the story; otherwise stay up until SIGINT or SIGTERM. ``listen``: HOST:PORT of the Home Graph; without
    it the default port, or any free one when that is taken. ``as_json``: the story goes to stderr, and stdout gets one
    document ``{"ok": …, "steps": [{"title", "ok", "detail"}]}`` when it is over.

    Returns 0 when all was as told, 1 when something was not, 130 when a signal came before the end.

    Raises:
        SettingsError: the address that was asked for cannot be listened on.
    """
    narrator = narrator_for(sys.stderr if as_json else sys.stdout)
    return asyncio.run(_run(narrator, once=once, listen=listen, as_json=as_json))


async def _run(narrator: Narrator, *, once: bool, listen: str | None, as_json: bool) -> int:
    stop = asyncio.Event()
    with stopped_by_signals(stop):
        async with staged(narrator, listen=listen) as stage:
            results = await _unless(stop, tell(stage))
            if results is None:
                narrator.say("Stopped before the end of the story.")
                return EXIT_INTERRUPTED
            if as_json:
                _print_document(results)
            if not once:
                _invite(stage)
                await stop.wait()
                narrator.say("Stopped. Nothing was kept.")
            return 0 if all(one.ok for one in results) else EXIT_FAILED


async def tell(stage: Stage, story: Sequence[Step] = STORY) -> list[Told]:
    """Tell the steps in order, up to the first that is not as told; the others are listed as not reached."""
    results: list[Told] = []
    for number, step in enumerate(story, 1):
        stage.narrator.title(f"{number}  {step.title}")
        try:
            results.append(Told(step.title, True, await step.tell(stage)))
        except HomegraphError as exc:
            stage.narrator.wrong(f"{exc.message}.")
            stage.narrator.say(f"The story ends at step {number}: {step.title}.")
            results.append(Told(step.title, False, exc.message))
            break
    else:
        stage.narrator.title(f"All {len(story)} steps went as told.")
    return results + [Told(step.title, False, NOT_REACHED) for step in story[len(results) :]]


@asynccontextmanager
async def staged(
    narrator: Narrator, *, listen: str | None = None, make: Make | None = None
) -> AsyncIterator[Stage]:
    """Both servers, running, and introduced to the reader. ``make`` makes the cloud, for who wants another one.

    Raises:
        SettingsError: ``listen`` is no address that can be listened on.
    """
    ids = SystemIds(SystemClock())
    api_key, client_secret = ids.api_key(), ids.secret()
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="homegraph-demo-")))
        # The Home Graph's settings name the cloud, and the cloud's name the Home Graph: ports first, then servers.
        door = stack.enter_context(taken())
        config = folder / "homegraph.toml"
        config.touch(0o600)
        config.write_text(_toml(address(door), api_key, client_secret))
        server, is_elsewhere = await _started(stack, config, listen)
        redirect_uri = f"{server.url}/r/{PROJECT}"
        cloud = (make or cloud_of)(Config(CLIENT_ID, client_secret, frozenset({redirect_uri})))
        cloud.playground.announces = False
        curtain = Curtain(cloud.app)
        cloud_url = await stack.enter_async_context(opened(cloud, door, app=curtain))
        http = await stack.enter_async_context(calling(server.url))
        stage = Stage(
            narrator,
            cloud,
            curtain,
            cloud_url,
            server,
            api_key,
            Finished(server.house.events),
            http,
        )
        credentials = await stage.service_account()
        client = AsyncClient(base_url=server.url, credentials=credentials)
        cloud.introduce(await stack.enter_async_context(client))
        _introduce(stage, is_elsewhere=is_elsewhere)
        yield stage


def cloud_of(config: Config) -> DeviceCloud:
    """The sample cloud, with real secrets and real time."""
    return DeviceCloud(config, secret=token_urlsafe, now=monotonic)


async def _started(stack: AsyncExitStack, config: Path, listen: str | None) -> tuple[Running, bool]:
    """The Home Graph, and whether it had to take another port than the usual one."""
    settings = _settings(config, listen)
    if settings.listen.path:
        raise SettingsError("the demo's calls go to a port, not to a socket file", place="--listen")
    try:
        return await stack.enter_async_context(running(settings)), False
    except SettingsError as exc:
        if listen is not None or exc.place != "listen":
            raise
    return await stack.enter_async_context(running(_settings(config, ANY_PORT))), True


def _settings(config: Path, listen: str | None) -> Settings:
    return load({"listen": listen}, {}, config, config.parent)


def _toml(cloud_url: str, api_key: str, client_secret: str) -> str:
    """The settings file of this run. A JSON string is a TOML string."""
    text = json.dumps
    return f"""\
[server]
database = "sqlite::memory:"
data_dir = "."
grace_seconds = {GRACE_SECONDS}

[projects.{PROJECT}]
fulfillment_url = {text(f"{cloud_url}/smarthome")}
api_keys = [{text(api_key)}]

[projects.{PROJECT}.oauth]
client_id = {text(CLIENT_ID)}
client_secret = {text(client_secret)}
authorization_url = {text(f"{cloud_url}/authorize")}
token_url = {text(f"{cloud_url}/token")}
pkce = true
"""


# --- around the story ------------------------------------------------------------------------------------------------


def _introduce(stage: Stage, *, is_elsewhere: bool) -> None:
    narrator = stage.narrator
    narrator.title(
        f"homegraph {__version__}   the story of Request Sync (not affiliated with Google)"
    )
    narrator.facts(
        [
            ("Home Graph", f"{stage.server.url}   knows your home: devices and rooms"),
            (
                "Device cloud",
                f"{stage.cloud_url}   a device maker's server; you are {ACCOUNT} there, password {SAMPLE_PASSWORDS[ACCOUNT][0]}",
            ),
            ("API key", f"{stage.api_key}   made for this run"),
        ]
    )
    if is_elsewhere:
        narrator.say(f"Port {DEFAULT_PORT} is taken, so the Home Graph listens on another one.")
    narrator.say(
        "Two servers on this machine, and real calls between them. Each call is shown as a line that can be pasted "
        "into another terminal while the demo is up. Nothing is kept."
    )


def _invite(stage: Stage) -> None:
    """What to try while the demo is up."""
    narrator = stage.narrator
    narrator.title("Your turn")
    narrator.say(
        "In another terminal, the lines above work as they stand. First, for the commands:"
    )
    narrator.paste(_exports(stage))
    narrator.say("Then, for example:")
    add = Call("POST", f"{stage.cloud_url}/devices?name=Kettle")
    press = Call("POST", f"{stage.cloud_url}/devices/lamp/toggle")
    for line, note in [
        (add.as_curl(), "A new device at the cloud:"),
        (stage.request_sync(f'{{agentUserId: "{stage.who}"}}').as_curl(), "Request Sync:"),
        (press.as_curl(), "Somebody presses the button on the lamp, and the cloud reports it:"),
        (f"homegraph devices list --agent-user {stage.who}", "What the Home Graph has:"),
        ("homegraph runs list", "Every SYNC; `homegraph runs show RUN` tells more of one:"),
    ]:
        narrator.paste(line, note)
    narrator.say(
        f"And in a browser: link the account of somebody else at {stage.server.url}/link/{PROJECT}. At the cloud he is bob, with "
        f"the password {SAMPLE_PASSWORDS['bob'][0]}."
    )
    narrator.say("Stop: Ctrl-C")


def _exports(stage: Stage) -> str:
    """Tells the commands of another terminal where this server is, and that terminal where the commands are."""
    data_dir = stage.server.house.settings.data_dir
    quoted = shlex.quote
    line = f"export HOMEGRAPH_SERVER={quoted(stage.server.url)} HOMEGRAPH_DATA_DIR={quoted(str(data_dir))}"
    command = Path(sys.argv[0]).absolute()
    if shutil.which("homegraph") is None and command.name == "homegraph":
        line += f' PATH={quoted(str(command.parent))}:"$PATH"'
    return line


def _print_document(results: Sequence[Told]) -> None:
    document = {
        "ok": all(one.ok for one in results),
        "steps": [asdict(one) for one in results],
    }
    sys.stdout.write(json.dumps(document, indent=2) + "\n")
    sys.stdout.flush()


async def _unless(stop: asyncio.Event, work: Coroutine[Any, Any, T]) -> T | None:
    """Do the work; returns None, and gives it up, when ``stop`` is set before it is done."""
    working = asyncio.create_task(work)
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        working.cancel()
        stopping.cancel()
        await asyncio.gather(working, stopping, return_exceptions=True)
