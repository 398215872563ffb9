"""What the story is played on: two servers, the means to call them, and the means to wait.

A stage shows every public call before it sends it, and the answer when it comes; what it asks of the admin API is asked
silently, for the reader would use a command there. Waiting is by events: ``Finished`` hears of every run that is stored. An
event can come before anybody listens, so whoever waits for the first run looks at the list of runs first.

The rule that is easily broken: ``Finished.forget`` comes before the call whose run is awaited, never after it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final, TypeVar
from urllib.parse import urlencode

import msgspec

from homegraph.client.address import is_loopback
from homegraph.client.awaiting import AsyncTransport
from homegraph.client.calls import Request, Response
from homegraph.demo import documents
from homegraph.demo.browser import Browser
from homegraph.demo.calls import Call
from homegraph.demo.claims import NotAsTold, check
from homegraph.demo.cloud.app import DeviceCloud
from homegraph.demo.cloud.homes import Home
from homegraph.demo.narrator import Narrator
from homegraph.demo.serving import Curtain
from homegraph.server import Running
from homegraph.service.events import Event, Events, StatesReported, SyncFinished
from homegraph.wire.status import parse_error

PROJECT: Final = "demo"
USER: Final = "you"
ACCOUNT: Final = "ada"
"""What the user signs in with at the cloud."""

NEWS_SECONDS_MAX: Final = 30.0
"""How long a SYNC or a report may take here. It takes milliseconds; only a story that is broken waits as long."""

ADMIN_SECONDS_MAX: Final = 30.0

TYPE_PREFIX: Final = "action.devices.types."
TRAIT_PREFIX: Final = "action.devices.traits."

_JSON: Final = ("Content-Type", "application/json")

T = TypeVar("T")


class Finished:
    """The runs that have been stored since the last look, and the states that were reported."""

    def __init__(self, events: Events) -> None:
        self._runs: asyncio.Queue[str] = asyncio.Queue()
        self._reports: asyncio.Queue[tuple[str, ...]] = asyncio.Queue()
        events.subscribe(self._hear)

    def forget(self) -> None:
        """Only what comes from now on is of interest."""
        for queue in (self._runs, self._reports):
            while not queue.empty():
                queue.get_nowait()

    async def next_run(self) -> str:
        """The id of the next run.

        Raises:
            NotAsTold: there is none in time.
        """
        return await _in_time(self._runs, "no SYNC")

    async def next_report(self) -> tuple[str, ...]:
        """The ids of the devices of the next report.

        Raises:
            NotAsTold: there is none in time.
        """
        return await _in_time(self._reports, "no report")

    def _hear(self, event: Event) -> None:
        if isinstance(event, SyncFinished):
            self._runs.put_nowait(event.run.id)
        elif isinstance(event, StatesReported):
            self._reports.put_nowait(event.device_ids)


async def _in_time(queue: asyncio.Queue[T], otherwise: str) -> T:
    try:
        async with asyncio.timeout(NEWS_SECONDS_MAX):
            return await queue.get()
    except TimeoutError as exc:
        raise NotAsTold(f"{otherwise} within {NEWS_SECONDS_MAX:g} seconds") from exc


@dataclass(slots=True)
class Stage:
    """Everything a step needs."""

    narrator: Narrator
    cloud: DeviceCloud
    curtain: Curtain
    cloud_url: str
    server: Running
    api_key: str = field(repr=False)
    finished: Finished
    http: AsyncTransport

    # --- the public side -------------------------------------------------------------------------------------

    @property
    def home(self) -> Home:
        """What you have at the cloud."""
        return next(iter(self.cloud.homes.values()))

    @property
    def who(self) -> str:
        """The agent user."""
        return self.home.agent_user_id

    @property
    def browser(self) -> Browser:
        """Your browser."""
        return Browser(self.http, self.narrator)

    def request_sync(self, body: str, *, api_key: str | None = None) -> Call:
        """The call of the story, with a body as it is written."""
        query = urlencode({"key": self.api_key if api_key is None else api_key})
        url = f"{self.server.url}/v1/devices:requestSync?{query}"
        return Call("POST", url, (_JSON,), body)

    async def send(self, call: Call) -> Response:
        """Print a call, and make it."""
        self.narrator.paste(call.as_curl())
        return await self.http.send(call.as_request())

    def show_answer(self, answer: Response) -> None:
        """Print what was answered: the body, or an error's sentence."""
        text = " ".join(answer.body.decode(errors="replace").split())
        if answer.status != HTTPStatus.OK:
            text = parse_error(answer.status, answer.body).message
        self.narrator.came(answer.status, text)

    # --- what the Home Graph knows ---------------------------------------------------------------------------

    async def devices(self) -> tuple[documents.Device, ...]:
        """The devices of the agent user."""
        found = await self._get(documents.Devices, "devices", project=PROJECT, agent_user=self.who)
        return found.devices

    async def link(self) -> documents.Link:
        """Your link."""
        return await self._get(documents.Link, "link", project=PROJECT, user=USER)

    async def run(self, run_id: str) -> documents.Run:
        """A run in full."""
        return await self._get(documents.Run, "run", id=run_id)

    async def newest_run(self) -> documents.Run | None:
        """The run that was stored last, if there is one."""
        found = await self._get(documents.Runs, "runs", project=PROJECT, limit="1")
        return await self.run(found.runs[0].id) if found.runs else None

    async def next_run(self) -> documents.Run:
        """The next run that is stored."""
        return await self.run(await self.finished.next_run())

    async def service_account(self) -> dict[str, Any]:
        """A key file for the cloud's own calls, as ``homegraph service-accounts create`` writes it."""
        body = await self._admin(
            "POST", "service-accounts", msgspec.json.encode({"project": PROJECT})
        )
        return _read(documents.NewServiceKey, body, "service-accounts").key_file

    async def begin_linking(self) -> str:
        """Where your browser has to go, as ``homegraph link`` prints it."""
        members = {"project": PROJECT, "user": USER}
        body = await self._admin("POST", "links/start", msgspec.json.encode(members))
        return _read(documents.Begun, body, "links/start").authorization_url

    async def execute(self, device: str, param: str) -> documents.Executed:
        """Have a device do something, as ``homegraph execute`` does."""
        members = {
            "project": PROJECT,
            "agent_user": self.who,
            "devices": [device],
            "params": [param],
        }
        body = await self._admin("POST", "execute", msgspec.json.encode(members))
        return _read(documents.Executed, body, "execute")

    async def states(self, device_id: str) -> dict[str, Any]:
        """What the Home Graph knows of how a device is, as ``homegraph query`` shows it."""
        client = self.cloud.reporter.client
        if client is None:
            raise NotAsTold("the cloud cannot call the Home Graph")
        return (await client.query(self.who, [device_id]))[device_id]

    async def sync_under_way(self) -> None:
        """Wait until the cloud has answered SYNC behind the curtain.

        Raises:
            NotAsTold: there is none in time.
        """
        try:
            async with asyncio.timeout(NEWS_SECONDS_MAX):
                await self.curtain.kept_waiting.wait()
        except TimeoutError as exc:
            raise NotAsTold(f"no SYNC within {NEWS_SECONDS_MAX:g} seconds") from exc

    async def place(self, device_id: str, *, room: str) -> None:
        """Choose a device's room, as ``homegraph devices place`` does."""
        members = {"project": PROJECT, "agent_user": self.who, "device": device_id, "room": room}
        await self._admin("POST", "devices/place", msgspec.json.encode(members))

    async def _get(self, shape: type[T], path: str, **parameters: str) -> T:
        return _read(shape, await self._admin("GET", f"{path}?{urlencode(parameters)}"), path)

    async def _admin(self, method: str, path: str, body: bytes = b"") -> bytes:
        headers = [("authorization", f"Bearer {self.server.admin_token}")]
        headers += [_JSON] if body else []
        url = f"{self.server.url}/-/api/{path}"
        answer = await self.http.send(Request(method, url, tuple(headers), body, ADMIN_SECONDS_MAX))
        if answer.status != HTTPStatus.OK:
            message = parse_error(answer.status, answer.body).message
            raise NotAsTold(f"the admin API answers {answer.status} to {path}: {message}")
        return answer.body

    # --- telling ---------------------------------------------------------------------------------------------

    def show_sync(self, run: documents.Run) -> None:
        """What went over the wire for a run.

        Raises:
            NotAsTold: the run did not succeed.
        """
        for exchange in run.exchanges:
            self.narrator.meanwhile(
                f"{exchange.intent} to {exchange.url}",
                exchange.status,
                f"{_listed(exchange)}after {exchange.took * 1000:.0f} ms",
            )
        check(run.outcome == "done", f"the SYNC ended as {run.outcome}: {run.reason} {run.message}")

    def show_changes(self, run: documents.Run) -> None:
        """What a run changed: how many, then which."""
        changes = run.changes
        self.narrator.result(
            f"+{len(changes.added)} added   ~{len(changes.changed)} changed   -{len(changes.removed)} removed"
        )

    async def show_devices(self) -> dict[str, documents.Device]:
        """The list as the Home Graph has it; returns it by id."""
        devices = await self.devices()
        self.narrator.table(
            ("DEVICE", "NAME", "ROOM", "TYPE", "TRAITS"),
            [
                (
                    device.id,
                    device.placement.name,
                    device.placement.room or "-",
                    device.type.removeprefix(TYPE_PREFIX),
                    ", ".join(trait.removeprefix(TRAIT_PREFIX) for trait in device.traits),
                )
                for device in devices
            ],
        )
        return {device.id: device for device in devices}


def _read(shape: type[T], body: bytes, path: str) -> T:
    try:
        return msgspec.json.decode(body, type=shape)
    except msgspec.DecodeError as exc:
        raise NotAsTold(f"the admin API answers {path} otherwise than expected: {exc}") from exc


def _listed(exchange: documents.Exchange) -> str:
    """How many devices the cloud has listed, if it has."""
    try:
        reply = msgspec.json.decode(exchange.response.body, type=documents.SyncReply)
    except msgspec.DecodeError:
        return ""
    return f"{len(reply.payload.devices)} devices, "


@asynccontextmanager
async def calling(url: str) -> AsyncIterator[AsyncTransport]:
    """Connections to a server, closed in the end; never through a proxy when it is on this machine."""
    http = AsyncTransport(proxies=not is_loopback(url))
    try:
        yield http
    finally:
        await http.close()
