"""What is measured, as processes: the floor, the stub, and the shipped ``homegraph serve`` with a file that declares everybody.

Each is told where to run before it starts, so that its threads stay there, and ends with the context that started it. All
waiting is for something that happens (a line, a reply, the end of a process) and has a bound.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import select
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from bench.homes import API_KEY, PROJECT, token, user

READY_SECONDS_MAX: Final = 60.0
ADOPTED_SECONDS_MAX: Final = 300.0
"""For the first SYNCs of everybody; some thousands a second are usual."""

END_SECONDS_MAX: Final = 30.0
CONTROL_SECONDS_MAX: Final = 60.0
LOOK_SECONDS: Final = 0.05
"""Between two looks at a server whose work nobody announces."""

QUOTA_PER_MINUTE: Final = 1_000_000_000
"""The largest that the setting takes."""

PROXY_COMMAND: Final = "nginx"

_PROXY_CONFIG: Final = """\
daemon off;
master_process off;
pid %(folder)s/nginx.pid;
events { worker_connections 1024; }
http {
  access_log off;
  client_body_temp_path %(folder)s/nginx-body;
  proxy_temp_path %(folder)s/nginx-proxy;
  fastcgi_temp_path %(folder)s/nginx-fastcgi;
  uwsgi_temp_path %(folder)s/nginx-uwsgi;
  scgi_temp_path %(folder)s/nginx-scgi;
  keepalive_requests 1000000;
  upstream fulfillment { server 127.0.0.1:%(to)d; keepalive 64; keepalive_requests 1000000; }
  server {
    listen 127.0.0.1:%(port)d;
    location / {
      proxy_pass http://fulfillment;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffers 8 16k;
      proxy_buffer_size 16k;
    }
  }
}
"""

SERVER_CORE: Final = 0
DRIVER_CORE: Final = 1
_CORES: Final = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set[int]()


class Broken(Exception):
    """The benchmark cannot go on; the message says why."""


@contextmanager
def pinned(core: int) -> Iterator[None]:
    """This process, and those that it starts in here, stay on the core; without both cores nothing is pinned."""
    if not can_pin():
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def can_pin() -> bool:
    """Whether both cores were ours when we started."""
    return {SERVER_CORE, DRIVER_CORE} <= _CORES


class Process:
    """A process of ours that answers on a port."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], port: int) -> None:
        self.name = name
        self.pid = process.pid
        self.port = port
        self._process = process

    def call(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Any:
        """A call that is no part of a measurement; returns its JSON."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=CONTROL_SECONDS_MAX)
        try:
            connection.request(method, path, body, dict(headers or {}))
            answer = connection.getresponse()
            content = answer.read()
        except OSError as exc:
            raise Broken(f"{self.name} does not answer {path}: {exc}") from exc
        finally:
            connection.close()
        if answer.status != http.HTTPStatus.OK:
            raise Broken(f"{self.name} answers {path} with {answer.status}: {content[:300]!r}")
        return json.loads(content)

    def ended_within(self, seconds: float) -> bool:
        """Whether the process ends in that time."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
            return True
        return False


class Stub(Process):
    """The fulfillment; see ``bench.stub`` for what it is told."""

    def tell(self, *words: str | int) -> dict[str, int]:
        """Give a command, wait for its answer."""
        answer: dict[str, int] = self.call("POST", "/-/" + "/".join(map(str, words)))
        return answer


class Homegraph(Process):
    """The server under test. ``admin_token`` opens its admin API; it was ready after ``ready_seconds``."""

    admin_token = ""
    ready_seconds = 0.0

    @property
    def admin_bearer(self) -> dict[str, str]:
        """The header that opens the admin API."""
        return {"authorization": f"Bearer {self.admin_token}"}

    def status(self) -> dict[str, Any]:
        """What ``homegraph status --json`` shows."""
        answer: dict[str, Any] = self.call("GET", "/-/api/status", self.admin_bearer)
        return answer

    def begin_linking(self, user: str) -> tuple[str, str]:
        """Begin to link an account: where the login page would send the browser back to, and with what state."""
        begun = self.call(
            "POST",
            "/-/api/links/start",
            {**self.admin_bearer, "content-type": "application/json"},
            json.dumps({"project": PROJECT, "user": user}).encode(),
        )
        [state] = parse_qs(urlsplit(begun["authorization_url"]).query)["state"]
        return begun["redirect_uri"], state

    def wait_idle(self, users: int, seconds_max: float = ADOPTED_SECONDS_MAX) -> None:
        """Wait until all users are linked and no run is waiting or under way. Raises Broken."""
        until = time.monotonic() + seconds_max
        counts: dict[str, Any] = {}
        while time.monotonic() < until:
            counts = self.status()["counts"]
            if counts["links"].get("linked", 0) == users and not (
                counts["waiting"] or counts["running"]
            ):
                return
            if self.ended_within(LOOK_SECONDS):
                raise Broken("homegraph serve has ended")
        raise Broken(f"homegraph is not idle after {seconds_max:.0f} s: {counts}")


@contextmanager
def floor() -> Iterator[Process]:
    """The bare server."""
    with module("floor", core=SERVER_CORE) as process:
        yield Process("floor", process, int(line(process, rb"(\d+)\n")))


@contextmanager
def stub(users: int, devices: int, large: int = 0) -> Iterator[Stub]:
    """The fulfillment of so many homes, and so many large ones besides."""
    sizes = map(str, (users, devices, large))
    with module("stub", *sizes, core=DRIVER_CORE) as process:
        yield Stub("stub", process, int(line(process, rb"(\d+)\n")))


def can_proxy() -> bool:
    """Whether there is an nginx."""
    return shutil.which(PROXY_COMMAND) is not None


@contextmanager
def proxy(folder: Path, fulfillment: Stub) -> Iterator[Process]:
    """nginx, one process of it, that passes calls on to the fulfillment over connections that stay open."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    config = folder / "nginx.conf"
    config.write_text(_PROXY_CONFIG % {"folder": folder, "port": port, "to": fulfillment.port})
    command = [PROXY_COMMAND, "-c", str(config), "-p", str(folder), "-e", str(folder / "nginx.log")]
    with _started(command, SERVER_CORE) as process:
        yield Process("nginx", process, _answering(process, port))


def _answering(process: subprocess.Popen[bytes], port: int) -> int:
    """The port, once somebody listens on it. Raises Broken."""
    until = time.monotonic() + READY_SECONDS_MAX
    while time.monotonic() < until and process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return port
        with suppress(subprocess.TimeoutExpired):
            process.wait(LOOK_SECONDS)
    raise Broken(f"{process.args!r} does not listen")


@contextmanager
def homegraph(
    folder: Path,
    fulfillment: Stub,
    users: int,
    declared: int | None = None,
    *,
    database: str = "sqlite:bench.db",
) -> Iterator[Homegraph]:
    """``homegraph serve`` on a database, a file in ``folder`` if nothing else is said, when all first SYNCs are done.

    The file of settings declares the links of the first ``declared`` users; of all when nothing else is said.
    """
    config = folder / "homegraph.toml"
    config.write_text(
        _config(folder, database, fulfillment.port, users if declared is None else declared)
    )
    config.chmod(0o600)
    command = [sys.executable, "-m", "homegraph", "serve", "--config", str(config)]
    started = time.perf_counter()
    with (folder / "log").open("wb") as log, _started(command, SERVER_CORE, log) as process:
        port = int(line(process, rb"API +http://[^/]+:(\d+)/", folder / "log"))
        server = Homegraph("homegraph", process, port)
        server.ready_seconds = time.perf_counter() - started
        server.admin_token = (folder / "admin-token").read_text().strip()
        server.wait_idle(users)
        yield server


def _config(folder: Path, database: str, port: int, users: int) -> str:
    """The file. All settings are the defaults, but for a quota that is counted and never used up."""
    links = "".join(
        f'\n[[projects.{PROJECT}.links]]\nuser = "{user(n)}"\naccess_token = "{token(n)}"\n'
        for n in range(users)
    )
    return (
        f'[server]\nlisten = "127.0.0.1:0"\ndatabase = "{database}"\ndata_dir = "{folder}"\n'
        f"quota_per_minute = {QUOTA_PER_MINUTE}\n"
        f"\n[projects.{PROJECT}]\n"
        f'fulfillment_url = "http://127.0.0.1:{port}/smarthome"\napi_keys = ["{API_KEY}"]\n'
        f'\n[projects.{PROJECT}.oauth]\nclient_id = "bench"\nclient_secret = "bench-secret"\n'
        f'authorization_url = "http://127.0.0.1:{port}/auth"\n'
        f'token_url = "http://127.0.0.1:{port}/token"\n{links}'
    )


@contextmanager
def module(name: str, *arguments: str, core: int) -> Iterator[subprocess.Popen[bytes]]:
    """One of the programs of this package; ends with the context."""
    with _started([sys.executable, "-m", f"bench.{name}", *arguments], core) as process:
        yield process


@contextmanager
def _started(
    command: list[str], core: int, errors: Any = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is ended by closing its standard input and SIGTERM, and killed if that is not enough."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("HOMEGRAPH_")}
    with pinned(core):
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, env=environment
        )
    try:
        yield process
    finally:
        assert process.stdin
        assert process.stdout
        process.stdin.close()
        process.terminate()
        try:
            process.wait(END_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


def line(
    process: subprocess.Popen[bytes],
    pattern: bytes,
    log: Path | None = None,
    seconds_max: float = READY_SECONDS_MAX,
) -> bytes:
    """The first group of the pattern in what the process prints. Raises Broken when it does not come."""
    assert process.stdout
    said, until = b"", time.monotonic() + seconds_max
    while (left := until - time.monotonic()) > 0:
        if not select.select([process.stdout], [], [], left)[0]:
            break
        chunk = os.read(process.stdout.fileno(), 65_536)
        said += chunk
        if (found := re.search(pattern, said)) is not None:
            return found[1]
        if not chunk:
            break
    why = log.read_text()[-2000:] if log else ""
    raise Broken(f"{process.args!r} does not say what was to come, but {said!r} {why}")
