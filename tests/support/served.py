"""A real server for tests: the one that ships, on a port of its own, in a thread beside the test.

``Served`` runs ``homegraph.server.running`` in an event loop of its own thread, so that a test is plain code and speaks to the
server as anybody does: by sockets. ``until`` waits for something to become true and looks again whenever an event is
announced; nothing sleeps. ``send`` makes one call and returns what came back, to the byte.
"""

import asyncio
import http.client
import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from homegraph.graph.model import LinkState
from homegraph.server import running
from homegraph.settings.addresses import ListenAddress
from homegraph.settings.projects import (
    KeySettings,
    LinkSettings,
    OAuthSettings,
    ProjectSettings,
)
from homegraph.settings.secret import Secret
from homegraph.settings.server import Settings

WAIT_SECONDS = 20.0
"""Only a failing test waits that long."""

KEY = "AIzaSyEXAMPLE"
CALL = "/v1/devices:requestSync"
JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Answer:
    """What came back. Header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self):
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def reason(self):
        """Our reason among the details of an error; None without one."""
        details = self.json["error"].get("details", [])
        return next((d["reason"] for d in details if d.get("domain") == "homegraph"), None)


def send(url, method, target, *, headers=None, body=b""):
    """Make one call on a connection of its own."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=WAIT_SECONDS)
    try:
        connection.request(method, target, body or None, headers or {})
        response = connection.getresponse()
        names = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, names, response.read())
    finally:
        connection.close()


def an_integration(cloud, **members):
    """A project whose one user has a grant of the scripted ``cloud``."""
    refresh = Secret("refresh-1")
    return ProjectSettings(
        **{
            "id": "acme",
            "number": "123456789012",
            "fulfillment_url": cloud.url,
            "api_keys": (KeySettings(Secret(KEY)),),
            "oauth": OAuthSettings(client_id="homegraph", token_url=cloud.token_url),
            "links": (LinkSettings("ann", Secret("token-1"), refresh),),
            **members,
        }
    )


def settings_in(folder, *projects, **members):
    """Settings of a server that forgets everything at its end, on a free port."""
    return Settings(
        **{
            "listen": ListenAddress("127.0.0.1", 0),
            "database": "sqlite::memory:",
            "data_dir": folder,
            "projects": projects,
            **members,
        }
    )


@dataclass
class Served:
    """A server in a thread; a context manager."""

    settings: Settings
    clock: object = None
    server: object = None
    _loop: asyncio.AbstractEventLoop | None = None
    _stop: asyncio.Event | None = None
    _news: asyncio.Event | None = None
    _ready: threading.Event = field(default_factory=threading.Event)
    _failure: BaseException | None = None
    _thread: threading.Thread | None = None

    def __enter__(self):
        self._thread = threading.Thread(target=self._serve, name="served")
        self._thread.start()
        self._ready.wait(WAIT_SECONDS)
        if self._failure is not None:
            self._thread.join()
            raise self._failure
        return self

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        if self._failure is not None:
            raise self._failure

    def _serve(self):
        try:
            asyncio.run(self._run())
        except BaseException as exc:  # noqa: BLE001  # told to the test, in its own thread
            self._failure = exc
        finally:
            self._ready.set()

    async def _run(self):
        self._loop = asyncio.get_running_loop()
        self._stop, self._news = asyncio.Event(), asyncio.Event()
        async with running(self.settings, clock=self.clock) as self.server:
            self.house.events.subscribe(lambda _: self._news.set())
            while not self.house.loop.is_beating():
                await self.house.store.counts()  # the loop's first look is on its way
            self._ready.set()
            await self._stop.wait()

    # --- for tests -------------------------------------------------------------------------------------------

    @property
    def house(self):
        """The house behind the doors."""
        return self.server.house

    @property
    def url(self):
        """Where it listens."""
        return self.server.url

    def do(self, work):
        """Carry out a coroutine in the server's loop, and return its result."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(WAIT_SECONDS)

    def until(self, condition):
        """Wait until ``await condition(house)`` is true."""

        async def look():
            async with asyncio.timeout(WAIT_SECONDS):
                while True:
                    self._news.clear()
                    if await condition(self.house):
                        return
                    await self._news.wait()

        self.do(look())

    def send(self, method, target, *, headers=None, body=b""):
        """Make one call."""
        return send(self.url, method, target, headers=headers, body=body)

    def request_sync(self, agent_user_id="user-1", *, key=KEY, **members):
        """Call Request Sync."""
        body = json.dumps({"agentUserId": agent_user_id, **members}).encode()
        return self.send("POST", f"{CALL}?key={key}", headers=JSON, body=body)

    def admin(self, method, path, *, headers=None, **members):
        """Call the admin API with its token; ``members`` are the body of a POST."""
        token = {"Authorization": f"Bearer {self.server.admin_token}"}
        body = json.dumps(members).encode() if method == "POST" else b""
        return self.send(
            method, f"/-/api/{path}", headers={**token, **JSON, **(headers or {})}, body=body
        )

    def until_link(self, wanted, *, project="acme", user="ann"):
        """Wait until ``wanted(link)`` is true of a link."""

        async def look(house):
            link = await house.store.find_link(project, user)
            return link is not None and wanted(link)

        self.until(look)


@contextmanager
def linked(folder, cloud, **members):
    """A server whose user ``ann`` is linked: her agent user ``user-1`` is known."""
    with Served(settings_in(folder, an_integration(cloud), **members)) as served:
        served.until_link(lambda link: link.state is LinkState.LINKED)
        yield served
